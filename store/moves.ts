/**
 * Which moves the journal takes. The table is core/states.ts; this adds what recovery needs: after a crash the journal may be ahead of the
 * step that is repeated, and then the move changes nothing.
 */

import { canMove, JOB_STATES, type JobState } from '#core/job.ts';
import { PHASES } from '#core/states.ts';

/** `go`: the state changes; `stay`: a repeated step, the job is there already; `refuse`: impossible. */
export type Verdict = 'go' | 'stay' | 'refuse';

const isBehind = (from: JobState, to: JobState): boolean =>
  PHASES.some(
    ({ states, repeated }) => states.includes(from) && repeated.includes(to) && JOB_STATES.indexOf(to) < JOB_STATES.indexOf(from),
  );

const judge = (from: JobState, to: JobState): Verdict => (canMove(from, to) ? 'go' : isBehind(from, to) ? 'stay' : 'refuse');

const VERDICTS: ReadonlyMap<string, Verdict> = new Map(
  JOB_STATES.flatMap((from) => JOB_STATES.map((to) => [`${from} ${to}`, judge(from, to)] as const)),
);

export const judgeMove = (from: JobState, to: JobState): Verdict => VERDICTS.get(`${from} ${to}`) ?? 'refuse';
