/**
 * One look at all objects of a pack, for `verify`: each unpacked once, in the order of the file, its deltas put on bases that are kept for as
 * long as somebody still needs them. Source of the formats: gitformat-pack(5).
 *
 *   index read -> (first time through the file) where each object begins, what its base is; the file's own hash
 *              -> (second time) unpacked, handed out
 * Invariant: every object is handed out exactly once, or named as damaged. What does not fit the quick way (a base that stands later, or
 * elsewhere; damage) is read by the store, as everything else is.
 */

import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import type { Fs, OpenFile } from '#core/ports.ts';
import { applyDelta } from './delta.ts';
import { own, type GitObject, type ObjectType } from './objects.ts';

const WINDOW_BYTES = 4 * 1024 * 1024;
const INDEX_BYTES_MAX = 2 * 1024 * 1024 * 1024;
/** Bases that are kept; one that is let go is read again by the store. */
const BASES_BYTES_MAX = 128 * 1024 * 1024;
const FANOUT_END = 1032;
const SUM_BYTES = 20;
const HEADER_BYTES_MAX = 32;
const TYPES: readonly (ObjectType | null)[] = [null, 'commit', 'tree', 'blob', 'tag', null, null, null];
const OFS_DELTA = 6;
/** In `bases`: a whole object, and one that the quick way cannot read. */
const WHOLE = -1;
const SLOW = -2;

export type PackIndex = {
  readonly count: number;
  /** Ids in the order of the file, 20 bytes each. */
  readonly ids: Buffer;
  readonly offsets: Float64Array;
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
  for (const [index, key] of keys.entries()) {
    const position = key % count;
    offsets[index] = (key - position) / count;
    bytes.copy(ids, index * 20, FANOUT_END + position * 20, FANOUT_END + position * 20 + 20);
  }
  return { count, ids, offsets, isSound: sumOf(bytes.subarray(0, -SUM_BYTES)).equals(bytes.subarray(-SUM_BYTES)) };
}

type Layout = {
  readonly types: Uint8Array;
  readonly sizes: Float64Array;
  readonly headBytes: Uint8Array;
  /** Index of the base among the objects; WHOLE, SLOW. */
  readonly bases: Int32Array;
  /** How many objects are made of this one. */
  readonly users: Uint32Array;
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
function readHeader(layout: Layout, index: number, offsets: Float64Array, window: Buffer, at: number): void {
  const { types, sizes, headBytes, bases, users } = layout;
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
    if (base >= 0 && base < index) users[base] = (users[base] ?? 0) + 1;
  }
  if (here - at > HEADER_BYTES_MAX || here > window.length) bases[index] = SLOW;
  headBytes[index] = Math.min(here - at, HEADER_BYTES_MAX);
}

async function readLayout(file: OpenFile, { count, offsets }: PackIndex): Promise<Layout> {
  const hash = createHash('sha1');
  const end = file.sizeBytes - SUM_BYTES;
  const layout = {
    types: new Uint8Array(count),
    sizes: new Float64Array(count),
    headBytes: new Uint8Array(count),
    bases: new Int32Array(count).fill(SLOW),
    users: new Uint32Array(count),
    end,
  };
  let index = 0;
  for (let at = 0; at < end; at += WINDOW_BYTES) {
    const read = await file.readAt(at, Math.min(WINDOW_BYTES + HEADER_BYTES_MAX, end - at));
    const window = Buffer.from(read.buffer, read.byteOffset, read.byteLength);
    hash.update(window.subarray(0, WINDOW_BYTES));
    for (; index < count && (offsets[index] ?? 0) < at + WINDOW_BYTES; index++) {
      const place = (offsets[index] ?? 0) - at;
      if (place >= 0 && place < window.length) readHeader({ ...layout, isSound: true }, index, offsets, window, place);
    }
  }
  return { ...layout, isSound: end >= 12 && hash.digest().equals(Buffer.from(await file.readAt(end, SUM_BYTES))) };
}

/** A zlib stream that is one block of stored bytes (RFC 1950, RFC 1951 3.2.4), as docket writes what is small; null: it is another one. */
function storedBytes(packed: Buffer, size: number): Buffer | null {
  const isOne = packed.length === size + 11 && packed[0] === 0x78 && packed[2] === 1 && packed.readUInt16LE(3) === size;
  return isOne ? packed.subarray(7, 7 + size) : null;
}

function inflate(packed: Buffer, size: number): Buffer {
  const stored = storedBytes(packed, size);
  if (stored !== null) return stored;
  const bytes = inflateSync(packed, { maxOutputLength: Math.max(size, 1), chunkSize: Math.min(Math.max(size + 1, 64), WINDOW_BYTES) });
  if (bytes.length !== size) throw new Error('another length than its pack says');
  return bytes;
}

/** `slow`: the object at this index has to be read by the store. */
export type Packed = { readonly index: number; readonly object: GitObject | 'slow' };

/**
 * All objects of a pack, in groups: what one read of the file gives.
 * @returns is the file what its own hash says?
 */
export async function* readPack(fs: Fs, name: string, index: PackIndex): AsyncGenerator<readonly Packed[], boolean> {
  const file = await fs.openRead(`${name}.pack`);
  try {
    const layout = await readLayout(file, index);
    yield* unpack(file, index, layout);
    return layout.isSound;
  } finally {
    await file.close();
  }
}

/** A small part of other memory, which it would keep alive. */
const isWindow = ({ buffer, length }: Buffer): boolean => buffer.byteLength > 2 * length;

async function* unpack(file: OpenFile, { count, offsets }: PackIndex, layout: Layout): AsyncGenerator<readonly Packed[], void> {
  const { types, sizes, headBytes, bases, users, end } = layout;
  const kept = new Map<number, GitObject>();
  let keptBytes = 0;
  const keep = (index: number, object: GitObject): void => {
    kept.set(index, object);
    keptBytes += object.bytes.length;
    for (const [oldest, { bytes }] of kept) {
      if (keptBytes <= BASES_BYTES_MAX) break;
      kept.delete(oldest);
      keptBytes -= bytes.length;
    }
  };
  const release = (index: number): void => {
    users[index] = (users[index] ?? 1) - 1;
    const base = users[index] === 0 ? kept.get(index) : undefined;
    if (base === undefined) return;
    kept.delete(index);
    keptBytes -= base.bytes.length;
  };
  const take = (index: number, packed: Buffer): GitObject | 'slow' => {
    const base = bases[index] ?? SLOW;
    if (base === SLOW) return 'slow';
    try {
      const bytes = inflate(packed, sizes[index] ?? 0);
      if (base === WHOLE) return { type: TYPES[types[index] ?? 0] ?? 'blob', bytes };
      const of = kept.get(base);
      return of === undefined ? 'slow' : { type: of.type, bytes: applyDelta(bytes, of.bytes) };
    } catch {
      return 'slow';
    } finally {
      if (base >= 0) release(base);
    }
  };
  for (let index = 0; index < count;) {
    const from = offsets[index] ?? 0;
    const wholeTo = offsets[index + 1] ?? end;
    const window = await file.readAt(from, Math.max(wholeTo - from, Math.min(WINDOW_BYTES, end - from)));
    const bytes = Buffer.from(window.buffer, window.byteOffset, window.byteLength);
    const group: Packed[] = [];
    for (; index < count; index++) {
      const at = (offsets[index] ?? 0) - from;
      const to = (offsets[index + 1] ?? end) - from;
      if (to > bytes.length && group.length > 0) break;
      const object = take(index, bytes.subarray(at + (headBytes[index] ?? 0), to));
      // What is kept must not hold the whole window.
      if (object !== 'slow' && (users[index] ?? 0) > 0)
        keep(index, isWindow(object.bytes) ? { type: object.type, bytes: own(object.bytes) } : object);
      group.push({ index, object });
    }
    yield group;
  }
}
