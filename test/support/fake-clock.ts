/** A clock that a test moves: it writes down what it was asked to sleep, and nothing waits for real. */

import type { Clock } from '#core/ports.ts';

export type FakeClock = Clock & {
  /** Milliseconds of every sleep that was asked for, in order. */
  readonly sleeps: readonly number[];
  /** Moves time; sleeps that are over resolve, in order. */
  advance(ms: number): Promise<void>;
};

export function makeFakeClock(start = '2026-11-20T12:00:00.000Z'): FakeClock {
  let nowMs = 0;
  const startMs = Date.parse(start);
  const sleeps: number[] = [];
  const waiting = new Set<{ readonly untilMs: number; readonly wake: () => void }>();
  return {
    sleeps,
    now: () => new Date(startMs + nowMs),
    monotonicMs: () => nowMs,
    async sleep(ms, signal) {
      sleeps.push(ms);
      if (signal?.aborted === true) return;
      await new Promise<void>((resolve) => {
        const one = {
          untilMs: nowMs + ms,
          wake: () => {
            waiting.delete(one);
            resolve();
          },
        };
        waiting.add(one);
        signal?.addEventListener('abort', one.wake, { once: true });
      });
    },
    async advance(ms) {
      nowMs += ms;
      for (const one of [...waiting].toSorted((a, b) => a.untilMs - b.untilMs)) if (one.untilMs <= nowMs) one.wake();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
