/** A job's state in the journal follows what lies on disk: a step that is repeated after a crash never moves it back. */

import { canMove, JOB_STATES, type JobState, type Outcome } from '#core/job.ts';
import type { JobId } from '#core/names.ts';
import type { JournalChange } from '#core/ports.ts';
import type { Ports } from './ports.ts';

const rank = (state: JobState): number => JOB_STATES.indexOf(state);

/** The change that records this step; none when the journal is already further. An attempt may follow an attempt, so `running` may come again. */
export function reachedState(
  ports: Pick<Ports, 'journal' | 'clock'>,
  id: JobId,
  to: JobState,
  extra: { readonly outcome?: Outcome; readonly reason?: string } = {},
): readonly JournalChange[] {
  const from = ports.journal.job(id)?.state;
  if (from !== undefined && rank(from) >= rank(to) && !(to === 'running' && canMove(from, to))) return [];
  return [{ do: 'move', id, to, at: ports.clock.now().toISOString(), ...extra }];
}
