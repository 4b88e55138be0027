/**
 * Git's index ("staging area") as bytes: read in versions 2, 3 and 4, kept and written as 2 or 3. Source: gitformat-index(5).
 * Entries are sorted by the bytes of their path; a change is one splice, and what it does not name stays byte for byte
 * (a person's staged work lives here). Optional extensions are caches of git and are dropped; of the required ones `link` is known
 * (split-index.ts puts its two files together), another is refused.
 */

import { Buffer } from 'node:buffer';
import type { FileFacts } from '#core/ports.ts';
import { decodeBits, encodeBits } from './ewah.ts';
import { sha1, type Oid } from './objects.ts';

export type Index = { readonly body: Buffer; readonly starts: readonly number[]; readonly isExtended: boolean };
export type IndexEntry = {
  readonly oid: Oid;
  /** 0 unless a person's merge is in conflict. */
  readonly stage: number;
  readonly sizeBytes: number;
  readonly mtimeS: number;
  readonly mtimeNs: number;
  readonly ctimeS: number;
  readonly ctimeNs: number;
  readonly inode: number;
};
/** The extension `link`: this file adds to a shared one. */
export type Link = {
  /** SHA-1 of the shared file, which is its name: `sharedindex.<sum>`. */
  readonly sum: string;
  /** Positions in the shared file of entries that are gone. */
  readonly deleted: readonly number[];
  /** Positions whose entries are replaced by the first entries of this file, in order; their paths may be empty here. */
  readonly replaced: readonly number[];
};
/** Entry null: the path leaves the index. */
export type IndexChange = { readonly path: string; readonly entry: Buffer | null };

export const EMPTY_INDEX: Index = { body: Buffer.alloc(0), starts: [], isExtended: false };

const FIXED = 62;
const EXTENDED_FLAG = 0x4000;
const REGULAR_FILE = 0o100644;

/** `code: 'EDAMAGED'`: it is set aside and made anew. */
export const damaged = (why: string): Error => Object.assign(new Error(`git's index is damaged: ${why}`), { code: 'EDAMAGED' });

const padded = (length: number): number => Math.ceil((length + 1) / 8) * 8;

const isExtendedAt = (bytes: Buffer, start: number): boolean => (bytes.readUInt16BE(start + 60) & EXTENDED_FLAG) !== 0;
const nameStart = (body: Buffer, start: number): number => start + FIXED + (isExtendedAt(body, start) ? 2 : 0);

/** Throws `code: 'EDAMAGED'` when the bytes are torn, another error when the index needs a git feature docket does not write. */
export function parseIndex(bytes: Buffer): { readonly index: Index; readonly link: Link | null } {
  if (bytes.length < 32 || bytes.toString('latin1', 0, 4) !== 'DIRC') throw damaged('no header');
  const version = bytes.readUInt32BE(4);
  const count = bytes.readUInt32BE(8);
  if (version < 2 || version > 4) throw new Error(`git's index has version ${String(version)}; docket knows 2 to 4`);
  const end = bytes.length - 20;
  const sum = bytes.subarray(end);
  if (!sum.equals(Buffer.alloc(20)) && !sum.equals(sha1(bytes.subarray(0, end)))) throw damaged('its checksum differs');
  const parsed = version === 4 ? entriesOfVersion4(bytes, count) : entriesOf(bytes, count);
  return { index: parsed.index, link: readExtensions(bytes, parsed.end, end) };
}

function entriesOf(bytes: Buffer, count: number): { index: Index; end: number } {
  const index = entriesFrom(bytes.subarray(12), count);
  if (index.starts.length < count) throw damaged('it ends too early');
  return { index, end: 12 + index.body.length };
}

/** The whole entries that the bytes begin with, `count` at most: a piece of an index (version 2 or 3) is an index. */
export function entriesFrom(bytes: Buffer, count: number): Index {
  const starts: number[] = [];
  let isExtended = false;
  let at = 0;
  while (starts.length < count && at + FIXED < bytes.length) {
    const nul = bytes.indexOf(0, nameStart(bytes, at));
    const end = at + padded(nul - at);
    if (nul < 0 || end > bytes.length) break;
    starts.push(at);
    isExtended ||= isExtendedAt(bytes, at);
    at = end;
  }
  return { body: bytes.subarray(0, at), starts, isExtended };
}

/** Version 4 writes a path as "cut so many bytes of the path before, then add these". */
function entriesOfVersion4(bytes: Buffer, count: number): { index: Index; end: number } {
  const parts: Buffer[] = [];
  const starts: number[] = [];
  let isExtended = false;
  let previous = Buffer.alloc(0);
  let at = 12;
  let length = 0;
  for (let entry = 0; entry < count; entry++) {
    if (at + FIXED >= bytes.length) throw damaged('it ends too early');
    const fixedEnd = nameStart(bytes, at);
    isExtended ||= fixedEnd - at > FIXED;
    let cursor = fixedEnd;
    let byte = bytes[cursor++] ?? 0;
    let cut = byte & 0x7f;
    while ((byte & 0x80) !== 0) {
      byte = bytes[cursor++] ?? 0;
      cut = (cut + 1) * 128 + (byte & 0x7f);
    }
    const nul = bytes.indexOf(0, cursor);
    if (nul < 0 || cut > previous.length) throw damaged('a path without an end');
    const name = Buffer.concat([previous.subarray(0, previous.length - cut), bytes.subarray(cursor, nul)]);
    const whole = Buffer.alloc(padded(fixedEnd - at + name.length));
    bytes.copy(whole, 0, at, fixedEnd);
    name.copy(whole, fixedEnd - at);
    starts.push(length);
    parts.push(whole);
    length += whole.length;
    previous = name;
    at = nul + 1;
  }
  return { index: { body: Buffer.concat(parts), starts, isExtended }, end: at };
}

/** An extension whose name starts in lower case must be understood. */
function readExtensions(bytes: Buffer, from: number, end: number): Link | null {
  let link: Link | null = null;
  for (let at = from; at + 8 <= end;) {
    const name = bytes.toString('latin1', at, at + 4);
    const body = bytes.subarray(at + 8, Math.min(end, at + 8 + bytes.readUInt32BE(at + 4)));
    if (name === 'link') link = readLink(body);
    else if (!/^[A-Z]/.test(name))
      throw new Error(
        `git's index uses "${name}", which docket does not write (git sparse-checkout disable, git update-index --no-fsmonitor)`,
      );
    at += 8 + bytes.readUInt32BE(at + 4);
  }
  return link;
}

function readLink(body: Buffer): Link | null {
  if (body.length < 20) throw damaged('a link that ends too early');
  const sum = body.toString('hex', 0, 20);
  const isAlone = /^0+$/.test(sum);
  if (body.length === 20) return isAlone ? null : { sum, deleted: [], replaced: [] };
  try {
    const deleted = decodeBits(body, 20);
    const replaced = decodeBits(body, deleted.end);
    return isAlone ? null : { sum, deleted: deleted.positions, replaced: replaced.positions };
  } catch (error) {
    throw damaged((error as Error).message);
  }
}

/** The twelve bytes before the entries. */
export function encodeHead(count: number, isExtended: boolean): Buffer {
  const head = Buffer.alloc(12);
  head.write('DIRC');
  head.writeUInt32BE(isExtended ? 3 : 2, 4);
  head.writeUInt32BE(count, 8);
  return head;
}

/** @param link of an index that adds to a shared one; whoever writes names replaced paths in full, so there are only deletions */
export function encodeIndex(index: Index, link: { readonly sum: string; readonly deleted: readonly number[] } | null = null): Buffer {
  const parts = [encodeHead(index.starts.length, index.isExtended), index.body];
  if (link !== null) {
    const body = Buffer.concat([Buffer.from(link.sum, 'hex'), encodeBits(link.deleted), encodeBits([])]);
    const name = Buffer.from('link\0\0\0\0', 'latin1');
    name.writeUInt32BE(body.length, 4);
    parts.push(name, body);
  }
  return Buffer.concat([...parts, sha1(...parts)]);
}

/** Order of entry `position` against a path: by bytes. */
export function compareAt(index: Index, position: number, path: Buffer): number {
  const start = nameStart(index.body, index.starts[position] ?? 0);
  const end = index.body.indexOf(0, start);
  return index.body.compare(path, 0, path.length, start, end);
}

/** First entry that is not before the path. */
export function lowerBound(index: Index, path: Buffer): number {
  let low = 0;
  let high = index.starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareAt(index, middle, path) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const pathAt = (index: Index, position: number): Buffer => {
  const from = nameStart(index.body, index.starts[position] ?? 0);
  return index.body.subarray(from, index.body.indexOf(0, from));
};

/** The bytes of one entry. */
export const entryAt = (index: Index, position: number): Buffer =>
  index.body.subarray(index.starts[position] ?? 0, index.starts[position + 1] ?? index.body.length);

/** Seconds of the file's last change, without reading the rest. */
export const mtimeAt = (index: Index, position: number): number => index.body.readUInt32BE((index.starts[position] ?? 0) + 8);

/** Position of the first entry of a path; -1: it is not there. */
export function positionOf(index: Index, path: Buffer): number {
  const position = lowerBound(index, path);
  return position < index.starts.length && compareAt(index, position, path) === 0 ? position : -1;
}

export function entryFields(index: Index, position: number): IndexEntry {
  const at = index.starts[position] ?? 0;
  const word = (offset: number): number => index.body.readUInt32BE(at + offset);
  return {
    oid: index.body.toString('hex', at + 40, at + 60),
    stage: (index.body.readUInt16BE(at + 60) >> 12) & 3,
    ctimeS: word(0),
    ctimeNs: word(4),
    mtimeS: word(8),
    mtimeNs: word(12),
    inode: word(20),
    sizeBytes: word(36),
  };
}

const NS_PER_S = 1_000_000_000n;
const low32 = (value: bigint): number => Number(BigInt.asUintN(32, value));

/** @param facts of the file in the work tree; null: unknown, git compares the content itself */
export function encodeIndexEntry(path: string, oid: Oid, facts: FileFacts | null): Buffer {
  const name = Buffer.from(path);
  const entry = Buffer.alloc(padded(FIXED + name.length));
  if (facts !== null) {
    const words = [
      low32(facts.ctimeNs / NS_PER_S),
      low32(facts.ctimeNs % NS_PER_S),
      low32(facts.mtimeNs / NS_PER_S),
      low32(facts.mtimeNs % NS_PER_S),
      low32(facts.dev),
      low32(facts.ino),
    ];
    for (const [position, value] of words.entries()) entry.writeUInt32BE(value, position * 4);
    entry.writeUInt32BE(facts.uid >>> 0, 28);
    entry.writeUInt32BE(facts.gid >>> 0, 32);
    entry.writeUInt32BE(facts.sizeBytes >>> 0, 36);
  }
  entry.writeUInt32BE(REGULAR_FILE, 24);
  entry.write(oid, 40, 'hex');
  entry.writeUInt16BE(Math.min(name.length, 0xfff), 60);
  name.copy(entry, FIXED);
  return entry;
}

/** All entries of a changed path are replaced (its conflict stages too); everything else stays as it is. */
export function spliceIndex(index: Index, changes: readonly IndexChange[]): Index {
  const sorted = changes.map((change) => ({ ...change, key: Buffer.from(change.path) })).toSorted((a, b) => a.key.compare(b.key));
  const parts: Buffer[] = [];
  const starts: number[] = [];
  let taken = 0;
  let length = 0;
  const keepUntil = (position: number): void => {
    if (position <= taken) return;
    const from = index.starts[taken] ?? 0;
    const to = index.starts[position] ?? index.body.length;
    for (let at = taken; at < position; at++) starts.push((index.starts[at] ?? 0) - from + length);
    parts.push(index.body.subarray(from, to));
    length += to - from;
    taken = position;
  };
  for (const { key, entry } of sorted) {
    const position = lowerBound(index, key);
    keepUntil(position);
    while (taken < index.starts.length && compareAt(index, taken, key) === 0) taken++;
    if (entry === null) continue;
    starts.push(length);
    parts.push(entry);
    length += entry.length;
  }
  keepUntil(index.starts.length);
  return { body: Buffer.concat(parts), starts, isExtended: index.isExtended };
}
