/**
 * The look at one part of a pack (verify-pack.ts): everything unpacked once, in the order of the file, its deltas put on bases that are kept for as long
 * as somebody still needs them, and hashed. Of what has the bytes that its id says, the answer holds what the later questions need. It is all copies and
 * hashes, needs no file and no port, and so goes on in a thread of its own as well as here (verify-threads.ts).
 *
 * Invariant: an object of the part is in `slow`, or its bytes gave its id. Damage of any kind is `slow`: the store says in words what it is.
 */

import { Buffer } from 'node:buffer';
import { createHash, hash } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { applyDelta } from './delta.ts';
import { own, type ObjectType } from './objects.ts';
import { readStatement, type ReadStatement } from './statement.ts';
import { isPlaceholder } from './tombstone.ts';

export const TYPES: readonly (ObjectType | null)[] = [null, 'commit', 'tree', 'blob', 'tag', null, null, null];
export const OFS_DELTA = 6;
export const REF_DELTA = 7;
/** In `bases`: a whole object, and one that the quick way cannot read. */
export const WHOLE = -1;
export const SLOW = -2;

/** Bases that are kept; one that is let go is read again by the store. */
const BASES_BYTES_MAX = 64 * 1024 * 1024;
const CHUNK_BYTES_MAX = 4 * 1024 * 1024;
/** Header and bytes are laid together, which hashes in one call; what is longer is hashed in two. */
const TOGETHER_BYTES_MAX = 128 * 1024;
const HEADER_ROOM = 64;
/** How each statement that docket writes begins (statement.ts); one that somebody laid out otherwise is read again when it is asked for. */
const STATEMENT = Buffer.from('{\n  "_type"');

/** All of it can be handed to a thread. */
export type Part = {
  readonly bytes: Uint8Array;
  /** 20 bytes each. */
  readonly ids: Uint8Array;
  /** In `bytes`, and where the last one ends. */
  readonly starts: Float64Array;
  readonly types: Uint8Array;
  readonly sizes: Float64Array;
  readonly headBytes: Uint8Array;
  /** Index of the base in this part; WHOLE, SLOW. */
  readonly bases: Int32Array;
};

export type Look = {
  /** Indexes in the part, rising: the store has to read them. */
  readonly slow: readonly number[];
  /** Bytes of all commits, and for each its index and where it ends. */
  readonly commits: Uint8Array;
  readonly commitAt: Uint32Array;
  /** Blobs by index, and the SHA-256 of each, 32 bytes. */
  readonly blobs: Uint32Array;
  readonly hashes: Uint8Array;
  /** Blobs that look purged. */
  readonly marked: readonly number[];
  /** JSON of [index, statement]: one text is handed over quicker than thousands of small objects. */
  readonly statements: string;
};

/** A zlib stream that is one block of stored bytes (RFC 1950, RFC 1951 3.2.4), as docket writes what is small; null: it is another one. */
function storedBytes(packed: Buffer, size: number): Buffer | null {
  const isOne = packed.length === size + 11 && packed[0] === 0x78 && packed[2] === 1 && packed.readUInt16LE(3) === size;
  return isOne ? packed.subarray(7, 7 + size) : null;
}

function inflate(packed: Buffer, size: number): Buffer {
  const stored = storedBytes(packed, size);
  if (stored !== null) return stored;
  const bytes = inflateSync(packed, { maxOutputLength: Math.max(size, 1), chunkSize: Math.min(Math.max(size + 1, 64), CHUNK_BYTES_MAX) });
  if (bytes.length !== size) throw new Error('another length than its pack says');
  return bytes;
}

type Sum = { add(bytes: Uint8Array): void; all(): Uint8Array; count: () => number };
/** Bytes one after the other, in memory that doubles. */
function makeSum(firstBytes: number): Sum {
  let room = Buffer.allocUnsafeSlow(firstBytes);
  let length = 0;
  return {
    add(bytes) {
      if (length + bytes.length > room.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(room.length * 2, length + bytes.length));
        room.copy(larger, 0, 0, length);
        room = larger;
      }
      room.set(bytes, length);
      length += bytes.length;
    },
    all: () => room.subarray(0, length),
    count: () => length,
  };
}

const room = Buffer.allocUnsafeSlow(HEADER_ROOM + TOGETHER_BYTES_MAX);

/** The id of an object, in hex. @param isThere its bytes lie in `room` already, at HEADER_ROOM */
function idOf(type: ObjectType, bytes: Buffer, isThere: boolean): string {
  const header = `${type} ${String(bytes.length)}\0`;
  if (bytes.length > TOGETHER_BYTES_MAX) return createHash('sha1').update(header, 'latin1').update(bytes).digest('hex');
  const start = HEADER_ROOM - header.length;
  room.write(header, start, 'latin1');
  if (!isThere) bytes.copy(room, HEADER_ROOM);
  return hash('sha1', room.subarray(start, HEADER_ROOM + bytes.length), 'hex');
}

/** A small part of other memory, which it would keep alive. */
const isWindow = ({ buffer, length }: Buffer): boolean => buffer.byteLength > 2 * length;

type Base = { readonly type: ObjectType; readonly bytes: Buffer };

export function lookAt(part: Part): Look {
  const { types, sizes, headBytes, bases, starts } = part;
  const bytes = Buffer.from(part.bytes.buffer, part.bytes.byteOffset, part.bytes.byteLength);
  const ids = Buffer.from(part.ids.buffer, part.ids.byteOffset, part.ids.byteLength);
  const count = bases.length;
  /** How many objects are made of this one. */
  const users = new Uint32Array(count);
  for (const base of bases) if (base >= 0) users[base] = (users[base] ?? 0) + 1;
  const kept = new Map<number, Base>();
  let keptBytes = 0;
  const release = (index: number): void => {
    users[index] = (users[index] ?? 1) - 1;
    const base = users[index] === 0 ? kept.get(index) : undefined;
    if (base === undefined) return;
    kept.delete(index);
    keptBytes -= base.bytes.length;
  };
  const keep = (index: number, base: Base): void => {
    kept.set(index, base);
    keptBytes += base.bytes.length;
    for (const [oldest, { bytes: gone }] of kept) {
      if (keptBytes <= BASES_BYTES_MAX) break;
      kept.delete(oldest);
      keptBytes -= gone.length;
    }
  };
  const slow: number[] = [];
  const commits = makeSum(64 * 1024);
  const commitAt: number[] = [];
  const blobs: number[] = [];
  const hashes = makeSum(8 * 1024);
  const marked: number[] = [];
  const statements: [number, ReadStatement][] = [];

  const seeBlob = (index: number, blob: Buffer): void => {
    blobs.push(index);
    hashes.add(hash('sha256', blob, 'buffer'));
    if (isPlaceholder(blob)) marked.push(index);
    const statement = blob.subarray(0, STATEMENT.length).equals(STATEMENT) ? readStatement(blob.toString('utf8')) : null;
    if (statement !== null) statements.push([index, statement]);
  };

  for (let index = 0; index < count; index++) {
    const base = bases[index] ?? SLOW;
    let object: Base | null = null;
    let isThere = false;
    try {
      if (base !== SLOW) {
        const packed = bytes.subarray((starts[index] ?? 0) + (headBytes[index] ?? 0), starts[index + 1] ?? 0);
        const whole = inflate(packed, sizes[index] ?? 0);
        const of = base === WHOLE ? null : kept.get(base);
        if (of === null) object = { type: TYPES[types[index] ?? 0] ?? 'blob', bytes: whole };
        else if (of !== undefined) {
          const made = applyDelta(whole, of.bytes, room, HEADER_ROOM);
          object = { type: of.type, bytes: made };
          isThere = made.buffer === room.buffer;
        }
      }
    } catch {
      object = null;
    }
    if (base >= 0) release(base);
    if (object !== null && idOf(object.type, object.bytes, isThere) !== ids.toString('hex', index * 20, index * 20 + 20)) object = null;
    if (object === null) {
      slow.push(index);
      continue;
    }
    // What is kept must not hold the whole part, nor lie where the next one is made.
    if ((users[index] ?? 0) > 0) keep(index, isWindow(object.bytes) || isThere ? { type: object.type, bytes: own(object.bytes) } : object);
    if (object.type === 'commit') {
      commits.add(object.bytes);
      commitAt.push(index, commits.count());
    } else if (object.type === 'blob') seeBlob(index, object.bytes);
  }
  return {
    slow,
    commits: commits.all(),
    commitAt: Uint32Array.from(commitAt),
    blobs: Uint32Array.from(blobs),
    hashes: hashes.all(),
    marked,
    statements: JSON.stringify(statements),
  };
}
