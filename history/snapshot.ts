/**
 * The files of one commit as trees in memory, read only where somebody looks, and changed only along the path that changes.
 * States of a folder: unread -> clean -> changed -> (seal) clean again, with a new id. Reading never changes it.
 * Invariant: after `seal` every folder's id is the id of its bytes; a snapshot whose group failed is thrown away, never repaired.
 */

import type { ObjectStore } from './read-objects.ts';
import { featureIdOf, roleOf } from './layout.ts';
import type { FeatureId, RoleName } from '#core/names.ts';
import { newObject, type NewObject } from './pack.ts';
import { own, type Oid } from './objects.ts';
import { EMPTY_TREE, entries, findEntry, parseTree, withEntry, withoutEntry, type Tree, type TreeEntry } from './tree.ts';

type Folder = {
  tree: Tree;
  /** Null: changed since it was sealed. */
  oid: Oid | null;
  /** Its newest object in the pack being made. */
  object: NewObject | null;
  readonly folders: Map<string, Folder>;
};

const FOLDERS_KEPT_MAX = 20_000;

export type Snapshot = {
  /** Blob id of a file; null when there is none. */
  file(path: string): Promise<Oid | null>;
  /** Entries of a folder; null when there is none. The empty path is the root. */
  list(path: string): Promise<TreeEntry[] | null>;
  put(path: string, blob: Oid): Promise<void>;
  /** The file, and folders that became empty by it. */
  remove(path: string): Promise<void>;
  /** Appends the changed trees to `objects`; the root tree's id. */
  seal(objects: NewObject[]): Oid;
  /** The pack is written: its objects are no delta bases any more, and are let go. */
  endPack(): void;
  /** Goes to another commit's root tree, keeping what is the same. */
  moveTo(root: Oid | null): Promise<void>;
  /** Folder of a feature, whatever its slug and case. */
  featureFolder(feature: FeatureId): string | null;
  /** Folder of a role inside a feature's folder, whatever its number. */
  roleFolder(featureFolder: string, role: RoleName): Promise<string | null>;
};

const partsOf = (path: string): string[] => (path === '' ? [] : path.split('/'));

const emptyFolder = (): Folder => ({ tree: EMPTY_TREE, oid: null, object: null, folders: new Map() });

export async function openSnapshot(store: ObjectStore, rootOid: Oid | null): Promise<Snapshot> {
  const load = async (oid: Oid): Promise<Folder> => ({
    tree: parseTree(own(await store.readType(oid, 'tree'))),
    oid,
    object: null,
    folders: new Map(),
  });
  let root = rootOid === null ? emptyFolder() : await load(rootOid);
  /** Lower-case feature id -> folder; follows the root tree it was made from. */
  let features: { tree: Tree; byId: Map<string, string> } | null = null;
  let kept = 0;
  /** Folders with an object in the pack being made. */
  let sealed: Folder[] = [];

  async function child(parent: Folder, name: string): Promise<Folder | null> {
    const known = parent.folders.get(name);
    if (known !== undefined) return known;
    const entry = findEntry(parent.tree, name, 'folder');
    if (entry === null) return null;
    const loaded = await load(entry.oid);
    // Somebody may have asked for the same folder meanwhile.
    const first = parent.folders.get(name) ?? loaded;
    if (first === loaded) kept++;
    parent.folders.set(name, first);
    return first;
  }

  async function folderAt(parts: readonly string[]): Promise<Folder | null> {
    let at: Folder | null = root;
    for (const part of parts) {
      at = await child(at, part);
      if (at === null) return null;
    }
    return at;
  }

  /** All folders along a path, the root first; missing ones are made. */
  async function along(parts: readonly string[]): Promise<Folder[]> {
    const found = [root];
    for (const part of parts) {
      const parent = found.at(-1) ?? root;
      let next = await child(parent, part);
      if (next === null) {
        next = emptyFolder();
        parent.folders.set(part, next);
        kept++;
      }
      found.push(next);
    }
    return found;
  }

  function sealFolder(folder: Folder, objects: NewObject[]): Oid {
    if (folder.oid !== null) return folder.oid;
    for (const [name, inner] of folder.folders) {
      if (inner.oid !== null) continue;
      if (inner.tree.starts.length === 0 && ![...inner.folders.values()].some((deep) => deep.oid === null)) {
        folder.tree = withoutEntry(folder.tree, name, 'folder');
        folder.folders.delete(name);
        continue;
      }
      const oid = sealFolder(inner, objects);
      folder.tree = withEntry(folder.tree, name, 'folder', oid);
    }
    const object = newObject('tree', folder.tree.bytes, folder.object);
    objects.push(object);
    folder.object = object;
    folder.oid = object.oid;
    sealed.push(folder);
    return object.oid;
  }

  function featureMap(): Map<string, string> {
    if (features?.tree === root.tree) return features.byId;
    const byId = new Map<string, string>();
    for (const { name, kind } of entries(root.tree)) {
      const id = kind === 'folder' ? featureIdOf(name)?.toLowerCase() : undefined;
      if (id !== undefined && !byId.has(id)) byId.set(id, name);
    }
    features = { tree: root.tree, byId };
    return byId;
  }

  return {
    async file(path) {
      const parts = partsOf(path);
      const folder = await folderAt(parts.slice(0, -1));
      return folder === null ? null : (findEntry(folder.tree, parts.at(-1) ?? '', 'file')?.oid ?? null);
    },
    async list(path) {
      const folder = await folderAt(partsOf(path));
      return folder === null ? null : entries(folder.tree);
    },
    async put(path, blob) {
      const parts = partsOf(path);
      const chain = await along(parts.slice(0, -1));
      const last = chain.at(-1) ?? root;
      last.tree = withEntry(last.tree, parts.at(-1) ?? '', 'file', blob);
      for (const folder of chain) folder.oid = null;
      const [top = ''] = parts;
      const id = featureIdOf(top)?.toLowerCase();
      if (parts.length > 1 && id !== undefined && features !== null && !features.byId.has(id)) features.byId.set(id, top);
    },
    async remove(path) {
      const parts = partsOf(path);
      const chain = await along(parts.slice(0, -1));
      const last = chain.at(-1) ?? root;
      last.tree = withoutEntry(last.tree, parts.at(-1) ?? '', 'file');
      for (const folder of chain) folder.oid = null;
    },
    seal(objects) {
      const before = root.tree;
      const oid = sealFolder(root, objects);
      // The map already knows what `put` added; it need not be made again.
      if (features?.tree === before) features = { ...features, tree: root.tree };
      return oid;
    },
    endPack() {
      if (kept > FOLDERS_KEPT_MAX && root.oid !== null) {
        root = { ...root, folders: new Map() };
        kept = 0;
      }
      for (const folder of sealed) folder.object = null;
      sealed = [];
    },
    async moveTo(next) {
      if (next !== null && root.oid === next) return;
      const fresh = next === null ? emptyFolder() : await load(next);
      keepSame(root, fresh);
      root = fresh;
    },
    featureFolder(feature) {
      return featureMap().get(feature.toLowerCase()) ?? null;
    },
    async roleFolder(featureFolder, role) {
      const folder = await folderAt([featureFolder]);
      if (folder === null) return null;
      return entries(folder.tree).find(({ name, kind }) => kind === 'folder' && roleOf(name) === role)?.name ?? null;
    },
  };
}

/** Read folders whose id did not change are taken over. */
function keepSame(from: Folder, to: Folder): void {
  for (const [name, folder] of from.folders) {
    const entry = findEntry(to.tree, name, 'folder');
    if (entry !== null && folder.oid === entry.oid) to.folders.set(name, folder);
  }
}
