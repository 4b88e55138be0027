/**
 * How many prompts are taken within a minute: of a role, whoever drops them (limits.role_rate), and of an owner, whatever the role (limits.owner_rate). A
 * script that runs wild fills its inbox, not the history, and one person of a group does not keep the others out.
 * Invariant: over any minute at most twice the limit is taken (a burst of one minute's worth, then its share), and nothing is kept but one time for each.
 */

import type { Clock } from '#core/ports.ts';

const MINUTE_MS = 60_000;

export type Rate<Of> = {
  /** May one more be taken now? */
  mayTake(one: Of): boolean;
  taken(one: Of): void;
};

/** @param perMinute 0: no limit */
export function makeRate<Of>(clock: Pick<Clock, 'monotonicMs'>, perMinute: number): Rate<Of> {
  /** When all that was taken would have been due at an even pace: the generic cell rate algorithm (ITU-T I.371). */
  const due = new Map<Of, number>();
  const shareMs = perMinute === 0 ? 0 : MINUTE_MS / perMinute;
  return {
    mayTake: (one) => perMinute === 0 || (due.get(one) ?? 0) - clock.monotonicMs() <= MINUTE_MS - shareMs,
    taken(one) {
      if (perMinute !== 0) due.set(one, Math.max(due.get(one) ?? 0, clock.monotonicMs()) + shareMs);
    },
  };
}
