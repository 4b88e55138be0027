/**
 * What makes the next version of a wide folder's tree cheap (the root of 5,000 features is 240 KB): its last sealed bytes, states of the
 * hash on the way through them, and a base that stands whole in each pack, compressed once, while the rest are deltas.
 *
 *   nothing kept -> (first seal) base, sealed -> (next seals) deltas on the version before, or on the base -> (far from the base) a new base
 * Invariant: `last` is the object of `sealed` and stands in the pack being made; null when that pack has none of this folder.
 */

import type { Buffer } from 'node:buffer';
import { createHash, type Hash } from 'node:crypto';
import { commonRun, treeDelta } from './delta.ts';
import { header, own, type Oid } from './objects.ts';
import { DEPTH_MAX, newDelta, newObject, type NewObject } from './pack.ts';
import type { Tree } from './tree.ts';

const MARK_BYTES = 16 * 1024;
/** A delta on the base larger than this share of the tree, and than this, asks for a new base. */
const BASE_SHARE = 1 / 32;
const DELTA_BYTES = 1_024;
/**
 * In a pack of its own a record makes its delta anew, at a cost that grows with the distance to the base, and a new base costs one deflation of
 * the tree: their sum is least at a distance that grows with the square root of the tree. Bytes per byte.
 */
const ALONE_FACTOR = 16;

export type WideTree = {
  base: { readonly object: NewObject; readonly tree: Tree };
  sealed: Tree;
  last: NewObject | null;
  /** The hash after the header and so many times MARK_BYTES of `sealed`. */
  marks: Hash[];
};

const copyOf = (tree: Tree): Tree => ({ bytes: own(tree.bytes), starts: tree.starts });

/** @param same how many first bytes are those of the marks */
function hashFrom(marks: Hash[], bytes: Buffer, same: number): Oid {
  marks.length = Math.min(marks.length, Math.floor(same / MARK_BYTES) + 1);
  if (marks.length === 0) marks.push(createHash('sha1').update(header('tree', bytes.length)));
  for (;;) {
    const from = (marks.length - 1) * MARK_BYTES;
    const state = marks.at(-1)?.copy() ?? createHash('sha1');
    if (from + MARK_BYTES > bytes.length) return state.update(bytes.subarray(from)).digest('hex');
    marks.push(state.update(bytes.subarray(from, from + MARK_BYTES)));
  }
}

/** @param objects of the pack being made: what the version needs is added, and the version itself */
export function startWide(tree: Tree, objects: NewObject[]): WideTree {
  const marks: Hash[] = [];
  const kept = copyOf(tree);
  const object = newObject('tree', kept.bytes, hashFrom(marks, tree.bytes, 0));
  objects.push(object);
  return { base: { object, tree: kept }, sealed: copyOf(tree), last: object, marks };
}

/** The next version, as an object of the pack being made. */
export function sealWide(wide: WideTree, tree: Tree, objects: NewObject[]): NewObject {
  const isSameLength = wide.sealed.bytes.length === tree.bytes.length;
  const same = commonRun(wide.sealed.bytes, 0, tree.bytes, 0);
  if (!isSameLength) wide.marks = [];
  const oid = hashFrom(wide.marks, tree.bytes, same);
  const object = versionOf(wide, tree, oid, objects);
  objects.push(object);
  if (isSameLength) {
    // One entry may have gone and another come: the bytes are as many, the entries are not where they were.
    tree.bytes.copy(wide.sealed.bytes, same, same);
    wide.sealed = { bytes: wide.sealed.bytes, starts: tree.starts };
  } else wide.sealed = copyOf(tree);
  wide.last = object;
  return object;
}

function versionOf(wide: WideTree, tree: Tree, oid: Oid, objects: NewObject[]): NewObject {
  const { base, last, sealed } = wide;
  if (oid === base.object.oid) return base.object;
  const sizeBytes = tree.bytes.length;
  const most = Math.max(DELTA_BYTES, last === null ? Math.sqrt(ALONE_FACTOR * sizeBytes) : sizeBytes * BASE_SHARE);
  if (last !== null && last.depth < DEPTH_MAX) {
    const delta = treeDelta(sealed, tree);
    if (delta.length < most) return newDelta(oid, delta, last);
  }
  const delta = treeDelta(base.tree, tree);
  if (delta.length < most) {
    objects.push(base.object);
    return newDelta(oid, delta, base.object);
  }
  const kept = copyOf(tree);
  wide.base = { object: newObject('tree', kept.bytes, oid), tree: kept };
  return wide.base.object;
}
