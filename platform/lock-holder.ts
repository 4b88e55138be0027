/**
 * Who holds a lock of the kernel, for words: Linux lists them in /proc/locks (proc_locks(5)), by the device and inode of the file.
 * Other systems do not tell without a program of their own. Invariant: decides nothing, opens no file that may be locked.
 */

import { readFileSync, statSync } from 'node:fs';
import type { LockHolder } from '#core/ports.ts';
import { isStopped } from './process-facts.ts';

/** `254:0` as glibc's makedev(3) puts it into one number, in the hexadecimal of /proc/locks. */
function deviceText(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  return `${major.toString(16).padStart(2, '0')}:${minor.toString(16).padStart(2, '0')}`;
}

/** The process that holds a write lock in this list; null: none. One that waits is marked with an arrow. Exported for its test. */
export function writerIn(list: string, device: string, inode: bigint): number | null {
  for (const line of list.split('\n')) {
    const [, kind, , access, pid, place] = line.trim().split(/\s+/);
    // A process of another namespace has the number 0, a lock of an open file (not of a process) -1.
    if (kind === 'POSIX' && access === 'WRITE' && place === `${device}:${String(inode)}` && Number(pid) > 0) return Number(pid);
  }
  return null;
}

export function holderOf(file: string): LockHolder | null {
  if (process.platform !== 'linux') return null;
  try {
    const { dev, ino } = statSync(file, { bigint: true });
    const pid = writerIn(readFileSync('/proc/locks', 'utf8'), deviceText(dev), ino);
    return pid === null ? null : { pid, isStopped: isStopped(pid) };
  } catch {
    return null;
  }
}
