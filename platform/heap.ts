/**
 * How far V8 lets the memory for what lasts grow before it looks for what may go. Set narrow at the start (bin/start.js), because docket mostly waits;
 * while many jobs are in flight each of them makes garbage, and looking for it at every few MB was a fifth of all the work (docs/bench.md).
 *
 *   narrow -> many jobs -> roomy -> no job -> narrow
 *
 * Narrow also means that garbage is looked for before more memory is asked for (V8's --optimize-for-size), and that the 1 MB for short-lived objects does not
 * grow. A backlog of jobs in flight lives longer than 1 MB of garbage: looked at each time and moved, that was half of the collector's work (8 MB then).
 *
 * When the first look at all that waits is done, or a backlog is through, and no job was in flight for a while, all garbage is looked for once: what lies in
 * large blocks outside of the heap costs V8 nothing in its own count, and would stay until the heap has grown by a fifth, which at rest may be never.
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
/** Of a larger heap the short-lived objects' memory does not grow: it would be three times as much on top of what a hundred thousand waiting files keep. */
const YOUNG_GROWS_BELOW_BYTES = 56 * 1024 * 1024;
/** So many jobs at once are a backlog. */
const MANY = 16;
/** Between two looks at the heap, in jobs that came or left. */
const LOOK_EVERY = 64;
/** The smallest of so many looks is what lasts: some collections lie between them. A single look has the garbage in it, up to as much again. */
const LOOKS_KEPT = 16;

/** No job was in flight for so long. */
const CALM_MS = 1_000;

export type HeapRoom = {
  /** How many jobs are in flight, whenever that changes. */
  inFlight(jobs: number): void;
  /** All that waits was looked at for the first time. */
  looked(): void;
};

/** Stops this thread for about a millisecond for each MB that lasts. Only a daemon that began as bin/start.js wants it has it. */
function collectGarbage(): void {
  globalThis.gc?.();
}

/** V8 reads the flags at each collection; one that does not know them passes them over. */
export function makeHeapRoom(collect: () => void = collectGarbage): HeapRoom {
  let percent = NARROW_PERCENT;
  let isRoomy = false;
  let isYoungRoomy = false;
  let told = 0;
  let looks: number[] = [];
  let jobsNow = 0;
  let isDue = false;
  let calm: NodeJS.Timeout | undefined;
  const rest = (): void => {
    clearTimeout(calm);
    if (!isDue || jobsNow > 0) return;
    calm = setTimeout(() => {
      isDue = false;
      collect();
    }, CALM_MS).unref();
  };
  const grow = (next: number): void => {
    if (next !== percent) setFlagsFromString(`--heap-growing-percent=${String(next)}`);
    percent = next;
  };
  const growYoung = (next: boolean): void => {
    if (next !== isYoungRoomy) for (const flag of next ? ROOMY : NARROW) setFlagsFromString(flag);
    isYoungRoomy = next;
  };
  const inFlight = (jobs: number): void => {
    jobsNow = jobs;
    const wasRoomy = isRoomy;
    isRoomy = isRoomy ? jobs > 0 : jobs >= MANY;
    if (!isRoomy) {
      growYoung(false);
      grow(NARROW_PERCENT);
    } else if (!wasRoomy || ++told % LOOK_EVERY === 0) {
      const usedBytes = getHeapStatistics().used_heap_size;
      looks = [...(wasRoomy ? looks : []), usedBytes].slice(-LOOKS_KEPT);
      const lastsBytes = Math.min(...looks);
      growYoung(mayGrowYoung(lastsBytes));
      grow(growthPercent(lastsBytes, usedBytes));
    }
    if (isRoomy) isDue = true;
    rest();
  };
  return {
    inFlight,
    looked() {
      isDue = true;
      rest();
    },
  };
}

/** For a verb that goes through a whole history and then ends: roomy from now on. */
export const takeHeapRoom = (): void => {
  makeHeapRoom().inFlight(MANY);
};

/** @param lastsBytes of the heap */
export const mayGrowYoung = (lastsBytes: number): boolean => lastsBytes < YOUNG_GROWS_BELOW_BYTES;

/**
 * V8 takes the percentage of what is left after a collection. Of what was used before it, garbage and all, the heap would stop at 63 MB instead of 88, and a
 * backlog would be collected twice as often. Among many waiting files that is as it should be.
 */
export const growthPercent = (lastsBytes: number, usedBytes: number): number =>
  roomyPercent(mayGrowYoung(lastsBytes) ? lastsBytes : usedBytes);

/** @param usedBytes of the heap now */
export const roomyPercent = (usedBytes: number): number =>
  Math.max(NARROW_PERCENT, Math.min(ROOMY_PERCENT_MAX, Math.round(100 * (ROOMY_BYTES / usedBytes - 1))));
