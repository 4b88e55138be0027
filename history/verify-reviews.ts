/**
 * Are the verdicts and closings what was given? Every hash that a commit states must be that of a file in its place, every such file must be spoken of,
 * understood, about its own place and about a result that is there, and signed by who may, where it is signed.
 * Order: in which they were recorded, so the first finding is the first that broke.
 */

import type { Finding, Trust } from '#core/history.ts';
import { identityKey } from '#core/prompt.ts';
import { parseAllowedSigners, type AllowedSigner } from './allowed-signers.ts';
import { parseReviewPath, type ReviewPath } from './layout.ts';
import type { Oid } from './objects.ts';
import type { Repository } from './repository.ts';
import { parseReviewFile, type Review } from './review-format.ts';
import type { ReviewFacts } from './review-message.ts';
import { checkReviewSignature } from './review-signature.ts';
import { finding } from './verify-finding.ts';
import { reachable, type Seen, type TipFile } from './verify-seen.ts';

type Files = ReadonlyMap<string, TipFile>;
type Stated = { readonly facts: ReviewFacts; readonly commit: Oid };

const placeOf = (about: ReviewPath | ReviewFacts): string =>
  about.kind === 'verdict' ? identityKey(about.identity) : `${about.feature.toLowerCase()} ${about.kind}`;

export async function* verifyReviews(
  { store }: Pick<Repository, 'store'>,
  seen: Seen,
  tip: Oid,
  files: Files,
  purged: ReadonlySet<string>,
  trust: Trust,
): AsyncGenerator<Finding> {
  const own = new Map<string, TipFile[]>();
  for (const file of files.values()) {
    const about = parseReviewPath(file.path);
    if (about !== null && file.sha256 !== null) own.set(placeOf(about), [...(own.get(placeOf(about)) ?? []), file]);
  }
  const stated = statedBelow(seen, tip);
  if (own.size === 0 && stated.length === 0) return;
  const parsed = trust.signers === null ? null : parseAllowedSigners(trust.signers);
  const signers = parsed?.ok === true ? parsed.value : null;
  const spokenOf = new Set<string>();
  const known = new Set(stated.map(({ facts }) => `${placeOf(facts)} ${facts.sha256}`));
  const isSpoken = (file: TipFile, facts: ReviewFacts): boolean => known.has(`${placeOf(facts)} ${file.sha256 ?? ''}`);
  const beside = hashesBeside(files);
  let isSigned = false;
  for (const one of stated) {
    const { facts, commit } = one;
    const there = own.get(placeOf(facts)) ?? [];
    const file = there.find(({ sha256 }) => sha256 === facts.sha256);
    if (file === undefined) {
      const other = there.find((candidate) => !isSpoken(candidate, facts) && !spokenOf.has(candidate.path));
      if (other !== undefined) spokenOf.add(other.path);
      yield other === undefined
        ? finding('missing', placeOf(facts), `Review-SHA256 of commit ${commit} has no file any more`, facts.sha256, null, atOf(one))
        : finding('hash-differs', other.path, `${other.path} is not what commit ${commit} recorded (Review-SHA256)`, facts.sha256, other.sha256, atOf(one)); // prettier-ignore
      continue;
    }
    spokenOf.add(file.path);
    if (purged.has(file.path)) continue;
    const review = parseReviewFile(await store.readType(file.oid, 'blob'));
    if (!review.ok) {
      yield finding('unreadable', file.path, `${file.path} is no verdict: ${review.error}`, null, null, atOf(one));
      continue;
    }
    yield* verifyReview(review.value, file.path, one, beside, stated);
    yield* verifySignature(review.value, file.path, one, signers, trust.isDemanded && isSigned);
    isSigned ||= review.value.signature !== null;
  }
  for (const group of own.values())
    for (const { path } of group) if (!spokenOf.has(path)) yield finding('unexpected', path, 'no commit of docket speaks of this file');
}

/** Oldest first, each once. */
function statedBelow(seen: Seen, tip: Oid): Stated[] {
  const found: Stated[] = [];
  try {
    for (const { oid, review } of reachable(seen, tip)) if (review !== null) found.push({ facts: review, commit: oid });
  } catch {
    // verifyRecords has named the commit that cannot be read.
    return [];
  }
  return found.toReversed();
}

const atOf = ({ facts, commit }: Stated): { readonly commit: Oid; readonly job?: string } =>
  facts.kind === 'verdict' ? { commit, job: facts.job } : { commit };

/** Feature and role -> hashes of the files there. */
function hashesBeside(files: Files): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { path, sha256 } of files.values()) {
    if (sha256 === null) continue;
    const series = path.split('/', 2).join('/');
    const known = found.get(series);
    if (known === undefined) found.set(series, new Set([sha256]));
    else known.add(sha256);
  }
  return found;
}

function* verifyReview(
  review: Review,
  path: string,
  one: Stated,
  beside: ReadonlyMap<string, ReadonlySet<string>>,
  all: readonly Stated[],
): Generator<Finding> {
  const { facts } = one;
  const isOtherLevel = review.kind === 'promotion' && facts.kind === 'promotion' && review.to !== facts.to;
  if (isOtherLevel || review.kind !== facts.kind || (review.kind === 'verdict' && facts.kind === 'verdict' && !isSame(review, facts))) {
    yield finding('unexpected', path, `${path} is about something else than commit ${one.commit} says`, null, null, atOf(one));
    return;
  }
  if (review.kind === 'verdict') {
    const hashes = beside.get(path.split('/', 2).join('/'));
    for (const [what, hash] of [
      ['result', review.result_sha256],
      ['evidence', review.evidence_sha256],
    ] as const)
      if (hashes?.has(hash) !== true)
        yield finding('missing', path, `${path} is about a ${what} that is not there`, hash, null, { ...atOf(one), detail: `verdict-without-${what}` }); // prettier-ignore
    return;
  }
  if (review.kind === 'promotion') return;
  for (const said of review.verdicts) {
    const isThere = all.some(
      ({ facts: other }) => other.kind === 'verdict' && other.verdict === said.verdict && other.resultSha256 === said.result_sha256,
    );
    if (!isThere)
      yield finding('missing', path, `${path} names a verdict (${said.path}) that was never recorded`, said.result_sha256, null, {
        ...atOf(one),
        detail: 'closing-without-verdict',
      });
  }
}

const isSame = (review: Extract<Review, { kind: 'verdict' }>, facts: Extract<ReviewFacts, { kind: 'verdict' }>): boolean =>
  review.job === facts.job &&
  review.verdict === facts.verdict &&
  review.revision === facts.identity.revision &&
  review.role === facts.identity.role &&
  review.name === facts.identity.name &&
  review.result_sha256 === facts.resultSha256;

function* verifySignature(
  review: Review,
  path: string,
  one: Stated,
  signers: readonly AllowedSigner[] | null,
  isDemanded: boolean,
): Generator<Finding> {
  const checked = checkReviewSignature(review, signers);
  if (!checked.ok) {
    const words = checked.error.what === 'signature-invalid' ? `the signature in ${path} does not hold` : `${path} is signed, but`;
    yield finding(checked.error.what, path, `${words}: ${checked.error.words}`, null, review.signature?.key ?? null, atOf(one));
  } else if (checked.value === null && isDemanded)
    yield finding('signature-missing', path, `${path} is not signed, though a verdict before it is, and signing.mode is required`, null, null, atOf(one)); // prettier-ignore
}
