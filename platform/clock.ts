/** Time as the port `Clock`: a wall clock for people, a monotonic one for waits, so that a stepped clock moves no deadline. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '#core/ports.ts';

/** Longest delay setTimeout takes; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Not `performance.now()`: naming it loads all of node:perf_hooks, which costs the keeper half a megabyte. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

export function makeClock(): Clock {
  return {
    now: () => new Date(),
    monotonicMs,
    async sleep(ms, signal) {
      if (ms === 0) {
        // The first turn may be the rest of one in which the system was already asked for news; the second asks.
        await nextTurn();
        await nextTurn();
        return;
      }
      const untilMs = monotonicMs() + ms;
      // A timer may fire up to a millisecond early; the second round waits out the rest.
      for (let leftMs = ms; leftMs > 0; leftMs = untilMs - monotonicMs()) {
        if (signal?.aborted === true) return;
        await pause(Math.min(Math.ceil(leftMs), LONGEST_TIMER_MS), signal);
      }
    },
  };
}
