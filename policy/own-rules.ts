/**
 * docket's own rules over a text, piece by piece, without any package: what the hooks and the names of files are looked at with, and the first half
 * of find-secrets.ts. Invariant: what leaves this file are rules' names, places, and literals of the rules - no part of the text.
 */

import { hintsIn } from './hints.ts';
import { OWN_RULES } from './known-secrets.ts';
import { isPlaceholder } from './placeholders.ts';

/** Where the secret itself stands, in UTF-16 units, and what may be shown of it. */
export type SecretRange = { readonly rule: string; readonly from: number; readonly to: number; readonly excerpt: string };

/** Text is looked at in pieces, because some expressions are worse than linear. */
const CHUNK_LENGTH = 256 * 1024;
/** Longer than the longest form that is looked for (a token of 14,500 characters). */
const OVERLAP_LENGTH = 16 * 1024;
/** More are not told: the text is held for the first one. */
export const FINDINGS_MAX = 50;
const REST_LENGTH = 16 * 1024;
const MASK = '****';

/** Escaped line ends and URL escapes hide where a token starts (`\nghp_…`): blanked, lengths kept. */
export const unescapeEnds = (text: string): string =>
  text.includes('\\') || text.includes('%')
    ? text
        .replace(/\\[nrt]/g, '  ')
        .replace(/%(?:20|09|0[AaDd]|2[267Cc]|3[AaDdFf])/g, (code) => `${String.fromCharCode(Number.parseInt(code.slice(1), 16))}  `)
    : text;

export const overlaps = (known: readonly SecretRange[], { from, to }: { readonly from: number; readonly to: number }): boolean =>
  known.some((one) => one.from < to && from < one.to);

/** The rule's own public literal, and stars: `ghp_****`, `password ****`. */
function excerptOf(hints: readonly string[], value: string, matched: string): string {
  const start = value.slice(0, 24).toLowerCase();
  const before = matched.slice(0, matched.indexOf(value)).toLowerCase();
  const prefix = hints.filter((hint) => start.startsWith(hint)).toSorted((a, b) => b.length - a.length)[0];
  if (prefix !== undefined) return `${value.slice(0, prefix.length)}${MASK}`;
  const named = hints.filter((hint) => before.includes(hint)).toSorted((a, b) => b.length - a.length)[0];
  return named === undefined ? MASK : `${named.trim()} ${MASK}`;
}

/** Without the provider's own literal (`_test_` is none of a manual's), and without what would be a variable elsewhere. */
function bodyOf(hints: readonly string[], value: string): string {
  const lower = value.toLowerCase();
  const hint = hints.find((one) => one.length > 2 && lower.includes(one));
  if (hint === undefined) return value;
  const at = lower.indexOf(hint);
  return `${value.slice(0, at)}${value.slice(at + hint.length)}`.replaceAll('$', '');
}

const KEY_END = /^[^-]{0,12000}-{5}END [A-Z0-9 ]{1,60}-{5}/;

function inPiece(text: string, until: number): SecretRange[] {
  const mayHold = hintsIn(text);
  const found: SecretRange[] = [];
  for (const { hints, pattern, accepts, id } of OWN_RULES) {
    if (!hints.some(mayHold)) continue;
    for (const match of text.matchAll(pattern)) {
      if (match.index >= until) break;
      const [matched] = match;
      const value = match[1] ?? matched;
      const end = match.index + matched.length;
      const rest = accepts === undefined ? '' : text.slice(end, end + REST_LENGTH);
      if (accepts === undefined ? isPlaceholder(bodyOf(hints, value)) : !accepts(value, rest)) continue;
      const from = match.index + (match[1] === undefined ? 0 : matched.lastIndexOf(value));
      const keyEnd = matched.startsWith('-----BEGIN') ? (KEY_END.exec(rest)?.[0].length ?? 0) : 0;
      found.push({ rule: id, from, to: from + value.length + keyEnd, excerpt: excerptOf(hints, value, matched) });
      if (found.length > FINDINGS_MAX * 4) return found;
    }
  }
  return found;
}

/** `until`: what begins behind it is left to the next piece, which has it whole. */
type Piece = { readonly start: number; readonly piece: string; readonly until: number };

/** The pieces that a text is looked at in; they overlap, and start at a line where there is one. */
export function* piecesOf(text: string): Generator<Piece> {
  for (let start = 0; ;) {
    const end = Math.min(start + CHUNK_LENGTH, text.length);
    const line = text.lastIndexOf('\n', end - OVERLAP_LENGTH);
    const next = line > end - OVERLAP_LENGTH * 2 ? line : end - OVERLAP_LENGTH;
    const isLast = end === text.length;
    yield { start, piece: text.slice(start, end), until: isLast ? text.length : next - start };
    if (isLast) return;
    start = next;
  }
}

/** An earlier rule wins where two find the same. At least the first 50 of the text. */
export function byOwnRules(text: string): SecretRange[] {
  const found: SecretRange[] = [];
  for (const { start, piece, until } of piecesOf(text)) {
    for (const range of inPiece(piece, until)) {
      const whole = { ...range, from: range.from + start, to: range.to + start };
      if (!overlaps(found, whole)) found.push(whole);
    }
    if (found.length >= FINDINGS_MAX) break;
  }
  return found;
}

/** Lines and columns are 1-based, columns in UTF-16 units. Ranges come back in the order of the text. */
export function withLines<T extends { readonly from: number }>(
  text: string,
  ranges: readonly T[],
): (T & { readonly line: number; readonly column: number })[] {
  let line = 1;
  let lineStart = 0;
  return ranges
    .toSorted((a, b) => a.from - b.from)
    .map((range) => {
      for (let next = text.indexOf('\n', lineStart); next !== -1 && next < range.from; next = text.indexOf('\n', lineStart)) {
        line++;
        lineStart = next + 1;
      }
      return { ...range, line, column: range.from - lineStart + 1 };
    });
}
