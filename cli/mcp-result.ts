/** The tool get_result: what `docket wait` and `docket show` say of a job, and a bounded part of the recorded answer. The answer is data: nothing here reads it. */

import { addShow } from './show.ts';
import { addWait } from './wait.ts';
import type { Common, Io } from './io.ts';
import { textOf } from './job-words.ts';
import { withSources, type Sources } from './job-words-sources.ts';
import { callVerb } from './mcp-call.ts';
import { SHOWN, type Shown } from './mcp-shapes.ts';
import { reviewItems } from './reviews.ts';

export type Part = { readonly text: string; readonly offset: number; readonly total_chars: number; readonly next_offset: number | null };

/** What people said of it. `standing` null: there is no answer to judge. */
export type Review = {
  readonly standing: string | null;
  readonly verdicts: readonly { readonly verdict: string; readonly by: string; readonly at: string; readonly comment: string | null }[];
};
export type ResultFacts = { readonly shown: Shown; readonly review: Review; readonly result: Part | null };

/** @param waitMs how long it may wait for the end first */
export async function resultOf(
  io: Io,
  common: Common,
  job: string,
  offset: number,
  charsMax: number,
  waitMs: number,
): Promise<ResultFacts> {
  if (waitMs > 0) await callVerb(io, common, addWait, ['wait', `--timeout=${String(Math.ceil(waitMs / 1000))}`, '--', job]);
  const shown = SHOWN.parse((await callVerb(io, common, addShow, ['show', '--', job])).data);
  return withSources(io, common, async (sources) => {
    const text = await textOfResult(sources, shown);
    return { shown, review: await reviewOf(sources, shown), result: text === null ? null : partOf(text, offset, charsMax) };
  });
}

async function reviewOf(sources: Sources, { state, feature, role, prompt_name: name, revision }: Shown): Promise<Review> {
  if (state !== 'answered' || feature === null) return { standing: null, verdicts: [] };
  const items = await reviewItems(sources, { feature, role });
  const item = items.find(({ identity }) => identity.name === name && identity.revision === revision);
  const said = (item?.verdicts ?? []).map(({ verdict: { verdict, by, at, comment } }) => ({ verdict, by: by.name, at, comment }));
  return { standing: item?.standing ?? null, verdicts: said };
}

async function textOfResult(sources: Sources, shown: Shown): Promise<string | null> {
  const recorded = shown.history === null ? null : `${shown.history.folder}/result_v${String(shown.revision)}.md`;
  const bytes = recorded === null ? null : await (await sources.history())?.read(recorded);
  if (bytes !== null && bytes !== undefined) return new TextDecoder().decode(bytes);
  const published = shown.files.find((file) => file.endsWith('_result.md'));
  return published === undefined ? null : textOf(sources, published, sources.workspace.settings['limits.answer_bytes']);
}

/** A character of two code units is never cut in two. */
function partOf(text: string, offset: number, charsMax: number): Part {
  const isLow = (at: number): boolean => /^[\udc00-\udfff]$/.test(text.charAt(at));
  const start = Math.min(isLow(offset) ? offset + 1 : offset, text.length);
  let end = Math.min(start + charsMax, text.length);
  if (end < text.length && isLow(end)) end -= 1;
  return { text: text.slice(start, end), offset: start, total_chars: text.length, next_offset: end < text.length ? end : null };
}
