/**
 * A git tree as its own bytes, with the start of each entry: a change of one entry is one copy, whatever the tree's size.
 * An entry is `<mode> <name>\0<20 bytes>`; entries are sorted by the bytes of the name, folders as if their name ended in `/`
 * (git's base_name_compare). Trees are values: a change answers a new tree.
 */

import { Buffer } from 'node:buffer';
import { own, type Oid } from './objects.ts';

export type EntryKind = 'file' | 'folder';
export type Tree = { readonly bytes: Buffer; readonly starts: readonly number[] };
export type TreeEntry = { readonly name: string; readonly mode: string; readonly kind: EntryKind; readonly oid: Oid };

export const FILE_MODE = '100644';
const FOLDER_MODE = '40000';
const SPACE = 32;
const SLASH = 47;

export const EMPTY_TREE: Tree = { bytes: Buffer.alloc(0), starts: [] };

/** Throws when the bytes are no tree. */
export function parseTree(bytes: Buffer): Tree {
  const starts: number[] = [];
  for (let at = 0; at < bytes.length;) {
    starts.push(at);
    const nul = bytes.indexOf(0, at);
    if (nul < 0 || nul + 21 > bytes.length) throw new Error('a tree object that ends in the middle of an entry');
    at = nul + 21;
  }
  return { bytes, starts };
}

export const endOf = (tree: Tree, index: number): number => tree.starts[index + 1] ?? tree.bytes.length;

/** Bytes of mode and name together. */
export const lengthOfName = (tree: Tree, index: number): number => endOf(tree, index) - 21 - (tree.starts[index] ?? 0);

const sortKeyAt = (tree: Tree, index: number): Buffer => {
  const { name, kind } = entryAt(tree, index);
  return keyOf(name, kind);
};

/** Order of two entries, also of two trees. */
export const compareEntries = (a: Tree, aIndex: number, b: Tree, bIndex: number): number =>
  sortKeyAt(a, aIndex).compare(sortKeyAt(b, bIndex));

export function entryAt(tree: Tree, index: number): TreeEntry {
  const start = tree.starts[index] ?? 0;
  const end = endOf(tree, index);
  const space = tree.bytes.indexOf(SPACE, start);
  const mode = tree.bytes.toString('latin1', start, space);
  return {
    name: tree.bytes.toString('utf8', space + 1, end - 21),
    mode,
    kind: mode === FOLDER_MODE ? 'folder' : 'file',
    oid: tree.bytes.toString('hex', end - 20, end),
  };
}

export const entries = (tree: Tree): TreeEntry[] => tree.starts.map((_, index) => entryAt(tree, index));

/** Order of entry `index` against a sort key (the name's bytes, `/` behind it for a folder). */
function compareAt(tree: Tree, index: number, key: Buffer): number {
  const start = tree.starts[index] ?? 0;
  const nameStart = tree.bytes.indexOf(SPACE, start) + 1;
  const nameEnd = endOf(tree, index) - 21;
  const isFolder = tree.bytes[start] === 52; // '4' of 40000
  const length = nameEnd - nameStart;
  const order = tree.bytes.compare(key, 0, Math.min(key.length, length), nameStart, nameStart + Math.min(key.length, length));
  if (order !== 0) return order;
  if (length < key.length) {
    const next = isFolder ? SLASH : -1;
    const other = key[length] ?? 0;
    if (next !== other) return next - other;
    return length + 1 - key.length;
  }
  // The key is the start of this name (or all of it).
  return length - key.length + (isFolder ? 1 : 0);
}

const keyOf = (name: string, kind: EntryKind): Buffer => Buffer.from(kind === 'folder' ? `${name}/` : name);

/** Index of the entry, or the complement of where it belongs. */
function search(tree: Tree, key: Buffer): number {
  let low = 0;
  let high = tree.starts.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const order = compareAt(tree, middle, key);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return ~low;
}

export function findEntry(tree: Tree, name: string, kind: EntryKind): TreeEntry | null {
  const index = search(tree, keyOf(name, kind));
  return index < 0 ? null : entryAt(tree, index);
}

/** The id alone: nothing else of the entry is turned into text. */
export function findOid(tree: Tree, name: string, kind: EntryKind): Oid | null {
  const index = search(tree, keyOf(name, kind));
  if (index < 0) return null;
  const end = endOf(tree, index);
  return tree.bytes.toString('hex', end - 20, end);
}

/** Another id for an entry that is there, in the tree's own bytes: only for a tree that nobody else holds. */
export function setOid(tree: Tree, name: string, kind: EntryKind, oid: Oid): boolean {
  const index = search(tree, keyOf(name, kind));
  if (index < 0) return false;
  tree.bytes.write(oid, endOf(tree, index) - 20, 'hex');
  return true;
}

/** Puts a file or a folder under a name; what stood there under the same kind is replaced. */
export function withEntry(tree: Tree, name: string, kind: EntryKind, oid: Oid): Tree {
  const index = search(tree, keyOf(name, kind));
  const id = Buffer.from(oid, 'hex');
  if (index >= 0) {
    const bytes = own(tree.bytes);
    id.copy(bytes, endOf(tree, index) - 20);
    return { bytes, starts: tree.starts };
  }
  if (findEntry(tree, name, kind === 'file' ? 'folder' : 'file') !== null)
    throw new Error(`the history has a ${kind === 'file' ? 'folder' : 'file'} where a ${kind} belongs: ${name}`);
  const at = ~index;
  const start = tree.starts[at] ?? tree.bytes.length;
  const entry = Buffer.concat([Buffer.from(`${kind === 'file' ? FILE_MODE : FOLDER_MODE} ${name}\0`), id]);
  return spliced(tree, at, 0, start, start, entry);
}

export function withoutEntry(tree: Tree, name: string, kind: EntryKind): Tree {
  const index = search(tree, keyOf(name, kind));
  return index < 0 ? tree : spliced(tree, index, 1, tree.starts[index] ?? 0, endOf(tree, index), Buffer.alloc(0));
}

function spliced(tree: Tree, index: number, removed: number, from: number, to: number, entry: Buffer): Tree {
  const bytes = own(tree.bytes.subarray(0, from), entry, tree.bytes.subarray(to));
  const shift = entry.length - (to - from);
  const starts = tree.starts.slice(0, index);
  if (entry.length > 0) starts.push(from);
  for (let later = index + removed; later < tree.starts.length; later++) starts.push((tree.starts[later] ?? 0) + shift);
  return { bytes, starts };
}
