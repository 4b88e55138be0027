/**
 * Packs objects as they come, a pack at a time, so that a purge of a large history needs the memory of one pack. A folder's next version is a
 * delta on the one before it: the root of thousands of features is else stored whole for each commit.
 * Invariant: a pack is on disk, and known to the store, before the next one is begun; `end` writes the last.
 */

import type { Buffer } from 'node:buffer';
import { treeDelta } from './delta.ts';
import type { ObjectType, Oid } from './objects.ts';
import { buildPack, DEPTH_MAX, newDelta, newObject, type NewObject } from './pack.ts';
import { writePack } from './pack-writer.ts';
import type { Repository } from './repository.ts';
import { parseTree, type Tree } from './tree.ts';

const PACK_BYTES = 32 * 1024 * 1024;
const PACK_OBJECTS = 20_000;
/** Smaller trees are stored whole. */
const DELTA_TREE_BYTES = 512;
/** Trees that the next ones may be deltas of. */
const BASES_MAX = 2_000;

export type Packer = {
  /** @param near trees with the same word are likely versions of each other. @returns the object's id */
  add(type: ObjectType, bytes: Buffer, near?: string): Promise<Oid>;
  /** @returns names of all packs, `pack-<sum>` */
  end(): Promise<readonly string[]>;
};

export function makePacker({ fs, gitDir, store }: Pick<Repository, 'fs' | 'gitDir' | 'store'>): Packer {
  const names: string[] = [];
  let objects: NewObject[] = [];
  let seen = new Set<Oid>();
  let sizeBytes = 0;
  const bases = new Map<string, { readonly object: NewObject; readonly tree: Tree }>();

  async function flush(): Promise<void> {
    if (objects.length === 0) return;
    const written = await writePack(fs, gitDir, await buildPack(objects));
    await store.addPack(written.name, written.index);
    names.push(written.name);
    objects = [];
    seen = new Set();
    sizeBytes = 0;
    bases.clear();
  }

  function asTree(bytes: Buffer, near: string): NewObject {
    const tree = parseTree(bytes);
    const whole = newObject('tree', bytes);
    const base = bases.get(near);
    let object = whole;
    if (base !== undefined && base.object.depth < DEPTH_MAX) {
      const delta = treeDelta(base.tree, tree);
      if (delta.length < bytes.length / 2) object = newDelta(whole.oid, delta, base.object);
    }
    if (bases.size >= BASES_MAX) bases.clear();
    bases.set(near, { object, tree });
    return object;
  }

  return {
    async add(type, bytes, near) {
      const isVersion = type === 'tree' && near !== undefined && bytes.length >= DELTA_TREE_BYTES;
      const plain = newObject(type, bytes);
      if (seen.has(plain.oid)) return plain.oid;
      seen.add(plain.oid);
      const object = isVersion ? asTree(bytes, near) : plain;
      objects.push(object);
      sizeBytes += object.bytes.length;
      if (sizeBytes > PACK_BYTES || objects.length >= PACK_OBJECTS) await flush();
      return plain.oid;
    },
    async end() {
      await flush();
      return names;
    },
  };
}
