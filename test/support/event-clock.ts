/**
 * A clock for simulations: time goes from one sleeper's end to the next, so that a day passes in as long as its events take. The wall clock can be set
 * apart from the monotonic one.
 */

import type { Clock } from '#core/ports.ts';

export type EventClock = Clock & {
  /** Sets the wall clock forward or back; nothing that waits is woken. */
  setWall(byMs: number): void;
  /** Lets time pass until this monotonic moment, or until nothing sleeps before it. */
  runUntil(ms: number): Promise<void>;
  /** Until the answer is true; fails when nothing sleeps any more. */
  runWhile(isGoing: () => boolean): Promise<void>;
};

type Sleeper = { readonly atMs: number; readonly n: number; readonly wake: () => void };

/** All microtasks, and what they ask for in turn. */
const settled = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function makeEventClock(start = '2026-11-20T12:00:00.000Z'): EventClock {
  const startMs = Date.parse(start);
  let nowMs = 0;
  let stepMs = 0;
  let n = 0;
  const sleepers: Sleeper[] = [];
  const isBefore = (a: Sleeper, b: Sleeper): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.n < b.n);
  const add = (one: Sleeper): void => {
    let low = 0;
    let high = sleepers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(sleepers[middle] as Sleeper, one)) low = middle + 1;
      else high = middle;
    }
    sleepers.splice(low, 0, one);
  };
  const step = async (untilMs: number): Promise<boolean> => {
    const next = sleepers[0];
    if (next === undefined || next.atMs > untilMs) return false;
    sleepers.shift();
    nowMs = Math.max(nowMs, next.atMs);
    next.wake();
    await settled();
    return true;
  };
  return {
    now: () => new Date(startMs + nowMs + stepMs),
    monotonicMs: () => nowMs,
    async sleep(ms, signal) {
      if (signal?.aborted === true) return;
      await new Promise<void>((resolve) => {
        const one: Sleeper = {
          atMs: nowMs + ms,
          n: n++,
          wake: () => {
            signal?.removeEventListener('abort', leave);
            resolve();
          },
        };
        const leave = (): void => {
          const at = sleepers.indexOf(one);
          if (at !== -1) sleepers.splice(at, 1);
          resolve();
        };
        add(one);
        signal?.addEventListener('abort', leave, { once: true });
      });
    },
    setWall(byMs) {
      stepMs += byMs;
    },
    async runUntil(ms) {
      await settled();
      while (await step(ms));
      nowMs = Math.max(nowMs, ms);
      await settled();
    },
    async runWhile(isGoing) {
      await settled();
      while (isGoing()) if (!(await step(Number.POSITIVE_INFINITY))) throw new Error('everything waits, and nothing sleeps');
    },
  };
}
