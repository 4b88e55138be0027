/**
 * What counts: which recorded answers are accepted, by the verdicts that lie beside them in history. Dependents, children and `docket next` ask here,
 * and core/verdict.ts alone makes of verdicts a standing.
 *
 *   asked -> (the feature is the same as when it was read) remembered  |  read again
 *
 * Invariant: nothing is remembered for longer than the feature's folder in the tip is the same, so a verdict counts as soon as it is committed; what is
 * asked about a feature that did not change costs no walk.
 */

import type { Filed, History } from '#core/history.ts';
import { sameFeature, type FeatureId, type RoleName } from '#core/names.ts';
import { identityKey, type Identity } from '#core/prompt.ts';
import type { Role } from '#core/role.ts';
import { isAccepted, standingOf, type Judged, type ReviewRule, type Standing } from '#core/verdict.ts';
import { authorOf } from '#prompt-spec/author.ts';

export type Series = Pick<Identity, 'feature' | 'role' | 'name'>;

/** A prompt as it stands in history. */
export type Recorded = {
  readonly identity: Identity;
  readonly filed: Filed;
  /** In the repository. */
  readonly folder: string;
  /** Null: it has no answer (yet), so there is nothing to judge. */
  readonly standing: Standing | null;
  /** Approvals of these very bytes, oldest first. */
  readonly approvals: readonly Judged[];
};

export type AcceptancePorts = {
  readonly history: Pick<History, 'records' | 'verdicts' | 'read' | 'stamps'>;
  readonly roles: ReadonlyMap<RoleName, Role>;
  readonly settings: { readonly 'review.unreviewed_roles': readonly string[]; readonly 'review.awaiting_max'?: number };
};

export type Acceptance = {
  /**
   * All recorded prompts of a series, newest revision first.
   * @param stamp of its feature (history.stamps), by whoever has just asked for many; left out: it is asked for
   */
  of(series: Series, stamp?: string): Promise<readonly Recorded[]>;
  /** False: answers of this role count without one. */
  needsVerdict(role: RoleName): boolean;
  /** Null: it is not answered, or not recorded. */
  standing(identity: Identity): Promise<Standing | null>;
  /** Null: no revision of it is accepted. */
  newestAccepted(series: Series): Promise<Recorded | null>;
  /** Told that a verdict may have come: whoever waits looks again. */
  touch(): void;
  /** Told that this daemon has recorded an answer. */
  recorded(identity: Identity): void;
  /** Grows with each such word. */
  news(): number;
};

/** What a person's verdict is needed for. A role may say `review: none`, and that counts only where the committed settings name it and it changes nothing. */
export const ruleOf = (role: Role | undefined, unreviewed: readonly string[]): ReviewRule =>
  role === undefined
    ? { review: 'required', reviewers: 1, authorMayApprove: true }
    : {
        review: role.review === 'none' && role.emits === 'document' && unreviewed.includes(role.name) ? 'none' : 'required',
        reviewers: role.reviewers,
        authorMayApprove: role.authorMayApprove,
      };

/** Features whose answers are remembered; some 500 B for each revision. */
const FEATURES_MAX = 5_000;

type Known = { readonly stamp: string; readonly byRole: Map<RoleName, Promise<readonly Recorded[]>> };

export function makeAcceptance({ history, roles, settings }: AcceptancePorts): Acceptance {
  /** By feature, the one that was asked for longest ago first. */
  const known = new Map<string, Known>();
  let news = 0;

  const knownOf = async (feature: FeatureId, asked: string | undefined): Promise<Known> => {
    const key = feature.toLowerCase();
    const stamp = asked ?? (await history.stamps([feature])).features[0] ?? '';
    const before = known.get(key);
    const now = before?.stamp === stamp ? before : { stamp, byRole: new Map() };
    known.delete(key);
    known.set(key, now);
    for (const oldest of known.keys()) {
      if (known.size <= FEATURES_MAX) break;
      known.delete(oldest);
    }
    return now;
  };

  const read = async (feature: FeatureId, role: RoleName): Promise<readonly Recorded[]> => {
    const judged = await history.verdicts({ feature, role });
    const byIdentity = Map.groupBy(judged, ({ identity }) => identityKey(identity));
    const rule = ruleOf(roles.get(role), settings['review.unreviewed_roles']);
    const found: Recorded[] = [];
    for await (const { identity, filed, folder } of history.records({ feature, role })) {
      if (!sameFeature(identity.feature, feature) || identity.role !== role) continue;
      const mine = byIdentity.get(identityKey(identity)) ?? [];
      const { resultSha256 } = filed;
      const isAnswered = filed.status === 'answered' && resultSha256 !== null;
      // Only where it matters who wrote the prompt.
      const needsAuthor = isAnswered && mine.length > 0 && !rule.authorMayApprove;
      const author = needsAuthor ? authorOf(await history.read(`${folder}/prompt_v${String(identity.revision)}.md`)) : null;
      const verdicts = mine.map(({ verdict }) => verdict);
      found.push({
        identity,
        filed,
        folder,
        standing: isAnswered ? standingOf(rule, verdicts, { resultSha256, author }) : null,
        approvals: mine.filter(({ verdict }) => verdict.verdict === 'approved' && verdict.result_sha256 === resultSha256),
      });
    }
    return found.toSorted((a, b) => b.identity.revision - a.identity.revision);
  };

  const ofRole = async (feature: FeatureId, role: RoleName, stamp: string | undefined): Promise<readonly Recorded[]> => {
    const { byRole } = await knownOf(feature, stamp);
    const before = byRole.get(role);
    if (before !== undefined) return before;
    const reading = read(feature, role);
    byRole.set(role, reading);
    // What could not be read is asked for again.
    reading.catch(() => byRole.delete(role));
    return reading;
  };

  const of = async ({ feature, role, name }: Series, stamp?: string): Promise<readonly Recorded[]> =>
    (await ofRole(feature, role, stamp)).filter(({ identity }) => identity.name === name);

  const needsVerdict = (role: RoleName): boolean => ruleOf(roles.get(role), settings['review.unreviewed_roles']).review === 'required';

  return {
    of,
    needsVerdict,
    async standing(identity) {
      return (await of(identity)).find((one) => one.identity.revision === identity.revision)?.standing ?? null;
    },
    async newestAccepted(series) {
      return (await of(series)).find(({ standing }) => standing !== null && isAccepted(standing)) ?? null;
    },
    touch() {
      news++;
    },
    recorded({ role }) {
      // Every other answer needs a person first, who pokes.
      if (!needsVerdict(role) || (settings['review.awaiting_max'] ?? 0) > 0) news++;
    },
    news: () => news,
  };
}
