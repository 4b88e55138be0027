/**
 * The state of a repository that a tool could change beside its files: where HEAD is, branches and tags, what is staged, hooks and configuration. Read
 * from git's own files (gitrepository-layout(5), gitformat-index(5)), so that nothing a tool put there is ever run.
 *
 * Left out, because git changes them for itself or in the background: objects, logs, FETCH_HEAD, remote branches, file times in the index.
 */

import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { AskProgram } from '#core/ports.ts';
import { CHECKED_OUT_ELSEWHERE } from '#core/scope.ts';
import { codeOf } from './files.ts';
import { breathe } from './small-files.ts';
import { gitCommonFolder, gitEnvironment, nearest, QUIET_GIT } from './git.ts';

const FILE_BYTES_MAX = 67_108_864;
const REFS_MAX = 100_000;
const ASK_TIMEOUT_MS = 10_000;

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function bytesAt(file: string): Buffer | null {
  try {
    const stats = lstatSync(file);
    return stats.isFile() && stats.size <= FILE_BYTES_MAX ? readFileSync(file) : null;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    throw error;
  }
}

/** What stands there, by content and mode; a link by what it says. Null: nothing. */
function tokenOf(file: string): string | null {
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return null;
  if (stats.isSymbolicLink()) return `link ${readlinkSync(file)}`;
  const bytes = bytesAt(file);
  return bytes === null ? (stats.isDirectory() ? 'folder' : 'other') : `${stats.mode.toString(8)} ${hashOf(bytes)}`;
}

const listed = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
};

/** Loose refs below a folder, but for remote branches, which a fetch in the background moves. */
async function looseRefs(common: string, into: Map<string, string>): Promise<void> {
  const folders = ['refs'];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    await breathe();
    for (const name of listed(path.join(common, folder))) {
      const ref = `${folder}/${name}`;
      if (ref === 'refs/remotes' || into.size > REFS_MAX) continue;
      const bytes = bytesAt(path.join(common, ref));
      if (bytes === null) folders.push(ref);
      else into.set(ref, bytes.toString('latin1').trim());
    }
  }
}

/** A line `<object> <ref>` each; loose ones win, so a pack of refs changes nothing. */
function packedRefs(common: string, into: Map<string, string>): void {
  const text = bytesAt(path.join(common, 'packed-refs'))?.toString('latin1') ?? '';
  for (const line of text.split('\n')) {
    const [, object, ref] = /^([0-9a-f]{40,64}) (refs\/.+)$/.exec(line) ?? [];
    if (object !== undefined && ref !== undefined && !ref.startsWith('refs/remotes/') && into.size <= REFS_MAX) into.set(ref, object);
  }
}

/** gitformat-index(5): 10 numbers of 4 bytes, an object name, flags; what git remembers of file times is left out. Null: a form that is not known. */
function stagedHash(bytes: Buffer): string | null {
  if (bytes.length < 32 || bytes.toString('latin1', 0, 4) !== 'DIRC') return null;
  const version = bytes.readUInt32BE(4);
  const count = bytes.readUInt32BE(8);
  if (version < 2 || version > 4) return null;
  const sum = createHash('sha256');
  const idBytes = 20;
  let at = 12;
  let name = Buffer.alloc(0);
  for (let n = 0; n < count; n++) {
    const flagsAt = at + 40 + idBytes;
    if (flagsAt + 2 > bytes.length) return null;
    const flags = bytes.readUInt16BE(flagsAt);
    let nameAt = flagsAt + ((flags & 0x4000) === 0 ? 2 : 4);
    if (version === 4) {
      let cut = 0;
      for (let byte = 0x80, first = true; (byte & 0x80) !== 0; first = false) {
        byte = bytes[nameAt++] ?? 0;
        cut = first ? byte & 0x7f : ((cut + 1) << 7) | (byte & 0x7f);
      }
      name = name.subarray(0, Math.max(0, name.length - cut));
    } else name = Buffer.alloc(0);
    const end = bytes.indexOf(0, nameAt);
    if (end === -1) return null;
    name = Buffer.concat([name, bytes.subarray(nameAt, end)]);
    // Mode, object, stage.
    sum.update(bytes.subarray(at + 24, at + 28)).update(bytes.subarray(at + 40, flagsAt)).update(String(flags & 0x3000)).update(name).update('\0'); // prettier-ignore
    at = version === 4 ? end + 1 : at + ((nameAt - at + name.length + 8) & ~7);
  }
  return sum.digest('hex');
}

const IN_WORKTREE = ['HEAD', 'MERGE_HEAD', 'CHERRY_PICK_HEAD', 'REVERT_HEAD', 'BISECT_LOG', 'config.worktree', 'rebase-merge', 'rebase-apply', 'info/sparse-checkout', 'commondir'] as const; // prettier-ignore
const IN_COMMON = ['config', 'info/exclude', 'info/attributes', 'info/grafts', 'shallow', 'objects/info/alternates', 'reftable/tables.list'] as const; // prettier-ignore

/** By what the system says of the file: an index may have a hundred thousand entries, and is rarely written. */
const KNOWN = new Map<string, { readonly key: string; readonly token: string | null }>();
function stagedOf(file: string): string | null {
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return null;
  const key = `${String(stats.ino)} ${String(stats.size)} ${String(stats.ctimeMs)}`;
  const known = KNOWN.get(file);
  if (known?.key === key) return known.token;
  const bytes = bytesAt(file);
  const token = bytes === null ? 'no file' : (stagedHash(bytes) ?? hashOf(bytes));
  KNOWN.set(file, { key, token });
  return token;
}

/** What `HEAD` of a git folder names: `refs/heads/main`; null: it is detached, or there is none. */
const branchOf = (folder: string): string | null =>
  /^ref: (refs\/.+)$/.exec(bytesAt(path.join(folder, 'HEAD'))?.toString('latin1').trim() ?? '')?.[1] ?? null;

/** Branches that other work trees of the repository have checked out: whoever works there moves them. */
function branchesElsewhere(common: string, own: string): ReadonlySet<string> {
  const folders = [common, ...listed(path.join(common, 'worktrees')).map((name) => path.join(common, 'worktrees', name))];
  return new Set(folders.flatMap((folder) => (folder === own ? [] : (branchOf(folder) ?? []))));
}

/** Of the repository that this folder lies in; null: it lies in none. */
export async function gitState(root: string): Promise<Readonly<Record<string, string>> | null> {
  const found = await nearest(root);
  if (found === null) return null;
  const { root: top, gitFolder: folder } = found;
  const common = (await gitCommonFolder(root)) ?? folder;
  const state: Record<string, string> = {};
  const put = (name: string, token: string | null): void => {
    if (token !== null) state[name] = token;
  };
  // Of a linked worktree: the file that says where its git folder is.
  put('the file .git', bytesAt(path.join(top, '.git')) === null ? null : tokenOf(path.join(top, '.git')));
  for (const name of IN_WORKTREE)
    put(name, name === 'HEAD' ? (bytesAt(path.join(folder, name))?.toString('latin1').trim() ?? null) : tokenOf(path.join(folder, name)));
  for (const name of IN_COMMON) put(name, tokenOf(path.join(common, name)));
  for (const name of listed(path.join(common, 'hooks'))) put(`hooks/${name}`, tokenOf(path.join(common, 'hooks', name)));
  for (const name of listed(path.join(common, 'worktrees')))
    put(`worktrees/${name}`, tokenOf(path.join(common, 'worktrees', name, 'gitdir')));
  const refs = new Map<string, string>();
  packedRefs(common, refs);
  await looseRefs(common, refs);
  const elsewhere = branchesElsewhere(common, realpathSync.native(folder));
  for (const [ref, object] of refs) put(ref, elsewhere.has(ref) ? CHECKED_OUT_ELSEWHERE : object);
  put('index', stagedOf(path.join(folder, 'index')));
  return state;
}

/** In the git folder of a work tree: a docket works there, and looks after its own runs. */
const WRITER = path.join('docket', 'writer-1.db');

/**
 * The primary checkout and the linked worktrees of the repository, but for this folder itself; those that are not there are left out, and so are linked
 * ones with a docket of their own: what is changed there is that one's affair, and its runs would else be laid at each other's door.
 */
export async function gitSiblings(root: string): Promise<readonly string[]> {
  const found = await nearest(root);
  const common = found === null ? null : await gitCommonFolder(root);
  if (found === null || common === null) return [];
  const places = path.basename(common) === '.git' ? [found.root, path.dirname(common)] : [found.root];
  for (const name of listed(path.join(common, 'worktrees'))) {
    const told = bytesAt(path.join(common, 'worktrees', name, 'gitdir'))
      ?.toString('utf8')
      .trim();
    const hasDocket = lstatSync(path.join(common, 'worktrees', name, WRITER), { throwIfNoEntry: false }) !== undefined;
    if (told !== undefined && told !== '' && !hasDocket) places.push(path.dirname(path.resolve(common, 'worktrees', name, told)));
  }
  const there = places.flatMap((place) => {
    try {
      return [realpathSync.native(place)];
    } catch {
      return [];
    }
  });
  return [...new Set(there)].filter((place) => place !== root);
}

/** What git shows of these paths against HEAD: no programs of the repository but its own filters, and nothing longer than a megabyte. */
export async function gitDiff(ask: AskProgram, root: string, paths: readonly string[]): Promise<string | null> {
  const args = [
    '-C',
    root,
    ...QUIET_GIT,
    'diff',
    '--no-ext-diff',
    '--no-textconv',
    '--no-color',
    'HEAD',
    '--',
    ...paths.map((one) => `:(literal)${one}`),
  ];
  try {
    const { code, stdout } = await ask('git', args, { env: gitEnvironment(), timeoutMs: ASK_TIMEOUT_MS });
    return code === 0 ? stdout : null;
  } catch {
    // No git, or more than a megabyte: the copies say it.
    return null;
  }
}
