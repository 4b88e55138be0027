/**
 * How many prompts of a role are taken within a minute, whoever drops them (limits.role_rate). A script that runs wild fills its inbox, not the history.
 * Invariant: over any minute at most twice the limit is taken (a burst of one minute's worth, then its share), and nothing is kept but one time per role.
 */

import type { RoleName } from '#core/names.ts';
import type { Clock } from '#core/ports.ts';

const MINUTE_MS = 60_000;

export type Rate = {
  /** May one more be taken now? */
  mayTake(role: RoleName): boolean;
  taken(role: RoleName): void;
};

/** @param perMinute 0: no limit */
export function makeRate(clock: Pick<Clock, 'monotonicMs'>, perMinute: number): Rate {
  /** When all that was taken would have been due at an even pace: the generic cell rate algorithm (ITU-T I.371). */
  const due = new Map<RoleName, number>();
  const shareMs = perMinute === 0 ? 0 : MINUTE_MS / perMinute;
  return {
    mayTake: (role) => perMinute === 0 || (due.get(role) ?? 0) - clock.monotonicMs() <= MINUTE_MS - shareMs,
    taken(role) {
      if (perMinute !== 0) due.set(role, Math.max(due.get(role) ?? 0, clock.monotonicMs()) + shareMs);
    },
  };
}
