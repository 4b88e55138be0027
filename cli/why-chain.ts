/** What `docket why` says of the chain of answers: what a prompt waits for and what would release it, and how an answer stands. From the history alone. */

import type { History } from '#core/history.ts';
import { isJobId, type FeatureId, type RoleName } from '#core/names.ts';
import { identityKey, type Dependency, type Identity } from '#core/prompt.ts';
import { describeStale, staleOf, usedIn, type MadeFrom } from '#core/stale.ts';
import { isAccepted, type Standing } from '#core/verdict.ts';
import type { Acceptance } from '#daemon/acceptance.ts';
import {
  describeDependency,
  describeMissing,
  isWanted,
  judgedWords,
  missingDependencies,
  type MissingWords,
} from '#daemon/dependencies.ts';
import { fullWords, makeAwaiting } from '#daemon/intake-awaiting.ts';
import { readFrontMatter } from '#prompt-spec/front-matter.ts';
import { isWaitingFile, peekOf } from './job-words.ts';
import type { HistoryRecord } from './job-words-find.ts';
import type { Sources } from './job-words-sources.ts';
import { acceptanceOf } from './why-acceptance.ts';

/** Files of one role that are opened to find the prompt that somebody waits for. */
const LOOKED_AT_MAX = 1_000;

/** Null: nothing was ever recorded. */
async function acceptanceIn(sources: Sources): Promise<{ readonly history: History; readonly acceptance: Acceptance } | null> {
  const history = await sources.history();
  return history === null ? null : { history, acceptance: acceptanceOf(history, sources.workspace, sources.roles) };
}

/** Of each dependency that is not accepted: why, and what would release it. */
export async function missingWords(sources: Sources, dependsOn: readonly Dependency[]): Promise<readonly MissingWords[]> {
  if (dependsOn.length === 0) return [];
  const found = await acceptanceIn(sources);
  const missing =
    found === null
      ? dependsOn.map((wanted) => ({ wanted, found: null, newest: null }))
      : await missingDependencies(found.acceptance, dependsOn);
  const words: MissingWords[] = [];
  for (const one of missing) words.push(describeMissing(one, one.newest === null ? await waitingFor(sources, one.wanted) : undefined));
  return words;
}

/** `ui/foo`: the waiting prompt that would answer it. */
async function waitingFor(sources: Sources, wanted: Dependency): Promise<string | null> {
  const folder = sources.roles.get(wanted.role)?.folder;
  if (folder === undefined) return null;
  for (const view of await sources.spool.list({ role: wanted.role, limit: LOOKED_AT_MAX })) {
    const peek = isWaitingFile(view) ? await peekOf(sources, folder, view) : null;
    if (peek !== null && isWanted(wanted, { ...peek, role: peek.agent })) return `${wanted.role}/${view.stem}`;
  }
  return null;
}

/** A feature that is closed takes no new prompts. */
export async function closedWords(sources: Sources, feature: FeatureId | null): Promise<MissingWords | null> {
  const history = feature === null ? null : await sources.history();
  if (history === null || feature === null) return null;
  const last = (await history.closings(feature)).at(-1);
  if (last?.kind !== 'closing') return null;
  return {
    because: `${feature} is closed and takes no more prompts, so this one is rejected when its turn comes`,
    next: `\`docket reopen ${feature}\` first, or cancel it`,
  };
}

/** review.awaiting_max holds its role back. */
export async function awaitingWords(sources: Sources, role: RoleName): Promise<MissingWords | null> {
  const max = sources.workspace.settings['review.awaiting_max'];
  const found = max === 0 ? null : await acceptanceIn(sources);
  if (found === null) return null;
  const awaiting = makeAwaiting({ ...found, max });
  await awaiting.refresh((await found.history.stamps([])).commit);
  const full = awaiting.full(role);
  return full === null ? null : { because: fullWords(role, full), next: 'give verdicts: `docket review`' };
}

/** An answer, and what a person could do about it. */
export async function standingWords(sources: Sources, record: HistoryRecord): Promise<readonly MissingWords[]> {
  const found = await acceptanceIn(sources);
  const standing = found === null ? null : await found.acceptance.standing(record.identity);
  if (found === null || standing === null) return [];
  const words = judgedWords(standing, describeDependency(record.identity));
  const stale = await staleWords(found, record.identity);
  const [first] = stale;
  return [first !== undefined && isAccepted(standing) ? { ...words, next: first.next } : words, ...stale];
}

async function staleWords(
  { history, acceptance }: { readonly history: History; readonly acceptance: Acceptance },
  identity: Identity,
): Promise<readonly MissingWords[]> {
  const answers: MadeFrom[] = [];
  const features = new Set<string>([identity.feature]);
  for (const feature of features)
    for await (const { identity: one, filed, evidence } of history.records({ feature })) {
      if (filed.status !== 'answered') continue;
      const used = evidence === null ? [] : usedIn(evidence);
      for (const upstream of used) features.add(upstream.feature);
      const standing: Standing = (await acceptance.standing(one)) ?? 'awaiting';
      answers.push({ identity: one, isAccepted: isAccepted(standing), used });
    }
  return (staleOf(answers).get(identityKey(identity)) ?? []).map((reason) => ({
    because: `it is stale: ${describeStale(reason)}`,
    next: `nothing is run again by itself: \`docket revise ${describeDependency({ ...identity, revision: null })}\` makes the next revision`,
  }));
}

const FRONT_MATTER = { promptBytes: 8_000_000, frontMatterBytes: 65_536 };

/** A prompt that an answer enqueued waits, as `.held`, until that answer is accepted. Null: it is held for something else. */
export async function parentWords(sources: Sources, prompt: Uint8Array | null): Promise<MissingWords | null> {
  const front = prompt === null ? null : readFrontMatter(prompt, FRONT_MATTER);
  const parent = front?.ok === true ? front.value.data['parent'] : null;
  const found = typeof parent === 'string' && isJobId(parent) ? await acceptanceIn(sources) : null;
  if (found === null || typeof parent !== 'string') return null;
  for await (const { identity } of found.history.records({ job: parent })) {
    const standing = await found.acceptance.standing(identity);
    if (standing === null || isAccepted(standing)) return null;
    const { because, next } = judgedWords(standing, describeDependency(identity));
    return { because: `it came out of an answer that is not accepted: ${because}`, next: `${next}; then it is released` };
  }
  return null;
}
