/**
 * Ends all that came of a run, until none is left: SIGTERM to the group and to every process of the tree, a grace, then SIGKILL.
 * A process group is not enough: AI tools start their shells in sessions of their own. So three nets are cast, before the first signal and again in
 * each round: the tree by parents, group and session; the processes that carry the run's DOCKET_RUN_ID; and whoever was seen in an earlier round.
 * Invariant: nobody is signalled by a pid alone - the start time must match, or the process was found by its mark or its parents in this round.
 */

import type { Clock } from '#core/ports.ts';
import type { Processes } from '#platform/process.ts';

export const MARKER = 'DOCKET_RUN_ID';
const GRACE_MS = 3_000;
/** A process that SIGKILL does not end hangs in the kernel (a dead network file system); nobody can end it. */
const GIVE_UP_MS = 10_000;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;

/** `pid` null: its first process is known to be gone, and its number may mean somebody else by now; only the mark is looked for. */
export type RunProcess = { readonly pid: number | null; readonly pidStart: string; readonly runId: string };

/** pid -> start time */
type Seen = Map<number, string>;

async function treeOf(processes: Processes, run: RunProcess): Promise<number[]> {
  if (run.pid === null) return [];
  const now = processes.startTime(run.pid);
  // Another process got this pid: then group and session of the old one are empty, and the new one's tree is not ours.
  return now !== null && now !== run.pidStart ? [] : processes.tree(run.pid);
}

async function find(processes: Processes, run: RunProcess, seen: Seen): Promise<number[]> {
  for (const pid of [...(await treeOf(processes, run)), ...(await processes.marked(MARKER, run.runId))]) {
    const startTime = processes.startTime(pid);
    if (startTime !== null && pid !== processes.pid) seen.set(pid, startTime);
  }
  for (const [pid, startTime] of seen) {
    // What an ended process left behind is found by its children before it is forgotten.
    if (!processes.isAlive(pid, startTime)) seen.delete(pid);
    else for (const child of await processes.tree(pid)) if (!seen.has(child)) seen.set(child, processes.startTime(child) ?? '');
  }
  return [...seen].filter(([pid, startTime]) => processes.isAlive(pid, startTime)).map(([pid]) => pid);
}

/**
 * @param graceMs between SIGTERM and SIGKILL
 * @returns how many could not be ended (0: all are gone)
 */
export async function endTree(processes: Processes, clock: Clock, run: RunProcess, graceMs = GRACE_MS): Promise<number> {
  const seen: Seen = new Map();
  let left = await find(processes, run, seen);
  if (left.length === 0) return 0;
  // The group gets it at once, so that no member sees another one end first.
  if (run.pid !== null && left.includes(run.pid)) processes.signal(run.pid, 'SIGTERM', true);
  for (const pid of left) processes.signal(pid, 'SIGTERM', false);
  const startMs = clock.monotonicMs();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    await clock.sleep(pauseMs);
    left = await find(processes, run, seen);
    const elapsedMs = clock.monotonicMs() - startMs;
    if (left.length === 0 || elapsedMs > graceMs + GIVE_UP_MS) return left.length;
    if (elapsedMs > graceMs) for (const pid of left) processes.signal(pid, 'SIGKILL', false);
  }
}
