/**
 * How far V8 lets the memory for what lasts grow before it looks for what may go. Set narrow at the start (bin/start.js), because docket mostly waits;
 * while many jobs are in flight each of them makes garbage, and looking for it at every few MB was a fifth of all the work (docs/bench.md).
 *
 *   narrow -> many jobs -> roomy -> no job -> narrow
 *
 * Narrow also means V8's --optimize-for-size: garbage is looked for before more memory is asked for.
 *
 * Invariant: roomy ends at a size, not at a share: with a hundred thousand waiting files it is no more than narrow.
 */

import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** Of the heap: as in bin/start.js. */
const NARROW_PERCENT = 20;
const ROOMY_PERCENT_MAX = 100;
const ROOMY_BYTES = 110 * 1024 * 1024;
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
    if (isRoomy !== wasRoomy) setFlagsFromString(isRoomy ? '--no-optimize-for-size' : '--optimize-for-size');
    if (!isRoomy) grow(NARROW_PERCENT);
    else if (!wasRoomy || ++told % LOOK_EVERY === 0) grow(roomyPercent(getHeapStatistics().used_heap_size));
  };
}

/** @param usedBytes of the heap now */
export const roomyPercent = (usedBytes: number): number =>
  Math.max(NARROW_PERCENT, Math.min(ROOMY_PERCENT_MAX, Math.round(100 * (ROOMY_BYTES / usedBytes - 1))));
