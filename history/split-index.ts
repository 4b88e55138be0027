/**
 * Git's index in two files (gitformat-index(5) "Split index"): a large one that is shared and seldom written (and stays on the disk, shared-index.ts), and
 * a small one that says what was added to it and taken from it. A change costs what changed, not what is there. A small index is one plain file.
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
import type { Shared } from './shared-index.ts';

export type SplitIndex = { readonly shared: Shared | null; readonly deleted: ReadonlySet<number>; readonly own: Index };

export const EMPTY_SPLIT: SplitIndex = { shared: null, deleted: new Set(), own: EMPTY_INDEX };

const byNumber = (a: number, b: number): number => a - b;

/** Both files as one; an entry that git replaced in place becomes one that is deleted there and stands here. */
export async function joinIndex(own: Index, link: Link | null, shared: Shared | null): Promise<SplitIndex> {
  if (link === null || shared === null) return { shared: null, deleted: new Set(), own };
  const deleted = new Set([...link.deleted, ...link.replaced]);
  if (link.replaced.length === 0) return { shared, deleted, own };
  const entries: Buffer[] = [];
  for (const [at, position] of link.replaced.entries()) entries.push(withPath(entryAt(own, at), pathAt(await shared.entry(position), 0)));
  const rest = own.starts.length > entries.length ? sliceOf(own, entries.length, own.starts.length) : EMPTY_INDEX;
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

/** Entries `from` up to, and without, `until`. */
function sliceOf(index: Index, from: number, until: number): Index {
  const first = index.starts[from] ?? index.body.length;
  return {
    body: index.body.subarray(first, index.starts[until] ?? index.body.length),
    starts: index.starts.slice(from, until).map((start) => start - first),
    isExtended: index.isExtended,
  };
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

/** All of it, in order, in pieces of whole entries. */
export async function* piecesOf({ shared, deleted, own }: SplitIndex): AsyncGenerator<Index> {
  if (shared === null) {
    yield own;
    return;
  }
  const gone = [...deleted].toSorted(byNumber);
  let passed = 0;
  let goneBefore = 0;
  let taken = 0;
  for await (const piece of shared.pieces()) {
    const count = piece.starts.length;
    let goneUntil = goneBefore;
    while (goneUntil < gone.length && (gone[goneUntil] ?? 0) < passed + count) goneUntil++;
    // What stands behind the last entry of this piece may belong between two of the next one.
    const until = count === 0 ? taken : lowerBound(own, pathAt(piece, count - 1));
    const here = gone.slice(goneBefore, goneUntil).map((position) => position - passed);
    yield merge(piece, here, sliceOf(own, taken, until));
    passed += count;
    goneBefore = goneUntil;
    taken = until;
  }
  if (taken < own.starts.length) yield sliceOf(own, taken, own.starts.length);
}

/** All of it in one: for an index that is small. */
export async function wholeOf(split: SplitIndex): Promise<Index> {
  let whole = EMPTY_INDEX;
  for await (const piece of piecesOf(split)) {
    const from = whole.body.length;
    whole = {
      body: Buffer.concat([whole.body, piece.body]),
      starts: [...whole.starts, ...piece.starts.map((start) => start + from)],
      isExtended: whole.isExtended || piece.isExtended,
    };
  }
  return whole;
}

export const countOf = ({ shared, deleted, own }: SplitIndex): number => (shared?.count ?? 0) - deleted.size + own.starts.length;

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

export async function findInSplit({ shared, deleted, own }: SplitIndex, path: string): Promise<IndexEntry | null> {
  const key = Buffer.from(path);
  const position = positionOf(own, key);
  if (position >= 0) return entryFields(own, position);
  if (shared === null) return null;
  const [there] = await shared.positionsOf(key);
  return there === undefined || deleted.has(there) ? null : entryFields(await shared.entry(there), 0);
}

/** All entries of a changed path are replaced (its conflict stages too); everything else stays as it is. */
export async function spliceSplit(split: SplitIndex, changes: readonly IndexChange[]): Promise<SplitIndex> {
  const own = spliceIndex(split.own, changes);
  if (split.shared === null) return { ...split, own };
  const deleted = new Set(split.deleted);
  for (const { path } of changes) for (const position of await split.shared.positionsOf(Buffer.from(path))) deleted.add(position);
  return { shared: split.shared, deleted, own };
}

const OWN_MIN = 256;
const OWN_MAX = 4_096;
const PLAIN_MAX = 1_024;

/** Small enough to be one plain file, which every tool can read. */
export const isPlain = (split: SplitIndex): boolean => (split.shared?.count ?? 0) + split.own.starts.length <= PLAIN_MAX;

/**
 * Is it time to write the shared file anew? Writing the small file n times costs n²/2, the large one its size, once: the sum is least at the
 * square root of both. Git puts the entries of the small file into the large one by one, which bounds it from above.
 * @param changed entries that this change adds
 */
export function isDue(split: SplitIndex, changed: number): boolean {
  const shared = split.shared?.count ?? 0;
  const limit = Math.min(OWN_MAX, Math.max(OWN_MIN, Math.sqrt(2 * shared * changed)));
  return split.shared === null || split.own.starts.length + split.deleted.size > limit;
}

/** The entries of the newest files: changed at most `windowS` seconds before the last one, the newest first. */
export async function newestEntries(split: SplitIndex, windowS: number, max: number): Promise<(IndexEntry & { path: string })[]> {
  let found: { readonly path: string; readonly fields: IndexEntry }[] = [];
  let newestS = 0;
  for await (const piece of piecesOf(split)) {
    for (const position of piece.starts.keys()) newestS = Math.max(newestS, mtimeAt(piece, position));
    for (const position of piece.starts.keys())
      if (mtimeAt(piece, position) >= newestS - windowS)
        found.push({ path: pathAt(piece, position).toString('utf8'), fields: entryFields(piece, position) });
    // Older than what came since, or more than anybody asks for.
    if (found.length > 2 * max) found = newestOf(found, newestS - windowS, max);
  }
  return newestOf(found, newestS - windowS, max).map(({ path, fields }) => ({ path, ...fields }));
}

const newestOf = <T extends { readonly fields: IndexEntry }>(found: readonly T[], sinceS: number, max: number): T[] =>
  found
    .filter(({ fields }) => fields.mtimeS >= sinceS)
    .toSorted((a, b) => b.fields.mtimeS - a.fields.mtimeS)
    .slice(0, max);
