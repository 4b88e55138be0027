/**
 * The bytes that must go, in every form in which docket or a tool may have written them: as they are, inside a JSON text (once, and a JSON
 * text within one), and each of these in base64 at each of its three positions, with either alphabet.
 * Invariant: a spelling too short to mean anything is never looked for.
 */

import { Buffer, isUtf8 } from 'node:buffer';

/** Fewer bytes would be found everywhere. */
export const NEEDLE_BYTES_MIN = 6;
/** Characters of base64: fewer say too little. */
const ENCODED_MIN = 8;

const jsonOf = (text: string): string => JSON.stringify(text).slice(1, -1);

/** The characters that stand for these bytes, and no others, when so many bytes stand before them. */
function base64At(needle: Buffer, before: number): string {
  const text = Buffer.concat([Buffer.alloc(before), needle]).toString('base64');
  return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + needle.length) * 8) / 6));
}

/** @param needle at least NEEDLE_BYTES_MIN bytes; throws RangeError for fewer */
export function spellingsOf(needle: Uint8Array): readonly Buffer[] {
  const raw = Buffer.from(needle);
  if (raw.length < NEEDLE_BYTES_MIN) throw new RangeError(`fewer than ${String(NEEDLE_BYTES_MIN)} bytes would be found everywhere`);
  const texts: string[] = [];
  const encodings: string[] = [];
  if (isUtf8(raw)) {
    const once = jsonOf(raw.toString('utf8'));
    texts.push(once, jsonOf(once));
  }
  // The payload of an envelope (dsse.ts) is JSON in base64: an escaped byte is other base64.
  for (const form of [raw, ...texts.map((text) => Buffer.from(text))])
    for (const before of [0, 1, 2]) {
      const encoded = base64At(form, before);
      if (encoded.length >= ENCODED_MIN) encodings.push(encoded, encoded.replaceAll('+', '-').replaceAll('/', '_'));
    }
  const unique = new Map(
    [raw, ...[...texts, ...encodings].map((text) => Buffer.from(text))].map((bytes) => [bytes.toString('latin1'), bytes]),
  );
  return [...unique.values()];
}

export const holds = (bytes: Buffer, spellings: readonly Buffer[]): boolean => spellings.some((spelling) => bytes.includes(spelling));
