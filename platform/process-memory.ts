/** How much memory processes hold, as the system counts it: on Linux by /proc (proc(5)), elsewhere by `ps`. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const ASK_LIMITS = { timeout: 5000, maxBuffer: 1024 * 1024, encoding: 'utf8' } as const;
const KB = 1024;

/** 0: it is gone, or may not be looked at. */
function kilobytes(file: string, field: RegExp): number {
  try {
    return Number(field.exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const residentKb = (pid: number): number => kilobytes(`/proc/${String(pid)}/status`, /^VmRSS:\s+(\d+) kB/m);

/** Of each page its share among those that hold it: the kernel walks the page tables for it, so it is asked only when it matters. */
function shareKb(pid: number): number {
  const share = kilobytes(`/proc/${String(pid)}/smaps_rollup`, /^Pss:\s+(\d+) kB/m);
  return share > 0 ? share : residentKb(pid);
}

function askPsKb(pids: readonly number[]): number {
  const answer = spawnSync('ps', ['-o', 'rss=', '-p', pids.join(',')], ASK_LIMITS);
  return answer.status === 0 ? answer.stdout.split('\n').reduce((sum, line) => sum + Number(line.trim()), 0) : 0;
}

const sumKb = (pids: readonly number[], of: (pid: number) => number): number => pids.reduce((sum, pid) => sum + of(pid), 0);

/**
 * Do they hold more than this together? First counted with what they share each time (quick, and never too little); only what is beyond the limit then
 * is counted exactly.
 */
export function holdMoreThan(pids: readonly number[], limitBytes: number): boolean {
  if (pids.length === 0) return false;
  if (process.platform !== 'linux') return askPsKb(pids) * KB > limitBytes;
  return sumKb(pids, residentKb) * KB > limitBytes && sumKb(pids, shareKb) * KB > limitBytes;
}
