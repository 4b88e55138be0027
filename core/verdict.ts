/**
 * A verdict: a named person's decision on one result, by its hash. The body of the record is history/'s; the rule that makes of verdicts a standing is
 * here, and nothing else decides whether a result counts (docs/review.md).
 *
 *   awaiting -> accepted | changes-requested | rejected | held        accepted -> lapsed (the result, or the code it judged, is another one)
 *
 * Invariants: only the newest verdict of a person about these very bytes counts; a "no" of anybody weighs more than any number of "yes"; with
 * `review: none` nothing is awaited, and that is shown as what it is.
 */

import type { Level } from './levels.ts';
import type { FeatureId, FeatureName, JobId, PromptName, RoleName, Sha256 } from './names.ts';
import type { Identity } from './prompt.ts';
import type { Role } from './role.ts';

export const VERDICTS = ['approved', 'changes-requested', 'rejected', 'held'] as const;
export type VerdictWord = (typeof VERDICTS)[number];

/** Name and e-mail address as git has them. */
export type Person = { readonly name: string; readonly email: string };

/** The code that a result was judged with: `head` is a commit id, null where there is no repository. */
export type JudgedCode = {
  readonly head: string | null;
  /** Of the files that the run changed, as they were when they were judged; `sha256` null: deleted. */
  readonly files: readonly { readonly path: string; readonly sha256: Sha256 | null }[];
};

/** `review_vN.json` in history, and `review_vN_2.json` … for those that follow: docs/formats.md "Verdicts". */
export type Verdict = {
  readonly v: 1;
  readonly kind: 'verdict';
  /** The record that it is about: its job, and the identity beside it. */
  readonly job: JobId;
  readonly feature: FeatureName;
  readonly role: RoleName;
  readonly name: PromptName | null;
  readonly revision: number;
  readonly verdict: VerdictWord;
  readonly result_sha256: Sha256;
  readonly evidence_sha256: Sha256;
  readonly code: JudgedCode;
  readonly by: Person;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly comment: string | null;
  /** How it is known that a person gave it: at a terminal, or with the key that the settings name. */
  readonly how: 'terminal' | 'key';
  /** SSH signature (namespace `docket-verdict`) over the same object with `signature: null`, as JSON with sorted keys and no spaces; null: none configured. */
  readonly signature: { readonly key: string; readonly sshsig: string } | null;
};

/** What of a verdict makes a standing. */
export type Said = Pick<Verdict, 'verdict' | 'result_sha256' | 'code' | 'by'>;

/** A verdict as it lies in history. */
export type Judged = { readonly verdict: Verdict; readonly identity: Identity; readonly path: string; readonly commit: string };

export type Standing = 'accepted' | 'unreviewed' | 'awaiting' | 'changes-requested' | 'rejected' | 'held' | 'lapsed';

/** Do dependents go on, and may it be offered for merge? */
export const isAccepted = (standing: Standing): boolean => standing === 'accepted' || standing === 'unreviewed';

/** What a role asks of its reviewers (role.yaml). */
export type ReviewRule = Pick<Role, 'review' | 'reviewers' | 'authorMayApprove'>;

/** The rule that holds: `review: none` only for a role that emits documents and that the committed `review.unreviewed_roles` lists. */
export function ruleOf(role: ReviewRule & Pick<Role, 'name' | 'emits'>, unreviewedRoles: readonly string[]): ReviewRule {
  const { reviewers, authorMayApprove } = role;
  const isNone = role.review === 'none' && role.emits === 'document' && unreviewedRoles.includes(role.name);
  return { review: isNone ? 'none' : 'required', reviewers, authorMayApprove };
}

/** For a role that is not installed any more: a person must have said yes. */
export const STRICT_RULE: ReviewRule = { review: 'required', reviewers: 1, authorMayApprove: true };

/** `Ada Example <ada@example.com>` or the address alone -> the address; null: it is none. */
export function addressOf(author: unknown): string | null {
  if (typeof author !== 'string') return null;
  const address = /<([^<>\s]+@[^<>\s]+)>$/.exec(author.trim())?.[1] ?? author.trim();
  return /^[^<>\s]+@[^<>\s]+$/.test(address) ? address : null;
}

export type Judgeable = {
  readonly resultSha256: Sha256;
  /** E-mail address of who wrote the prompt (front matter `author`), null when nobody said. */
  readonly author: string | null;
  /** Files that the run changed, as they are now; left out: nobody looked, so no verdict lapses for them. */
  readonly codeNow?: JudgedCode['files'];
};

const sameEmail = (one: string, other: string): boolean => one.trim().toLowerCase() === other.trim().toLowerCase();

const isSameCode = (judged: JudgedCode['files'], now: JudgedCode['files']): boolean => {
  const byPath = new Map(now.map(({ path, sha256 }) => [path, sha256]));
  return judged.every(({ path, sha256 }) => !byPath.has(path) || byPath.get(path) === sha256);
};

/**
 * What the verdicts about one record make of it.
 * @param verdicts all about this identity, oldest first
 */
export function standingOf(rule: ReviewRule, verdicts: readonly Said[], result: Judgeable): Standing {
  const newest = new Map<string, Said>();
  let hasLapsed = false;
  for (const one of verdicts) {
    const isAboutIt =
      one.result_sha256 === result.resultSha256 && (result.codeNow === undefined || isSameCode(one.code.files, result.codeNow));
    if (isAboutIt) newest.set(one.by.email.trim().toLowerCase(), one);
    else if (one.verdict === 'approved') hasLapsed = true;
  }
  const words = [...newest.values()];
  for (const no of ['rejected', 'changes-requested', 'held'] as const) if (words.some(({ verdict }) => verdict === no)) return no;
  if (rule.review === 'none') return 'unreviewed';
  const { author } = result;
  const counts = words.filter(({ by }) => rule.authorMayApprove || author === null || !sameEmail(by.email, author));
  if (counts.length >= rule.reviewers) return 'accepted';
  return hasLapsed && counts.length === 0 ? 'lapsed' : 'awaiting';
}

/** A person's word about production: `promotion.json`, `promotion_2.json` … in the feature's folder. docs/streams.md. */
export type Promotion = {
  readonly v: 1;
  readonly kind: 'promotion';
  readonly feature: FeatureId;
  /** Of a feature that is a document: the row of its table, by id or name. Null: the feature itself, or an issue. */
  readonly capability: string | null;
  /** Of an issue: `open`. */
  readonly from: Level | 'open';
  readonly to: Level | 'resolved';
  /** Where it was seen: an address, a region, `production`. */
  readonly where: string;
  /** An address, or the name of a file with its SHA-256 at that time. */
  readonly evidence: { readonly reference: string; readonly sha256: Sha256 | null };
  readonly by: Person;
  readonly at: string;
  readonly comment: string | null;
  readonly signature: Verdict['signature'];
};

/** What ends a feature, and what opens it again: `closing.json`, `reopening.json`, `closing_2.json` … in the feature's folder. */
export type Closing = {
  readonly v: 1;
  readonly kind: 'closing' | 'reopening';
  readonly feature: FeatureId;
  /** Of `closing`: the commit that the feature was merged with, and whether the code repository has it. */
  readonly merged: { readonly commit: string; readonly isThere: boolean } | null;
  readonly by: Person;
  readonly at: string;
  readonly comment: string | null;
  /** All verdicts about the feature's records, oldest first. */
  readonly verdicts: readonly {
    readonly path: string;
    readonly role: RoleName;
    readonly name: PromptName | null;
    readonly revision: number;
    readonly verdict: VerdictWord;
    readonly result_sha256: Sha256;
    readonly by: Person;
    readonly at: string;
  }[];
  readonly signature: Verdict['signature'];
};
