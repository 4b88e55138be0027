/**
 * An `Fs` that fails on purpose: it counts the calls that change the disk and acts at number k.
 * `stop` is a kill: the call does not happen (or only half of it), and from then on every call throws, as for a process that is dead.
 */

import { Buffer } from 'node:buffer';
import { writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { FilePath, Fs } from '#core/ports.ts';

/** The process is dead: nothing it tries has an effect any more. */
export class Stop extends Error {
  override readonly name = 'Stop';
}

export type FaultyOptions = {
  /** 1-based number of the changing call to act at; 0: never, only count. */
  readonly at: number;
  readonly act: 'stop' | 'stop-half' | 'ENOSPC' | 'EIO' | 'EACCES';
  /** Runs after each changing call that succeeded: for a consumer that watches a folder. */
  readonly after?: (call: string) => void;
  /** Answers for links: what a file system without them says. */
  readonly noLinks?: 'EPERM' | 'ENOTSUP';
};
export type FaultyFs = Fs & { readonly calls: readonly string[] };

const text = (file: FilePath): string => (typeof file === 'string' ? file : Buffer.from(file).toString());
const failure = (code: string, call: string): Error => Object.assign(new Error(`${code}: made up, ${call}`), { code });

/** What half of a call leaves on disk. */
const halves: Record<string, (fs: Fs, file: string, bytes: Uint8Array | string) => Promise<void> | void> = {
  writeNew(_fs, file, bytes) {
    writeFileSync(file, Buffer.from(bytes as string).subarray(0, Math.floor(Buffer.byteLength(bytes) / 2)), { flag: 'wx' });
  },
  replace(_fs, file, bytes) {
    writeFileSync(path.join(path.dirname(file), '.docket-tmp-half'), Buffer.from(bytes as string).subarray(0, 3));
  },
  async removeTree(fs, file) {
    if ((await fs.facts(file))?.kind !== 'folder') return;
    for (const entry of await fs.list(file)) {
      await fs.removeTree(path.join(file, entry.name ?? ''));
      return;
    }
  },
};

const writeNew: Fs['writeNew'] = async (file, bytes, _why, mode = 0o600) => writeFile(file, bytes, { flag: 'wx', mode });

/** The same without fsync: a kill cannot lose what the kernel has, and thousands of kills are tried. */
export function makeUnsyncedFs(fs: Fs): Fs {
  return {
    ...fs,
    writeNew,
    async replace(file, bytes, why, mode) {
      await writeNew(`${file}.tmp`, bytes, why, mode);
      await fs.rename(`${file}.tmp`, file);
    },
    async syncFile() {},
    async syncFolder() {},
  };
}

export function makeFaultyFs(fs: Fs, options: FaultyOptions): FaultyFs {
  const calls: string[] = [];
  let isDead = false;

  const alive = <T>(act: () => Promise<T>): Promise<T> => (isDead ? Promise.reject(new Stop('dead')) : act());
  const change = async <T>(name: string, file: FilePath, act: () => Promise<T>, bytes: Uint8Array | string = ''): Promise<T> => {
    if (isDead) throw new Stop('dead');
    const call = `${name} ${path.basename(text(file))}`;
    calls.push(call);
    if (calls.length === options.at) {
      if (options.act !== 'stop' && options.act !== 'stop-half') throw failure(options.act, call);
      isDead = true;
      if (options.act === 'stop-half') await halves[name]?.(fs, text(file), bytes);
      throw new Stop(call);
    }
    const answer = await act();
    options.after?.(call);
    return answer;
  };

  return {
    calls,
    list: (folder) => alive(() => fs.list(folder)),
    walk: (folder, see) => alive(() => fs.walk(folder, see)),
    facts: (file) => alive(() => fs.facts(file)),
    readBounded: (file, maxBytes) => alive(() => fs.readBounded(file, maxBytes)),
    readHead: (file, maxBytes) => alive(() => fs.readHead(file, maxBytes)),
    realPath: (file) => alive(() => fs.realPath(file)),
    fileSystem: (file) => alive(() => fs.fileSystem(file)),
    openForWriting: (paths) => alive(() => fs.openForWriting(paths)),
    writeNew: (file, bytes, why, mode) => change('writeNew', file, () => fs.writeNew(file, bytes, why, mode), bytes),
    replace: (file, bytes, why, mode) => change('replace', file, () => fs.replace(file, bytes, why, mode), bytes),
    writeDerived: (file, bytes, mode) => change('writeDerived', file, () => fs.writeDerived(file, bytes, mode), bytes),
    append: (file, bytes, mode) => change('append', file, () => fs.append(file, bytes, mode), bytes),
    openRead: (file) => alive(() => fs.openRead(file)),
    rename: (from, to) => change('rename', to, () => fs.rename(from, to)),
    link: (from, to) =>
      change('link', to, () => (options.noLinks === undefined ? fs.link(from, to) : Promise.reject(failure(options.noLinks, 'link')))),
    unlink: (file) => change('unlink', file, () => fs.unlink(file)),
    chmod: (file, mode) => change('chmod', file, () => fs.chmod(file, mode)),
    makeFolder: (folder, mode) => change('makeFolder', folder, () => fs.makeFolder(folder, mode)),
    makeFolders: (folder, mode) => change('makeFolders', folder, () => fs.makeFolders(folder, mode)),
    removeFolder: (folder) => change('removeFolder', folder, () => fs.removeFolder(folder)),
    removeTree: (folder) => change('removeTree', folder, () => fs.removeTree(folder)),
    syncFile: (file, why) => change('syncFile', file, () => fs.syncFile(file, why)),
    syncFolder: (folder, why) => change('syncFolder', folder, () => fs.syncFolder(folder, why)),
  };
}
