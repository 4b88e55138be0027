/**
 * Finds and reads objects wherever git keeps them: packs first (docket writes nothing else), then loose files (a person's git).
 * A person may repack at any time: a miss, or a pack that vanished, looks at the folder again before it is an error.
 */

import { Buffer } from 'node:buffer';
import { inflateSync } from 'node:zlib';
import type { Fs } from '#core/ports.ts';
import type { GitObject, ObjectType, Oid } from './objects.ts';
import { openPack, type PackFile } from './pack-file.ts';

const OPEN_PACKS_MAX = 24;
/** Bases kept while all objects of a pack are read. */
const SEEN_BYTES_MAX = 48 * 1024 * 1024;
const MANY = 64;
const LOOSE_BYTES_MAX = 1024 * 1024 * 1024;

export type StoredObject = { readonly oid: Oid; readonly where: string; read(): Promise<GitObject> };

export type ObjectStore = {
  /** Throws with `code: 'EMISSING'` when no pack and no loose file has it. */
  read(oid: Oid): Promise<GitObject>;
  readType(oid: Oid, type: ObjectType): Promise<Buffer>;
  /** Many, in the order in which they lie on the disk, so that the base of a delta is unpacked once for all. Throws like `read`. */
  many(wanted: Iterable<Oid>): AsyncIterable<{ readonly oid: Oid; readonly object: GitObject }>;
  has(oid: Oid): Promise<boolean>;
  /** A pack that was just written: `pack-<sum>` and the bytes of its index. */
  addPack(name: string, index: Buffer): Promise<void>;
  /** Looks at the folder again: packs that are gone are let go. */
  refresh(): Promise<void>;
  /** Packs that are known. */
  packCount(): number;
  /** Every object there is, packed and loose; some twice when they are stored twice. `loose`: those that are in no pack. */
  all(): Promise<{
    readonly total: number;
    readonly packs: readonly PackFile[];
    readonly objects: AsyncIterable<StoredObject>;
    readonly loose: AsyncIterable<StoredObject>;
  }>;
  close(): Promise<void>;
};

const isGone = (error: unknown): boolean => (error as { code?: unknown }).code === 'ENOENT';

export function missing(oid: Oid): Error {
  return Object.assign(new Error(`the history lacks the object ${oid} (docket verify tells what else is damaged)`), { code: 'EMISSING' });
}

/** `<type> <size>\0<bytes>`, deflated. */
function parseLoose(file: Uint8Array, oid: Oid): GitObject {
  const raw = inflateSync(file);
  const nul = raw.indexOf(0);
  const [type = '', size = ''] = raw.toString('latin1', 0, Math.max(nul, 0)).split(' ');
  const bytes = raw.subarray(nul + 1);
  if (!['commit', 'tree', 'blob', 'tag'].includes(type) || Number(size) !== bytes.length) throw new Error(`a damaged loose object ${oid}`);
  return { type: type as ObjectType, bytes };
}

export function openObjects(fs: Fs, gitDir: string): ObjectStore {
  const folder = `${gitDir}/objects/pack`;
  const packs = new Map<string, PackFile>();
  /** Most recently used last. */
  const open = new Set<PackFile>();
  let newestFirst: PackFile[] = [];
  let lastHit: PackFile | null = null;

  async function drop(name: string): Promise<void> {
    const pack = packs.get(name);
    packs.delete(name);
    if (pack === undefined) return;
    open.delete(pack);
    if (lastHit === pack) lastHit = null;
    newestFirst = newestFirst.filter((other) => other !== pack);
    await pack.close();
  }

  async function add(name: string, index: Buffer | null = null): Promise<void> {
    if (packs.has(name)) return;
    const pack = await openPack(fs, `${folder}/${name}`, index).catch((error: unknown) => {
      if (isGone(error)) return null;
      throw error;
    });
    // Two looks at the folder may go on at once.
    if (pack === null || packs.has(name)) return pack?.close();
    packs.set(name, pack);
    newestFirst.unshift(pack);
  }

  async function rescan(): Promise<void> {
    const names = new Set(
      (await fs.list(folder)).flatMap(({ name }) => (name?.startsWith('pack-') && name.endsWith('.idx') ? [name.slice(0, -4)] : [])),
    );
    for (const name of packs.keys()) if (!names.has(name)) await drop(name);
    for (const name of names) await add(name);
  }

  async function used(pack: PackFile): Promise<void> {
    open.delete(pack);
    open.add(pack);
    if (open.size <= OPEN_PACKS_MAX) return;
    const [oldest] = open;
    if (oldest === undefined) return;
    open.delete(oldest);
    await oldest.close();
  }

  async function fromPacks(oid: Oid): Promise<GitObject | null> {
    const id = Buffer.from(oid, 'hex');
    // Neighbours lie together: the pack that had the last one is asked first.
    const first = lastHit;
    for (let position = first === null ? 0 : -1; position < newestFirst.length; position++) {
      const pack = position < 0 ? first : newestFirst[position];
      if (pack === undefined || pack === null) continue;
      try {
        const found = pack.find(id);
        const offset = typeof found === 'number' ? found : await found;
        if (offset < 0) continue;
        lastHit = pack;
        await used(pack);
        return await pack.readAt(offset, read);
      } catch (error) {
        if (!isGone(error)) throw error;
        await drop(pack.name.slice(folder.length + 1));
      }
    }
    return null;
  }

  async function loose(oid: Oid): Promise<GitObject | null> {
    try {
      return parseLoose((await fs.readBounded(`${gitDir}/objects/${oid.slice(0, 2)}/${oid.slice(2)}`, LOOSE_BYTES_MAX)).bytes, oid);
    } catch (error) {
      if (isGone(error) || (error as { code?: unknown }).code === 'ENOTDIR') return null;
      throw error;
    }
  }

  async function find(oid: Oid): Promise<GitObject | null> {
    const found = await fromPacks(oid);
    if (found !== null) return found;
    // `git repack -ad` moves loose objects into a new pack and removes old packs: packs once more after the loose files.
    const single = await loose(oid);
    if (single !== null) return single;
    await rescan();
    return (await fromPacks(oid)) ?? loose(oid);
  }

  async function read(oid: Oid): Promise<GitObject> {
    const object = await find(oid);
    if (object === null) throw missing(oid);
    return object;
  }

  async function looseOids(): Promise<Oid[]> {
    const found: Oid[] = [];
    for (const { name, kind } of await fs.list(`${gitDir}/objects`)) {
      if (kind !== 'folder' || name === null || !/^[0-9a-f]{2}$/.test(name)) continue;
      for (const file of await fs.list(`${gitDir}/objects/${name}`))
        if (file.name !== null && /^[0-9a-f]{38}$/.test(file.name)) found.push(name + file.name);
    }
    return found;
  }

  async function* objectsOf(pack: PackFile): AsyncGenerator<StoredObject> {
    const seen = new Map<number, GitObject>();
    let seenBytes = 0;
    for (const { oid, offset } of await pack.contents()) {
      const readOne = async (): Promise<GitObject> => {
        await used(pack);
        const object = await pack.readAt(offset, read, seen);
        seenBytes += object.bytes.length;
        if (seenBytes > SEEN_BYTES_MAX) {
          seen.clear();
          seenBytes = 0;
        }
        return object;
      };
      yield { oid, where: `${pack.name}.pack`, read: readOne };
    }
  }

  async function* many(wanted: Iterable<Oid>): AsyncGenerator<{ oid: Oid; object: GitObject }> {
    const left = new Set(wanted);
    // A few are sooner found one by one than in the order of everything.
    for (const pack of left.size < MANY ? [] : [...packs.values()]) {
      if (left.size === 0) return;
      try {
        for await (const stored of objectsOf(pack)) {
          const { oid } = stored;
          if (!left.has(oid)) continue;
          const object = await stored.read();
          left.delete(oid);
          yield { oid, object };
        }
      } catch (error) {
        // Somebody has repacked: what is left lies elsewhere now.
        if (!isGone(error)) throw error;
      }
    }
    for (const oid of left) yield { oid, object: await read(oid) };
  }

  return {
    read,
    many,
    async readType(oid, type) {
      const object = await read(oid);
      if (object.type !== type) throw new Error(`the object ${oid} is a ${object.type}, not a ${type}`);
      return object.bytes;
    },
    addPack: add,
    refresh: rescan,
    packCount: () => packs.size,
    has: async (oid) => (await find(oid)) !== null,
    async all() {
      await rescan();
      const loosePaths = await looseOids();
      const total = loosePaths.length + [...packs.values()].reduce((sum, { count }) => sum + count, 0);
      // eslint-disable-next-line require-await -- a stream, as the one beside it
      async function* loosely(): AsyncGenerator<StoredObject> {
        for (const oid of loosePaths)
          yield { oid, where: `${gitDir}/objects/${oid.slice(0, 2)}/${oid.slice(2)}`, read: async () => (await loose(oid)) ?? read(oid) };
      }
      async function* objects(): AsyncGenerator<StoredObject> {
        for (const pack of packs.values()) yield* objectsOf(pack);
        yield* loosely();
      }
      return { total, packs: [...packs.values()], objects: objects(), loose: loosely() };
    },
    async close() {
      for (const name of packs.keys()) await drop(name);
    },
  };
}
