/**
 * The files of one commit as trees in memory, read only where somebody looks, and changed only along the path that changes.
 * States of a folder: unread -> clean -> changed -> (seal) clean again, with a new id. Reading never changes it.
 * Invariant: after `seal` every folder's id is the id of its bytes; a snapshot whose group failed is thrown away, never repaired.
 */

import type { ObjectStore } from './read-objects.ts';
import { featureIdOf, roleOf } from './layout.ts';
import type { FeatureId, RoleName } from '#core/names.ts';
import { DEPTH_MAX, newDelta, newObject, WIDE_BYTES, type NewObject } from './pack.ts';
import { own, oidOf, type Oid } from './objects.ts';
import { treeDelta } from './delta.ts';
import {
  EMPTY_TREE,
  entries,
  findOid,
  parseTree,
  setOid,
  withEntry,
  withoutEntry,
  type EntryKind,
  type Tree,
  type TreeEntry,
} from './tree.ts';
import { sealWide, startWide, type WideTree } from './wide-tree.ts';

type Folder = {
  tree: Tree;
  /** Null: changed since it was sealed. */
  oid: Oid | null;
  /** Its newest version in the pack being made, and that version's object. */
  sealed: { readonly tree: Tree; readonly object: NewObject } | null;
  /** Of a large folder, instead of `sealed`: its tree is changed in place. */
  wide: WideTree | null;
  readonly folders: Map<string, Folder>;
  /** Of these folders, the ones that were changed since it was sealed: a history has thousands, a record changes one. */
  readonly changed: Set<string>;
};

/**
 * About 1 kB each. A prompt touches three folders, and its answer the same ones soon after; a folder that was let go is read again from its pack.
 * A start reaches it after some hundred prompts, so the memory of a busy daemon does not follow the length of its history.
 */
const FOLDERS_KEPT_MAX = 2_000;

export type Snapshot = {
  /** Blob id of a file; null when there is none. */
  file(path: string): Promise<Oid | null>;
  /** Tree id of a folder right below the root, as it was sealed; null when there is none. It is not opened. */
  top(name: string): Oid | null;
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
  /** Folder of a feature, whatever its slug and case; the first, when two clones made one each. */
  featureFolder(feature: FeatureId): string | null;
  featureFolders(feature: FeatureId): readonly string[];
  /** Folder of a role inside a feature's folder, whatever its number. */
  roleFolder(featureFolder: string, role: RoleName): Promise<string | null>;
};

const partsOf = (path: string): string[] => (path === '' ? [] : path.split('/'));

const emptyFolder = (): Folder => ({ tree: EMPTY_TREE, oid: null, sealed: null, wide: null, folders: new Map(), changed: new Set() });

function setEntry(folder: Folder, name: string, kind: EntryKind, oid: Oid): void {
  if (folder.wide === null || !setOid(folder.tree, name, kind, oid)) folder.tree = withEntry(folder.tree, name, kind, oid);
}

/** The changed tree as an object of the pack: a delta on its version before, when that is in the pack, too. */
function sealTree(folder: Folder, objects: NewObject[]): NewObject {
  const { tree } = folder;
  if (tree.bytes.length >= WIDE_BYTES) {
    folder.sealed = null;
    if (folder.wide !== null) return sealWide(folder.wide, tree, objects);
    folder.wide = startWide(tree, objects);
    return folder.wide.base.object;
  }
  const before = folder.sealed;
  folder.wide = null;
  const oid = oidOf('tree', tree.bytes);
  const delta = before !== null && before.object.depth < DEPTH_MAX ? treeDelta(before.tree, tree) : null;
  const isWorth = before !== null && delta !== null && delta.length < tree.bytes.length / 2;
  const object = isWorth ? newDelta(oid, delta, before.object) : newObject('tree', tree.bytes, oid);
  objects.push(object);
  folder.sealed = { tree, object };
  return object;
}

export async function openSnapshot(store: ObjectStore, rootOid: Oid | null): Promise<Snapshot> {
  const load = async (oid: Oid): Promise<Folder> => ({
    tree: parseTree(own(await store.readType(oid, 'tree'))),
    oid,
    sealed: null,
    wide: null,
    folders: new Map(),
    changed: new Set(),
  });
  let root = rootOid === null ? emptyFolder() : await load(rootOid);
  /** Lower-case feature id -> folder; follows the root tree it was made from. */
  let features: { tree: Tree; byId: Map<string, string[]> } | null = null;
  let kept = 0;
  /** Folders with an object in the pack being made. */
  let sealed: Folder[] = [];

  async function child(parent: Folder, name: string): Promise<Folder | null> {
    const known = parent.folders.get(name);
    if (known !== undefined) return known;
    const oid = findOid(parent.tree, name, 'folder');
    if (oid === null) return null;
    const loaded = await load(oid);
    // Somebody may have asked for the same folder meanwhile.
    const first = parent.folders.get(name) ?? loaded;
    if (first === loaded) kept++;
    parent.folders.set(name, first);
    return first;
  }

  /** As far as it lies in memory, which is nearly always all the way: a promise for each part of a path is more work than the look. */
  function folderAt(parts: readonly string[]): Folder | null | Promise<Folder | null> {
    let at = root;
    for (const [index, part] of parts.entries()) {
      const next = at.folders.get(part);
      if (next === undefined) return findOid(at.tree, part, 'folder') === null ? null : readTo(at, parts.slice(index));
      at = next;
    }
    return at;
  }

  async function readTo(from: Folder, parts: readonly string[]): Promise<Folder | null> {
    let at: Folder | null = from;
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
      let next = parent.folders.get(part) ?? (await child(parent, part));
      if (next === null) {
        next = emptyFolder();
        parent.folders.set(part, next);
        kept++;
      }
      found.push(next);
    }
    return found;
  }

  /** @param chain the folders along the path, the root first */
  function touch(chain: readonly Folder[], parts: readonly string[]): void {
    for (const [index, folder] of chain.entries()) {
      folder.oid = null;
      if (index > 0) chain[index - 1]?.changed.add(parts[index - 1] ?? '');
    }
  }

  function sealFolder(folder: Folder, objects: NewObject[]): Oid {
    if (folder.oid !== null) return folder.oid;
    for (const name of folder.changed) {
      const inner = folder.folders.get(name);
      if (inner === undefined || inner.oid !== null) continue;
      if (inner.tree.starts.length === 0 && ![...inner.folders.values()].some((deep) => deep.oid === null)) {
        folder.tree = withoutEntry(folder.tree, name, 'folder');
        folder.folders.delete(name);
        continue;
      }
      setEntry(folder, name, 'folder', sealFolder(inner, objects));
    }
    folder.changed.clear();
    folder.oid = sealTree(folder, objects).oid;
    sealed.push(folder);
    return folder.oid;
  }

  function featureMap(): Map<string, string[]> {
    if (features?.tree === root.tree) return features.byId;
    const byId = new Map<string, string[]>();
    for (const { name, kind } of entries(root.tree)) {
      const id = kind === 'folder' ? featureIdOf(name)?.toLowerCase() : undefined;
      if (id !== undefined) byId.set(id, [...(byId.get(id) ?? []), name]);
    }
    features = { tree: root.tree, byId };
    return byId;
  }

  return {
    async file(path) {
      const parts = partsOf(path);
      const folder = await folderAt(parts.slice(0, -1));
      return folder === null ? null : findOid(folder.tree, parts.at(-1) ?? '', 'file');
    },
    top: (name) => findOid(root.tree, name, 'folder'),
    async list(path) {
      const folder = await folderAt(partsOf(path));
      return folder === null ? null : entries(folder.tree);
    },
    async put(path, blob) {
      const parts = partsOf(path);
      const chain = await along(parts.slice(0, -1));
      const last = chain.at(-1) ?? root;
      setEntry(last, parts.at(-1) ?? '', 'file', blob);
      touch(chain, parts);
      const [top = ''] = parts;
      const id = featureIdOf(top)?.toLowerCase();
      if (parts.length < 2 || id === undefined || features === null) return;
      const known = features.byId.get(id) ?? [];
      if (!known.includes(top)) features.byId.set(id, [...known, top].toSorted());
    },
    async remove(path) {
      const parts = partsOf(path);
      const chain = await along(parts.slice(0, -1));
      const last = chain.at(-1) ?? root;
      last.tree = withoutEntry(last.tree, parts.at(-1) ?? '', 'file');
      touch(chain, parts);
    },
    seal(objects) {
      const before = root.tree;
      const oid = sealFolder(root, objects);
      // The map already knows what `put` added; it need not be made again.
      if (features?.tree === before) features = { ...features, tree: root.tree };
      return oid;
    },
    endPack() {
      for (const folder of sealed) {
        folder.sealed = null;
        if (folder.wide !== null) folder.wide.last = null;
      }
      sealed = [];
      if (kept > FOLDERS_KEPT_MAX && root.oid !== null) {
        root = { ...root, folders: new Map() };
        kept = 0;
      }
    },
    async moveTo(next) {
      if (next !== null && root.oid === next) return;
      const fresh = next === null ? emptyFolder() : await load(next);
      keepSame(root, fresh);
      // What is kept of the old root is as good for the new one.
      fresh.wide = root.wide;
      root = fresh;
    },
    featureFolder(feature) {
      return featureMap().get(feature.toLowerCase())?.[0] ?? null;
    },
    featureFolders(feature) {
      return featureMap().get(feature.toLowerCase()) ?? [];
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
    const oid = findOid(to.tree, name, 'folder');
    if (oid !== null && folder.oid === oid) to.folders.set(name, folder);
  }
}
