/**
 * Builds one pack and its index (version 2) in memory. Source: gitformat-pack(5).
 * Order inside: commits, the newest first (who walks the log reads neighbours), then trees (each after the tree it is a delta of), then blobs.
 * Invariant: a pack names all its objects once and needs no other pack (no thin packs on disk).
 */

import { Buffer } from 'node:buffer';
import { promisify } from 'node:util';
import { constants as zlib, crc32, deflate, deflateSync, type ZlibOptions } from 'node:zlib';
import { lineDelta } from './delta.ts';
import { oidOf, sha1, type ObjectType, type Oid } from './objects.ts';

export type NewObject = {
  readonly oid: Oid;
  readonly type: ObjectType;
  /** The object itself, or the delta that makes it from its base. */
  readonly bytes: Buffer;
  /** Stands before this one in the same pack. */
  readonly base: NewObject | null;
  /** Deltas below it. */
  readonly depth: number;
};

/** Readers apply a chain one by one; git's own default limit is 50. */
export const DEPTH_MAX = 40;
const ZLIB_LEVEL = 1;
/** Ids do not compress: up to this size a copy is hardly longer than what zlib makes of it, and costs a tenth of the time. */
const STORED_BYTES_MAX = 96;
const STORED_TREE_BYTES_MAX = 256;
/** Of a text: most of what is left of it are hashes, ids and times. */
const STORED_DELTA_BYTES_MAX = 768;
/** Up to here a window and tables of 4 KB make the same bytes as zlib's own, which are larger and emptied for each object. */
const SMALL_BYTES = 4 * 1024;
const SMALL = { windowBits: 12, memLevel: 5 } as const;
/** Texts of these sizes that begin alike are likely made after one pattern: the briefs of a role, the evidence of its jobs. */
const PATTERN_BYTES_MIN = 2 * 1024;
const PATTERN_BYTES_MAX = 128 * 1024;
const OPENING_BYTES = 24;
const ROOM_BYTES_MAX = 2 * 1024 * 1024;
/** Of zlib (Z_MIN_CHUNK). */
const CHUNK_BYTES_MIN = 64;
/** Larger bodies are compressed off the main thread. */
const INLINE_BYTES_MAX = 128 * 1024;
/** From here on a tree is wide (wide-tree.ts). */
export const WIDE_BYTES = 4 * 1024;
const TYPE_NUMBER: Record<ObjectType, number> = { commit: 1, tree: 2, blob: 3, tag: 4 };
const OFS_DELTA = 6;
const deflateAside = promisify<Buffer, ZlibOptions, Buffer>(deflate);

/** @param oid when it is known already */
export const newObject = (type: ObjectType, bytes: Buffer, oid: Oid = oidOf(type, bytes)): NewObject => ({
  oid,
  type,
  bytes,
  base: null,
  depth: 0,
});

export const newDelta = (oid: Oid, delta: Buffer, base: NewObject): NewObject => ({
  oid,
  type: base.type,
  bytes: delta,
  base,
  depth: base.depth + 1,
});

/** A zlib stream of one block that is not compressed (RFC 1950, RFC 1951 3.2.4). */
function stored(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length + 11);
  out.writeUInt16BE(0x7801, 0);
  out[2] = 1;
  out.writeUInt16LE(bytes.length, 3);
  out.writeUInt16LE(bytes.length ^ 0xffff, 5);
  bytes.copy(out, 7);
  let low = 1;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  out.writeUInt16BE(high, bytes.length + 7);
  out.writeUInt16BE(low, bytes.length + 9);
  return out;
}

/** Compressed bytes of a wide tree that stands in one pack after the other. */
const PACKED = new WeakMap<NewObject, Buffer>();

/** `100644 <64 characters>\0<20 bytes>` throughout, a folder of materials: there is nothing in it that comes twice, so zlib need not look for it. */
const isOfHashes = (tree: Buffer): boolean => tree.length % 92 === 0 && tree[71] === 0;

const storedMax = ({ type, base }: NewObject): number =>
  type === 'tree' ? STORED_TREE_BYTES_MAX : base !== null ? STORED_DELTA_BYTES_MAX : STORED_BYTES_MAX;

async function compress(object: NewObject): Promise<Buffer> {
  const { bytes, type, base } = object;
  if (bytes.length <= storedMax(object)) return stored(bytes);
  const isKept = type === 'tree' && base === null && bytes.length >= WIDE_BYTES;
  const known = isKept ? PACKED.get(object) : undefined;
  if (known !== undefined) return known;
  const options = {
    level: ZLIB_LEVEL,
    strategy: type === 'tree' && base === null && isOfHashes(bytes) ? zlib.Z_HUFFMAN_ONLY : zlib.Z_DEFAULT_STRATEGY,
    // One buffer that holds all of it: zlib's own default is 16 KB for whatever is small.
    chunkSize: Math.max(CHUNK_BYTES_MIN, bytes.length + (bytes.length >> 8) + 64),
    ...(bytes.length <= SMALL_BYTES ? SMALL : {}),
  };
  const packed = bytes.length > INLINE_BYTES_MAX ? await deflateAside(bytes, options) : deflateSync(bytes, options);
  if (isKept) PACKED.set(object, packed);
  return packed;
}

/** Type and size: 4 bits of the size, then 7 at a time. */
function entryHeader(type: number, sizeBytes: number): number[] {
  const out: number[] = [];
  let current = (type << 4) | (sizeBytes % 16);
  for (let rest = Math.floor(sizeBytes / 16); rest > 0; rest = Math.floor(rest / 128)) {
    out.push(current | 0x80);
    current = rest % 128;
  }
  out.push(current);
  return out;
}

/** The distance to the base, big-endian, each further byte counting from one more. */
function distance(value: number): number[] {
  const out = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    rest -= 1;
    out.unshift(0x80 | (rest % 128));
  }
  return out;
}

type Placed = { readonly oid: Buffer; readonly offset: number; readonly crc: number };

/** `sum` (hex) is its name: `pack-<sum>`; the bytes of both files. */
export type BuiltPack = { readonly sum: string; readonly pack: Buffer; readonly index: Buffer };
/** Memory for one pack after the other: a record alone has a copy of the widest tree, and the collector need not take it away each time. */
export type PackRoom = { bytes: Buffer };

/**
 * Of texts that begin alike the first stands whole, and those after it are its lines with a few of their own: of a brief of 16 KB, of which 7 are left when
 * it is compressed, 300 bytes are left, in a quarter of the time. A text alone in its pack stays as it is.
 */
function onBases(blobs: readonly NewObject[]): NewObject[] {
  const bases = new Map<string, NewObject>();
  return blobs.map((blob) => {
    const { bytes, oid } = blob;
    if (blob.base !== null || bytes.length < PATTERN_BYTES_MIN || bytes.length > PATTERN_BYTES_MAX) return blob;
    const opening = bytes.toString('latin1', 0, OPENING_BYTES);
    const base = bases.get(opening);
    const delta = base === undefined ? null : lineDelta(base.bytes, bytes, bytes.length / 2);
    if (base !== undefined && delta !== null) return newDelta(oid, delta, base);
    bases.set(opening, blob);
    return blob;
  });
}

/** @param room the pack lies in it until the next one is built there */
export async function buildPack(objects: readonly NewObject[], room: PackRoom = { bytes: Buffer.alloc(0) }): Promise<BuiltPack> {
  const unique = new Map<Oid, NewObject>();
  for (const object of objects) if (!unique.has(object.oid)) unique.set(object.oid, object);
  const all = [...unique.values()];
  const ordered = [
    ...all.filter(({ type }) => type === 'commit').toReversed(),
    ...all.filter(({ type }) => type === 'tree' || type === 'tag'),
    ...onBases(all.filter(({ type }) => type === 'blob')),
  ];
  const head = Buffer.alloc(12);
  head.write('PACK');
  head.writeUInt32BE(2, 4);
  head.writeUInt32BE(ordered.length, 8);
  const parts: Buffer[] = [head];
  const offsets = new Map<Oid, number>();
  const placed: Placed[] = [];
  let offset = head.length;
  for (const object of ordered) {
    const { start, packed } = await encodeEntry(object, offset, offsets);
    offsets.set(object.oid, offset);
    placed.push({ oid: Buffer.from(object.oid, 'hex'), offset, crc: crc32(packed, crc32(start)) });
    parts.push(start, packed);
    offset += start.length + packed.length;
  }
  const sum = sha1(...parts);
  parts.push(sum);
  return { sum: sum.toString('hex'), pack: joinedIn(room, parts, offset + sum.length), index: packIndex(placed, sum) };
}

function joinedIn(room: PackRoom, parts: readonly Buffer[], sizeBytes: number): Buffer {
  if (sizeBytes > ROOM_BYTES_MAX) return Buffer.concat(parts, sizeBytes);
  if (room.bytes.length < sizeBytes) room.bytes = Buffer.allocUnsafeSlow(Math.min(ROOM_BYTES_MAX, sizeBytes * 2));
  let at = 0;
  for (const part of parts) at += part.copy(room.bytes, at);
  return room.bytes.subarray(0, sizeBytes);
}

/** In two parts: a copy of a wide tree for each pack would be most of what the collector has to collect. */
async function encodeEntry(
  object: NewObject,
  offset: number,
  offsets: ReadonlyMap<Oid, number>,
): Promise<{ readonly start: Buffer; readonly packed: Buffer }> {
  const packed = await compress(object);
  const { base, bytes, type } = object;
  if (base === null) return { start: Buffer.from(entryHeader(TYPE_NUMBER[type], bytes.length)), packed };
  const baseOffset = offsets.get(base.oid);
  if (baseOffset === undefined) throw new Error(`the base ${base.oid} is not in the pack before its delta`);
  return { start: Buffer.from([...entryHeader(OFS_DELTA, bytes.length), ...distance(offset - baseOffset)]), packed };
}

const LARGE_OFFSET = 0x80000000;

function packIndex(objects: readonly Placed[], packSum: Buffer): Buffer {
  const sorted = objects.toSorted((a, b) => a.oid.compare(b.oid));
  const count = sorted.length;
  const table = Buffer.alloc(8 + 1024 + count * 28);
  table.writeUInt32BE(0xff744f63, 0);
  table.writeUInt32BE(2, 4);
  let upTo = 0;
  for (let first = 0; first < 256; first++) {
    while (upTo < count && (sorted[upTo]?.oid[0] ?? 256) <= first) upTo++;
    table.writeUInt32BE(upTo, 8 + 4 * first);
  }
  const large: Buffer[] = [];
  for (const [index, object] of sorted.entries()) {
    object.oid.copy(table, 1032 + 20 * index);
    table.writeUInt32BE(object.crc, 1032 + 20 * count + 4 * index);
    const isLarge = object.offset >= LARGE_OFFSET;
    table.writeUInt32BE(isLarge ? LARGE_OFFSET + large.length : object.offset, 1032 + 24 * count + 4 * index);
    if (!isLarge) continue;
    const wide = Buffer.alloc(8);
    wide.writeBigUInt64BE(BigInt(object.offset));
    large.push(wide);
  }
  const body = Buffer.concat([table, ...large, packSum]);
  return Buffer.concat([body, sha1(body)]);
}
