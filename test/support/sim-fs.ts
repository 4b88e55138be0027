/**
 * A file system in memory that can lose power, be killed under, fill up and fail (the rules: sim-disk.ts). Every primitive change is announced
 * before it is made, so whoever explores crashes can look at the disk at each of them; the calls that write pass through half-written states.
 */

import { Buffer } from 'node:buffer';
import path from 'node:path';
import type { FileFacts, FilePath, Fs, SyncWhy } from '#core/ports.ts';
import {
  applied,
  cut,
  EMPTY_DISK,
  isDirty,
  ROOT,
  synced,
  withEntry,
  withCauses,
  type Disk,
  type Node,
  type Place,
  type Step,
  type Tear,
} from './sim-disk.ts';

/** A sync as the code asked for it. `place` says what is synced, in words that hold for every job: `work/`, `work/<job>.prompt`. */
export type Sync = { readonly call: string; readonly file: string; readonly why: SyncWhy; readonly pending: Uint8Array };

export type SimOptions = {
  /** True: this sync does nothing. */
  readonly leavesOut?: ((sync: Sync) => boolean) | undefined;
  /** Called before each primitive change of the disk. Throws: the change does not happen. */
  readonly before?: (change: string, file: string) => void;
  /** Called after each: for a reader of out/, or a fault that comes late. */
  readonly after?: (change: string, file: string) => void;
};

export type SimFs = {
  readonly fs: Fs;
  /** Name changes that a power cut may still undo. */
  pending(): number;
  /** Power off and on: each pending change and each unsynced byte stays or goes as `keep` says. */
  cut(keep: () => boolean): void;
  disk(): Disk;
  /** Names in a folder; none when it is not there. */
  names(folder: string): readonly string[];
  /** The content of a file; null when it is not there. */
  bytes(file: string): Uint8Array | null;
  /** The moment's disk again, with the same options. */
  copy(): SimFs;
};

const errno = (code: string, file: FilePath): Error => Object.assign(new Error(`${code}: simulated, '${text(file)}'`), { code });
const text = (file: FilePath): string => (typeof file === 'string' ? file : Buffer.from(file).toString());
const bytesOf = (content: Uint8Array | string): Uint8Array => new Uint8Array(Buffer.from(content as string));
const NOTHING = new Uint8Array();
const TEARS: readonly Tear[] = ['none', 'torn', 'zeros'];

const orNull = <T>(act: () => T): T | null => {
  try {
    return act();
  } catch {
    return null;
  }
};

const known = new Map<string, readonly string[]>();
const KNOWN_MAX = 100_000;
/** The names in a path; the same few paths are asked for again and again. */
function partsOf(file: string): readonly string[] {
  let parts = known.get(file);
  if (parts === undefined) {
    parts = path.resolve('/', file).split('/').filter(Boolean);
    if (known.size > KNOWN_MAX) known.clear();
    known.set(file, parts);
  }
  return parts;
}

export function makeSimFs(options: SimOptions = {}, start: Disk = EMPTY_DISK): SimFs {
  let disk = start;
  const before = (change: string, file: FilePath): void => options.before?.(change, text(file));
  const after = (change: string, file: FilePath): void => options.after?.(change, text(file));

  const find = (file: FilePath): Place | 'ENOENT' | 'ENOTDIR' => {
    const parts = partsOf(text(file));
    let folder = ROOT;
    for (let index = 0; index < parts.length - 1; index++) {
      const names = disk.now.get(folder);
      if (names === undefined) return 'ENOTDIR';
      const next = names.get(parts[index] ?? '');
      if (next === undefined) return 'ENOENT';
      folder = next;
    }
    return disk.now.has(folder) ? { folder, name: parts.at(-1) ?? '' } : 'ENOTDIR';
  };
  const placeOf = (file: FilePath): Place => {
    const place = find(file);
    if (typeof place === 'string') throw errno(place, file);
    return place;
  };
  /** Without a throw: most questions are about what is not there. */
  const nodeAt = (file: FilePath): Node | null => {
    const place = find(file);
    return typeof place === 'string' ? null : (at(place) ?? null);
  };
  const at = ({ folder, name }: Place): Node | undefined =>
    name === '' ? disk.nodes.get(ROOT) : disk.nodes.get(disk.now.get(folder)?.get(name) ?? Number.NaN);
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
  const folderAt = (file: FilePath): ReadonlyMap<string, number> => {
    const names = disk.now.get(must(file).ino);
    if (names === undefined) throw errno('ENOTDIR', file);
    return names;
  };
  const put = (node: Node): void => {
    disk = { ...disk, nodes: withEntry(disk.nodes, node.ino, node) };
  };
  const nextTick = (): bigint => {
    disk = { ...disk, tick: disk.tick + 1n };
    return disk.tick;
  };
  const step = (one: Step): void => {
    const tick = disk.tick + 1n;
    const nodes = new Map(disk.nodes);
    const node = nodes.get(one.ino);
    if (node !== undefined) nodes.set(one.ino, { ...node, ctime: tick });
    for (const place of [one.from, one.to]) {
      const parent = place === null ? undefined : nodes.get(place.folder);
      if (parent !== undefined) nodes.set(parent.ino, { ...parent, mtime: tick, ctime: tick });
    }
    disk = { ...disk, tick, nodes, now: applied(disk.now, [one]), steps: [...disk.steps, one] };
  };
  const make = (file: FilePath, kind: Node['kind'], mode: number): Node => {
    const to = placeOf(file);
    if (at(to) !== undefined) throw errno('EEXIST', file);
    before(kind === 'file' ? 'create' : 'mkdir', file);
    const ino = disk.lastIno + 1;
    const mtime = nextTick();
    const node: Node = { ino, kind, bytes: NOTHING, durable: null, droppedTo: 0, mode, mtime, ctime: mtime };
    disk = { ...disk, lastIno: ino, nodes: withEntry(disk.nodes, ino, node) };
    if (kind === 'folder') disk = { ...disk, now: withEntry(disk.now, ino, new Map()), durable: withEntry(disk.durable, ino, new Map()) };
    const one = { ino, from: null, to };
    disk = { ...disk, now: applied(disk.now, [one]), steps: [...disk.steps, one] };
    after(kind === 'file' ? 'create' : 'mkdir', file);
    return node;
  };
  const links = (node: Node): number => {
    let count = 0;
    for (const names of disk.now.values()) for (const ino of names.values()) if (ino === node.ino) count++;
    return count;
  };
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
  const sync = (file: string, why: SyncWhy, call: string): void => {
    const { ino, bytes, durable } = fileAt(file);
    try {
      before(call, file);
    } catch (error) {
      // The kernel has given up on these bytes: it shows them still, and the next sync will say that all is well.
      const failed = disk.nodes.get(ino);
      if (failed !== undefined && isDirty(failed)) put({ ...failed, droppedTo: failed.bytes.length });
      throw error;
    }
    const pending = durable === bytes ? NOTHING : bytes.subarray(durable?.length ?? 0);
    const node = disk.nodes.get(ino);
    if (node !== undefined && options.leavesOut?.({ call, file, why, pending }) !== true) put(synced(node));
    after(call, file);
  };
  /** Two steps, because a process may be killed between two writes. */
  const grow = (file: FilePath, ino: number, added: Uint8Array, call: string): void => {
    const half = added.length >> 1;
    for (const piece of half === 0 ? [added] : [added.subarray(0, half), added.subarray(half)]) {
      before(call, file);
      const node = disk.nodes.get(ino);
      if (node === undefined) return;
      const mtime = nextTick();
      put({ ...node, bytes: node.bytes.length === 0 ? piece : new Uint8Array(Buffer.concat([node.bytes, piece])), mtime, ctime: mtime });
    }
    after(call, file);
  };
  /** As platform/files.ts does: a file that could not be written whole is removed. */
  const undone = (file: FilePath, act: () => void): void => {
    try {
      act();
    } catch (error) {
      orNull(() => {
        removeTree(text(file));
      });
      throw error;
    }
  };
  const write = (file: FilePath, content: Uint8Array | string, mode: number): Node => {
    const { ino } = make(file, 'file', mode);
    undone(file, () => {
      grow(file, ino, bytesOf(content), 'write');
    });
    return disk.nodes.get(ino) as Node;
  };
  const read = (file: FilePath, maxBytes: number): { bytes: Uint8Array; facts: FileFacts } => {
    const node = fileAt(file);
    return { bytes: node.bytes.slice(0, maxBytes), facts: factsOf(node) };
  };
  const move = (from: FilePath, to: FilePath): void => {
    const [source, target] = [placeOf(from), placeOf(to)];
    const node = at(source);
    if (node === undefined) throw errno('ENOENT', from);
    before('rename', to);
    step({ ino: node.ino, from: source, to: target });
    after('rename', to);
  };
  const removeTree = (file: string): void => {
    const place = placeOf(file);
    const node = at(place);
    if (node === undefined) return;
    for (const name of Array.from(disk.now.get(node.ino)?.keys() ?? [])) removeTree(path.join(file, name));
    before('remove', file);
    step({ ino: node.ino, from: place, to: null });
    after('remove', file);
  };
  // The port is asynchronous, memory is not.
  /* eslint-disable typescript/require-await */
  const fs: Fs = {
    list: async (folder) =>
      [...folderAt(folder)].map(([name, ino]) => ({ raw: Buffer.from(name), name, kind: disk.nodes.get(ino)?.kind ?? 'other' })),
    walk: async (folder, see) => {
      for (const [name, ino] of folderAt(folder)) see(Buffer.from(name).toString('latin1'), disk.nodes.get(ino)?.kind ?? 'other');
    },
    facts: async (file) => {
      const node = nodeAt(file);
      return node === null ? null : factsOf(node);
    },
    readBounded: async (file, maxBytes) => {
      if (fileAt(file).bytes.length > maxBytes) throw errno('EFBIG', file);
      return read(file, maxBytes);
    },
    readHead: async (file, maxBytes) => read(file, maxBytes),
    writeNew: async (file, bytes, why, mode = 0o600) => {
      write(file, bytes, mode);
      undone(file, () => {
        sync(file, why, 'writeNew');
      });
    },
    replace: async (file, bytes, why, mode = 0o600) => {
      const temporary = path.join(path.dirname(file), `.docket-tmp-${String(disk.lastIno)}.tmp`);
      write(temporary, bytes, mode);
      undone(temporary, () => {
        sync(temporary, why, 'replace');
        move(temporary, file);
      });
    },
    writeDerived: async (file, bytes, mode = 0o600) => factsOf(write(file, bytes, mode)),
    append: async (file, bytes, mode = 0o600) => {
      const node = at(placeOf(file)) ?? make(file, 'file', mode);
      grow(file, node.ino, bytesOf(bytes), 'append');
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
      before('link', to);
      step({ ino: node.ino, from: null, to: place });
      after('link', to);
    },
    unlink: async (file) => {
      const place = placeOf(file);
      const { ino } = must(file);
      before('unlink', file);
      step({ ino, from: place, to: null });
      after('unlink', file);
    },
    chmod: async (file, mode) => {
      const { ino } = must(file);
      before('chmod', file);
      const node = disk.nodes.get(ino);
      if (node !== undefined) put({ ...node, mode, ctime: nextTick() });
      after('chmod', file);
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
      const { ino } = must(folder);
      before('remove', folder);
      step({ ino, from: placeOf(folder), to: null });
      after('remove', folder);
    },
    removeTree: async (folder) => {
      if (nodeAt(folder) !== null) removeTree(folder);
    },
    syncFile: async (file, why) => {
      sync(file, why, 'syncFile');
    },
    syncFolder: async (file, why) => {
      const { ino } = must(file);
      before('syncFolder', text(file));
      if (options.leavesOut?.({ call: 'syncFolder', file: text(file), why, pending: NOTHING }) !== true) {
        const { chosen, rest } = withCauses(disk.steps, (one) => one.from?.folder === ino || one.to?.folder === ino);
        disk = { ...disk, durable: applied(disk.durable, chosen), steps: rest };
      }
      after('syncFolder', text(file));
    },
    realPath: async (file) => path.resolve('/', file),
    fileSystem: async () => ({ type: 'simulated', network: false, freeBytes: 1e9 }),
    openForWriting: async () => new Set(),
  };

  /* eslint-enable typescript/require-await */

  return {
    fs,
    pending: () => disk.steps.length,
    cut(keep) {
      disk = cut(
        disk,
        () => keep(),
        () => (keep() ? 'whole' : (TEARS[keep() ? 0 : keep() ? 1 : 2] ?? 'none')),
      );
    },
    disk: () => disk,
    names: (folder) => [...(disk.now.get(nodeAt(folder)?.ino ?? Number.NaN)?.keys() ?? [])],
    bytes(file) {
      const node = nodeAt(file);
      return node?.kind === 'file' ? node.bytes : null;
    },
    copy: () => makeSimFs(options, disk),
  };
}
