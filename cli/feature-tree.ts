/** The chain of a feature as a tree: each series once, below the one that it waits for longest; what it waits for besides is said beside it. Pure. */

import type { RoleName } from '#core/names.ts';
import { sameFeature, type FeatureId } from '#core/names.ts';
import type { Dependency } from '#core/prompt.ts';
import { isAccepted } from '#core/verdict.ts';
import { ON_HOLD, seriesId, type FeatureFacts, type Revision, type Series } from './feature-facts.ts';

export type Node = {
  readonly id: string;
  readonly series: Series;
  /** Why it stands below its parent. */
  readonly link: 'depends_on' | 'parent' | 'next' | null;
  /** What its newest revision waits for, in words; empty: nothing. */
  readonly waitsFor: readonly string[];
  readonly children: readonly Node[];
};

const newestOf = ({ revisions }: Series): Revision => revisions[0] as Revision;
const isOver = ({ state, file }: Revision): boolean => file === null && ['answered', 'briefed', 'failed', 'cancelled'].includes(state);

/** @param next roles that follow a role (role.yaml) */
export function treeOf(facts: Pick<FeatureFacts, 'feature' | 'series'>, next: ReadonlyMap<RoleName, readonly RoleName[]>): readonly Node[] {
  const { series } = facts;
  const byId = new Map(series.map((one) => [seriesId(one), one]));
  const links = new Map<string, { readonly parent: string; readonly link: NonNullable<Node['link']> }[]>();
  for (const one of series) {
    const { dependsOn, parent } = newestOf(one);
    const id = seriesId(one);
    const needs = dependsOn
      .filter(({ feature }) => isSame(feature, facts.feature))
      .map(idOf)
      .filter((need) => byId.has(need) && need !== id);
    const mother = series.find((other) => other !== one && other.revisions.some(({ job }) => job !== null && job === parent));
    const before = series.filter((other) => other !== one && (next.get(other.role) ?? []).includes(one.role));
    const found = [
      ...needs.map((need) => ({ parent: need, link: 'depends_on' as const })),
      ...(mother === undefined ? [] : [{ parent: seriesId(mother), link: 'parent' as const }]),
    ];
    links.set(id, found.length > 0 ? found : before.slice(0, 1).map((other) => ({ parent: seriesId(other), link: 'next' as const })));
  }
  const depths = new Map<string, number>();
  const depthOf = (id: string, below: ReadonlySet<string>): number => {
    const known = depths.get(id);
    if (known !== undefined) return known;
    const inner = new Set([...below, id]);
    const depth =
      Math.max(-1, ...(links.get(id) ?? []).filter(({ parent }) => !inner.has(parent)).map(({ parent }) => depthOf(parent, inner))) + 1;
    if (below.size === 0) depths.set(id, depth);
    return depth;
  };
  const chosen = new Map(
    series.map((one) => {
      const id = seriesId(one);
      const [deepest] = (links.get(id) ?? []).toSorted((a, b) => depthOf(b.parent, new Set()) - depthOf(a.parent, new Set()));
      return [id, deepest ?? null] as const;
    }),
  );
  const placed = new Set<string>();
  const nodeOf = (id: string): Node => {
    placed.add(id);
    const one = byId.get(id) as Series;
    const children = [...byId.keys()].filter((other) => chosen.get(other)?.parent === id && !placed.has(other));
    const waitsFor = isOver(newestOf(one))
      ? []
      : [...releaseWords(newestOf(one), series), ...newestOf(one).dependsOn.flatMap((need) => waitsWords(need, facts, byId) ?? [])];
    return { id, series: one, link: chosen.get(id)?.link ?? null, waitsFor, children: children.map(nodeOf) };
  };
  const roots = [...byId.keys()].filter((id) => (chosen.get(id) ?? null) === null).map(nodeOf);
  // What waits for itself over others has no beginning: it begins with the first of them.
  for (const id of byId.keys()) if (!placed.has(id)) roots.push(nodeOf(id));
  return roots;
}

const isSame = (one: string, other: string): boolean => sameFeature(one as FeatureId, other as FeatureId);
const idOf = ({ role, name }: Pick<Dependency, 'role' | 'name'>): string => seriesId({ role, name });

/** A prompt that came out of an answer waits for its approval. */
function releaseWords({ state, parent }: Revision, series: readonly Series[]): readonly string[] {
  if (state !== ON_HOLD) return [];
  for (const one of series)
    for (const { job, revision } of one.revisions)
      if (job !== null && job === parent) return [`the approval of ${seriesId(one)}@${String(revision)}, which it came out of`];
  return ['a person (`docket release`)'];
}

/** Null: it is accepted. */
function waitsWords(need: Dependency, facts: Pick<FeatureFacts, 'feature'>, byId: ReadonlyMap<string, Series>): string | null {
  const shown = `${isSame(need.feature, facts.feature) ? '' : `${need.feature}/`}${idOf(need)}${need.revision === null ? '' : `@${String(need.revision)}`}`;
  if (!isSame(need.feature, facts.feature)) return `${shown}, of another feature`;
  const revisions = (byId.get(idOf(need))?.revisions ?? []).filter(({ revision }) => need.revision === null || revision === need.revision);
  if (revisions.some(({ standing }) => standing !== null && isAccepted(standing))) return null;
  const [newest] = revisions;
  if (newest === undefined) return `${shown}, which has no prompt yet`;
  return `${shown}, which is ${newest.standing === null ? newest.state : newest.standing === 'awaiting' ? 'awaiting a verdict' : newest.standing}`;
}
