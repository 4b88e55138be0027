/**
 * Which literals may stand in a text: one pass over it notes which two and which three characters follow each other, so that of hundreds of hints
 * only those are looked for that are nearly sure to be there.
 */

import { Buffer } from 'node:buffer';

const TABLE_SIZE = 1 << 16;
// Made once and never cleared but for every 255th text: a mark is the number of its text.
const pairs = new Uint8Array(TABLE_SIZE);
const triples = new Uint8Array(TABLE_SIZE);
/** ASCII only: no rule's expression takes another character for a letter of a hint (none has the flags i and u both). */
const LOWER = Uint8Array.from({ length: 256 }, (_, code) => (code >= 0x41 && code <= 0x5a ? code + 0x20 : code));
let mark = 0;

function nextMark(): number {
  mark = (mark + 1) & 0xff;
  if (mark !== 0) return mark;
  pairs.fill(0);
  triples.fill(0);
  mark = 1;
  return mark;
}

const tripleOf = (a: number, b: number, c: number): number => ((a * 31 + b) * 31 + c * 7) & (TABLE_SIZE - 1);

/**
 * Answers whether a hint (ASCII, in lower case) stands in the text in lower case. One byte for each character: what is ASCII stays what it is, so
 * no hint is missed, and a character that turns into another one costs a look by its rule's expression. The answer holds until the next text is asked about.
 */
export function hintsIn(text: string): (hint: string) => boolean {
  const bytes = Buffer.from(text, 'latin1');
  let lower: string | null = null;
  const now = nextMark();
  let first = 0;
  let second = 0;
  for (let at = 0; at < bytes.length; at++) {
    const third = LOWER[bytes[at] ?? 0] ?? 0;
    bytes[at] = third;
    pairs[(second << 8) | third] = now;
    triples[tripleOf(first, second, third)] = now;
    first = second;
    second = third;
  }
  const mayHold = (hint: string): boolean => {
    if (hint.length === 2) return pairs[(hint.charCodeAt(0) << 8) | hint.charCodeAt(1)] === now;
    for (let at = 2; at < hint.length; at++)
      if (triples[tripleOf(hint.charCodeAt(at - 2), hint.charCodeAt(at - 1), hint.charCodeAt(at))] !== now) return false;
    return true;
  };
  return (hint) => mayHold(hint) && (lower ??= bytes.toString('latin1')).includes(hint);
}
