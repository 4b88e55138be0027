/**
 * THE DOOR OF POLICY FOR WHOEVER NEEDS AN ANSWER AT ONCE: `scanText(text)`, no thread, no package, nothing to close. docket's own rules, also on what base64
 * in the text decodes to; not secretlint's (they need 0.1 s to load): for staged files in hooks, names of files, settings and scripts.
 * What is sent or recorded goes through policy/secret-scan.ts, which has both, a thread and a deadline.
 */

import type { SecretFinding } from '#core/failure.ts';
import { decodeBase64, placeInSource } from './base64-text.ts';
import { byOwnRules, overlaps, unescapeEnds, withLines } from './own-rules.ts';

export type TextFinding = SecretFinding & {
  /** Where the secret stands, in UTF-16 units of the text. */
  readonly from: number;
  readonly to: number;
  /** The rule's own public literal and stars, such as `ghp_****`. */
  readonly excerpt: string;
};

/** Secrets in a text, in its order; empty: none. About 0.01 ms per KB; a text over some MB should be looked at in parts. */
export function scanText(source: string): readonly TextFinding[] {
  const isMarked = source.startsWith('\uFEFF');
  const text = isMarked ? source.slice(1) : source;
  const found = byOwnRules(unescapeEnds(text));
  const plain = decodeBase64(text);
  for (const range of plain.pieces.length === 0 ? [] : byOwnRules(unescapeEnds(plain.text))) {
    const at = placeInSource(plain, range.from);
    if (at !== null && !overlaps(found, at)) found.push({ ...range, rule: `base64:${range.rule}`, ...at });
  }
  return withLines(text, found).map((one) => (isMarked ? { ...one, from: one.from + 1, to: one.to + 1 } : one));
}
