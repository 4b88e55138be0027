/** Chance that can be repeated: the same seed gives the same story, as far as the machine's own timing lets it. */

export type Chance = {
  readonly seed: number;
  /** From 0 up to, not including, 1. */
  next(): number;
  /** A whole number, both ends included. */
  between(low: number, high: number): number;
  pick<T>(from: readonly T[]): T;
  /** True in so many of a hundred cases. */
  percent(share: number): boolean;
};

const SEED_VARIABLE = 'DOCKET_FAULTS_SEED';

/** @param seed default: `DOCKET_FAULTS_SEED`, else another one each time; it is printed with the result */
export function makeChance(seed = Number(process.env[SEED_VARIABLE] ?? Date.now() % 1_000_000_007)): Chance {
  let state = seed >>> 0;
  // mulberry32 by Tommy Ettinger, public domain.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    seed,
    next,
    between,
    pick: (from) => {
      const one = from[between(0, from.length - 1)];
      if (one === undefined) throw new Error('nothing to pick from');
      return one;
    },
    percent: (share) => next() * 100 < share,
  };
}
