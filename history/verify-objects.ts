/** Every object against its id, once; what the later questions need of it is kept (verify-seen.ts). Damage is told and never stops the look at the rest. */

import { Buffer } from 'node:buffer';
import { createHash, hash } from 'node:crypto';
import type { Finding } from '#core/history.ts';
import type { Sha256 } from '#core/names.ts';
import { header, oidOf, type GitObject, type Oid } from './objects.ts';
import type { PackFile } from './pack-file.ts';
import type { StoredObject } from './read-objects.ts';
import type { Repository } from './repository.ts';
import { finding, words, type Count } from './verify-finding.ts';
import { readPack, readPackIndex, type Packed, type PackIndex } from './verify-pack.ts';
import { seeBlob, seeCommit, seeTree, type Seen } from './verify-seen.ts';

/** Up to here header and bytes are laid together, which hashes in one call. */
const TOGETHER_BYTES_MAX = 64 * 1024;
const room = Buffer.allocUnsafeSlow(TOGETHER_BYTES_MAX + 64);

function idOf({ type, bytes }: GitObject): Buffer {
  if (bytes.length > TOGETHER_BYTES_MAX) return createHash('sha1').update(header(type, bytes.length)).update(bytes).digest();
  const start = room.write(`${type} ${String(bytes.length)}\0`, 0, 'latin1');
  bytes.copy(room, start);
  return hash('sha1', room.subarray(0, start + bytes.length), 'buffer');
}

function see(seen: Seen, oid: Oid, { type, bytes }: GitObject): void {
  if (type === 'commit') seeCommit(seen, oid, bytes);
  else if (type === 'tree') seeTree(seen, oid, bytes);
  else if (type === 'blob' && !seen.hashes.has(oid)) seeBlob(seen, oid, bytes, hash('sha256', bytes) as Sha256);
}

export async function* verifyObjects({ store, gitDir, fs }: Repository, seen: Seen, count: Count): AsyncGenerator<Finding> {
  const read: typeof store.read = async (oid) => store.read(oid);
  try {
    const { total, packs, loose } = await store.all();
    count.total += total;
    for (const pack of packs) {
      try {
        yield* verifyPack(pack);
      } catch (error) {
        // A person repacks: what was in it lies elsewhere.
        if ((error as { code?: unknown }).code !== 'ENOENT') yield finding('object-damaged', `${pack.name}.pack`, words(error));
      }
    }
    for await (const object of loose) {
      yield* one(object);
      count.step();
    }
  } catch (error) {
    yield finding('object-damaged', `${gitDir}/objects`, words(error));
  }

  async function* verifyPack(pack: PackFile): AsyncGenerator<Finding> {
    const index = await readPackIndex(fs, pack.name);
    const where = `${pack.name}.pack`;
    if (!index.isSound) yield damaged(`${pack.name}.idx`);
    const groups = readPack(fs, pack.name, index);
    try {
      for (let next = await groups.next(); ; next = await groups.next()) {
        if (next.done === true) {
          if (!next.value) yield damaged(where);
          return;
        }
        yield* group(next.value, pack, index, where);
        count.step(next.value.length);
      }
    } finally {
      // Whoever stops listening leaves no file open.
      await groups.return(true);
    }
  }

  async function* group(objects: readonly Packed[], pack: PackFile, { ids, offsets }: PackIndex, where: string): AsyncGenerator<Finding> {
    for (const { index, object } of objects) {
      const id = ids.subarray(index * 20, index * 20 + 20);
      const oid = id.toString('hex');
      if (object !== 'slow' && idOf(object).equals(id)) see(seen, oid, object);
      else yield* one({ oid, where, read: async () => pack.readAt(offsets[index] ?? 0, read) });
    }
  }

  async function* one(stored: StoredObject): AsyncGenerator<Finding> {
    const { oid, where } = stored;
    try {
      const object = await stored.read();
      const actual = oidOf(object.type, object.bytes);
      if (actual === oid) see(seen, oid, object);
      else yield finding('object-damaged', where, `the object ${oid} has other bytes than its id says`, oid, actual);
    } catch (error) {
      yield finding('object-damaged', where, `the object ${oid} cannot be read: ${words(error)}`, oid);
    }
  }
}

const damaged = (path: string): Finding => finding('object-damaged', path, `${path} has other bytes than its checksum says`);
