/**
 * How far V8 lets the memory for what lasts grow before it looks for what may go. Set narrow at the start (bin/start.js), because docket mostly waits;
 * while many jobs are in flight each of them makes garbage, and looking for it at every few MB was a fifth of all the work (docs/bench.md).
 *
 *   narrow -> many jobs -> roomy -> no job -> narrow
 *
 * Narrow also means that garbage is looked for before more memory is asked for (V8's --optimize-for-size), and that the 1 MB for short-lived objects does not
 * grow. A backlog of jobs in flight lives longer than 1 MB of garbage: looked at each time and moved, that was half of the collector's work (8 MB then).
 *
 * Invariant: roomy ends at a size, not at a share: with a hundred thousand waiting files it is no more than narrow.
 */

import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** Of the heap: as in bin/start.js. */
const NARROW_PERCENT = 20;
const ROOMY_PERCENT_MAX = 100;
const ROOMY_BYTES = 88 * 1024 * 1024;
/** Of the short-lived objects' memory as well: up to what bin/start.js lets it have. */
const NARROW = ['--optimize-for-size', '--semi-space-growth-factor=1'] as const;
const ROOMY = ['--no-optimize-for-size', '--semi-space-growth-factor=2'] as const;
/** So many jobs at once are a backlog. */
const MANY = 16;
/** Between two looks at the heap, in jobs that came or left. */
const LOOK_EVERY = 64;

/** V8 reads the flag at each collection; one that does not know it passes it over. @returns to be told how many jobs are in flight, whenever that changes */
export function makeHeapRoom(): (jobs: number) => void {
  let percent = NARROW_PERCENT;
  let isRoomy = false;
  let told = 0;
  const grow = (next: number): void => {
    if (next !== percent) setFlagsFromString(`--heap-growing-percent=${String(next)}`);
    percent = next;
  };
  return (jobs) => {
    const wasRoomy = isRoomy;
    isRoomy = isRoomy ? jobs > 0 : jobs >= MANY;
    if (isRoomy !== wasRoomy) for (const flag of isRoomy ? ROOMY : NARROW) setFlagsFromString(flag);
    if (!isRoomy) grow(NARROW_PERCENT);
    else if (!wasRoomy || ++told % LOOK_EVERY === 0) grow(roomyPercent(getHeapStatistics().used_heap_size));
  };
}

/** For a verb that goes through a whole history and then ends: roomy from now on. */
export const takeHeapRoom = (): void => {
  makeHeapRoom()(MANY);
};

/** @param usedBytes of the heap now */
export const roomyPercent = (usedBytes: number): number =>
  Math.max(NARROW_PERCENT, Math.min(ROOMY_PERCENT_MAX, Math.round(100 * (ROOMY_BYTES / usedBytes - 1))));
