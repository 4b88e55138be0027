/**
 * The commit message of what a person said: a verdict about a record, the closing of a feature, or a promotion. It has no `Docket-Status`, so it is no record and
 * changes none; it is a link of the chain like one (chain.ts).
 */

import type { FeatureId, JobId, Sha256 } from '#core/names.ts';
import { isJobId, isSha256, parseFeature, parsePromptName, parseRoleName } from '#core/names.ts';
import type { Identity } from '#core/prompt.ts';
import { LEVELS } from '#core/levels.ts';
import { VERDICTS, type Closing, type Person, type Promotion, type Verdict, type VerdictWord } from '#core/verdict.ts';
import { hashOrNull, trailerLines, type Before } from './message.ts';

/** Of the file that the commit brought. */
type Stated = { readonly feature: FeatureId; readonly sha256: Sha256 };
export type ReviewFacts =
  | (Stated & {
      readonly kind: 'verdict';
      readonly identity: Identity;
      readonly job: JobId;
      readonly verdict: VerdictWord;
      readonly resultSha256: Sha256 | null;
    })
  | (Stated & { readonly kind: 'closing' | 'reopening' })
  | (Stated & { readonly kind: 'promotion'; /** A level, or `resolved`. */ readonly to: string });

const CLOSINGS = { closing: 'closed', reopening: 'reopened' } as const;

const personOf = ({ name, email }: Person): string => `${name} <${email}>`;

const chained = (before: Before): (readonly [string, string])[] => [
  ['Docket-Before', before.inRepository ?? 'none'],
  ['Docket-Before-In-Feature', before.inFeature ?? 'none'],
];

/** @param identity with the feature's id; the verdict has its name */
export function verdictMessage(verdict: Verdict, identity: Identity, sha256: Sha256, before: Before): string {
  const { feature, role, name, revision } = identity;
  const lines = trailerLines([
    ['Docket-Job', verdict.job],
    ['Docket-Feature', feature],
    ['Docket-Role', role],
    ['Docket-Revision', String(revision)],
    ['Docket-Name', name],
    ['Result-SHA256', verdict.result_sha256],
    ['Docket-Verdict', verdict.verdict],
    ['Docket-Reviewer', personOf(verdict.by)],
    ['Review-SHA256', sha256],
    ...chained(before),
  ]);
  const series = name === null ? role : `${role}/${name}`;
  return `ai(${feature}): ${series} r${String(revision)} ${verdict.verdict}\n\n${lines}`;
}

export function closingMessage(closing: Closing, sha256: Sha256, before: Before): string {
  const lines = trailerLines([
    ['Docket-Feature', closing.feature],
    ['Docket-Closing', CLOSINGS[closing.kind]],
    ['Merge-Commit', closing.merged?.commit ?? null],
    ['Docket-Reviewer', personOf(closing.by)],
    ['Review-SHA256', sha256],
    ...chained(before),
  ]);
  return `ai(${closing.feature}): ${CLOSINGS[closing.kind]}\n\n${lines}`;
}

export function promotionMessage(promotion: Promotion, sha256: Sha256, before: Before): string {
  const { feature, capability, from, to } = promotion;
  const lines = trailerLines([
    ['Docket-Feature', feature],
    ['Docket-Promotion', to],
    ['Docket-Capability', capability],
    ['Docket-Reviewer', personOf(promotion.by)],
    ['Review-SHA256', sha256],
    ...chained(before),
  ]);
  return `ai(${feature}): ${from} to ${to}\n\n${lines}`;
}

/** What such a commit says of itself; null for every other commit. */
export function parseReview(trailers: Readonly<Record<string, string>>): ReviewFacts | null {
  const sha256 = trailers['Review-SHA256'];
  if (sha256 === undefined || !isSha256(sha256)) return null;
  const feature = parseFeature(trailers['Docket-Feature'] ?? '');
  if (!feature.ok) return null;
  const { id } = feature.value;
  const to = trailers['Docket-Promotion'];
  if (to !== undefined) return [...LEVELS, 'resolved'].includes(to) ? { kind: 'promotion', feature: id, sha256, to } : null;
  const closing = trailers['Docket-Closing'];
  if (closing !== undefined) {
    const kind = closing === CLOSINGS.closing ? 'closing' : 'reopening';
    return closing === CLOSINGS[kind] ? { kind, feature: id, sha256 } : null;
  }
  const verdict = VERDICTS.find((word) => word === trailers['Docket-Verdict']);
  const role = parseRoleName(trailers['Docket-Role'] ?? '');
  const job = trailers['Docket-Job'] ?? '';
  const revision = trailers['Docket-Revision'] ?? '';
  const nameText = trailers['Docket-Name'];
  const name = nameText === undefined ? null : parsePromptName(nameText);
  if (verdict === undefined || !role.ok || name?.ok === false || !isJobId(job) || !/^[1-9][0-9]{0,8}$/.test(revision)) return null;
  const identity = { feature: id, role: role.value, name: name === null ? null : name.value, revision: Number(revision) };
  return { kind: 'verdict', feature: id, sha256, identity, job, verdict, resultSha256: hashOrNull(trailers['Result-SHA256']) };
}
