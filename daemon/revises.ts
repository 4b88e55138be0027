/** `revises` of a prompt as evidence has it: the record before it, by job and hashes, looked up in the history when the job ends (docs/revise.md). */

import type { Predicate } from '#core/evidence.ts';
import type { History } from '#core/history.ts';
import type { Prompt } from '#core/prompt.ts';
import { parseDependency } from '#prompt-spec/dependency.ts';

/** Nothing to add when the prompt says nothing. */
export async function revisesOf(history: Pick<History, 'find'>, { rest }: Pick<Prompt, 'rest'>): Promise<Pick<Predicate, 'revises'>> {
  const record = rest['revises'];
  if (typeof record !== 'string') return {};
  const parsed = parseDependency(record);
  const wanted = parsed.ok ? parsed.value : null;
  const isWhole = wanted !== null && wanted.feature !== null && wanted.revision !== null;
  const filed = isWhole ? await history.find({ ...wanted, feature: wanted.feature, revision: wanted.revision }) : null;
  return {
    revises: {
      record,
      job: filed?.job ?? null,
      promptSha256: filed?.promptSha256 ?? null,
      resultSha256: filed?.resultSha256 ?? null,
    },
  };
}
