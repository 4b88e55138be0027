/**
 * A file system in memory that can lose power. It keeps apart what is durable and what is only in the kernel's memory, as POSIX allows it:
 * a name is durable after a sync of its folder, bytes after a sync of their file; everything else may be there after a power cut or not,
 * in any combination. A rename is one step: never both names, never none. Names that depend on each other keep their order.
 */

import { Buffer } from 'node:buffer';
import path from 'node:path';
import type { FileFacts, FilePath, Fs, SyncWhy } from '#core/ports.ts';

type Node = {
  readonly ino: number;
  readonly kind: 'file' | 'folder';
  bytes: Uint8Array;
  durable: Uint8Array | null;
  mode: number;
  mtime: bigint;
  ctime: bigint;
};
type Place = { readonly folder: number; readonly name: string };
/** One change of names: `ino` leaves `from` and appears at `to`. */
type Step = { readonly ino: number; readonly from: Place | null; readonly to: Place | null };
type Tables = Map<number, Map<string, number>>;

export type SimFs = {
  readonly fs: Fs;
  /** Name changes that a power cut may still undo. */
  pending(): number;
  /** Power off and on: each pending change and each unsynced byte stays or goes as `keep` says. */
  cut(keep: () => boolean): void;
  /** A copy to try several cuts from one moment. */
  copy(): SimFs;
};

const ROOT = 1;
const errno = (code: string, file: FilePath): Error => Object.assign(new Error(`${code}: simulated, '${text(file)}'`), { code });
const text = (file: FilePath): string => (typeof file === 'string' ? file : Buffer.from(file).toString());
const bytesOf = (content: Uint8Array | string): Uint8Array => new Uint8Array(Buffer.from(content as string));
const copyTables = (tables: Tables): Tables => new Map([...tables].map(([ino, names]) => [ino, new Map(names)]));
const places = (step: Step): Place[] => [step.from, step.to].filter((place) => place !== null);
const isSame = (a: Place, b: Place): boolean => a.folder === b.folder && a.name === b.name;

function apply(tables: Tables, step: Step): void {
  if (step.from !== null) {
    const names = tables.get(step.from.folder);
    if (names?.get(step.from.name) === step.ino) names.delete(step.from.name);
  }
  if (step.to !== null) tables.get(step.to.folder)?.set(step.to.name, step.ino);
}

/** Adds to the chosen steps all earlier ones they build on, and tells both parts in order. */
function withCauses(steps: readonly Step[], isChosen: (step: Step, index: number) => boolean): { chosen: Step[]; rest: Step[] } {
  const chosen = new Set<Step>();
  for (const [index, step] of [...steps.entries()].toReversed()) {
    const isNeeded = [...chosen].some((later) => places(later).some((place) => places(step).some((own) => isSame(own, place))));
    if (isNeeded || isChosen(step, index)) chosen.add(step);
  }
  return { chosen: steps.filter((step) => chosen.has(step)), rest: steps.filter((step) => !chosen.has(step)) };
}

const orNull = <T>(act: () => T): T | null => {
  try {
    return act();
  } catch {
    return null;
  }
};

type State = { nodes: Map<number, Node>; now: Tables; durable: Tables; steps: Step[]; lastIno: number; tick: bigint };

const copyState = (state: State): State => ({
  ...state,
  nodes: new Map([...state.nodes].map(([ino, node]) => [ino, { ...node }])),
  now: copyTables(state.now),
  durable: copyTables(state.durable),
  steps: [...state.steps],
});

/** What was added may be there in part, or its length without its bytes; what was synced before it stays. */
function torn({ bytes, durable }: Node, keep: () => boolean): Uint8Array {
  const isLonger =
    durable !== null && bytes.length > durable.length && Buffer.from(bytes.buffer, bytes.byteOffset, durable.length).equals(durable);
  if (!isLonger) return durable ?? bytes.slice(0, bytes.length >> 1);
  if (keep()) return durable;
  const isZeros = keep();
  const left = durable.length + ((bytes.length - durable.length) >> (keep() ? 1 : 2));
  const there = bytes.slice(0, isZeros ? bytes.length : left);
  if (isZeros) there.fill(0, left);
  return there;
}

/** @param ignores syncs of these kinds do nothing: to see that a test misses them */
export function makeSimFs(ignores: readonly SyncWhy[] = [], before?: State): SimFs {
  const state: State = before ?? {
    nodes: new Map([[ROOT, { ino: ROOT, kind: 'folder', bytes: bytesOf(''), durable: bytesOf(''), mode: 0o755, mtime: 0n, ctime: 0n }]]),
    now: new Map([[ROOT, new Map<string, number>()]]),
    durable: new Map([[ROOT, new Map<string, number>()]]),
    steps: [],
    lastIno: ROOT,
    tick: 1n,
  };

  const placeOf = (file: FilePath): Place => {
    const parts = path.resolve('/', text(file)).split('/').filter(Boolean);
    const name = parts.pop() ?? '';
    let folder = ROOT;
    for (const part of parts) {
      const names = state.now.get(folder);
      if (names === undefined) throw errno('ENOTDIR', file);
      folder = names.get(part) ?? Number.NaN;
      if (Number.isNaN(folder)) throw errno('ENOENT', file);
    }
    if (!state.now.has(folder)) throw errno('ENOTDIR', file);
    return { folder, name };
  };
  const at = ({ folder, name }: Place): Node | undefined =>
    name === '' ? state.nodes.get(ROOT) : state.nodes.get(state.now.get(folder)?.get(name) ?? Number.NaN);
  const must = (file: FilePath): Node => {
    const node = at(placeOf(file));
    if (node === undefined) throw errno('ENOENT', file);
    return node;
  };
  const fileAt = (file: FilePath): Node => {
    const node = must(file);
    if (node.kind !== 'file') throw errno('EINVAL', file);
    return node;
  };
  const folderAt = (file: FilePath): Map<string, number> => {
    const names = state.now.get(must(file).ino);
    if (names === undefined) throw errno('ENOTDIR', file);
    return names;
  };
  const step = (one: Step): void => {
    apply(state.now, one);
    state.steps.push(one);
    const node = state.nodes.get(one.ino);
    if (node !== undefined) node.ctime = ++state.tick;
  };
  const make = (file: FilePath, kind: Node['kind'], mode: number): Node => {
    const to = placeOf(file);
    if (at(to) !== undefined) throw errno('EEXIST', file);
    const ino = ++state.lastIno;
    const mtime = ++state.tick;
    const node: Node = { ino, kind, bytes: bytesOf(''), durable: null, mode, mtime, ctime: mtime };
    state.nodes.set(ino, node);
    if (kind === 'folder') {
      state.now.set(ino, new Map());
      state.durable.set(ino, new Map());
    }
    apply(state.now, { ino, from: null, to });
    state.steps.push({ ino, from: null, to });
    return node;
  };
  const links = (node: Node): number =>
    [...state.now.values()].flatMap((names) => [...names.values()]).filter((ino) => ino === node.ino).length;
  const factsOf = (node: Node): FileFacts => ({
    kind: node.kind,
    dev: 1n,
    ino: BigInt(node.ino),
    sizeBytes: node.bytes.length,
    mtimeNs: node.mtime,
    ctimeNs: node.ctime,
    mode: node.mode,
    uid: 0,
    gid: 0,
    nlink: links(node),
  });
  const syncNode = (node: Node, why: SyncWhy): void => {
    if (!ignores.includes(why)) node.durable = node.bytes;
  };
  const write = (file: FilePath, content: Uint8Array | string, mode: number): Node => {
    const node = make(file, 'file', mode);
    node.bytes = bytesOf(content);
    return node;
  };
  const read = (file: FilePath, maxBytes: number): { bytes: Uint8Array; facts: FileFacts } => {
    const node = fileAt(file);
    return { bytes: node.bytes.slice(0, maxBytes), facts: factsOf(node) };
  };
  const move = (from: FilePath, to: FilePath): void => {
    const [source, target] = [placeOf(from), placeOf(to)];
    const node = at(source);
    if (node === undefined) throw errno('ENOENT', from);
    step({ ino: node.ino, from: source, to: target });
  };
  const removeTree = (file: string): void => {
    const place = placeOf(file);
    const node = at(place);
    if (node === undefined) return;
    for (const name of Array.from(state.now.get(node.ino)?.keys() ?? [])) removeTree(path.join(file, name));
    step({ ino: node.ino, from: place, to: null });
  };
  // The port is asynchronous, memory is not.
  /* eslint-disable typescript/require-await */
  const fs: Fs = {
    list: async (folder) =>
      [...folderAt(folder)].map(([name, ino]) => ({ raw: Buffer.from(name), name, kind: state.nodes.get(ino)?.kind ?? 'other' })),
    walk: async (folder, see) => {
      for (const [name, ino] of folderAt(folder)) see(Buffer.from(name).toString('latin1'), state.nodes.get(ino)?.kind ?? 'other');
    },
    facts: async (file) => orNull(() => factsOf(must(file))),
    readBounded: async (file, maxBytes) => {
      if (fileAt(file).bytes.length > maxBytes) throw errno('EFBIG', file);
      return read(file, maxBytes);
    },
    readHead: async (file, maxBytes) => read(file, maxBytes),
    writeNew: async (file, bytes, why, mode = 0o600) => {
      syncNode(write(file, bytes, mode), why);
    },
    replace: async (file, bytes, why, mode = 0o600) => {
      const temporary = path.join(path.dirname(file), `.docket-tmp-${String(state.lastIno)}`);
      syncNode(write(temporary, bytes, mode), why);
      move(temporary, file);
    },
    writeDerived: async (file, bytes, mode = 0o600) => factsOf(write(file, bytes, mode)),
    append: async (file, bytes, mode = 0o600) => {
      const node = at(placeOf(file)) ?? make(file, 'file', mode);
      node.bytes = new Uint8Array(Buffer.concat([node.bytes, bytesOf(bytes)]));
      node.mtime = node.ctime = ++state.tick;
    },
    openRead: async (file) => {
      const { bytes } = fileAt(file);
      return {
        sizeBytes: bytes.length,
        readAt: async (offset, length) => bytes.slice(offset, offset + length),
        close: async () => undefined,
      };
    },
    rename: async (from, to) => {
      move(from, to);
    },
    link: async (from, to) => {
      const node = must(from);
      const place = placeOf(to);
      if (at(place) !== undefined) throw errno('EEXIST', to);
      step({ ino: node.ino, from: null, to: place });
    },
    unlink: async (file) => {
      const place = placeOf(file);
      step({ ino: must(file).ino, from: place, to: null });
    },
    chmod: async (file, mode) => {
      const node = must(file);
      node.mode = mode;
      node.ctime = ++state.tick;
    },
    makeFolder: async (folder, mode = 0o777) => {
      make(folder, 'folder', mode);
    },
    makeFolders: async (folder, mode = 0o777) => {
      let below = '/';
      for (const part of path.resolve('/', folder).split('/').filter(Boolean)) {
        below = path.join(below, part);
        const node = at(placeOf(below)) ?? make(below, 'folder', mode);
        if (node.kind !== 'folder') throw errno('ENOTDIR', below);
      }
    },
    removeFolder: async (folder) => {
      if (folderAt(folder).size > 0) throw errno('ENOTEMPTY', folder);
      step({ ino: must(folder).ino, from: placeOf(folder), to: null });
    },
    removeTree: async (folder) => {
      orNull(() => {
        removeTree(folder);
      });
    },
    syncFile: async (file, why) => {
      syncNode(fileAt(file), why);
    },
    syncFolder: async (folder, why) => {
      const { ino } = must(folder);
      if (ignores.includes(why)) return;
      const { chosen, rest } = withCauses(state.steps, (one) => places(one).some((place) => place.folder === ino));
      for (const one of chosen) apply(state.durable, one);
      state.steps = rest;
    },
    realPath: async (file) => path.resolve('/', file),
    fileSystem: async () => ({ type: 'simulated', network: false, freeBytes: 1e9 }),
    openForWriting: async () => new Set(),
  };

  /* eslint-enable typescript/require-await */

  return {
    fs,
    pending: () => state.steps.length,
    cut(keep) {
      const { chosen } = withCauses(state.steps, () => keep());
      for (const one of chosen) apply(state.durable, one);
      state.now = copyTables(state.durable);
      state.steps = [];
      for (const node of state.nodes.values()) {
        // Unsynced bytes: all of them, or the file is torn.
        if (node.kind === 'file' && node.durable !== node.bytes && !keep()) node.bytes = torn(node, keep);
        node.durable = node.bytes;
      }
    },
    copy: () => makeSimFs(ignores, copyState(state)),
  };
}
