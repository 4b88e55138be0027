/** What differs between two commits' trees: only folders whose ids differ are read. */

import type { Oid } from './objects.ts';
import type { ObjectStore } from './read-objects.ts';
import { entries, EMPTY_TREE, parseTree, type Tree, type TreeEntry } from './tree.ts';

/** Null: the file is not there on that side. */
export type FileChange = { readonly path: string; readonly from: Oid | null; readonly to: Oid | null };

const keyOf = (entry: TreeEntry): string => `${entry.kind}/${entry.name}`;

async function read(store: ObjectStore, oid: Oid | null): Promise<Tree> {
  return oid === null ? EMPTY_TREE : parseTree(await store.readType(oid, 'tree'));
}

/**
 * @param below path of both folders with `/` behind it, or empty
 * @param check of each entry that is new or another one; may throw
 */
export async function* diffTrees(
  store: ObjectStore,
  from: Oid | null,
  to: Oid | null,
  below = '',
  check: (path: string, entry: TreeEntry) => void = () => undefined,
): AsyncGenerator<FileChange> {
  if (from === to) return;
  const before = new Map(entries(await read(store, from)).map((entry) => [keyOf(entry), entry]));
  for (const entry of entries(await read(store, to))) {
    const old = before.get(keyOf(entry));
    before.delete(keyOf(entry));
    yield* diffEntry(store, old ?? null, entry, below, check);
  }
  for (const old of before.values()) yield* diffEntry(store, old, null, below, check);
}

async function* diffEntry(
  store: ObjectStore,
  from: TreeEntry | null,
  to: TreeEntry | null,
  below: string,
  check: (path: string, entry: TreeEntry) => void,
): AsyncGenerator<FileChange> {
  const { name, kind } = to ?? from ?? { name: '', kind: 'file' };
  if (from?.oid === to?.oid) return;
  if (to !== null) check(`${below}${name}`, to);
  if (kind === 'folder') yield* diffTrees(store, from?.oid ?? null, to?.oid ?? null, `${below}${name}/`, check);
  else yield { path: `${below}${name}`, from: from?.oid ?? null, to: to?.oid ?? null };
}
