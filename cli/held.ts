/** Prompts that are held and never ran, as the verbs tell of them: why, and of which answer (daemon/held.ts has the words). */

import type { JobView } from '#core/job.ts';
import { parseStem, type JobId } from '#core/names.ts';
import type { Identity } from '#core/prompt.ts';
import { isAccepted, type Standing } from '#core/verdict.ts';
import { heldBecause, type HeldFacts } from '#daemon/held.ts';
import { holdOf, type HeldName } from '#daemon/holds.ts';
import { makeDigest } from '#platform/digest.ts';
import type { Sources } from './job-words-sources.ts';
import { reviewItems } from './reviews.ts';

/** `FEAT-1/meta@1`, `FEAT-1/ui/filter-panel@2`. */
export const parentWords = ({ feature, role, name, revision }: Identity): string =>
  `${feature}/${role}${name === null ? '' : `/${name}`}@${String(revision)}`;

export const holdPorts = ({ fs, workspace }: Pick<Sources, 'fs' | 'workspace'>): Parameters<typeof holdOf>[0] => ({
  fs,
  digest: makeDigest(),
  state: workspace.state,
});

/** Null: it is no held prompt. */
export function heldName(view: Pick<JobView, 'role' | 'stem' | 'held'>): HeldName | null {
  const stem = parseStem(view.stem);
  return view.held === undefined || !stem.ok ? null : { role: view.role, stem: stem.value, parent: view.held.parent };
}

type Parent = Pick<HeldFacts, 'parent' | 'standing' | 'supersededBy'>;
const NO_PARENT: Parent = { parent: null, standing: null, supersededBy: null };

/** Why each is held; what is found out about an answer serves all its prompts. Null: it is no held prompt. */
export function heldReasons(
  sources: Sources,
): (view: Pick<JobView, 'role' | 'stem' | 'held'>) => Promise<{ readonly words: string; readonly facts: HeldFacts } | null> {
  const parents = new Map<JobId, Promise<Parent>>();
  return async (view) => {
    const held = heldName(view);
    if (held === null) return null;
    const hold = await holdOf(holdPorts(sources), held);
    let parent: Parent = NO_PARENT;
    if (held.parent !== null) {
      const known = parents.get(held.parent) ?? parentOf(sources, held.parent);
      parents.set(held.parent, known);
      parent = await known;
    }
    const facts = { ...parent, hold };
    return { words: heldBecause(facts), facts };
  };
}

/** For `docket why`: what keeps a held prompt, and what lets it go. Null: it is none, or it waits for the approval of its answer (why-chain.ts). */
export async function heldWhy(
  sources: Sources,
  view: Pick<JobView, 'role' | 'stem' | 'held'> | null,
): Promise<{ readonly because: string; readonly next: string } | null> {
  const why = view === null ? null : await heldReasons(sources)(view);
  if (why === null || view === null) return null;
  const { hold, parent, supersededBy, standing } = why.facts;
  const isWaiting = hold === null && parent !== null && supersededBy === null && standing !== null && !isAccepted(standing);
  return isWaiting ? null : { because: why.words, next: `\`docket release ${view.role}/${view.stem}\` lets it go` };
}

async function parentOf(sources: Sources, job: JobId): Promise<Parent> {
  const identity = await identityOf(sources, job);
  if (identity === null) return { parent: `job ${job}`, standing: null, supersededBy: null };
  const { feature, role, name } = identity;
  const series = (await reviewItems(sources, { feature, role })).filter((item) => item.identity.name === name);
  const standing: Standing | null = series.find((item) => item.identity.revision === identity.revision)?.standing ?? null;
  const newer = series.filter((item) => item.identity.revision > identity.revision && isAccepted(item.standing));
  const newest = newer.toSorted((a, b) => b.identity.revision - a.identity.revision)[0];
  return { parent: parentWords(identity), standing, supersededBy: newest === undefined ? null : parentWords(newest.identity) };
}

async function identityOf(sources: Sources, job: JobId): Promise<Identity | null> {
  const history = await sources.history();
  if (history === null) return null;
  for await (const { identity } of history.records({ job })) return identity;
  return null;
}
