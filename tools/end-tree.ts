/**
 * Ends all that came of a run, until none is left: SIGTERM to the group and to every process of the tree, a grace, then SIGKILL.
 * A process group is not enough: AI tools start their shells in sessions of their own. So three nets are cast, before the first signal and again in
 * each round: the tree by parents, group and session; the processes that carry the run's DOCKET_RUN_ID; and all of that of whoever was seen in an
 * earlier round, dead or alive.
 * Invariant: nobody is signalled by a pid alone - the start time is compared right before, too.
 */

import type { Clock } from '#core/ports.ts';
import type { Processes } from '#platform/process.ts';
import { isBoxed } from './sandbox-exit.ts';

export const MARKER = 'DOCKET_RUN_ID';
const GRACE_MS = 3_000;
/** A process that SIGKILL does not end hangs in the kernel (a dead network file system); nobody can end it. */
const GIVE_UP_MS = 10_000;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;

/** `pid` null: its first process is known to be gone, and its number may mean somebody else by now; only the mark is looked for. */
export type RunProcess = {
  readonly pid: number | null;
  readonly pidStart: string;
  readonly runId: string;
  /** Its first process is the sandbox's, which takes all with it at once when it ends: it is spared as long as others may still end in order. */
  readonly sandbox?: string;
};

/** pid -> start time */
type Left = Map<number, string>;

/** @param seen all that were ever found of this run; grows */
async function find(processes: Processes, run: RunProcess, seen: Left): Promise<Left> {
  const left = await processes.family(seen, MARKER, run.runId, run.pidStart);
  left.delete(processes.pid);
  for (const [pid, startTime] of left) seen.set(pid, startTime);
  return left;
}

function signalAll(processes: Processes, left: Left, signal: NodeJS.Signals): void {
  for (const [pid, startTime] of left) if (processes.isAlive(pid, startTime)) processes.signal(pid, signal, false);
}

/**
 * @param graceMs between SIGTERM and SIGKILL
 * @returns how many could not be ended (0: all are gone)
 */
export async function endTree(processes: Processes, clock: Clock, run: RunProcess, graceMs = GRACE_MS): Promise<number> {
  const seen: Left = new Map(run.pid === null ? [] : [[run.pid, run.pidStart]]);
  let left = await find(processes, run, seen);
  if (left.size === 0) return 0;
  const isSpared = isBoxed(run.sandbox) && left.size > 1;
  // The group gets it at once, so that no member sees another one end first.
  if (!isSpared && run.pid !== null && left.has(run.pid)) processes.signal(run.pid, 'SIGTERM', true);
  const asked = new Map(left);
  if (isSpared && run.pid !== null) asked.delete(run.pid);
  signalAll(processes, asked, 'SIGTERM');
  const startMs = clock.monotonicMs();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    await clock.sleep(pauseMs);
    left = await find(processes, run, seen);
    const elapsedMs = clock.monotonicMs() - startMs;
    if (left.size === 0 || elapsedMs > graceMs + GIVE_UP_MS) return left.size;
    if (elapsedMs > graceMs) signalAll(processes, left, 'SIGKILL');
  }
}
