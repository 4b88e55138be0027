/**
 * Git's index in two files (gitformat-index(5) "Split index"): a large one that is shared and seldom written, and a small one that says
 * what was added to it and taken from it. A change costs what changed, not what is there. A small index is one plain file.
 *
 * Invariant: `deleted` are positions in the shared index; a path of `own` is deleted there when it is there at all.
 */

import { Buffer } from 'node:buffer';
import {
  EMPTY_INDEX,
  entryAt,
  entryFields,
  lowerBound,
  mtimeAt,
  pathAt,
  positionOf,
  spliceIndex,
  type Index,
  type IndexChange,
  type IndexEntry,
  type Link,
} from './index-file.ts';

export type Shared = { readonly sum: string; readonly index: Index };
export type SplitIndex = { readonly shared: Shared | null; readonly deleted: ReadonlySet<number>; readonly own: Index };

export const EMPTY_SPLIT: SplitIndex = { shared: null, deleted: new Set(), own: EMPTY_INDEX };

const byNumber = (a: number, b: number): number => a - b;

/** Both files as one; an entry that git replaced in place becomes one that is deleted there and stands here. */
export function joinIndex(own: Index, link: Link | null, shared: Shared | null): SplitIndex {
  if (link === null || shared === null) return { shared: null, deleted: new Set(), own };
  const deleted = new Set([...link.deleted, ...link.replaced]);
  if (link.replaced.length === 0) return { shared, deleted, own };
  const entries = link.replaced.map((position, at) => withPath(entryAt(own, at), pathAt(shared.index, position)));
  const rest = own.starts.length > entries.length ? restOf(own, entries.length) : EMPTY_INDEX;
  const replaced: Index = { ...joined(entries), isExtended: own.isExtended };
  return { shared, deleted, own: merge(rest, [], replaced) };
}

function joined(entries: readonly Buffer[]): { body: Buffer; starts: number[] } {
  const starts: number[] = [];
  let length = 0;
  for (const entry of entries) {
    starts.push(length);
    length += entry.length;
  }
  return { body: Buffer.concat(entries), starts };
}

function restOf(index: Index, from: number): Index {
  const first = index.starts[from] ?? 0;
  return { body: index.body.subarray(first), starts: index.starts.slice(from).map((start) => start - first), isExtended: index.isExtended };
}

/** An entry that git wrote without its path gets it back. */
function withPath(entry: Buffer, path: Buffer): Buffer {
  const fixed = (entry.readUInt16BE(60) & 0x4000) === 0 ? 62 : 64;
  if (entry[fixed] !== 0) return entry;
  const whole = Buffer.alloc(Math.ceil((fixed + path.length + 1) / 8) * 8);
  entry.copy(whole, 0, 0, fixed);
  path.copy(whole, fixed);
  whole.writeUInt16BE((entry.readUInt16BE(60) & 0xf000) | Math.min(path.length, 0xfff), 60);
  return whole;
}

/** All of it in one, in order. */
export const wholeOf = ({ shared, deleted, own }: SplitIndex): Index =>
  shared === null ? own : merge(shared.index, [...deleted].toSorted(byNumber), own);

/** The entries of `more` put in between those of `index`, without the ones at `deleted` (rising). */
function merge(index: Index, deleted: readonly number[], more: Index): Index {
  const parts: Buffer[] = [];
  const starts: number[] = [];
  let taken = 0;
  let length = 0;
  let gone = 0;
  const keepUntil = (position: number): void => {
    while (taken < position) {
      const next = deleted[gone] ?? index.starts.length;
      const until = Math.min(position, next);
      const from = index.starts[taken] ?? index.body.length;
      const to = index.starts[until] ?? index.body.length;
      for (let at = taken; at < until; at++) starts.push((index.starts[at] ?? 0) - from + length);
      if (to > from) parts.push(index.body.subarray(from, to));
      length += to - from;
      taken = until;
      if (taken < position && taken === next) {
        taken++;
        gone++;
      }
    }
    while (gone < deleted.length && (deleted[gone] ?? 0) < taken) gone++;
  };
  for (let position = 0; position < more.starts.length; position++) {
    keepUntil(lowerBound(index, pathAt(more, position)));
    const entry = entryAt(more, position);
    starts.push(length);
    parts.push(entry);
    length += entry.length;
  }
  keepUntil(index.starts.length);
  return { body: Buffer.concat(parts), starts, isExtended: index.isExtended || more.isExtended };
}

export function findInSplit({ shared, deleted, own }: SplitIndex, path: string): IndexEntry | null {
  const key = Buffer.from(path);
  const position = positionOf(own, key);
  if (position >= 0) return entryFields(own, position);
  if (shared === null) return null;
  const there = positionOf(shared.index, key);
  return there < 0 || deleted.has(there) ? null : entryFields(shared.index, there);
}

/** All entries of a changed path are replaced (its conflict stages too); everything else stays as it is. */
export function spliceSplit(split: SplitIndex, changes: readonly IndexChange[]): SplitIndex {
  const own = spliceIndex(split.own, changes);
  if (split.shared === null) return { ...split, own };
  const { index } = split.shared;
  const deleted = new Set(split.deleted);
  for (const { path } of changes) {
    const key = Buffer.from(path);
    for (let at = positionOf(index, key); at >= 0 && at < index.starts.length && pathAt(index, at).equals(key); at++) deleted.add(at);
  }
  return { shared: split.shared, deleted, own };
}

const OWN_MIN = 256;
const OWN_MAX = 4_096;
const PLAIN_MAX = 1_024;

/** Small enough to be one plain file, which every tool can read. */
export const isPlain = (split: SplitIndex): boolean => (split.shared?.index.starts.length ?? 0) + split.own.starts.length <= PLAIN_MAX;

/**
 * Is it time to write the shared file anew? Writing the small file n times costs n²/2, the large one its size, once: the sum is least at the
 * square root of both. Git puts the entries of the small file into the large one by one, which bounds it from above.
 * @param changed entries that this change adds
 */
export function isDue(split: SplitIndex, changed: number): boolean {
  const shared = split.shared?.index.starts.length ?? 0;
  const limit = Math.min(OWN_MAX, Math.max(OWN_MIN, Math.sqrt(2 * shared * changed)));
  return split.shared === null || split.own.starts.length + split.deleted.size > limit;
}

/** The entries of the newest files: changed at most `windowS` seconds before the last one, the newest first. */
export function newestEntries({ shared, deleted, own }: SplitIndex, windowS: number, max: number): (IndexEntry & { path: string })[] {
  const found: { readonly index: Index; readonly position: number; readonly mtimeS: number }[] = [];
  const sides: [Index, ReadonlySet<number>][] = [[own, new Set()]];
  if (shared !== null) sides.push([shared.index, deleted]);
  let newestS = 0;
  for (const [index] of sides) for (const position of index.starts.keys()) newestS = Math.max(newestS, mtimeAt(index, position));
  for (const [index, gone] of sides)
    for (const position of index.starts.keys()) {
      const mtimeS = mtimeAt(index, position);
      if (mtimeS >= newestS - windowS && !gone.has(position)) found.push({ index, position, mtimeS });
    }
  return found
    .toSorted((a, b) => b.mtimeS - a.mtimeS)
    .slice(0, max)
    .map(({ index, position }) => ({ path: pathAt(index, position).toString('utf8'), ...entryFields(index, position) }));
}
