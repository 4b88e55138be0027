/**
 * A pack as parts that can be looked at one by one, side by side, for `verify`: each object in exactly one part, with what is needed to unpack it.
 * Source of the formats: gitformat-pack(5).
 *
 *   index read -> (through the file once) where each object begins, what its base is; the file's own hash -> cut where no delta leads across, if there is
 *   such a place -> (each part once) its bytes
 * Invariant: every object of the index lies in exactly one part. What does not fit the quick way (a base that stands later, in another part, or elsewhere)
 * is marked SLOW, and read by the store, as everything else is.
 */

import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Fs, OpenFile } from '#core/ports.ts';
import { OFS_DELTA, REF_DELTA, SLOW, TYPES, WHOLE, type Part } from './verify-look.ts';

const WINDOW_BYTES = 4 * 1024 * 1024;
const INDEX_BYTES_MAX = 2 * 1024 * 1024 * 1024;
/** A part has about so many bytes of the file, or so many objects, before a place to cut is looked for. */
const PART_BYTES = 512 * 1024;
const PART_OBJECTS = 1_500;
/**
 * How far away such a place may be. In a pack that git made, all versions of a wide tree are one family, a few hundred bytes each: cut in two, every one
 * behind the cut would be read by the store, each with its whole chain.
 */
const PART_BYTES_MAX = 128 * 1024 * 1024;
const FANOUT_END = 1032;
const SUM_BYTES = 20;
const HEADER_BYTES_MAX = 32;
export type PackIndex = {
  readonly count: number;
  /** Ids in the order of the file, 20 bytes each. */
  readonly ids: Buffer;
  readonly offsets: Float64Array;
  /** Where an object of this id stands in that order; SLOW: it is not in this pack. */
  readonly indexOf: (id: Buffer) => number;
  readonly isSound: boolean;
};

const sumOf = (bytes: Buffer): Buffer => createHash('sha1').update(bytes).digest();

/** Throws on what is no index of version 2. */
export async function readPackIndex(fs: Fs, name: string): Promise<PackIndex> {
  const read = await fs.readBounded(`${name}.idx`, INDEX_BYTES_MAX);
  const bytes = Buffer.from(read.bytes.buffer, read.bytes.byteOffset, read.bytes.byteLength);
  if (bytes.length < FANOUT_END + 2 * SUM_BYTES || bytes.readUInt32BE(0) !== 0xff744f63 || bytes.readUInt32BE(4) !== 2)
    throw new Error(`not a pack index of version 2: ${name}.idx`);
  const count = bytes.readUInt32BE(FANOUT_END - 4);
  const small = FANOUT_END + count * 24;
  const large = small + count * 4;
  if (large + 2 * SUM_BYTES > bytes.length) throw new Error(`a pack index that ends too early: ${name}.idx`);
  const offsetOf = (position: number): number => {
    const value = bytes.readUInt32BE(small + position * 4);
    const at = large + (value - 0x80000000) * 8;
    if (value < 0x80000000) return value;
    if (at + 8 > bytes.length) throw new Error(`a pack index that leads outside: ${name}.idx`);
    return Number(bytes.readBigUInt64BE(at));
  };
  // Offset and position in one number: sorted without a comparison of ours.
  const keys = new Float64Array(count);
  for (let position = 0; position < count; position++) {
    const key = offsetOf(position) * count + position;
    if (!Number.isSafeInteger(key)) throw new Error(`a pack that is too large to verify: ${name}.pack`);
    keys[position] = key;
  }
  keys.sort();
  const ids = Buffer.allocUnsafe(count * 20);
  const offsets = new Float64Array(count);
  const indexes = new Int32Array(count);
  for (const [index, key] of keys.entries()) {
    const position = key % count;
    indexes[position] = index;
    offsets[index] = (key - position) / count;
    bytes.copy(ids, index * 20, FANOUT_END + position * 20, FANOUT_END + position * 20 + 20);
  }
  const indexOf = (id: Buffer): number => {
    const first = id[0] ?? 0;
    let low = first === 0 ? 0 : bytes.readUInt32BE(FANOUT_END - 1024 + (first - 1) * 4);
    let high = Math.min(bytes.readUInt32BE(FANOUT_END - 1024 + first * 4), count) - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const at = FANOUT_END + middle * SUM_BYTES;
      const order = bytes.compare(id, 0, SUM_BYTES, at, at + SUM_BYTES);
      if (order === 0) return indexes[middle] ?? SLOW;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return SLOW;
  };
  return { count, ids, offsets, indexOf, isSound: sumOf(bytes.subarray(0, -SUM_BYTES)).equals(bytes.subarray(-SUM_BYTES)) };
}

type Layout = {
  readonly types: Uint8Array;
  readonly sizes: Float64Array;
  readonly headBytes: Uint8Array;
  /** Index of the base among the objects; WHOLE, SLOW. */
  readonly bases: Int32Array;
  readonly end: number;
  readonly isSound: boolean;
};

function indexAt(offsets: Float64Array, offset: number): number {
  let low = 0;
  let high = offsets.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const there = offsets[middle] ?? 0;
    if (there === offset) return middle;
    if (there < offset) low = middle + 1;
    else high = middle - 1;
  }
  return SLOW;
}

/** Reads type, size and base of the object at `at`; the quick way is closed (SLOW) when they make no sense. */
function readHeader(layout: Layout, index: number, { offsets, indexOf }: PackIndex, window: Buffer, at: number): void {
  const { types, sizes, headBytes, bases } = layout;
  let here = at;
  let byte = window[here++] ?? 0;
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  for (let scale = 16; (byte & 0x80) !== 0 && here < window.length; scale *= 128) {
    byte = window[here++] ?? 0;
    size += (byte & 0x7f) * scale;
  }
  types[index] = type;
  sizes[index] = size;
  bases[index] = (TYPES[type] ?? null) === null ? SLOW : WHOLE;
  if (type === OFS_DELTA) {
    byte = window[here++] ?? 0;
    let back = byte & 0x7f;
    while ((byte & 0x80) !== 0 && here < window.length) {
      byte = window[here++] ?? 0;
      back = (back + 1) * 128 + (byte & 0x7f);
    }
    const base = indexAt(offsets, (offsets[index] ?? 0) - back);
    bases[index] = base < index ? base : SLOW;
  } else if (type === REF_DELTA && here + SUM_BYTES <= window.length) {
    const base = indexOf(window.subarray(here, here + SUM_BYTES));
    here += SUM_BYTES;
    bases[index] = base < index ? base : SLOW;
  }
  if (here - at > HEADER_BYTES_MAX || here > window.length) bases[index] = SLOW;
  headBytes[index] = Math.min(here - at, HEADER_BYTES_MAX);
}

async function readLayout(file: OpenFile, packIndex: PackIndex): Promise<Layout> {
  const { count, offsets } = packIndex;
  const hash = createHash('sha1');
  const end = file.sizeBytes - SUM_BYTES;
  const layout = {
    types: new Uint8Array(count),
    sizes: new Float64Array(count),
    headBytes: new Uint8Array(count),
    bases: new Int32Array(count).fill(SLOW),
    end,
  };
  let index = 0;
  for (let at = 0; at < end; at += WINDOW_BYTES) {
    const read = await file.readAt(at, Math.min(WINDOW_BYTES + HEADER_BYTES_MAX, end - at));
    const window = Buffer.from(read.buffer, read.byteOffset, read.byteLength);
    hash.update(window.subarray(0, WINDOW_BYTES));
    for (; index < count && (offsets[index] ?? 0) < at + WINDOW_BYTES; index++) {
      const place = (offsets[index] ?? 0) - at;
      if (place >= 0 && place < window.length) readHeader({ ...layout, isSound: true }, index, packIndex, window, place);
    }
  }
  return { ...layout, isSound: end >= 12 && hash.digest().equals(Buffer.from(await file.readAt(end, SUM_BYTES))) };
}

/** Where to cut: the index of the first object of each part, and the end. No delta leads across a cut where that can be had. */
export function cutsOf({ count, offsets }: Pick<PackIndex, 'count' | 'offsets'>, { bases, end }: Pick<Layout, 'bases' | 'end'>): number[] {
  /** How many deltas lead across the place before an object: a difference for each, summed up below. */
  const across = new Int32Array(count + 2);
  for (const [index, base] of bases.entries()) {
    if (base < 0) continue;
    across[base + 1] = (across[base + 1] ?? 0) + 1;
    across[index + 1] = (across[index + 1] ?? 0) - 1;
  }
  const cuts = [0];
  let open = 0;
  let from = 0;
  let best = { at: 0, open: Number.POSITIVE_INFINITY };
  for (let at = 1; at < count; at++) {
    open += across[at] ?? 0;
    const bytes = (offsets[at] ?? end) - (offsets[from] ?? 0);
    const isLong = bytes >= PART_BYTES || at - from >= PART_OBJECTS;
    if (!isLong) continue;
    if (open < best.open) best = { at, open };
    if (best.open > 0 && bytes < PART_BYTES_MAX) continue;
    cuts.push(best.at);
    from = best.at;
    best = { at: 0, open: Number.POSITIVE_INFINITY };
  }
  if (count > 0) cuts.push(count);
  return cuts;
}

export type OpenPack = {
  /** From these to the next one, the last one is the end. */
  readonly cuts: readonly number[];
  /** Is the file what its own hash says? */
  readonly isSound: boolean;
  part(from: number, to: number): Promise<Part>;
  close(): Promise<void>;
};

export async function openForParts(fs: Fs, name: string, index: PackIndex): Promise<OpenPack> {
  const file = await fs.openRead(`${name}.pack`);
  try {
    const layout = await readLayout(file, index);
    return {
      cuts: cutsOf(index, layout),
      isSound: layout.isSound,
      part: (from, to) => partOf(file, index, layout, from, to),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function partOf(file: OpenFile, { ids, offsets }: PackIndex, layout: Layout, from: number, to: number): Promise<Part> {
  const { types, sizes, headBytes, bases, end } = layout;
  const start = offsets[from] ?? end;
  const starts = new Float64Array(to - from + 1);
  for (let index = from; index <= to; index++) starts[index - from] = (offsets[index] ?? end) - start;
  // A damaged index may lead anywhere.
  const bytes = await file.readAt(start, Math.max(0, Math.min(offsets[to] ?? end, end) - start));
  return {
    // Memory of its own: a thread would get all that a window lies in.
    bytes: bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes),
    ids: new Uint8Array(ids.subarray(from * 20, to * 20)),
    starts,
    types: types.slice(from, to),
    sizes: sizes.slice(from, to),
    headBytes: headBytes.slice(from, to),
    bases: bases.slice(from, to).map((base) => (base >= 0 ? (base >= from ? base - from : SLOW) : base)),
  };
}
