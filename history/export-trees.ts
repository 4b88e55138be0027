/** Files of the tip for whoever looks at many, here and there: of the folders that were read only the latest are kept, so memory does not follow the history. */

import type { Oid } from './objects.ts';
import type { ObjectStore } from './read-objects.ts';
import { entries, findEntry, parseTree, type Tree, type TreeEntry } from './tree.ts';

/** About 1 kB each; a feature's records lie near each other in the log. */
const KEPT_MAX = 2_000;

export type Trees = {
  file(path: string): Promise<Oid | null>;
  list(path: string): Promise<readonly TreeEntry[]>;
};

export function openTrees(store: ObjectStore, root: Oid): Trees {
  /** Most recently used last. */
  const kept = new Map<Oid, Tree>();
  async function read(oid: Oid): Promise<Tree> {
    const tree = kept.get(oid) ?? parseTree(await store.readType(oid, 'tree'));
    kept.delete(oid);
    kept.set(oid, tree);
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT_MAX) break;
      kept.delete(oldest);
    }
    return tree;
  }
  async function folder(parts: readonly string[]): Promise<Tree | null> {
    let at = await read(root);
    for (const part of parts) {
      const entry = findEntry(at, part, 'folder');
      if (entry === null) return null;
      at = await read(entry.oid);
    }
    return at;
  }
  return {
    async file(path) {
      const parts = path.split('/');
      const found = await folder(parts.slice(0, -1));
      return found === null ? null : (findEntry(found, parts.at(-1) ?? '', 'file')?.oid ?? null);
    },
    async list(path) {
      const found = await folder(path.split('/'));
      return found === null ? [] : entries(found);
    },
  };
}
