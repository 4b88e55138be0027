/**
 * How far V8 lets the memory for what lasts grow before it looks for what may go. Set narrow at the start (bin/start.js), because docket mostly waits;
 * while many jobs are in flight each of them makes garbage, and looking for it at every few MB was a fifth of all the work (docs/bench.md).
 *
 *   narrow -> many jobs -> roomy -> no job -> narrow
 *
 * Invariant: roomy is a room in bytes, not a share: with a hundred thousand waiting files it is hardly more than narrow.
 */

import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** Of the heap: as in bin/start.js. */
const NARROW_PERCENT = 20;
const ROOMY_PERCENT_MAX = 100;
const ROOM_BYTES = 40 * 1024 * 1024;
/** So many jobs at once are a backlog. */
const MANY = 16;

/** V8 reads the flag at each collection; one that does not know it passes it over. @returns to be told how many jobs are in flight, whenever that changes */
export function makeHeapRoom(): (jobs: number) => void {
  let isRoomy = false;
  return (jobs) => {
    if (isRoomy ? jobs > 0 : jobs < MANY) return;
    isRoomy = !isRoomy;
    setFlagsFromString(`--heap-growing-percent=${String(isRoomy ? roomyPercent(getHeapStatistics().used_heap_size) : NARROW_PERCENT)}`);
  };
}

/** @param usedBytes of the heap now */
export const roomyPercent = (usedBytes: number): number =>
  Math.max(NARROW_PERCENT, Math.min(ROOMY_PERCENT_MAX, Math.round((100 * ROOM_BYTES) / usedBytes)));
