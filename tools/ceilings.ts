/**
 * The ceilings of a run: memory and processes of its whole tree, looked at by the keeper while it watches the run's time and output.
 *
 * Not by control groups: they need a part of the tree that is handed to this account (systemd's Delegate=, or root on a machine without systemd), which
 * most have not; nor by rlimits: RLIMIT_AS counts what Node only reserves, and RLIMIT_NPROC all that an account runs. So a ceiling may be passed for the
 * time between two looks; what passed it is then ended like at any other limit.
 */

import type { RunLimits, StopReason } from '#core/run.ts';
import type { Processes } from '#platform/process.ts';
import { MARKER, type RunProcess } from './end-tree.ts';
import { isBoxed } from './sandbox-exit.ts';

/** As in the setting's name: limits.memory_mb. */
const MB = 1_000_000;

export const hasCeiling = ({ memoryMb = 0, processes = 0 }: RunLimits): boolean => memoryMb > 0 || processes > 0;

/** Which ceiling the run has passed; null: none. */
export async function ceilingPassed(
  system: Pick<Processes, 'family' | 'holdMoreThan'>,
  run: RunProcess & { readonly pid: number },
  { memoryMb = 0, processes = 0 }: RunLimits,
): Promise<StopReason | null> {
  const family = await system.family(new Map([[run.pid, run.pidStart]]), MARKER, run.runId, run.pidStart);
  // The sandbox's own two are none of the tool's.
  const own = isBoxed(run.sandbox) ? 2 : 0;
  if (processes > 0 && family.size - own > processes) return 'process-limit';
  return memoryMb > 0 && system.holdMoreThan([...family.keys()], memoryMb * MB) ? 'memory-limit' : null;
}
