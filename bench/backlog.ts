/** A backlog on both sides, from the first file to the last `.processed`. */

import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makePlace, watchEnds, type Place } from './place.ts';
import { startBaseline } from './process.ts';
import { promptOf, type Prompt } from './prompts.ts';

/** Says on standard error what is being done. */
export type Progress = (what: string) => void;

export const series = (count: number, from = 0, more = ''): Prompt[] => Array.from({ length: count }, (_, n) => promptOf(from + n, more));
export const grouped = (count: number): string => count.toLocaleString('en');

export async function inPlace<T>(act: (place: Place) => Promise<T>): Promise<T> {
  const place = makePlace();
  try {
    return await act(place);
  } finally {
    place.remove();
  }
}

/** All at once by rename into inboxes that are watched; ms until the last has ended. */
export async function drain(
  place: Place,
  inboxes: readonly string[],
  prompts: readonly Prompt[],
  inboxOf: (prompt: Prompt) => string,
): Promise<number> {
  for (const prompt of prompts) writeFileSync(path.join(place.staging, `${prompt.stem}.md`), prompt.text);
  const ends = watchEnds(inboxes);
  try {
    const end = ends.count(prompts.length);
    const startMs = performance.now();
    for (const prompt of prompts)
      renameSync(path.join(place.staging, `${prompt.stem}.md`), path.join(inboxOf(prompt), `${prompt.stem}.md`));
    return (await end) - startMs;
  } finally {
    ends.close();
  }
}

/** The script starts when all files are there, so it never waits for its next round. */
export async function baselineBacklog(
  place: Place,
  baseline: { readonly root: string; readonly inbox: string },
  count: number,
): Promise<number> {
  for (const prompt of series(count)) writeFileSync(path.join(baseline.inbox, `${prompt.stem}.md`), prompt.text);
  const ends = watchEnds([baseline.inbox]);
  const end = ends.count(count);
  const startMs = performance.now();
  const script = startBaseline(baseline.root, place.base);
  try {
    return (await end) - startMs;
  } finally {
    ends.close();
    await script.stop();
  }
}
