/**
 * Git's delta: a target as copies from a base and literal bytes. Source: gitformat-pack(5) "Deltified representation".
 * `treeDelta` walks two versions of a tree entry by entry: what is equal is a copy, a changed entry is its 20 new bytes.
 * `lineDelta` walks two texts of one pattern line by line, as two briefs of a role are.
 */

import { Buffer } from 'node:buffer';
import { compareEntries, endOf, lengthOfName, type Tree } from './tree.ts';

const COPY_MAX = 0xffffff;
const LITERAL_MAX = 127;
const STEP = 4096;
const NEAR = 64;
const ID_BYTES = 20;

type Delta = { copy(from: number, length: number): void; literal(source: Buffer, from: number, to: number): void; done(): Buffer };

/** Neighbouring copies become one. */
function startDelta(baseBytes: number, targetBytes: number): Delta {
  let out = Buffer.allocUnsafe(256);
  let length = 0;
  let copyFrom = 0;
  let copyLength = 0;
  const room = (count: number): void => {
    if (length + count > out.length) out = Buffer.concat([out.subarray(0, length)], Math.max(out.length * 2, length + count));
  };
  const byte = (value: number): void => {
    out[length++] = value;
  };
  const size = (value: number): void => {
    let rest = value;
    do {
      byte((rest % 128) | (rest > 127 ? 0x80 : 0));
      rest = Math.floor(rest / 128);
    } while (rest > 0);
  };
  const endCopy = (): void => {
    for (; copyLength > 0;) {
      const count = Math.min(copyLength, COPY_MAX);
      room(8);
      const command = length++;
      let bits = 0x80;
      for (let at = 0; at < 4; at++) {
        const value = Math.floor(copyFrom / 2 ** (8 * at)) & 255;
        if (value === 0) continue;
        bits |= 1 << at;
        byte(value);
      }
      for (let at = 0; at < 3; at++) {
        const value = (count >> (8 * at)) & 255;
        if (value === 0) continue;
        bits |= 0x10 << at;
        byte(value);
      }
      out[command] = bits;
      copyFrom += count;
      copyLength -= count;
    }
  };
  room(20);
  size(baseBytes);
  size(targetBytes);
  return {
    copy(from, count) {
      if (copyLength > 0 && copyFrom + copyLength === from) copyLength += count;
      else {
        endCopy();
        copyFrom = from;
        copyLength = count;
      }
    },
    literal(source, from, to) {
      endCopy();
      for (let at = from; at < to; at += LITERAL_MAX) {
        const end = Math.min(to, at + LITERAL_MAX);
        room(1 + end - at);
        byte(end - at);
        length += source.copy(out, length, at, end);
      }
    },
    done() {
      endCopy();
      return Buffer.from(out.subarray(0, length));
    },
  };
}

/** How many bytes are equal from these two positions on. */
export function commonRun(a: Buffer, aFrom: number, b: Buffer, bFrom: number): number {
  const limit = Math.min(a.length - aFrom, b.length - bFrom);
  const near = Math.min(NEAR, limit);
  let length = 0;
  while (length < near && a[aFrom + length] === b[bFrom + length]) length++;
  if (length < near) return length;
  for (let step = STEP; step >= NEAR;) {
    if (length + step <= limit && a.compare(b, bFrom + length, bFrom + length + step, aFrom + length, aFrom + length + step) === 0)
      length += step;
    else step /= 2;
  }
  while (length < limit && a[aFrom + length] === b[bFrom + length]) length++;
  return length;
}

/** First entry, from `low` on, that does not end before the position. */
function entryAround(tree: Tree, position: number, low: number): number {
  let high = tree.starts.length;
  let from = low;
  while (from < high) {
    const middle = (from + high) >> 1;
    if (endOf(tree, middle) <= position) from = middle + 1;
    else high = middle;
  }
  return from;
}

/** Mode and name byte for byte. */
function hasSameName(a: Tree, left: number, b: Tree, right: number): boolean {
  const length = lengthOfName(a, left);
  if (length !== lengthOfName(b, right)) return false;
  const [from, to] = [a.starts[left] ?? 0, b.starts[right] ?? 0];
  return a.bytes.compare(b.bytes, to, to + length, from, from + length) === 0;
}

export function treeDelta(base: Tree, target: Tree): Buffer {
  const delta = startDelta(base.bytes.length, target.bytes.length);
  let left = 0;
  let right = 0;
  while (right < target.starts.length) {
    const rightStart = target.starts[right] ?? 0;
    if (left >= base.starts.length) {
      delta.literal(target.bytes, rightStart, target.bytes.length);
      break;
    }
    const leftStart = base.starts[left] ?? 0;
    const same = commonRun(base.bytes, leftStart, target.bytes, rightStart);
    const until = entryAround(base, leftStart + same, left);
    if (until > left) {
      delta.copy(leftStart, endOf(base, until - 1) - leftStart);
      right += until - left;
      left = until;
      continue;
    }
    const rightEnd = endOf(target, right);
    const isSameName = hasSameName(base, left, target, right);
    const order = isSameName ? 0 : compareEntries(base, left, target, right);
    if (order < 0) {
      left++;
      continue;
    }
    if (isSameName) {
      const head = rightEnd - ID_BYTES - rightStart;
      delta.copy(leftStart, head);
      delta.literal(target.bytes, rightStart + head, rightEnd);
      left++;
    } else {
      delta.literal(target.bytes, rightStart, rightEnd);
      if (order === 0) left++;
    }
    right++;
  }
  return delta.done();
}

/** Shorter equal runs are not worth a copy between two pieces of literal bytes. */
const COPY_MIN = 16;
const LINE_END = 10;

/** How many bytes are equal before the ends. */
function commonEnd(a: Buffer, b: Buffer): number {
  const limit = Math.min(a.length, b.length);
  let length = 0;
  for (let step = STEP; step >= NEAR;) {
    const next = length + step;
    if (next <= limit && a.compare(b, b.length - next, b.length - length, a.length - next, a.length - length) === 0) length = next;
    else step /= 2;
  }
  while (length < limit && a[a.length - 1 - length] === b[b.length - 1 - length]) length++;
  return length;
}

/**
 * A text that differs in some lines, and in a middle of any length. Where a line differs, both go on at the next one: lines that were put in
 * or taken out are found only by the common end. That is all it costs: a few microseconds for 16 KB.
 * @returns null: more than `literalMax` bytes would be literal
 */
export function lineDelta(base: Buffer, target: Buffer, literalMax: number): Buffer | null {
  const end = commonEnd(base, target);
  const [from, to] = [base.subarray(0, base.length - end), target.subarray(0, target.length - end)];
  const delta = startDelta(base.length, target.length);
  let literal = 0;
  /** Of the target: up to here it is in the delta. */
  let done = 0;
  const write = (until: number): void => {
    literal += until - done;
    if (until > done) delta.literal(target, done, until);
  };
  for (let left = 0, right = 0; right < to.length && literal + right - done <= literalMax;) {
    const same = commonRun(from, left, to, right);
    if (same >= COPY_MIN) {
      write(right);
      delta.copy(left, same);
      done = right + same;
    }
    left = from.indexOf(LINE_END, left + same) + 1;
    right = to.indexOf(LINE_END, right + same) + 1;
    if (left === 0 || right === 0) break;
  }
  if (literal + to.length - done > literalMax) return null;
  write(to.length);
  if (end > 0) delta.copy(from.length, end);
  return delta.done();
}

/**
 * Throws when the delta does not fit the base or leads outside of it.
 * @param room where the target is made, from `roomAt` on, when it fits: else in memory of its own
 */
export function applyDelta(delta: Buffer, base: Buffer, room: Buffer | null = null, roomAt = 0): Buffer {
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
  const outBytes = size();
  const out = room !== null && outBytes <= room.length - roomAt ? room.subarray(roomAt, roomAt + outBytes) : Buffer.allocUnsafe(outBytes);
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
