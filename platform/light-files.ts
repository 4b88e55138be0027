/**
 * A few small files, read and written at once, for programs that a person waits for: without the modules that the whole of `Fs` needs.
 * Invariant: follows no link in the last part of a path, reads nothing but plain files, and never more than the limit. Nothing is synced: only for what can
 * be made again.
 */

import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { codeOf } from './file-facts.ts';

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW;

/** UTF-8; null when it is not there, cannot be read, is no plain file, or is longer than this. */
export function readText(file: string, maxBytes: number): string | null {
  let fd: number;
  try {
    fd = openSync(file, READ);
  } catch {
    return null;
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.size > maxBytes) return null;
    const bytes = new Uint8Array(stats.size);
    let length = 0;
    for (;;) {
      const count = readSync(fd, bytes, length, bytes.length - length, length);
      if (count === 0) break;
      length += count;
    }
    return new TextDecoder().decode(bytes.subarray(0, length));
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}

/** A new content under a name, whole or not at all, 0600; its folder is made (0700) when it is not there. */
export function replaceText(file: string, text: string): void {
  const draft = `${file}.${String(process.pid)}.new`;
  try {
    unlinkSync(draft);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  }
  const fd = openSync(draft, NEW, 0o600);
  try {
    writeFileSync(fd, text);
  } finally {
    closeSync(fd);
  }
  renameSync(draft, file);
}

/** Adds to a file that is there, in one write. */
export function appendText(file: string, text: string): void {
  const fd = openSync(file, APPEND);
  try {
    writeFileSync(fd, text);
  } finally {
    closeSync(fd);
  }
}
