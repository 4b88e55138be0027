/** A hint says "look again" and nothing more: ten of them are one round, and a lost one costs one scan interval. */

import type { Clock } from '#core/ports.ts';

export type Hint = {
  /** From the watcher: something changed in in/. */
  poke(): void;
  /** From inside: a slot is free, a round is worth it; no new look at the folders. */
  wake(): void;
  /** Was there a poke since the last call? */
  take(): boolean;
  /** Resolves at the next poke or wake, after the wait, or when the signal aborts. */
  nextOr(ms: number, signal: AbortSignal): Promise<void>;
};

/** Nobody reads it. Without one an abort makes a DOMException with its stack, at each job's end. */
const WOKEN = 'woken';

export function makeHint(clock: Clock): Hint {
  let isPoked = false;
  let isAwake = false;
  let waiting: AbortController | null = null;
  const wake = (): void => {
    isAwake = true;
    waiting?.abort(WOKEN);
  };
  return {
    poke() {
      isPoked = true;
      wake();
    },
    wake,
    take() {
      const was = isPoked;
      isPoked = false;
      return was;
    },
    async nextOr(ms, signal) {
      if (!isAwake) {
        waiting = new AbortController();
        await clock.sleep(ms, AbortSignal.any([signal, waiting.signal]));
        waiting = null;
      }
      isAwake = false;
    },
  };
}
