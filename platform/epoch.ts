/**
 * The epoch: whose turn it is to write. The kernel lock (lock.ts) decides who starts; this says, cheaply and before every step, whether that still holds.
 *
 *   <state>/epoch   {"v":1,"epoch":7,"instance":"<uuid>"}, written anew and durable by each daemon as its first act under the lock
 *
 * Invariant: from the moment another daemon has written its own, check() throws in this one, and goes on throwing: whatever became of the lock (its file
 * removed, replaced, put back, or the lock dropped by the kernel because somebody closed a descriptor of that file), at most one daemon passes.
 */

import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import path from 'node:path';
import type { Fs, KernelLock } from '#core/ports.ts';
import { systemError } from './file-facts.ts';

const BYTES_MAX = 1_024;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export type Epoch = {
  readonly number: number;
  /** The whole content of the file: what the keeper compares before it starts a program. */
  readonly text: string;
  /** Throws ESTALE when the lock or the turn is lost. Two lstat(2), a few microseconds; reads the file only when it was touched. */
  check(): void;
};

const LOOK = { bigint: true, throwIfNoEntry: false } as const;

const isSame = (a: BigIntStats, b: BigIntStats): boolean =>
  a.ino === b.ino && a.dev === b.dev && a.size === b.size && a.ctimeNs === b.ctimeNs;

/** Null: there is none, or it is nothing that we wrote. */
function readText(file: string): string | null {
  let fd: number;
  try {
    fd = openSync(file, READ);
  } catch {
    return null;
  }
  try {
    if (!fstatSync(fd).isFile()) return null;
    const buffer = Buffer.alloc(BYTES_MAX);
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, BYTES_MAX, 0));
  } finally {
    closeSync(fd);
  }
}

function numberIn(text: string | null): number {
  try {
    const data: unknown = JSON.parse(text ?? '');
    const found = typeof data === 'object' && data !== null && 'epoch' in data ? data.epoch : 0;
    return Number.isSafeInteger(found) && Number(found) > 0 ? Number(found) : 0;
  } catch {
    return 0;
  }
}

/** Does the file still say this? False when it is gone or says something else. */
export const isEpoch = (file: string, text: string): boolean => readText(file) === text;

/**
 * Begins a new epoch: the number before, and one. The number is for people; what is compared is the whole text with its `instance`, so a
 * file that was removed and begun again at 1 is another epoch all the same.
 * @param instance a new UUID
 */
export async function takeEpoch(file: string, lock: KernelLock, instance: string, fs: Fs): Promise<Epoch> {
  const number = numberIn(readText(file)) + 1;
  const text = `${JSON.stringify({ v: 1, epoch: number, instance })}\n`;
  lock.check();
  await fs.replace(file, text, 'safety');
  await fs.syncFolder(path.dirname(file), 'safety');
  let facts: BigIntStats | null = null;
  let lost: Error | null = null;
  const look = (): void => {
    lock.check();
    const now = lstatSync(file, LOOK);
    if (now !== undefined && facts !== null && isSame(now, facts)) return;
    if (!isEpoch(file, text)) throw systemError('ESTALE', `another daemon has begun its epoch, or the file is gone, '${file}'`);
    facts = now ?? null;
  };
  const check = (): void => {
    if (lost !== null) throw lost;
    try {
      look();
    } catch (error) {
      lost = error instanceof Error ? error : new Error(String(error));
      throw lost;
    }
  };
  check();
  return { number, text, check };
}
