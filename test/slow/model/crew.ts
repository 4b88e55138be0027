/** Shares of the model's work, as many at a time as there are processors. */

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Found, Options } from './explore.ts';

/** Leaves out nothing, but tells where syncs are. */
export const ALL_SITES = 'all';

export type Work = Omit<Options, 'leavesOut'> & {
  readonly scenario: string;
  /** The syncs that are left out (sites.ts); null: none. */
  readonly site: string | null;
  /** Single faults of the disk instead of crashes. */
  readonly faults: boolean;
};
export type Done = Found & {
  /** Where syncs were asked for, and why. */
  readonly sites: readonly (readonly [string, string])[];
  /** How many single faults were tried. */
  readonly faults: number;
};

/** How many different keys there are; shares of one scenario come by the same worlds. */
export function distinct(lists: readonly Float64Array[]): number {
  const all = new Float64Array(lists.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const list of lists) {
    all.set(list, offset);
    offset += list.length;
  }
  let count = 0;
  let before = Number.NaN;
  for (const key of all.toSorted()) {
    if (key !== before) count++;
    before = key;
  }
  return count;
}

const one = async (work: Work): Promise<Done> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('worker.ts', import.meta.url), {
      workerData: work,
      resourceLimits: { maxYoungGenerationSizeMb: 96 },
    });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => {
      reject(new Error(`a worker of the model ended with ${String(code)} and said nothing`));
    });
  });

/** @returns answers in the order of the work */
export async function together(works: readonly Work[], width = availableParallelism()): Promise<readonly Done[]> {
  const done: Done[] = [];
  let next = 0;
  const hand = async (): Promise<void> => {
    for (let index = next++; index < works.length; index = next++) {
      const work = works[index];
      if (work !== undefined) done[index] = await one(work);
    }
  };
  await Promise.all(Array.from({ length: width }, hand));
  return done;
}
