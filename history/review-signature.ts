/** The SSH signature inside a verdict or a closing: made with a person's key, and judged. Pure. Source: docs/formats.md "Verdicts". */

import { err, ok, type Result } from '#core/result.ts';
import type { Signer } from '#core/signing.ts';
import { isPrincipal, whyNot, type AllowedSigner } from './allowed-signers.ts';
import { signedBytes, VERDICT_NAMESPACE, type Review } from './review-format.ts';
import { checkSshSignature, makeSshSignature } from './ssh-signature.ts';
import type { PublicKey } from './ssh-key.ts';

export const signReview = <T extends Review>(signer: Signer, review: T): T => ({
  ...review,
  signature: { key: signer.fingerprint, sshsig: makeSshSignature(signer, VERDICT_NAMESPACE, signedBytes(review)) },
});

/** Null: this person may sign verdicts with this key at that time. Else why not, in words. */
export function whyNoReviewer(signers: readonly AllowedSigner[], key: PublicKey, { by, at }: Pick<Review, 'by' | 'at'>): string | null {
  const mine = signers.filter(({ principals }) => isPrincipal(principals, by.email));
  if (mine.length === 0 && signers.some((signer) => signer.key.fingerprint === key.fingerprint))
    return `the key ${key.fingerprint} belongs to another address than ${by.email} in the list of allowed signers`;
  return whyNot(mine, key, VERDICT_NAMESPACE, Math.floor(Date.parse(at) / 1000));
}

export type SignatureFault = { readonly what: 'signature-missing' | 'signature-invalid' | 'signer-unknown'; readonly words: string };

/** @param signers null: only that the signature is whole is checked @returns the fingerprint; null: it is not signed */
export function checkReviewSignature(review: Review, signers: readonly AllowedSigner[] | null): Result<string | null, SignatureFault> {
  if (review.signature === null) return ok(null);
  const { key, sshsig } = review.signature;
  const checked = checkSshSignature(sshsig, VERDICT_NAMESPACE, signedBytes(review));
  if (!checked.ok) return err({ what: 'signature-invalid', words: checked.error });
  if (checked.value.fingerprint !== key) return err({ what: 'signature-invalid', words: 'it is of another key than the one it names' });
  const unknown = signers === null ? null : whyNoReviewer(signers, checked.value, review);
  return unknown === null ? ok(key) : err({ what: 'signer-unknown', words: unknown });
}
