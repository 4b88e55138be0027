/**
 * Bit sets as git compresses them (EWAH). Source: gitformat-bitmap(5), "Serialization format for an EWAH bitmap".
 *
 *   bits (32) | words (32) | words of 64 bits: a marker, its literals, a marker … | position of the last marker (32)
 *   marker, from the low end: the bit of a run (1), words of the run (32), literal words that follow (31)
 */

import { Buffer } from 'node:buffer';

const WORD_BITS = 64;
const RUN_MASK = 0xffffffffn;
/** More than an index can have entries; a damaged run must not fill the memory. */
const POSITIONS_MAX = 100_000_000;

/** @returns positions of the bits that are set, rising, and where the bytes go on. Throws when they do not fit. */
export function decodeBits(bytes: Buffer, from: number): { readonly positions: number[]; readonly end: number } {
  if (from + 8 > bytes.length) throw new Error('a bit set that ends too early');
  const count = bytes.readUInt32BE(from + 4);
  const end = from + 8 + count * 8 + 4;
  if (end > bytes.length) throw new Error('a bit set that ends too early');
  const word = (index: number): bigint => bytes.readBigUInt64BE(from + 8 + index * 8);
  const positions: number[] = [];
  let bit = 0;
  for (let at = 0; at < count;) {
    const marker = word(at++);
    const run = Number((marker >> 1n) & RUN_MASK) * WORD_BITS;
    if ((marker & 1n) === 1n) {
      if (positions.length + run > POSITIONS_MAX) throw new Error('a bit set of impossible size');
      for (let n = 0; n < run; n++) positions.push(bit + n);
    }
    bit += run;
    for (let literals = Number(marker >> 33n); literals > 0; literals--) {
      if (at >= count) throw new Error('a bit set that ends too early');
      const literal = word(at++);
      for (let n = 0; n < WORD_BITS; n++) if (((literal >> BigInt(n)) & 1n) === 1n) positions.push(bit + n);
      bit += WORD_BITS;
    }
  }
  return { positions, end };
}

/** @param positions rising */
export function encodeBits(positions: readonly number[]): Buffer {
  const literals = new Map<number, bigint>();
  for (const position of positions) {
    const index = Math.floor(position / WORD_BITS);
    literals.set(index, (literals.get(index) ?? 0n) | (1n << BigInt(position % WORD_BITS)));
  }
  const words: bigint[] = [];
  let next = 0;
  for (const [index, literal] of literals) {
    words.push((BigInt(index - next) << 1n) | (1n << 33n), literal);
    next = index + 1;
  }
  // The empty set is one marker of nothing.
  if (words.length === 0) words.push(0n);
  const out = Buffer.alloc(8 + words.length * 8 + 4);
  out.writeUInt32BE((positions.at(-1) ?? -1) + 1, 0);
  out.writeUInt32BE(words.length, 4);
  for (const [index, word] of words.entries()) out.writeBigUInt64BE(word, 8 + index * 8);
  out.writeUInt32BE(Math.max(0, words.length - 2), out.length - 4);
  return out;
}
