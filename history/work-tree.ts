/**
 * Brings the work tree's files from one state of the tip to the next, and says what the index must say then.
 * Invariant: a person's work is never touched. A path is ours only when the index holds exactly what the old tip held there, and a file
 * is replaced or removed only when its bytes are the old tip's (or the torn start of the new ones, left by a kill).
 * Nothing is synced: all of it can be made again from the commits.
 */

import { Buffer } from 'node:buffer';
import type { FileFacts, Fs, Log } from '#core/ports.ts';
import type { FileChange } from './diff.ts';
import { encodeIndexEntry, type IndexChange } from './index-file.ts';
import { oidOf, type Oid } from './objects.ts';
import { findInSplit, type SplitIndex } from './split-index.ts';

const AT_ONCE = 8;
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

export type WorkTree = {
  readonly fs: Fs;
  readonly log: Log;
  /** Absolute path of the repository's folder. */
  readonly dir: string;
  /** Bytes of a blob. */
  readonly blob: (oid: Oid) => Promise<Buffer>;
};

/** @returns what to splice into the index */
export async function bringWorkTree(tree: WorkTree, index: SplitIndex, changes: readonly FileChange[]): Promise<IndexChange[]> {
  const folders = makeFolderCheck(tree);
  const done: IndexChange[] = [];
  const waiting = changes[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = waiting.next(); next.done !== true; next = waiting.next()) {
      const change = next.value;
      const current = await findInSplit(index, change.path);
      if (current !== null && (current.stage !== 0 || current.oid !== change.from)) continue;
      if (current === null && change.from !== null) continue;
      done.push(await bringFile(tree, change, folders));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, changes.length) }, worker));
  return done;
}

/**
 * The other way: files and index may be anywhere between `to` (a state that stands in the branch) and `from` (one that never came into it).
 * What is of `from`, whole or torn, becomes what `to` has; everything else is a person's.
 * @returns what to splice into the index
 */
export async function takeWorkTreeBack(tree: WorkTree, index: SplitIndex, changes: readonly FileChange[]): Promise<IndexChange[]> {
  const folders = makeFolderCheck(tree);
  const done: IndexChange[] = [];
  for (const change of changes) {
    const { path, from, to } = change;
    const current = await findInSplit(index, path);
    if (current !== null && current.stage !== 0) continue;
    const known = current?.oid ?? null;
    if (known !== from && known !== to) continue;
    const file = `${tree.dir}/${path}`;
    const there = await bytesAt(tree.fs, file);
    const ahead = from === null ? null : await tree.blob(from);
    const isAhead = there !== null && there !== 'foreign' && ahead?.subarray(0, there.bytes.length).equals(there.bytes) === true;
    const isStanding = isAhead && to !== null && oidOf('blob', there.bytes) === to;
    if (isAhead && !isStanding) await tree.fs.unlink(file);
    // Without a change in the index nothing but a new file can be there.
    if (to === null && known === null) continue;
    done.push(to === null ? { path, entry: null } : await bringFile(tree, change, folders));
  }
  return done;
}

async function bringFile(tree: WorkTree, change: FileChange, isFolderOurs: (path: string) => Promise<boolean>): Promise<IndexChange> {
  const { path, from, to } = change;
  const file = `${tree.dir}/${path}`;
  const slash = path.lastIndexOf('/');
  const isReachable = slash < 0 || (to === null ? true : await isFolderOurs(path.slice(0, slash)));
  if (to === null) {
    const there = await bytesAt(tree.fs, file);
    if (there !== null && there !== 'foreign' && oidOf('blob', there.bytes) === from) await tree.fs.unlink(file);
    return { path, entry: null };
  }
  const facts = isReachable ? await write(tree, file, from, to) : null;
  if (facts === null) tree.log.warn(`left as it is, because it is not what docket wrote there: ${file} (the history itself is complete)`);
  return { path, entry: encodeIndexEntry(path, to, facts) };
}

/** Null: something of a person's is in the way. */
async function write(tree: WorkTree, file: string, from: Oid | null, to: Oid): Promise<FileFacts | null> {
  const bytes = await tree.blob(to);
  try {
    return await tree.fs.writeDerived(file, bytes, FILE_MODE);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  const there = await bytesAt(tree.fs, file);
  if (there === 'foreign') return null;
  if (there !== null) {
    if (bytes.equals(there.bytes)) return there.facts;
    const isOld = from !== null && oidOf('blob', there.bytes) === from;
    const isTorn = there.bytes.length < bytes.length && bytes.subarray(0, there.bytes.length).equals(there.bytes);
    if (!isOld && !isTorn) return null;
    await tree.fs.unlink(file);
  }
  return tree.fs.writeDerived(file, bytes, FILE_MODE);
}

/** `foreign`: a link, a folder, a device, or more than a person's memory should hold. */
async function bytesAt(fs: Fs, file: string): Promise<{ bytes: Buffer; facts: FileFacts } | 'foreign' | null> {
  try {
    const { bytes, facts } = await fs.readBounded(file, 1024 * 1024 * 1024);
    return { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), facts };
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    if (['EINVAL', 'EISDIR', 'EFBIG', 'ELOOP'].includes(String(codeOf(error)))) return 'foreign';
    throw error;
  }
}

/** Makes the folders of a path; false when a link or a file stands in the way: nothing is written through a link. */
function makeFolderCheck(tree: WorkTree): (path: string) => Promise<boolean> {
  const known = new Map<string, Promise<boolean>>();
  const check = (path: string): Promise<boolean> => {
    const answer = known.get(path) ?? look(path);
    known.set(path, answer);
    return answer;
  };
  const look = async (path: string): Promise<boolean> => {
    const slash = path.lastIndexOf('/');
    if (slash >= 0 && !(await check(path.slice(0, slash)))) return false;
    const folder = `${tree.dir}/${path}`;
    const facts = await tree.fs.facts(folder);
    if (facts !== null) return facts.kind === 'folder';
    await tree.fs.makeFolder(folder, FOLDER_MODE).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    return (await tree.fs.facts(folder))?.kind === 'folder';
  };
  return check;
}
