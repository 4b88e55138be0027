/**
 * Reading the daemon's log files (platform/log-file.ts): `<day>.<number>.jsonl`, appended only, never renamed. The last lines first by reading
 * from the end, then following: the newest file grows, or a newer one appears. Only whole lines are given out.
 */

import { Buffer } from 'node:buffer';
import path from 'node:path';
import type { Clock, Fs } from '#core/ports.ts';

const NAME = /^(\d{4}-\d{2}-\d{2})\.(\d{4,})\.jsonl$/;
const CHUNK_BYTES = 64 * 1024;
/** No line of docket is longer; what is longer is given out in pieces. */
const LINE_BYTES_MAX = 4 * 1024 * 1024;
const LOOK_AGAIN_MS = 200;
const NEWLINE = 0x0a;

/** Where reading stopped: everything before `offset` of this file, and all older files, was given out. */
export type Place = { readonly name: string; readonly offset: number };
/** Null: the line is not wanted. */
export type Choose<T> = (line: string) => T | null;

const codeOf = (error: unknown): unknown => (error as { readonly code?: unknown }).code;

/** Names of the log files, oldest first; none when there is no folder yet. */
export async function logFiles(fs: Fs, folder: string): Promise<string[]> {
  const entries = await fs.list(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });
  const names = entries.map(({ name }) => name ?? '').filter((name) => NAME.test(name));
  return names.toSorted(byAge);
}

/** The day, then the number: `.10000` comes after `.9999`. */
function byAge(a: string, b: string): number {
  const [, dayA = '', numberA = ''] = NAME.exec(a) ?? [];
  const [, dayB = '', numberB = ''] = NAME.exec(b) ?? [];
  return dayA === dayB ? Number(numberA) - Number(numberB) : dayA < dayB ? -1 : 1;
}

/** The last `count` wanted lines, oldest first, and where to follow from. */
export async function lastLines<T>(
  fs: Fs,
  folder: string,
  count: number,
  choose: Choose<T>,
): Promise<{ readonly lines: T[]; readonly place: Place | null }> {
  const files = (await logFiles(fs, folder)).toReversed();
  const newestFirst: T[] = [];
  let place: Place | null = null;
  for (const name of files) {
    const offset = await linesBackwards(fs, path.join(folder, name), (line) => {
      const chosen = newestFirst.length < count ? choose(line) : null;
      if (chosen !== null) newestFirst.push(chosen);
      return newestFirst.length < count;
    });
    place ??= { name, offset };
    if (newestFirst.length >= count) break;
  }
  return { lines: newestFirst.toReversed(), place };
}

/** Whole lines from the end on, until `more` says stop. @returns where the last whole line ends */
async function linesBackwards(fs: Fs, file: string, more: (line: string) => boolean): Promise<number> {
  const open = await fs.openRead(file).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  });
  if (open === null) return 0;
  try {
    let end: number | null = null;
    /** The end of a line that begins before `at`. */
    let rest: Buffer = Buffer.alloc(0);
    for (let at = open.sizeBytes; at > 0 && rest.length <= LINE_BYTES_MAX;) {
      const length = Math.min(CHUNK_BYTES, at);
      at -= length;
      let bytes: Buffer = Buffer.concat([await open.readAt(at, length), rest]);
      if (end === null) {
        // What stands behind the last newline is still being written.
        const lastNewline = bytes.lastIndexOf(NEWLINE);
        if (lastNewline === -1) continue;
        end = at + lastNewline + 1;
        bytes = bytes.subarray(0, lastNewline + 1);
      }
      const first = at === 0 ? 0 : bytes.indexOf(NEWLINE) + 1;
      const lines = bytes.subarray(first).toString('utf8').split('\n').slice(0, -1);
      for (const line of lines.toReversed()) if (!more(line)) return end;
      rest = bytes.subarray(0, first);
    }
    return end ?? 0;
  } finally {
    await open.close();
  }
}

/** Gives out whole lines as they come, also of newer files, until the signal aborts. */
export async function follow(
  fs: Fs,
  clock: Clock,
  folder: string,
  from: Place | null,
  signal: AbortSignal,
  tell: (line: string) => void,
): Promise<void> {
  let place = from;
  while (!signal.aborted) {
    for (const name of await logFiles(fs, folder)) {
      if (place !== null && byAge(name, place.name) < 0) continue;
      const offset = place?.name === name ? place.offset : 0;
      place = { name, offset: await linesForwards(fs, path.join(folder, name), offset, tell) };
    }
    await clock.sleep(LOOK_AGAIN_MS, signal);
  }
}

/** @returns where the last whole line ends */
async function linesForwards(fs: Fs, file: string, from: number, tell: (line: string) => void): Promise<number> {
  const facts = await fs.facts(file);
  if (facts === null || facts.kind !== 'file' || facts.sizeBytes === from) return from;
  const open = await fs.openRead(file);
  try {
    let at = facts.sizeBytes < from ? 0 : from;
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      const chunk = await open.readAt(at + rest.length, CHUNK_BYTES);
      if (chunk.length === 0) return at;
      const text: Buffer = Buffer.concat([rest, chunk]);
      const end = text.lastIndexOf(NEWLINE) + 1;
      for (const line of text.subarray(0, end).toString('utf8').split('\n').slice(0, -1)) tell(line);
      at += end;
      rest = text.subarray(end);
      if (rest.length > LINE_BYTES_MAX) {
        tell(rest.toString('utf8'));
        at += rest.length;
        rest = Buffer.alloc(0);
      }
    }
  } finally {
    await open.close();
  }
}
