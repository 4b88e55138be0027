/** A lane in words, for `docket status` and `docket why`. */

import { pausedWords } from '#daemon/pauses.ts';
import type { LaneWords } from './job-words-sources.ts';

type Held = Pick<LaneWords, 'lane' | 'heldUntil' | 'reason'>;

export const heldWords = ({ lane, heldUntil, reason }: Held): string =>
  `lane ${lane} is held${heldUntil === null ? '' : ` until ${heldUntil}`}${reason === null || reason === '' ? '' : `: ${reason}`}`;

/** Of one that no daemon has in hand now. */
export const circuitWords = (lane: string): string =>
  `lane ${lane}: circuit open after provider errors in a row, the next start lets one run go first to see`;

/** Null: nothing keeps it from starting what waits, but for its slots. */
export function shutWords(lane: LaneWords): string | null {
  if ((lane.paused ?? null) !== null) return pausedWords(lane.paused as NonNullable<LaneWords['paused']>);
  if (lane.heldUntil !== null) return heldWords(lane);
  if (typeof lane.shared?.waits === 'string') return lane.shared.waits;
  if (lane.state === 'probing') return `lane ${lane.lane}: its wait is over, one run goes first to see whether it works again`;
  return null;
}

/** One line. */
export function laneWords(lane: LaneWords): string {
  const { slots, window = slots } = lane;
  const now = window < slots ? `, for now at most ${String(window)}` : '';
  const parts = [`lane ${lane.lane}: ${String(lane.running)} of ${String(slots)} slots in use${now}, ${String(lane.queued)} queued`];
  const byOthers = lane.shared?.byOthers ?? 0;
  if (byOthers > 0) parts.push(`${String(byOthers)} by the other dockets of this machine`);
  if (typeof lane.shared?.waits === 'string') parts.push(lane.shared.waits);
  if (lane.circuit === 'open') parts.push('circuit open after provider errors in a row');
  if (lane.state === 'probing') parts.push('one run goes first to see');
  if (lane.heldUntil !== null) parts.push(`HELD until ${lane.heldUntil}: ${lane.reason ?? ''}`);
  if ((lane.paused ?? null) !== null) parts.push('PAUSED');
  return parts.join(', ');
}
