/**
 * Git's delta: a target as copies from a base and literal bytes. Source: gitformat-pack(5) "Deltified representation".
 * `makeDelta` knows one shape only, common start + new middle + common end: that is what a tree with one changed entry looks like.
 */

import { Buffer } from 'node:buffer';

const COPY_MAX = 0xffffff;
const LITERAL_MAX = 127;
const STEP = 4096;

function sizeBytes(size: number): number[] {
  const bytes: number[] = [];
  let rest = size;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}

/** The largest length up to `limit` for which `isSame(from, to)` holds all the way: whole steps first, then halves of one. */
function reach(limit: number, isSame: (from: number, to: number) => boolean): number {
  let length = 0;
  while (length + STEP <= limit && isSame(length, length + STEP)) length += STEP;
  for (let step = STEP / 2; step >= 1; step /= 2) if (length + step <= limit && isSame(length, length + step)) length += step;
  return length;
}

const commonStart = (a: Buffer, b: Buffer): number =>
  reach(Math.min(a.length, b.length), (from, to) => a.compare(b, from, to, from, to) === 0);

const commonEnd = (a: Buffer, b: Buffer, limit: number): number =>
  reach(limit, (from, to) => a.compare(b, b.length - to, b.length - from, a.length - to, a.length - from) === 0);

function copies(from: number, length: number): number[] {
  const out: number[] = [];
  for (let offset = from, left = length; left > 0;) {
    const count = Math.min(left, COPY_MAX);
    let command = 0x80;
    const operands: number[] = [];
    for (let byte = 0; byte < 4; byte++) {
      const value = Math.floor(offset / 2 ** (8 * byte)) & 255;
      if (value === 0) continue;
      command |= 1 << byte;
      operands.push(value);
    }
    for (let byte = 0; byte < 3; byte++) {
      const value = (count >> (8 * byte)) & 255;
      if (value === 0) continue;
      command |= 0x10 << byte;
      operands.push(value);
    }
    out.push(command, ...operands);
    offset += count;
    left -= count;
  }
  return out;
}

export function makeDelta(base: Buffer, target: Buffer): Buffer {
  const start = commonStart(base, target);
  const end = commonEnd(base, target, Math.min(base.length, target.length) - start);
  const out = [...sizeBytes(base.length), ...sizeBytes(target.length), ...copies(0, start)];
  const stop = target.length - end;
  for (let at = start; at < stop; at += LITERAL_MAX) {
    const literal = target.subarray(at, Math.min(stop, at + LITERAL_MAX));
    out.push(literal.length, ...literal);
  }
  out.push(...copies(base.length - end, end));
  return Buffer.from(out);
}

/** Throws when the delta does not fit the base or leads outside of it. */
export function applyDelta(delta: Buffer, base: Buffer): Buffer {
  let at = 0;
  const byte = (): number => {
    const value = delta[at++];
    if (value === undefined) throw new Error('a delta that ends too early');
    return value;
  };
  const size = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const next = byte();
      value += (next & 0x7f) * scale;
      if (next < 0x80) return value;
    }
  };
  if (size() !== base.length) throw new Error('a delta made for another base');
  const out = Buffer.allocUnsafe(size());
  let filled = 0;
  const take = (source: Buffer, from: number, length: number): void => {
    if (from + length > source.length || filled + length > out.length) throw new Error('a delta that leads outside');
    source.copy(out, filled, from, from + length);
    filled += length;
  };
  while (at < delta.length) {
    const command = byte();
    if (command === 0) throw new Error('a delta with a reserved command');
    if (command < 0x80) {
      take(delta, at, command);
      at += command;
      continue;
    }
    let offset = 0;
    let length = 0;
    for (let index = 0; index < 4; index++) if ((command & (1 << index)) !== 0) offset += byte() * 2 ** (8 * index);
    for (let index = 0; index < 3; index++) if ((command & (0x10 << index)) !== 0) length += byte() * 2 ** (8 * index);
    take(base, offset, length === 0 ? 0x10000 : length);
  }
  if (filled !== out.length) throw new Error('a delta that fills too little');
  return out;
}
