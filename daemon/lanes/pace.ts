/**
 * When the next start of a lane may be: so many in any interval (a sliding one), and never two closer together than the stagger, so that tools do not
 * all read and write their configuration in the same moment. Times are monotonic.
 */

import type { LaneSettings } from '#core/settings.ts';

export type Pace = {
  /** Until the next start may be, in ms; 0: now. */
  waitMs(nowMs: number): number;
  started(nowMs: number): void;
};

/** An infinite cap: the lane calls no provider, so its starts are not counted. */
export function makePace({ intervalCap, intervalMs, staggerMs }: LaneSettings): Pace {
  const isCounted = Number.isFinite(intervalCap);
  let starts: number[] = [];
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    waitMs(nowMs) {
      const oldest = isCounted && starts.length >= intervalCap ? (starts[starts.length - intervalCap] ?? 0) : Number.NEGATIVE_INFINITY;
      return Math.max(0, oldest + intervalMs - nowMs, lastMs + staggerMs - nowMs);
    },
    started(nowMs) {
      lastMs = nowMs;
      if (!isCounted) return;
      starts.push(nowMs);
      if (starts.length > 2 * intervalCap) starts = starts.slice(-intervalCap);
    },
  };
}
