/**
 * How long a lane is held. Two clocks watch over a hold, and whichever says first that it is over is right: the monotonic one counts the wait that
 * was left when the reset was told (a wall clock that is set back does not make it longer), and the wall clock knows the moment of the reset (a wall
 * clock that is set forward, or a machine that slept, has come to it).
 * Invariant: a hold never outlives the reset that the provider named, but for the jitter.
 */

import type { HoldCause } from '#core/lane.ts';
import type { LaneHold } from '#core/ports.ts';
import { probeDelayMs, type BackOff } from '#core/retry.ts';

export type HoldRules = BackOff & {
  /** At most this much is added to a reset, so that not all who wait for it come in the same moment. */
  readonly jitterMs: number;
  /** A reset further away is not believed: the lane is looked at then. */
  readonly longestMs: number;
};
export type Hold = {
  readonly cause: HoldCause;
  /** Wall clock. */
  readonly untilMs: number;
  /** Monotonic clock. */
  readonly deadlineMs: number;
  /** The provider named its end. */
  readonly isTold: boolean;
  readonly words: string;
  readonly runner: string | null;
  /** Holds in a row without an answer between them, this one included. */
  readonly tries: number;
  /** Another docket of this machine was told it, and may find that it is over. */
  readonly isOthers?: true;
};
export type Now = { readonly wallMs: number; readonly monotonicMs: number };

export type NewHold = {
  readonly cause: HoldCause;
  /** Wall clock; null: nobody said. One that is past says nothing either. */
  readonly resetMs: number | null;
  readonly words: string;
  readonly runner: string | null;
};

/** @param random 0 <= r < 1 */
export function makeHold(asked: NewHold, tries: number, now: Now, rules: HoldRules, random: number): Hold {
  const leftMs = asked.resetMs === null ? 0 : asked.resetMs - now.wallMs;
  const isTold = leftMs > 0;
  const waitMs = Math.min(rules.longestMs, isTold ? leftMs + Math.round(random * rules.jitterMs) : probeDelayMs(tries, rules, random));
  const { cause, words, runner } = asked;
  return { cause, words, runner, tries, isTold, untilMs: now.wallMs + waitMs, deadlineMs: now.monotonicMs + waitMs };
}

/** A lane that is held already hears more from runs that began before: a later reset counts, and one that was named stays against one that was not. */
export const isOutweighed = (fresh: Hold, standing: Hold): boolean =>
  fresh.cause === standing.cause && standing.isTold && (!fresh.isTold || fresh.untilMs <= standing.untilMs);

/** After a restart, from the journal: what is left, and never more than it was when it was told, whatever the wall clock says now. */
export function restoredHold(
  row: Pick<LaneHold, 'untilMs' | 'reason' | 'at'>,
  about: Pick<Hold, 'cause' | 'runner' | 'tries'>,
  now: Now,
  rules: HoldRules,
): Hold {
  const untilMs = row.untilMs ?? now.wallMs;
  const wholeMs = Math.max(0, untilMs - Date.parse(row.at)) || 0;
  const leftMs = Math.min(untilMs - now.wallMs, wholeMs, rules.longestMs);
  return { ...about, words: row.reason, isTold: true, untilMs: now.wallMs + leftMs, deadlineMs: now.monotonicMs + leftMs };
}

/** 0: it is over. */
export const leftMsOf = (hold: Hold, now: Now): number =>
  Math.max(0, Math.min(hold.deadlineMs - now.monotonicMs, hold.untilMs - now.wallMs));
