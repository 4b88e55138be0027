/**
 * Why a prompt that never ran lies in in/ as `.held`: its parent's answer is not approved, a person holds it, or a newer answer took its place. Pure: the one
 * place for these words (docs/emit.md). A job that ended as held is none of these; it has a page in out/.
 */

import { printable } from '#core/names.ts';
import type { Standing } from '#core/verdict.ts';

/** A person's word that a prompt waits (queues/.docket/holds/, daemon/holds.ts). */
export type Hold = { readonly by: string; /** ISO 8601, UTC */ readonly at: string; readonly comment: string | null };

export type HeldFacts = {
  /** The answer that it came out of, as people write it: `FEAT-1/meta@1`. Null: none, a person held it. */
  readonly parent: string | null;
  /** How that answer stands; null: it is not in the history. */
  readonly standing: Standing | null;
  /** A newer accepted answer of the same series, `FEAT-1/meta@2`; null: there is none. */
  readonly supersededBy: string | null;
  readonly hold: Hold | null;
};

const STANDING_WORDS: Readonly<Record<Standing, string>> = {
  accepted: '',
  unreviewed: '',
  awaiting: '',
  'changes-requested': ' (changes were asked for)',
  rejected: ' (it was rejected)',
  held: ' (a person holds it)',
  lapsed: ' (its approval lapsed: the answer, or the code that was judged, is another one)',
};

/** One line: `waits for the approval of FEAT-1/meta@1`. */
export function heldBecause({ parent, standing, supersededBy, hold }: HeldFacts): string {
  if (hold !== null) return `held by ${printable(hold.by, 100)}${hold.comment === null ? '' : `: ${printable(hold.comment)}`}`;
  if (parent === null) return 'held by hand: somebody renamed it to .held';
  if (supersededBy !== null) return `superseded: it came out of ${parent}, and ${supersededBy} is accepted`;
  if (standing === null) return `waits for the approval of ${parent}, which is not in the history`;
  if (standing === 'accepted' || standing === 'unreviewed') return `is released in a moment: ${parent} is accepted`;
  return `waits for the approval of ${parent}${STANDING_WORDS[standing]}`;
}
