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
import type { Digest, Fs } from '#core/ports.ts';
import { sameFeature, type FeatureId, type RoleName } from '#core/names.ts';
import { FRONT_MATTER_BYTES_MAX, identityKey, PROMPT_BYTES_MAX, type Identity } from '#core/prompt.ts';
import type { Role } from '#core/role.ts';
import { addressOf, isAccepted, ruleOf, standingOf, STRICT_RULE, type Judged, type ReviewRule, type Standing } from '#core/verdict.ts';
import { isAsRecorded } from '#history/as-recorded.ts';
import { changedPaths, filesNow } from '#history/code-now.ts';
import { resultFile } from '#history/layout.ts';
import { readFrontMatter } from '#prompt-spec/front-matter.ts';

export type Series = Pick<Identity, 'feature' | 'role' | 'name'>;

/** A prompt as it stands in history. */
export type Recorded = {
  readonly identity: Identity;
  readonly filed: Filed;
  /** In the repository. */
  readonly folder: string;
  /** Its standing hangs on files of the code, too. */
  readonly usesCode: boolean;
  /** Null: it has no answer (yet), so there is nothing to judge. */
  readonly standing: Standing | null;
  /** Approvals of these very bytes, oldest first. */
  readonly approvals: readonly Judged[];
};

export type AcceptancePorts = {
  readonly history: Pick<History, 'records' | 'verdicts' | 'read' | 'stamps'>;
  readonly roles: ReadonlyMap<RoleName, Role>;
  /** Of the files that runs changed. */
  readonly code: { readonly fs: Pick<Fs, 'readBounded'>; readonly digest: Pick<Digest, 'sha256'>; readonly root: string };
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

/** Features whose answers are remembered; some 500 B for each revision. */
const FEATURES_MAX = 5_000;

/**
 * What was accepted once was small enough by the settings of that day, which may have been larger than those of today: the largest they can be. A bound
 * that refused an old header would forget its author, who could then approve the answer to it.
 */
const LIMITS = { promptBytes: PROMPT_BYTES_MAX, frontMatterBytes: FRONT_MATTER_BYTES_MAX };

/** E-mail address of who wrote a prompt; null: it does not say. */
function authorIn(prompt: Uint8Array | null): string | null {
  const front = prompt === null ? null : readFrontMatter(prompt, LIMITS);
  return front?.ok === true ? addressOf(front.value.data['author']) : null;
}

type HistoryRecord = { readonly identity: Identity; readonly filed: Filed; readonly folder: string; readonly evidence: string | null };
type Known = { readonly stamp: string; readonly byRole: Map<RoleName, Promise<readonly Recorded[]>> };

export function makeAcceptance({ history, roles, code, settings }: AcceptancePorts): Acceptance {
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

  const rule = (role: RoleName): ReviewRule => {
    const installed = roles.get(role);
    return installed === undefined ? STRICT_RULE : ruleOf(installed, settings['review.unreviewed_roles']);
  };

  const judge = async (record: HistoryRecord, mine: readonly Judged[]): Promise<Recorded> => {
    const { identity, filed, folder, evidence } = record;
    const { resultSha256 } = filed;
    const isAnswered = filed.status === 'answered' && resultSha256 !== null;
    const how = rule(identity.role);
    // Only where it matters who wrote the prompt, and which files a person saw.
    const isSaid = isAnswered && mine.length > 0;
    const author =
      isSaid && !how.authorMayApprove ? authorIn(await history.read(`${folder}/prompt_v${String(identity.revision)}.md`)) : null;
    const usesCode = isSaid && evidence !== null && mine.some(({ verdict }) => verdict.code.files.length > 0);
    const codeNow = usesCode ? await filesNow(code.fs, code.digest, code.root, changedPaths(evidence)) : [];
    const verdicts = mine.map(({ verdict }) => verdict);
    const standing = isAnswered ? standingOf(how, verdicts, { resultSha256, author, codeNow }) : null;
    const isIntact =
      resultSha256 === null ||
      standing === null ||
      !isAccepted(standing) ||
      (await isAsRecorded({ history, digest: code.digest }, `${folder}/${resultFile(identity.revision)}`, resultSha256));
    return {
      identity,
      filed,
      folder,
      usesCode,
      standing: isIntact ? standing : 'lapsed',
      approvals: mine.filter(({ verdict }) => verdict.verdict === 'approved' && verdict.result_sha256 === resultSha256),
    };
  };

  const read = async (feature: FeatureId, role: RoleName): Promise<readonly Recorded[]> => {
    const judged = Map.groupBy(await history.verdicts({ feature, role }), ({ identity }) => identityKey(identity));
    const found: Recorded[] = [];
    for await (const record of history.records({ feature, role })) {
      const { identity } = record;
      if (sameFeature(identity.feature, feature) && identity.role === role)
        found.push(await judge(record, judged.get(identityKey(identity)) ?? []));
    }
    return found.toSorted((a, b) => b.identity.revision - a.identity.revision);
  };

  const ofRole = async (feature: FeatureId, role: RoleName, stamp: string | undefined): Promise<readonly Recorded[]> => {
    const { byRole } = await knownOf(feature, stamp);
    const before = byRole.get(role);
    if (before !== undefined) return before;
    const reading = read(feature, role);
    byRole.set(role, reading);
    let isLasting = false;
    try {
      // What the files of the code decide changes without a commit, and what could not be read is asked for again.
      isLasting = (await reading).every(({ usesCode }) => !usesCode);
    } finally {
      if (!isLasting) byRole.delete(role);
    }
    return reading;
  };

  const of = async ({ feature, role, name }: Series, stamp?: string): Promise<readonly Recorded[]> =>
    (await ofRole(feature, role, stamp)).filter(({ identity }) => identity.name === name);

  const needsVerdict = (role: RoleName): boolean => rule(role).review === 'required';

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
