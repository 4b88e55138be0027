/**
 * Reads one pack on disk through its index, version 2. A small index is kept in memory, a large one is read where it is needed.
 * States: closed (no file held open) -> open (after the first read) -> closed again when the store needs the descriptor.
 */

import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { inflateSync, constants as zlib } from 'node:zlib';
import type { Fs, OpenFile } from '#core/ports.ts';
import { applyDelta } from './delta.ts';
import { own, type GitObject, type ObjectType, type Oid } from './objects.ts';

const INDEX_MEMORY_BYTES_MAX = 128 * 1024;
const WINDOW_BYTES = 16 * 1024;
const CHUNK_BYTES = 1024 * 1024;
const FANOUT_END = 1032;
const TYPES: Readonly<Record<number, ObjectType>> = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' };

/** Reads parts of a file, keeping the last window: neighbours cost one read, also for who goes backwards, as along the commits. */
type Reader = { read(offset: number, length: number): Promise<Buffer>; close(): Promise<void>; readonly isOpen: () => boolean };

const REOPENED_MAX = 5;

function makeReader(fs: Fs, path: string): Reader {
  let file: Promise<OpenFile> | null = null;
  let window: { offset: number; bytes: Buffer } | null = null;

  async function readNow(offset: number, length: number): Promise<Buffer> {
    if (window !== null && offset >= window.offset && offset + length <= window.offset + window.bytes.length)
      return window.bytes.subarray(offset - window.offset, offset - window.offset + length);
    const opening = file ?? fs.openRead(path);
    file = opening;
    const open = await opening.catch((error: unknown) => {
      if (file === opening) file = null;
      throw error;
    });
    const start = offset - (offset % WINDOW_BYTES);
    const read = await open.readAt(start, Math.ceil((offset + length - start) / WINDOW_BYTES) * WINDOW_BYTES);
    const bytes = Buffer.from(read.buffer, read.byteOffset, read.byteLength);
    window = { offset: start, bytes };
    return bytes.subarray(offset - start, offset - start + length);
  }

  return {
    isOpen: () => file !== null,
    async read(offset, length) {
      for (let tries = 1; ; tries++) {
        try {
          return await readNow(offset, length);
        } catch (error) {
          // The store closed it for another one between two reads of the system: it is opened again.
          if ((error as { code?: unknown }).code !== 'EBADF' || tries === REOPENED_MAX) throw error;
        }
      }
    },
    async close() {
      const open = file;
      file = null;
      window = null;
      await (await open)?.close();
    },
  };
}

export type PackFile = {
  readonly name: string;
  readonly count: number;
  /** Byte offset of the object, or -1: at once when the index is in memory (there may be thousands of packs). */
  find(oid: Buffer): number | Promise<number>;
  /**
   * @param elsewhere reads a delta's base that is named by id
   * @param seen objects by offset, for whoever reads many: bases are looked up there, and what is read is added
   */
  readAt(offset: number, elsewhere: (oid: Oid) => Promise<GitObject>, seen?: Map<number, GitObject>): Promise<GitObject>;
  /** Ids of all objects, 20 bytes each, sorted. */
  ids(): Promise<Buffer>;
  /** All objects, in the order of the file. */
  contents(): Promise<{ readonly oid: Oid; readonly offset: number }[]>;
  /** Paths among pack and index whose last 20 bytes are not the SHA-1 of the rest. */
  damagedFiles(): Promise<string[]>;
  isOpen(): boolean;
  close(): Promise<void>;
};

async function smallIndex(fs: Fs, path: string): Promise<Buffer | null> {
  const { bytes, facts } = await fs.readHead(path, INDEX_MEMORY_BYTES_MAX);
  return facts.sizeBytes <= INDEX_MEMORY_BYTES_MAX ? own(bytes) : null;
}

/**
 * @param path without its ending: `…/objects/pack/pack-<hash>`
 * @param known the bytes of its index, when it was just written
 * @throws ENOENT when the index is gone, and an error on another version than 2
 */
export async function openPack(fs: Fs, path: string, known: Buffer | null = null): Promise<PackFile> {
  const indexReader = makeReader(fs, `${path}.idx`);
  const whole = known === null ? await smallIndex(fs, `${path}.idx`) : known.length <= INDEX_MEMORY_BYTES_MAX ? own(known) : null;
  const index = async (offset: number, length: number): Promise<Buffer> =>
    whole === null ? indexReader.read(offset, length) : whole.subarray(offset, offset + length);
  const head = whole ?? own(await index(0, FANOUT_END));
  if (head.length < FANOUT_END || head.readUInt32BE(0) !== 0xff744f63 || head.readUInt32BE(4) !== 2)
    throw new Error(`not a pack index of version 2: ${path}.idx`);
  const fanout = (first: number): number => (first < 0 ? 0 : head.readUInt32BE(8 + 4 * first));
  const count = fanout(255);
  const pack = makeReader(fs, `${path}.pack`);

  async function offsetOf(position: number): Promise<number> {
    const value = (await index(FANOUT_END + count * 24 + position * 4, 4)).readUInt32BE(0);
    if (value < 0x80000000) return value;
    return Number((await index(FANOUT_END + count * 28 + (value - 0x80000000) * 8, 8)).readBigUInt64BE(0));
  }

  async function inflateAt(offset: number, sizeBytes: number): Promise<Buffer> {
    // Deflated bytes may be a little longer than the raw ones, never much.
    const packed = await pack.read(offset, Math.ceil(sizeBytes * 1.01) + 64);
    const bytes = inflateSync(packed, {
      finishFlush: zlib.Z_SYNC_FLUSH,
      maxOutputLength: Math.max(sizeBytes, 1),
      // One byte more than there is, so that one chunk takes it all. By itself each small object would hold 16 KiB.
      chunkSize: Math.min(Math.max(sizeBytes + 1, zlib.Z_MIN_CHUNK), CHUNK_BYTES),
    });
    if (bytes.length !== sizeBytes) throw new Error(`an object of another length than its pack says: ${path}.pack at ${String(offset)}`);
    return bytes;
  }

  const self: PackFile = {
    name: path,
    count,
    find(oid) {
      const first = oid[0] ?? 0;
      const start = fanout(first - 1);
      const length = fanout(first) - start;
      if (length === 0) return -1;
      if (whole !== null) {
        const position = searchIds(whole.subarray(FANOUT_END + start * 20, FANOUT_END + (start + length) * 20), oid);
        return position < 0 ? -1 : offsetOf(start + position);
      }
      return index(FANOUT_END + start * 20, length * 20).then((ids) => {
        const position = searchIds(ids, oid);
        return position < 0 ? -1 : offsetOf(start + position);
      });
    },
    async readAt(offset, elsewhere, seen) {
      const deltas: Buffer[] = [];
      let found: GitObject | null = null;
      for (let at = offset; found === null;) {
        found = seen?.get(at) ?? null;
        if (found !== null) break;
        const entry = parseEntry(await pack.read(at, 64), at);
        const bytes = await inflateAt(at + entry.headBytes, entry.sizeBytes);
        if (entry.kind === 'whole') {
          found = { type: entry.type, bytes };
          break;
        }
        deltas.push(bytes);
        const inside = entry.kind === 'offset-delta' ? entry.baseOffset : await self.find(Buffer.from(entry.baseOid, 'hex'));
        if (inside >= 0) at = inside;
        else if (entry.kind === 'named-delta') found = await elsewhere(entry.baseOid);
      }
      let { bytes } = found;
      for (const delta of deltas.toReversed()) bytes = applyDelta(delta, bytes);
      const object: GitObject = { type: found.type, bytes };
      seen?.set(offset, object);
      return object;
    },
    ids: () => index(FANOUT_END, count * 20),
    async contents() {
      const ids = await self.ids();
      const found: { oid: Oid; offset: number }[] = [];
      for (let position = 0; position < count; position++)
        found.push({ oid: ids.toString('hex', position * 20, position * 20 + 20), offset: await offsetOf(position) });
      return found.toSorted((a, b) => a.offset - b.offset);
    },
    async damagedFiles() {
      const damaged: string[] = [];
      for (const file of [`${path}.pack`, `${path}.idx`]) if (!(await isSound(fs, file))) damaged.push(file);
      return damaged;
    },
    isOpen: () => pack.isOpen() || indexReader.isOpen(),
    async close() {
      await pack.close();
      await indexReader.close();
    },
  };
  return self;
}

async function isSound(fs: Fs, path: string): Promise<boolean> {
  const file = await fs.openRead(path);
  try {
    const hash = createHash('sha1');
    const end = file.sizeBytes - 20;
    if (end < 12) return false;
    for (let at = 0; at < end; at += CHUNK_BYTES) hash.update(await file.readAt(at, Math.min(CHUNK_BYTES, end - at)));
    return hash.digest().equals(await file.readAt(end, 20));
  } finally {
    await file.close();
  }
}

/** Position among sorted ids of 20 bytes, or -1. */
export function searchIds(ids: Buffer, oid: Buffer): number {
  let low = 0;
  let high = ids.length / 20 - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const order = ids.compare(oid, 0, 20, middle * 20, middle * 20 + 20);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

type PackEntry = { readonly headBytes: number; readonly sizeBytes: number } & (
  | { readonly kind: 'whole'; readonly type: ObjectType }
  | { readonly kind: 'offset-delta'; readonly baseOffset: number }
  | { readonly kind: 'named-delta'; readonly baseOid: Oid }
);

function parseEntry(bytes: Buffer, offset: number): PackEntry {
  let at = 0;
  const next = (): number => {
    const value = bytes[at++];
    if (value === undefined) throw new Error('a pack entry that ends too early');
    return value;
  };
  let byte = next();
  const type = (byte >> 4) & 7;
  let sizeBytes = byte & 15;
  for (let scale = 16; (byte & 0x80) !== 0; scale *= 128) {
    byte = next();
    sizeBytes += (byte & 0x7f) * scale;
  }
  if (type === 6) {
    byte = next();
    let back = byte & 0x7f;
    while ((byte & 0x80) !== 0) {
      byte = next();
      back = (back + 1) * 128 + (byte & 0x7f);
    }
    if (back <= 0 || back > offset) throw new Error('a pack entry whose base lies outside');
    return { kind: 'offset-delta', headBytes: at, sizeBytes, baseOffset: offset - back };
  }
  if (type === 7) return { kind: 'named-delta', headBytes: at + 20, sizeBytes, baseOid: bytes.toString('hex', at, at + 20) };
  const name = TYPES[type];
  if (name === undefined) throw new Error(`a pack entry of unknown type ${String(type)}`);
  return { kind: 'whole', headBytes: at, sizeBytes, type: name };
}
