/**
 * Which moves the journal takes. The table is core/job.ts; this adds what recovery needs: after a crash the journal may be ahead of the
 * step that is repeated, and then the move changes nothing.
 */

import { canMove, type JobState } from '#core/job.ts';

/** Before the end is decided a job may be taken through its steps again … */
const BEFORE: readonly JobState[] = ['claimed', 'read', 'submitted', 'running', 'waiting', 'ran'];
const REPEATED_BEFORE: readonly JobState[] = ['claimed', 'read', 'submitted'];
/** … and once it is decided only its publication is. */
const AFTER: readonly JobState[] = ['recorded', 'published', 'done'];
const REPEATED_AFTER: readonly JobState[] = ['recorded', 'published'];

const isBehind = (line: readonly JobState[], repeated: readonly JobState[], from: JobState, to: JobState): boolean =>
  line.includes(from) && repeated.includes(to) && line.indexOf(to) < line.indexOf(from);

/** `go`: the state changes; `stay`: a repeated step, the job is there already; `refuse`: impossible. */
export function judgeMove(from: JobState, to: JobState): 'go' | 'stay' | 'refuse' {
  if (canMove(from, to)) return 'go';
  return isBehind(BEFORE, REPEATED_BEFORE, from, to) || isBehind(AFTER, REPEATED_AFTER, from, to) ? 'stay' : 'refuse';
}
