/**
 * Runs of a lane that end one right after the other go on together: what follows a run (its decision, its record, its publication) is done for a group
 * in one go, with one commit and one sync for all of them instead of one each.
 *
 *   ended -> nobody ended just before: goes on at once
 *         -> else waits for the next ones -> enough are there, the time is over, or the lane has nobody left -> all go on
 *
 * Invariants: the run's slot is free before it waits here, and its exit.json is on the disk: a crash meanwhile loses nothing, the run is understood again.
 * Nobody waits longer than WAIT_MS, and never more than a share of what the lane has claimed ahead, so that its slots have work meanwhile.
 */

import type { Clock } from '#core/ports.ts';

/** Ends further apart than this are no stream: each goes on alone, and no single prompt waits. */
const STREAM_MS = 100;
const WAIT_MS = 200;
const TOGETHER_MAX = 32;
/** Of `ahead`. */
const SHARE = 4;

export type Gather = {
  /** @param isLast nobody of this lane runs or waits any more */
  wait(lane: string, isLast: boolean): Promise<void>;
};

type Group = { size: number; readonly full: AbortController; readonly over: Promise<void> };

/** How many go together at most where this many are claimed ahead. */
export const togetherOf = (ahead: number): number => Math.min(TOGETHER_MAX, Math.floor(ahead / SHARE));

/** @param stopping nobody waits any more */
export function makeGather(clock: Clock, ahead: number, stopping: AbortSignal): Gather {
  const max = togetherOf(ahead);
  const groups = new Map<string, Group>();
  const endedMs = new Map<string, number>();

  function begin(lane: string): Group {
    const full = new AbortController();
    const release = (): void => {
      full.abort('stopping');
    };
    stopping.addEventListener('abort', release, { once: true });
    const over = clock.sleep(WAIT_MS, full.signal).finally(() => {
      stopping.removeEventListener('abort', release);
      if (groups.get(lane)?.full === full) groups.delete(lane);
    });
    const group = { size: 0, full, over };
    groups.set(lane, group);
    return group;
  }

  return {
    async wait(lane, isLast) {
      const nowMs = clock.monotonicMs();
      const isStream = nowMs - (endedMs.get(lane) ?? Number.NEGATIVE_INFINITY) <= STREAM_MS;
      endedMs.set(lane, nowMs);
      const known = groups.get(lane);
      if (isLast || stopping.aborted || max < 2 || (known === undefined && !isStream)) {
        known?.full.abort('last');
        return;
      }
      const group = known ?? begin(lane);
      group.size++;
      if (group.size >= max) {
        groups.delete(lane);
        group.full.abort('full');
      }
      await group.over;
    },
  };
}
