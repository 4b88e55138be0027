/**
 * What a verdict, a closing or a promotion means for the tip: one file beside what it is about, in a commit of its own. Reads only; places are layout.ts.
 *
 *   these bytes are there already -> nothing to write;  the name is taken by other bytes -> the next number
 * Invariant: a verdict is only written about an answer that the tip has under that identity, job and hashes.
 */

import { Buffer } from 'node:buffer';
import { parseFeature, type Sha256 } from '#core/names.ts';
import { describeIdentity, type Identity } from '#core/prompt.ts';
import type { Closing, Promotion, Verdict } from '#core/verdict.ts';
import * as layout from './layout.ts';
import type { Before } from './message.ts';
import type { Oid } from './objects.ts';
import { findFiled, moment, put, type Plan, type Tip } from './record.ts';
import { checkReview, renderReview, type Review } from './review-format.ts';
import { closingMessage, promotionMessage, verdictMessage } from './review-message.ts';

/** `commit` null: the bytes lay there before; whose commit that was, reviews.ts says. */
export type WrittenReview = { readonly path: string; readonly sha256: Sha256; readonly commit: Oid | null };

const refused = (words: string): Error => Object.assign(new Error(words), { code: 'EVERDICT' });

export async function planVerdict(tip: Tip, verdict: Verdict): Promise<Plan<WrittenReview>> {
  const identity = checkedIdentity(verdict);
  const found = await findFiled(tip, identity);
  if (found === null) throw refused(`${describeIdentity(identity)} is not recorded`);
  const { filed, folder } = found;
  if (filed.status !== 'answered') throw refused(`${describeIdentity(identity)} is ${filed.status}: there is no answer to judge`);
  if (filed.job !== verdict.job) throw refused(`${describeIdentity(identity)} is job ${filed.job} in the history, not ${verdict.job}`);
  if (filed.resultSha256 !== verdict.result_sha256 || filed.evidenceSha256 !== verdict.evidence_sha256)
    throw refused(`the recorded result or evidence of ${describeIdentity(identity)} is another one than the verdict is about`);
  return planFile(tip, verdict, identity, folder, layout.reviewFile(identity.revision), (sha256, before) =>
    verdictMessage(verdict, identity, sha256, before),
  );
}

export async function planClosing(tip: Tip, closing: Closing): Promise<Plan<WrittenReview>> {
  const fault = checkReview(closing);
  if (fault !== null) throw refused(`this cannot be written as a closing: ${fault}`);
  const folder = tip.snapshot.featureFolder(closing.feature);
  if (folder === null) throw refused(`${closing.feature} has no record in the history`);
  return planFile(tip, closing, closing, folder, layout.closingFile(closing.kind), (sha256, before) =>
    closingMessage(closing, sha256, before),
  );
}

export async function planPromotion(tip: Tip, promotion: Promotion): Promise<Plan<WrittenReview>> {
  const fault = checkReview(promotion);
  if (fault !== null) throw refused(`this cannot be written as a promotion: ${fault}`);
  const folder = tip.snapshot.featureFolder(promotion.feature);
  if (folder === null) throw refused(`${promotion.feature} has no record in the history`);
  return planFile(tip, promotion, promotion, folder, layout.closingFile('promotion'), (sha256, before) =>
    promotionMessage(promotion, sha256, before),
  );
}

function checkedIdentity(verdict: Verdict): Identity {
  const fault = checkReview(verdict);
  const feature = parseFeature(verdict.feature);
  if (fault !== null || !feature.ok) throw refused(`this cannot be written as a verdict: ${fault ?? 'its feature cannot be understood'}`);
  return { feature: feature.value.id, role: verdict.role, name: verdict.name, revision: verdict.revision };
}

async function planFile(
  { snapshot, digest }: Tip,
  review: Review,
  { feature }: Pick<Identity, 'feature'>,
  folder: string,
  name: string,
  message: (sha256: Sha256, before: Before) => string,
): Promise<Plan<WrittenReview>> {
  const bytes = Buffer.from(renderReview(review));
  const sha256 = digest.sha256(bytes);
  for (let n = 1; ; n++) {
    const path = `${folder}/${layout.numbered(name, n)}`;
    const change = put(path, bytes);
    const there = await snapshot.file(path);
    if (there === change.oid) return { settled: { path, sha256, commit: null } };
    if (there !== null) continue;
    const done = (commit: Oid): WrittenReview => ({ path, sha256, commit });
    return {
      write: { changes: [change], feature, at: moment(review.at), record: null, done, message: (before) => message(sha256, before) },
    };
  }
}
