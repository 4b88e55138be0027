/**
 * The tip of `refs/heads/main`, moved as git moves it: lock file, look at the old value, write, sync, reflog, rename, sync the folder.
 * Invariant: the tip never moves away from a value nobody looked at (compare-and-swap), and never to a commit that is not on disk.
 * Source: gitrepository-layout(5), git's refs/files-backend.
 */

import { Buffer } from 'node:buffer';
import type { Fs } from '#core/ports.ts';
import { removeLock, takeLock, type LockPorts } from './lock-file.ts';
import { NO_OID, isOid, type Oid } from './objects.ts';

export const BRANCH = 'refs/heads/main';
const PACKED_REFS_BYTES_MAX = 64 * 1024 * 1024;

async function textOf(fs: Fs, path: string, maxBytes: number): Promise<string | null> {
  try {
    return Buffer.from((await fs.readBounded(path, maxBytes)).bytes).toString('utf8');
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

/** Null: no commit yet. Throws when the file is there and holds no commit id. */
export async function readTip(fs: Fs, gitDir: string): Promise<Oid | null> {
  const loose = (await textOf(fs, `${gitDir}/${BRANCH}`, 1024))?.trim();
  if (loose !== undefined) {
    if (isOid(loose)) return loose;
    throw new Error(`${gitDir}/${BRANCH} holds no commit id (git reflog show main tells the last good one)`);
  }
  const packed = await textOf(fs, `${gitDir}/packed-refs`, PACKED_REFS_BYTES_MAX);
  for (const line of packed?.split('\n') ?? []) if (line.endsWith(` ${BRANCH}`)) return line.slice(0, 40);
  return null;
}

/** What git-fetch(1) brought last: the first commit of FETCH_HEAD. Throws with `code: 'EHISTORY'` when nothing was fetched. */
export async function readFetched(fs: Fs, gitDir: string): Promise<Oid> {
  const oid = (await textOf(fs, `${gitDir}/FETCH_HEAD`, 1024 * 1024))?.slice(0, 40) ?? '';
  if (isOid(oid)) return oid;
  const words = `nothing was fetched into the history: git -C ${gitDir.slice(0, -5)} fetch <the other clone> main`;
  throw Object.assign(new Error(words), { code: 'EHISTORY' });
}

/** False while a person works on another branch or on no branch: then the work tree and the index are not main's. */
export const isOnMain = async (fs: Fs, gitDir: string): Promise<boolean> =>
  (await textOf(fs, `${gitDir}/HEAD`, 1024))?.trim() === `ref: ${BRANCH}`;

const lockOf = (gitDir: string): string => `${gitDir}/${BRANCH}.lock`;

/** Takes git's lock of the branch, with the new value in it, on disk. To be given back by `moveTip` or `freeTip`. */
export const lockTip = (ports: LockPorts, gitDir: string, workTree: string, to: Oid): Promise<void> =>
  takeLock(ports, lockOf(gitDir), workTree, `${to}\n`, { draft: null, clearOwn: () => Promise.resolve(false) });

export const freeTip = (fs: Fs, gitDir: string): Promise<void> => removeLock(fs, lockOf(gitDir));

/**
 * While locked: the lock becomes the branch. On disk after `syncTip`.
 * @param move.ident `Name <email> seconds zone`
 * @param last done right before it; when it fails, nothing moves
 * @returns false when somebody moved the tip before it was locked: nothing was changed
 */
export async function moveTip(
  fs: Fs,
  gitDir: string,
  move: { readonly from: Oid | null; readonly to: Oid; readonly ident: string; readonly message: string; readonly isOnMain: boolean },
  last: () => Promise<void>,
): Promise<boolean> {
  try {
    if ((await readTip(fs, gitDir)) !== move.from) {
      await freeTip(fs, gitDir);
      return false;
    }
    const line = `${move.from ?? NO_OID} ${move.to} ${move.ident}\t${move.message}\n`;
    await fs.append(`${gitDir}/logs/${BRANCH}`, line, 0o644);
    if (move.isOnMain) await fs.append(`${gitDir}/logs/HEAD`, line, 0o644);
    await last();
    await fs.rename(lockOf(gitDir), `${gitDir}/${BRANCH}`);
  } catch (error) {
    await freeTip(fs, gitDir);
    throw error;
  }
  return true;
}

export const syncTip = (fs: Fs, gitDir: string): Promise<void> => fs.syncFolder(`${gitDir}/refs/heads`, 'safety');
