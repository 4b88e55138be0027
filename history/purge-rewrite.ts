/**
 * What a purge makes of a repository: every object that leads to purged content gets a successor that does not. Works on all objects there
 * are, whether a branch still leads to them or not, so that no old one is left that would lack what it names.
 *
 *   blob -> its placeholder     tree with such an entry -> the same tree with the successors     commit of such a tree, or after such a
 *   commit -> the same commit (author, times and message byte for byte) on the successors, signed anew or not at all     tag -> the same
 * Invariant: the same repository, contents and placeholders give the same successors, whoever computes them: two clones agree.
 */

import { Buffer } from 'node:buffer';
import type { ObjectType, Oid } from './objects.ts';
import type { Packer } from './purge-pack.ts';
import type { ObjectStore } from './read-objects.ts';
import { holds } from './purge-spellings.ts';

export type Link = { readonly tree: Oid; readonly parents: readonly Oid[] };
/** Every object, as far as a purge must know it. */
export type Census = {
  readonly commits: ReadonlyMap<Oid, Link>;
  /** Annotated tags and what they name. */
  readonly tags: ReadonlyMap<Oid, Oid>;
  readonly trees: ReadonlySet<Oid>;
  /** Blobs that hold the bytes looked for. */
  readonly found: ReadonlySet<Oid>;
  /** Commits and tags whose text, and trees whose names, hold them: out of reach, because messages stay. */
  readonly outOfReach: ReadonlySet<Oid>;
};

/** Null bytes: the object has no successor and only goes. */
export type Successors = {
  readonly of: ReadonlyMap<Oid, Oid | null>;
  /** Commits, parents first: old and new. */
  readonly commits: readonly (readonly [Oid, Oid])[];
};

/** Puts docket's signature into a rewritten commit of docket's; null: signing is off. A person's commit loses the one it had. */
export type SignCommit = ((commit: Buffer) => Buffer) | null;

/** Commits and their root trees that are read at once, in the order of the disk: neighbours are deltas of each other. */
const READ_AHEAD = 256;
const HEAD_END = Buffer.from('\n\n');
/** Signatures, and tags merged along: both speak of bytes that are no more. */
const DROPPED_HEADERS = /^(?:gpgsig|gpgsig-sha256|mergetag) /;

function linkOf(bytes: Buffer): Link {
  const end = bytes.indexOf(HEAD_END);
  const head = bytes.toString('latin1', 0, end < 0 ? bytes.length : end);
  return {
    tree: /^tree ([0-9a-f]{40})$/m.exec(head)?.[1] ?? '',
    parents: Array.from(head.matchAll(/^parent ([0-9a-f]{40})$/gm), (match) => match[1] ?? ''),
  };
}

/** Reads every object once. @param spellings empty: nothing is looked for */
export async function takeCensus(store: ObjectStore, spellings: readonly Buffer[]): Promise<Census> {
  const commits = new Map<Oid, Link>();
  const tags = new Map<Oid, Oid>();
  const trees = new Set<Oid>();
  const found = new Set<Oid>();
  const outOfReach = new Set<Oid>();
  const { objects } = await store.all();
  for await (const object of objects) {
    const { oid } = object;
    const { type, bytes } = await object.read();
    const isHit = spellings.length > 0 && holds(bytes, spellings);
    if (isHit) (type === 'blob' ? found : outOfReach).add(oid);
    if (type === 'commit') commits.set(oid, linkOf(bytes));
    else if (type === 'tree') trees.add(oid);
    else if (type === 'tag') tags.set(oid, bytes.toString('latin1', 7, 47));
  }
  return { commits, tags, trees, found, outOfReach };
}

/** Positions of the ids in a tree's bytes. */
function* idsIn(bytes: Buffer): Generator<number> {
  for (let at = 0; at < bytes.length;) {
    const nul = bytes.indexOf(0, at);
    if (nul < 0 || nul + 21 > bytes.length) throw new Error('a tree object that ends in the middle of an entry');
    yield nul + 1;
    at = nul + 21;
  }
}

/** Every tree from which a blob of these can be reached. Reads the trees level by level, in the order of the disk. */
export async function treesAround(store: ObjectStore, census: Pick<Census, 'trees'>, blobs: Iterable<Oid>): Promise<ReadonlySet<Oid>> {
  const around = new Set<Oid>();
  const left = new Set(census.trees);
  let level = new Set(blobs);
  while (level.size > 0) {
    const keys = new Set([...level].map((oid) => Buffer.from(oid, 'hex').toString('latin1')));
    const next = new Set<Oid>();
    for await (const { oid, object } of store.many(left))
      for (const at of idsIn(object.bytes))
        if (keys.has(object.bytes.toString('latin1', at, at + 20))) {
          next.add(oid);
          break;
        }
    for (const oid of next) {
      around.add(oid);
      left.delete(oid);
    }
    level = next;
  }
  return around;
}

/** Parents first. */
export function inOrder(commits: ReadonlyMap<Oid, Link>): Oid[] {
  const done = new Set<Oid>();
  const ordered: Oid[] = [];
  for (const start of commits.keys()) {
    const stack = [start];
    for (let oid = stack.at(-1); oid !== undefined; oid = stack.at(-1)) {
      const link = commits.get(oid);
      const waits = done.has(oid) ? [] : (link?.parents ?? []).filter((parent) => !done.has(parent) && commits.has(parent));
      if (waits.length > 0) {
        stack.push(...waits);
        continue;
      }
      stack.pop();
      if (done.has(oid)) continue;
      done.add(oid);
      if (link !== undefined) ordered.push(oid);
    }
  }
  return ordered;
}

/** Commits that get a successor, parents first. */
export function commitsAround(census: Pick<Census, 'commits'>, trees: ReadonlySet<Oid>): Oid[] {
  const around = new Set<Oid>();
  for (const oid of inOrder(census.commits)) {
    const link = census.commits.get(oid);
    if (link !== undefined && (trees.has(link.tree) || link.parents.some((parent) => around.has(parent)))) around.add(oid);
  }
  return [...around];
}

/** The same commit on other objects. Its message is not touched. */
function commitOn(bytes: Buffer, successor: (oid: Oid) => Oid, sign: SignCommit): Buffer {
  const end = bytes.indexOf(HEAD_END);
  const message = end < 0 ? Buffer.alloc(0) : bytes.subarray(end + 2);
  const lines: string[] = [];
  let isDropped = false;
  for (const line of bytes.toString('latin1', 0, end < 0 ? bytes.length : end).split('\n')) {
    if (!line.startsWith(' ')) isDropped = DROPPED_HEADERS.test(line);
    if (isDropped) continue;
    const named = /^(tree|parent) ([0-9a-f]{40})$/.exec(line);
    lines.push(named === null ? line : `${named[1] ?? ''} ${successor(named[2] ?? '')}`);
  }
  const plain = Buffer.concat([Buffer.from(lines.join('\n'), 'latin1'), HEAD_END, message]);
  return sign !== null && isDockets(message.toString('utf8')) ? sign(plain) : plain;
}

const isDockets = (message: string): boolean => /^Docket-/m.test(message) || message.startsWith('docket: ');

/**
 * Writes the successors into packs.
 * @param placeholders of each purged blob: the id of its placeholder, which is written already
 */
export async function rewriteAll(
  store: ObjectStore,
  census: Census,
  placeholders: ReadonlyMap<Oid, Oid>,
  packer: Packer,
  sign: SignCommit,
): Promise<Successors> {
  const trees = await treesAround(store, census, placeholders.keys());
  const of = new Map<Oid, Oid | null>(placeholders);
  const ahead = new Map<Oid, Buffer>();
  const read = async (oid: Oid, type: ObjectType): Promise<Buffer> => ahead.get(oid) ?? store.readType(oid, type);

  async function treeOn(oid: Oid, path: string): Promise<Oid> {
    const known = of.get(oid);
    if (known !== undefined && known !== null) return known;
    const bytes = Buffer.from(await read(oid, 'tree'));
    for (const at of idsIn(bytes)) {
      const entry = bytes.toString('hex', at, at + 20);
      if (!placeholders.has(entry) && !trees.has(entry)) continue;
      const name = bytes.toString('latin1', bytes.lastIndexOf(32, at - 1), at - 1);
      const successor = placeholders.get(entry) ?? (await treeOn(entry, `${path}/${name}`));
      bytes.write(successor, at, 'hex');
    }
    const successor = await packer.add('tree', bytes, path);
    of.set(oid, successor);
    return successor;
  }

  const commits: [Oid, Oid][] = [];
  const rewritten = commitsAround(census, trees);
  const treeOf = (oid: Oid): Oid => census.commits.get(oid)?.tree ?? '';
  for (let at = 0; at < rewritten.length; at += READ_AHEAD) {
    const chunk = rewritten.slice(at, at + READ_AHEAD);
    const roots = chunk.map(treeOf).filter((tree) => trees.has(tree) && !of.has(tree));
    ahead.clear();
    for await (const { oid, object } of store.many([...chunk, ...roots])) ahead.set(oid, object.bytes);
    for (const oid of chunk) {
      if (trees.has(treeOf(oid))) await treeOn(treeOf(oid), '');
      const bytes = commitOn(await read(oid, 'commit'), (named) => of.get(named) ?? named, sign);
      const successor = await packer.add('commit', bytes);
      of.set(oid, successor);
      commits.push([oid, successor]);
    }
  }
  // A tag of a tag comes after it.
  for (let isMore = true; isMore;) {
    isMore = false;
    for (const [oid, target] of census.tags) {
      const successor = of.get(target);
      if (of.has(oid) || successor === undefined || successor === null) continue;
      const bytes = await store.readType(oid, 'tag');
      of.set(oid, await packer.add('tag', Buffer.concat([Buffer.from(`object ${successor}`), bytes.subarray(47)])));
      isMore = true;
    }
  }
  for (const oid of trees) if (!of.has(oid)) of.set(oid, null);
  return { of, commits };
}
