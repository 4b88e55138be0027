/**
 * Files that were offered and are still there could not be claimed: a disk that is full, a folder that may not be written to. The role is tried again after
 * a while, longer each time, and no other role waits for it.
 */

import type { RoleName } from '#core/names.ts';
import type { Clock } from '#core/ports.ts';
import type { Waiting } from '#core/spool.ts';
import type { RoleFaults } from './intake-faults.ts';

/** After a claim that failed, doubled each time. */
const PAUSE_MS = 1_000;
const PAUSE_MS_MAX = 30_000;

export type Tries = {
  /** It is about to be claimed. */
  offer(waiting: Waiting): void;
  /** What waits now: whatever was offered and is not there was taken. */
  settle(waiting: readonly Waiting[]): void;
  isPaused(role: RoleName): boolean;
};

export function makeTries(clock: Pick<Clock, 'monotonicMs'>, roleFaults: Pick<RoleFaults, 'taken'>): Tries {
  let offered: Waiting[] = [];
  const pauses = new Map<RoleName, { readonly untilMs: number; readonly times: number }>();
  return {
    offer(waiting) {
      offered.push(waiting);
    },
    settle(waiting) {
      if (offered.length === 0) return;
      const wanted = new Set(offered);
      const failed = new Set<RoleName>();
      for (const one of waiting) if (wanted.has(one)) failed.add(one.role);
      for (const { role } of offered)
        if (!failed.has(role)) {
          pauses.delete(role);
          roleFaults.taken(role);
        }
      for (const role of failed) {
        const times = (pauses.get(role)?.times ?? 0) + 1;
        pauses.set(role, { untilMs: clock.monotonicMs() + Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** (times - 1)), times });
      }
      offered = [];
    },
    isPaused: (role) => (pauses.get(role)?.untilMs ?? 0) > clock.monotonicMs(),
  };
}
