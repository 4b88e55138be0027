/**
 * The large, shared part of git's index (split-index.ts) without holding it in memory: it grows with every prompt that was ever answered. Where a path
 * stands in it is kept as a hash (some 20 bytes for an entry instead of 130); what an entry says is read from the file when somebody asks.
 * All of it is read in pieces of whole entries, in order, and so it is written.
 *
 * Invariant: whoever was given all pieces of a file knows that its bytes have the checksum it is named by.
 */

import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Fs } from '#core/ports.ts';
import { damaged, entriesFrom, pathAt, type Index } from './index-file.ts';

/** Bytes read and written at once; longer than any entry (git has no path over 4 kB). */
export const PIECE_BYTES = 256 * 1024;
const HEAD_BYTES = 12;
const SUM_BYTES = 20;

export type Shared = {
  /** SHA-1 of the file, which is its name: `sharedindex.<sum>`. */
  readonly sum: string;
  /** Number of entries. */
  readonly count: number;
  /** An entry in it has flags of version 3. */
  readonly isExtended: boolean;
  /** Positions of a path's entries, rising (several when a person's merge is in conflict); none: it is not there. */
  positionsOf(path: Buffer): Promise<number[]>;
  /** One entry alone. Throws `code: 'EDAMAGED'` when the file is gone. */
  entry(position: number): Promise<Index>;
  /** All entries. Throws `code: 'EDAMAGED'` at the first piece, or after the last one, when the file is not what it was. */
  pieces(): AsyncIterable<Index>;
};

const isGone = (error: unknown): boolean => (error as { code?: unknown }).code === 'ENOENT';
const gone = (sum: string): Error => damaged(`its shared part sharedindex.${sum} is not there`);

/** FNV-1a (32 bits, http://www.isthe.com/chongo/tech/comp/fnv/): a hit is compared with the entry itself. */
function hashOf(path: Buffer): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < path.length; at++) hash = Math.imul(hash ^ (path[at] ?? 0), 0x01000193);
  return hash >>> 0;
}

/** Where each entry begins in the file, and at which positions a hash of a path was seen. */
export type Places = {
  /** Number of entries so far. */
  readonly count: () => number;
  readonly isExtended: () => boolean;
  /** The next entries, in order. */
  add(piece: Index): void;
  candidates(path: Buffer): number[];
  /** First byte of an entry in the file, and the first byte after it. */
  span(position: number): { readonly from: number; readonly to: number };
};

/** @param count how many entries there will be at most */
export function makePlaces(count: number): Places {
  let slotCount = 16;
  while (slotCount * 2 < count * 3) slotCount *= 2;
  /** Open addressing; a slot holds a position + 1, 0 is free. */
  const slots = new Uint32Array(slotCount);
  const hashes = new Uint32Array(slotCount);
  const starts = new Uint32Array(count + 1);
  starts[0] = HEAD_BYTES;
  let known = 0;
  let isExtended = false;
  const mask = slotCount - 1;
  return {
    count: () => known,
    isExtended: () => isExtended,
    add(piece) {
      if (known + piece.starts.length > count) throw damaged('it has more entries than it says');
      const first = starts[known] ?? HEAD_BYTES;
      isExtended ||= piece.isExtended;
      for (let at = 0; at < piece.starts.length; at++) {
        const hash = hashOf(pathAt(piece, at));
        let slot = hash & mask;
        while (slots[slot] !== 0) slot = (slot + 1) & mask;
        hashes[slot] = hash;
        known++;
        slots[slot] = known;
        starts[known] = first + (piece.starts[at + 1] ?? piece.body.length);
      }
    },
    candidates(path) {
      const hash = hashOf(path);
      const found: number[] = [];
      for (let slot = hash & mask; slots[slot] !== 0; slot = (slot + 1) & mask)
        if (hashes[slot] === hash) found.push((slots[slot] ?? 0) - 1);
      return found.toSorted((a, b) => a - b);
    },
    span: (position) => ({ from: starts[position] ?? 0, to: starts[position + 1] ?? 0 }),
  };
}

/** The first bytes of a shared file. Version 4, which a person may have asked git for, is not read in pieces. */
export function headOf(bytes: Buffer): { readonly version: number; readonly count: number } {
  if (bytes.length < HEAD_BYTES || bytes.toString('latin1', 0, 4) !== 'DIRC') throw damaged('its shared part has no header');
  return { version: bytes.readUInt32BE(4), count: bytes.readUInt32BE(8) };
}

async function* readPieces(fs: Fs, path: string, sum: string): AsyncGenerator<Index> {
  const file = await fs.openRead(path).catch((error: unknown) => {
    throw isGone(error) ? gone(sum) : error;
  });
  const hash = createHash('sha1');
  const end = file.sizeBytes - SUM_BYTES;
  const read = async (at: number, length: number): Promise<Buffer> => {
    const bytes = await file.readAt(at, length);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
  try {
    const head = await read(0, HEAD_BYTES);
    let left = headOf(head).count;
    hash.update(head);
    let at = HEAD_BYTES;
    while (left > 0) {
      const piece = entriesFrom(await read(at, Math.min(PIECE_BYTES, Math.max(0, end - at))), left);
      if (piece.starts.length === 0) throw damaged('its shared part ends too early');
      hash.update(piece.body);
      at += piece.body.length;
      left -= piece.starts.length;
      yield piece;
    }
    while (at < end) {
      const more = await read(at, Math.min(PIECE_BYTES, end - at));
      if (more.length === 0) break;
      hash.update(more);
      at += more.length;
    }
    const told = (await read(end, SUM_BYTES)).toString('hex');
    if (told !== sum || hash.digest('hex') !== sum) throw damaged(`the checksum of its shared part sharedindex.${sum} differs`);
  } finally {
    await file.close();
  }
}

/** @param places of all entries of the file, which was read or written whole just now */
export function sharedOnDisk(fs: Fs, path: string, sum: string, places: Places): Shared {
  const entry = async (position: number): Promise<Index> => {
    const { from, to } = places.span(position);
    const file = await fs.openRead(path).catch((error: unknown) => {
      throw isGone(error) ? gone(sum) : error;
    });
    try {
      const bytes = await file.readAt(from, to - from);
      const found = entriesFrom(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 1);
      if (found.starts.length !== 1) throw damaged('its shared part was cut short');
      return found;
    } finally {
      await file.close();
    }
  };
  return {
    sum,
    count: places.count(),
    isExtended: places.isExtended(),
    entry,
    async positionsOf(wanted) {
      const found: number[] = [];
      for (const position of places.candidates(wanted)) if (pathAt(await entry(position), 0).equals(wanted)) found.push(position);
      return found;
    },
    pieces: () => readPieces(fs, path, sum),
  };
}

/** Reads all of a file (version 2 or 3) once, to know its places and that it is whole. */
export async function openShared(fs: Fs, path: string, sum: string, count: number): Promise<Shared> {
  const places = makePlaces(count);
  for await (const piece of readPieces(fs, path, sum)) places.add(piece);
  return sharedOnDisk(fs, path, sum, places);
}

/** One that is in memory: version 4. */
export function sharedInMemory(sum: string, index: Index): Shared {
  const places = makePlaces(index.starts.length);
  places.add(index);
  const entry = (position: number): Index => {
    const { from, to } = places.span(position);
    return { body: index.body.subarray(from - HEAD_BYTES, to - HEAD_BYTES), starts: [0], isExtended: index.isExtended };
  };
  return {
    sum,
    count: index.starts.length,
    isExtended: index.isExtended,
    entry: (position) => Promise.resolve(entry(position)),
    positionsOf: (path) => Promise.resolve(places.candidates(path).filter((position) => pathAt(entry(position), 0).equals(path))),
    async *pieces() {
      yield Promise.resolve(index);
    },
  };
}
