/** Providers with limits, for simulations: what a request comes to, and when it would come to something again. Time is the test's. */

import { epochIso } from '#tools/read-output.ts';

/** How a provider tells the end of a limit: in seconds, in milliseconds, not at all. */
export type Telling = 'seconds' | 'milliseconds' | 'nothing';
export type Reply = { readonly ok: true } | { readonly ok: false; readonly resumeAt: string | null; readonly resetMs: number };

export type Provider = {
  /** A request at this moment (wall clock, ms). */
  ask(nowMs: number): Reply;
  /** Answers that the best of all clients gets until then, with so many at a time of this length. */
  best(fromMs: number, untilMs: number, slots: number, runMs: number): number;
};

const tell = (resetMs: number, telling: Telling): string | null =>
  telling === 'nothing' ? null : epochIso(telling === 'seconds' ? Math.ceil(resetMs / 1_000) : resetMs);

/** So many requests in each window, as a subscription counts them. */
export function makeQuota(count: number, windowMs: number, telling: Telling): Provider {
  let window = 0;
  let used = 0;
  return {
    ask(nowMs) {
      const now = Math.floor(nowMs / windowMs);
      if (now !== window) used = 0;
      window = now;
      if (used < count) {
        used++;
        return { ok: true };
      }
      const resetMs = (now + 1) * windowMs;
      return { ok: false, resumeAt: tell(resetMs, telling), resetMs };
    },
    best(fromMs, untilMs, slots, runMs) {
      let all = 0;
      for (let startMs = fromMs; startMs < untilMs;) {
        const endMs = Math.min(untilMs, (Math.floor(startMs / windowMs) + 1) * windowMs);
        all += Math.min(count, Math.floor((slots * (endMs - startMs)) / runMs));
        startMs = endMs;
      }
      return all;
    },
  };
}

/** Shut from one moment to another, again and again: a shared quota that others use up. Times in ms of the wall clock, in order. */
export function makeEpisodes(shut: readonly (readonly [fromMs: number, untilMs: number])[], telling: Telling): Provider {
  return {
    ask(nowMs) {
      const episode = shut.find(([fromMs, untilMs]) => nowMs >= fromMs && nowMs < untilMs);
      return episode === undefined ? { ok: true } : { ok: false, resumeAt: tell(episode[1], telling), resetMs: episode[1] };
    },
    best(fromMs, untilMs, slots, runMs) {
      const shutMs = shut.reduce((sum, [from, until]) => sum + Math.max(0, Math.min(until, untilMs) - Math.max(from, fromMs)), 0);
      return Math.floor((slots * (untilMs - fromMs - shutMs)) / runMs);
    },
  };
}

/** A series of numbers from 0 to 1 that is the same each time (mulberry32). */
export function makeSeries(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
