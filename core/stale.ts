/**
 * Staleness: an answer was made with accepted answers of others in its brief, and one of those is not the one that counts any more. Plain data in,
 * plain data out, so that status, the tree of a feature and `why` say the same. It is shown; nothing is ever run again because of it.
 *
 *   fresh -> stale: a newer revision of what it used was accepted, or that one is accepted no more, or is stale itself
 *
 * Invariant: an answer that used nothing is fresh; what is not known (a series that is not among the answers) makes nothing stale.
 */

import { parseFeature, parsePromptName, parseRoleFolder, parseRoleName } from './names.ts';
import { identityKey, type Identity } from './prompt.ts';

/** A recorded answer, with what stood in its brief. */
export type MadeFrom = {
  readonly identity: Identity;
  /** isAccepted of its standing (core/verdict.ts). */
  readonly isAccepted: boolean;
  /** Accepted answers that its brief had as context: `usedIn` reads them from its evidence. */
  readonly used: readonly Identity[];
};

export type StaleReason = {
  /** What stood in the brief. */
  readonly used: Identity;
  /** newer: revision `by` is accepted now; withdrawn: it is accepted no more, and no newer one is; upstream: it is stale itself. */
  readonly why: 'newer' | 'withdrawn' | 'upstream';
  readonly by: number | null;
};

const seriesKey = ({ feature, role, name }: Identity): string => identityKey({ feature, role, name, revision: 0 });

/**
 * Those that are stale, by identityKey, each with every reason. What is not in it is fresh.
 * @param answers of the features that are shown and of those that they name; more does no harm
 */
export function staleOf(answers: readonly MadeFrom[]): ReadonlyMap<string, readonly StaleReason[]> {
  const byIdentity = new Map(answers.map((one) => [identityKey(one.identity), one]));
  const newest = new Map<string, number>();
  for (const { identity, isAccepted } of answers)
    if (isAccepted) newest.set(seriesKey(identity), Math.max(identity.revision, newest.get(seriesKey(identity)) ?? 0));

  const known = new Map<string, readonly StaleReason[]>();
  const reasonsOf = (key: string): readonly StaleReason[] => {
    const before = known.get(key);
    if (before !== undefined) return before;
    // Two that used each other, which only a hand could have written, come to an end here.
    known.set(key, []);
    const reasons = (byIdentity.get(key)?.used ?? []).flatMap((used): StaleReason[] => {
      const usedKey = identityKey(used);
      const upstream = byIdentity.get(usedKey);
      if (upstream === undefined) return [];
      const by = newest.get(seriesKey(used)) ?? null;
      if (by !== null && by > used.revision) return [{ used, why: 'newer', by }];
      if (!upstream.isAccepted) return [{ used, why: 'withdrawn', by: null }];
      return reasonsOf(usedKey).length > 0 ? [{ used, why: 'upstream', by: null }] : [];
    });
    known.set(key, reasons);
    return reasons;
  };

  const stale = new Map<string, readonly StaleReason[]>();
  for (const key of byIdentity.keys()) {
    const reasons = reasonsOf(key);
    if (reasons.length > 0) stale.set(key, reasons);
  }
  return stale;
}

const nameOf = ({ feature, role, name }: Identity): string => `${feature}/${role}${name === null ? '' : `/${name}`}`;

/** `FEAT-1/architect@2 is accepted, and revision 1 of it stood in the brief` */
export function describeStale({ used, why, by }: StaleReason): string {
  const at = `${nameOf(used)}@${String(used.revision)}`;
  if (why === 'newer') return `${nameOf(used)}@${String(by)} is accepted now, and it was made with ${at}`;
  return why === 'withdrawn' ? `it was made with ${at}, which is accepted no more` : `it was made with ${at}, which is stale itself`;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
const listIn = (of: Readonly<Record<string, unknown>>, key: string): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(of[key]) ? (of[key] as readonly unknown[]).filter(isObject) : [];

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function identityIn(fact: Readonly<Record<string, unknown>>): Identity | null {
  const { revision } = fact;
  const feature = parseFeature(textOf(fact['feature']));
  const role = parseRoleName(textOf(fact['role']));
  const name = fact['name'] === null ? null : parsePromptName(textOf(fact['name']));
  if (!feature.ok || !role.ok || name?.ok === false || typeof revision !== 'number') return null;
  return { feature: feature.value.id, role: role.value, name: name?.value ?? null, revision };
}

/** `FEAT-1-filters/01-architect/result_v2.md`, or `FEAT-1/03-ui/filter-panel/result_v1.md`: how a docket before verdicts named what a brief held. */
function identityOfPath(path: string): Identity | null {
  const parts = path.split('/');
  const revision = /^result_v([1-9][0-9]{0,8})\.md$/.exec(parts.at(-1) ?? '')?.[1];
  const feature = parseFeature(parts[0] ?? '');
  const folder = parseRoleFolder(parts[1] ?? '');
  const name = parts.length === 4 ? parsePromptName(parts[2] ?? '') : null;
  if (revision === undefined || !feature.ok || !folder.ok || name?.ok === false || parts.length > 4 || parts.length < 3) return null;
  return { feature: feature.value.id, role: folder.value.name, name: name?.value ?? null, revision: Number(revision) };
}

/** What stood in the brief of a run, by its evidence (any version of docket). Nothing when it is no such document. */
export function usedIn(evidence: string): readonly Identity[] {
  let document: unknown;
  try {
    document = JSON.parse(evidence);
  } catch {
    return [];
  }
  const predicate = isObject(document) ? document['predicate'] : null;
  if (!isObject(predicate)) return [];
  const told = listIn(predicate, 'context').map(identityIn);
  const found = told.length > 0 ? told : contextMaterials(predicate).map(identityOfPath);
  return found.filter((one) => one !== null);
}

const contextMaterials = (predicate: Readonly<Record<string, unknown>>): readonly string[] =>
  listIn(predicate, 'materials').flatMap(({ role, name }) => (role === 'context' && typeof name === 'string' ? [name] : []));
