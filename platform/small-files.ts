/**
 * File work in this thread: what the kernel answers from memory in microseconds. A trip through the thread pool costs ten times as much, and
 * stands in line behind the syncs there. Only for small files and for names; whatever waits for a disk (a sync, a large file) goes elsewhere.
 * Invariant: everything else has its turn every few milliseconds.
 */

import { Buffer } from 'node:buffer';
import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  lstatSync,
  open,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
  type BigIntStats,
} from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FileFacts, FilePath } from '#core/ports.ts';
import { monotonicMs } from './clock.ts';
import { codeOf, CREATE_ONLY, factsOf, irregular, named, native, READ_CAREFULLY, shown, systemError } from './file-facts.ts';

export const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Files up to this size are read and written here. */
export const SMALL_BYTES = 256 * 1024;
export const FIRST_READ_BYTES = 64 * 1024;
/** How long work in this thread may go on before everything else has its turn. */
const TURN_MS = 5;
let turnEndsMs = 0;

const hasTurn = (): boolean => monotonicMs() < turnEndsMs;

/** Ten thousand quick answers in a row would else keep sockets, timers and the collector waiting. */
export async function breathe(): Promise<void> {
  if (hasTurn()) return;
  await nextTurn();
  turnEndsMs = monotonicMs() + TURN_MS;
}

/** Done in this thread, at once or after everything else has had its turn: what it throws is a rejection. */
export const soon =
  <A extends readonly unknown[], R>(act: (...given: A) => R) =>
  async (...given: A): Promise<R> => {
    if (!hasTurn()) await breathe();
    return act(...given);
  };

/** Null: it is not there. */
export function lstatOrNull(file: FilePath): BigIntStats | null {
  try {
    return lstatSync(native(file), { bigint: true, throwIfNoEntry: false }) ?? null;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    throw error;
  }
}

/** All of a small file, or its first bytes; null: it is larger than small, and is read elsewhere. */
export function readSmall(file: FilePath, maxBytes: number): { bytes: Uint8Array; facts: FileFacts } | null {
  let fd: number;
  try {
    fd = openSync(native(file), READ_CAREFULLY);
  } catch (error) {
    throw irregular(error, file);
  }
  try {
    const facts = factsOf(fstatSync(fd, { bigint: true }));
    if (facts.kind !== 'file') throw systemError('EINVAL', `not a regular file (${facts.kind}), open '${shown(file)}'`);
    if (Math.min(facts.sizeBytes, maxBytes) > SMALL_BYTES) return null;
    // From Node's pool when it is small; only what was read is handed out.
    let buffer = Buffer.allocUnsafe(Math.min(maxBytes, facts.sizeBytes + 1));
    let length = 0;
    while (length < maxBytes) {
      if (length === buffer.length) buffer = Buffer.concat([buffer], Math.min(maxBytes, Math.max(buffer.length * 2, FIRST_READ_BYTES)));
      const count = readSync(fd, buffer, length, buffer.length - length, null);
      if (count === 0) break;
      length += count;
    }
    return { bytes: buffer.subarray(0, length), facts };
  } finally {
    closeSync(fd);
  }
}

/** write(2) may take less than it was given, without an error. */
function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    const count = writeSync(fd, bytes, at, bytes.length - at, null);
    if (count === 0) throw systemError('EIO', 'the system took no byte of a write');
    at += count;
  }
}

/** Syncs of this process that are under way. */
let syncs = 0;

export async function syncing(sync: () => Promise<void>): Promise<void> {
  syncs++;
  try {
    await sync();
  } finally {
    syncs--;
  }
}

/** By hand: importing node:util loads a dozen modules behind its exports. */
export const syncDescriptor = (fd: number): Promise<void> =>
  syncing(
    async () =>
      new Promise((resolve, reject) => {
        fsync(fd, (error) => {
          if (error === null) resolve();
          else reject(error);
        });
      }),
  );

/**
 * What adds a name to a folder may have to wait for the file system's journal, for as long as a sync lasts: then not in this thread.
 * What is done with the open file is a matter of microseconds.
 */
async function openNew(file: string, mode: number): Promise<number> {
  // Waking a thread that sleeps costs more than the work.
  if (syncs === 0) return openSync(file, CREATE_ONLY, mode);
  return new Promise((resolve, reject) => {
    open(file, CREATE_ONLY, mode, (error, fd) => {
      if (error === null) resolve(fd);
      else reject(error);
    });
  });
}

/** A small new file: as `create`, with the descriptor instead of a handle. */
export async function createSmall<T>(
  file: string,
  bytes: Uint8Array,
  mode: number,
  beforeWrite: () => void,
  last: (fd: number) => T | Promise<T>,
): Promise<T> {
  const fd = await openNew(file, mode);
  try {
    return await named(file, 'write', async () => {
      try {
        beforeWrite();
        writeWhole(fd, bytes);
        return await last(fd);
      } finally {
        closeSync(fd);
      }
    });
  } catch (error) {
    try {
      unlinkSync(file);
    } catch {
      // The first error is the one to tell.
    }
    throw error;
  }
}

/** To the end of a file, made when it is not there. @param beforeWrite as in files.ts: asked after the open */
export const appendSmall = (file: string, bytes: Uint8Array, mode: number, beforeWrite: () => void): Promise<void> =>
  named(
    file,
    'append',
    soon(() => {
      const fd = openSync(file, APPEND, mode);
      try {
        beforeWrite();
        writeWhole(fd, bytes);
      } finally {
        closeSync(fd);
      }
    }),
  );
