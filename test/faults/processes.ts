/** What Linux tells of a running process, for the soak: memory and open handles. */

import { readdirSync, readFileSync } from 'node:fs';

export type Sample = { readonly rssBytes: number; readonly handles: number };

/** @returns null when there is no such process, or no /proc */
export function sampleOf(pid: number): Sample | null {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1];
    if (kilobytes === undefined) return null;
    return { rssBytes: Number(kilobytes) * 1024, handles: readdirSync(`/proc/${String(pid)}/fd`).length };
  } catch {
    return null;
  }
}

/** The process whose command line holds all these words; null when there is none. */
export function pidWith(...words: readonly string[]): number | null {
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      if (words.every((word) => command.includes(word))) return Number(name);
    } catch {
      // It ended meanwhile.
    }
  }
  return null;
}
