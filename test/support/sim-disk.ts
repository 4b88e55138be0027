/**
 * The disk of the simulated file system (sim-fs.ts): what is durable and what is only in the kernel's memory, kept apart as POSIX allows it.
 * A name is durable after a sync of its folder, bytes after a sync of their file; everything else may be there after a power cut or not, in
 * any combination. A rename is one step: never both names, never none. Names that depend on each other keep their order.
 *
 * Invariant: nodes, tables of names and lists of steps are never changed in place, so a copy of the disk costs nothing.
 */

import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';

export type Node = {
  readonly ino: number;
  readonly kind: 'file' | 'folder';
  readonly bytes: Uint8Array;
  /** Null: never synced. */
  readonly durable: Uint8Array | null;
  /** Bytes up to here were in a sync that failed: the kernel dropped them and will say that they are clean. */
  readonly droppedTo: number;
  readonly mode: number;
  readonly mtime: bigint;
  readonly ctime: bigint;
};
export type Place = { readonly folder: number; readonly name: string };
/** One change of names: `ino` leaves `from` and appears at `to`. */
export type Step = { readonly ino: number; readonly from: Place | null; readonly to: Place | null };
export type Names = ReadonlyMap<string, number>;
export type Tables = ReadonlyMap<number, Names>;

export type Disk = {
  readonly nodes: ReadonlyMap<number, Node>;
  readonly now: Tables;
  readonly durable: Tables;
  /** Changes of names that a power cut may still undo, in order. */
  readonly steps: readonly Step[];
  readonly lastIno: number;
  readonly tick: bigint;
};

export const ROOT = 1;
const NOTHING = new Uint8Array();
const NO_NAMES: Names = new Map();

export const EMPTY_DISK: Disk = {
  nodes: new Map([
    [ROOT, { ino: ROOT, kind: 'folder', bytes: NOTHING, durable: NOTHING, droppedTo: 0, mode: 0o755, mtime: 0n, ctime: 0n } as const],
  ]),
  now: new Map([[ROOT, NO_NAMES]]),
  durable: new Map([[ROOT, NO_NAMES]]),
  steps: [],
  lastIno: ROOT,
  tick: 1n,
};

export const withEntry = <K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> => new Map(map).set(key, value);

const places = (step: Step): Place[] => [step.from, step.to].filter((place) => place !== null);
const isSame = (a: Place, b: Place): boolean => a.folder === b.folder && a.name === b.name;

/** Applies changes of names to a copy of the tables. */
export function applied(tables: Tables, steps: readonly Step[]): Tables {
  if (steps.length === 0) return tables;
  const next = new Map(tables);
  const own = new Map<number, Map<string, number>>();
  const namesOf = (folder: number): Map<string, number> | undefined => {
    const before = next.get(folder);
    if (before === undefined) return undefined;
    const names = own.get(folder) ?? new Map(before);
    own.set(folder, names);
    next.set(folder, names);
    return names;
  };
  for (const { ino, from, to } of steps) {
    const source = from === null ? undefined : namesOf(from.folder);
    if (from !== null && source?.get(from.name) === ino) source.delete(from.name);
    if (to !== null) namesOf(to.folder)?.set(to.name, ino);
  }
  return next;
}

/** Adds to the chosen steps all earlier ones they build on, and tells both parts in order. */
export function withCauses(
  steps: readonly Step[],
  isChosen: (step: Step, index: number) => boolean,
): { readonly chosen: readonly Step[]; readonly rest: readonly Step[] } {
  const isIn: boolean[] = [];
  const needed: Place[] = [];
  for (let index = steps.length - 1; index >= 0; index--) {
    const step = steps[index];
    if (step === undefined) continue;
    const own = places(step);
    isIn[index] = isChosen(step, index) || needed.some((place) => own.some((one) => isSame(place, one)));
    if (isIn[index]) needed.push(...own);
  }
  return { chosen: steps.filter((_, index) => isIn[index]), rest: steps.filter((_, index) => !isIn[index]) };
}

/** What a sync makes durable: what an earlier, failed one dropped stays away, as a hole. */
export function synced(node: Node): Node {
  if (node.droppedTo === 0) return node.durable === node.bytes ? node : { ...node, durable: node.bytes };
  const durable = new Uint8Array(node.bytes);
  durable.fill(0, node.durable?.length ?? 0, node.droppedTo);
  if (node.durable !== null) durable.set(node.durable.subarray(0, durable.length));
  return { ...node, durable };
}

/** What a power cut does to unsynced bytes. `whole`: they made it; `torn`: some did; `zeros`: only their length did; `none`: nothing did. */
export type Tear = 'whole' | 'none' | 'torn' | 'zeros';

function afterCut({ bytes, durable }: Node, tear: Tear): Uint8Array {
  const kept = durable ?? NOTHING;
  const isLonger = bytes.length > kept.length && Buffer.compare(bytes.subarray(0, kept.length), kept) === 0;
  if (tear === 'whole') return bytes;
  if (tear === 'none' || !isLonger) return kept;
  const half = kept.length + ((bytes.length - kept.length) >> 1);
  if (tear === 'torn') return bytes.slice(0, half);
  const zeros = bytes.slice();
  zeros.fill(0, half);
  return zeros;
}

export const isDirty = (node: Node): boolean => node.kind === 'file' && node.durable !== node.bytes;

/** Power off and on: `keeps` says which pending changes of names made it, `tear` what became of the unsynced bytes of each file. */
export function cut(disk: Disk, keeps: (index: number) => boolean, tear: (node: Node) => Tear): Disk {
  const { chosen } = withCauses(disk.steps, (_, index) => keeps(index));
  const durable = applied(disk.durable, chosen);
  let nodes: Map<number, Node> | null = null;
  for (const node of disk.nodes.values()) {
    if (!isDirty(node)) continue;
    nodes ??= new Map(disk.nodes);
    // Bytes that a failed sync dropped are gone, whatever the kernel showed before.
    const bytes = afterCut(node.droppedTo > 0 ? { ...node, bytes: synced(node).durable ?? NOTHING } : node, tear(node));
    nodes.set(node.ino, { ...node, bytes, durable: bytes, droppedTo: 0 });
  }
  return { ...disk, nodes: nodes ?? disk.nodes, durable, now: durable, steps: [] };
}

const hashes = new WeakMap<Uint8Array, number>();
function hashOf(bytes: Uint8Array): number {
  let hash = hashes.get(bytes);
  if (hash === undefined) {
    hash = bytes.length === 0 ? 0 : (crc32(bytes) ^ Math.imul(bytes.length, 0x9e3779b1)) >>> 0;
    hashes.set(bytes, hash);
  }
  return hash;
}

/** Two numbers that grow into one of 52 bits: the same for the same words, in the same order. */
export type Hash = { readonly add: (value: number) => void; readonly sum: () => number };
export function makeHash(): Hash {
  let [a, b] = [0x811c9dc5, 0x9747b28c];
  const add = (value: number): void => {
    a = Math.imul(a ^ value, 0x01000193);
    a ^= a >>> 15;
    b = Math.imul(b ^ (value + 0x7f4a7c15), 0x85ebca6b);
    b ^= b >>> 13;
  };
  return {
    add,
    sum: () => (a >>> 6) * 0x4000000 + (b >>> 6),
  };
}

type Entry = { readonly ino: number; readonly nameHash: number };
const listed = new WeakMap<Names, readonly Entry[]>();
const NO_ENTRIES: readonly Entry[] = [];
const nameHashes = new Map<string, number>();
const NAMES_MAX = 100_000;

function hashOfName(name: string): number {
  let hash = nameHashes.get(name);
  if (hash === undefined) {
    hash = crc32(name);
    if (nameHashes.size > NAMES_MAX) nameHashes.clear();
    nameHashes.set(name, hash);
  }
  return hash;
}

/** In the order of the names: the same table is asked for again and again. */
function entriesOf(names: Names): readonly Entry[] {
  if (names.size === 0) return NO_ENTRIES;
  let entries = listed.get(names);
  if (entries === undefined) {
    entries = [...names.keys()].toSorted().map((name) => ({ ino: names.get(name) ?? 0, nameHash: hashOfName(name) }));
    listed.set(names, entries);
  }
  return entries;
}

/** What is durable of each file that has a name in these tables (`now`, or `durable`): the least that a power cut leaves. */
export function durableBytes(disk: Disk, tables: Tables): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  const walk = (folder: number): void => {
    for (const { ino } of entriesOf(tables.get(folder) ?? NO_NAMES)) {
      const node = disk.nodes.get(ino);
      if (node?.kind === 'folder') walk(ino);
      else if (node?.durable !== null && node?.durable !== undefined) found.push(node.durable);
    }
  };
  walk(ROOT);
  return found;
}

/**
 * The same for disks on which no program can see a difference, now or after a later power cut: names, links, bytes, modes, what is durable, and
 * whether a file's change is younger than its content. Numbers of inodes and the clock do not count.
 */
export function addDisk(hash: Hash, disk: Disk): void {
  const numbers = new Map<number, number>();
  const walk = (tables: Tables, folder: number): void => {
    const names = tables.get(folder);
    if (names === undefined) return;
    for (const { ino, nameHash } of entriesOf(names)) {
      const node = disk.nodes.get(ino);
      hash.add(nameHash);
      let number = numbers.get(ino);
      if (number === undefined) {
        number = numbers.size;
        numbers.set(ino, number);
        if (node !== undefined) {
          hash.add(node.mode * 2 + Number(node.ctime > node.mtime));
          hash.add(hashOf(node.bytes));
          if (node.durable !== node.bytes && node.kind === 'file')
            hash.add(node.durable === null ? 1 : hashOf(node.durable) + node.droppedTo);
        }
      }
      hash.add(number);
      if (node?.kind === 'folder') {
        hash.add(-1);
        walk(tables, ino);
        hash.add(-2);
      }
    }
  };
  walk(disk.now, ROOT);
  hash.add(disk.steps.length);
  if (disk.steps.length > 0) walk(disk.durable, ROOT);
}
