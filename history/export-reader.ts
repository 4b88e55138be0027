/**
 * A history that is only read: a clone of it is enough, with its files or bare, without a workspace. Nothing is written into a clone, no lock is
 * taken, no program is started; so an auditor may look at a read-only copy, and nothing in it that git does not vouch for is believed.
 *
 *   closed -> opened (the tip is read once, and stays what it was) -> closed
 */

import { Buffer } from 'node:buffer';
import type { LogEntry } from '#core/history.ts';
import type { Digest, Fs } from '#core/ports.ts';
import { readLog, type LogFilter } from './log.ts';
import { decodeCommit, type Oid } from './objects.ts';
import { openObjects, type ObjectStore } from './read-objects.ts';
import { readTip } from './ref.ts';
import { openSnapshot, type Snapshot } from './snapshot.ts';

export type HistoryReader = {
  /** The newest commit when it was opened. */
  readonly tip: Oid;
  readonly store: ObjectStore;
  readonly snapshot: Snapshot;
  readonly digest: Digest;
  /** Newest first. */
  log(filter: LogFilter): AsyncGenerator<LogEntry>;
  /** The bytes of a file in the tip; null when it is not there. Throws with words when the clone lacks them. */
  file(path: string): Promise<{ readonly oid: Oid; readonly bytes: Buffer } | null>;
  close(): Promise<void>;
};

const CONFIG_BYTES_MAX = 4 * 1024 * 1024;

/** `code: 'EHISTORY'`: this place cannot be read as a history, and the message says why. */
const refuse = (words: string): Error => Object.assign(new Error(words), { code: 'EHISTORY' });

async function textOf(fs: Fs, file: string): Promise<string | null> {
  try {
    return Buffer.from((await fs.readBounded(file, CONFIG_BYTES_MAX)).bytes).toString('utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(String((error as { code?: unknown }).code))) return null;
    throw error;
  }
}

/** `<dir>/.git`, or the folder itself when it is a bare repository. */
async function gitFolderOf(fs: Fs, dir: string): Promise<string> {
  const inside = await fs.facts(`${dir}/.git`).catch(() => null);
  if (inside?.kind === 'folder') return `${dir}/.git`;
  if (inside !== null) throw refuse(`${dir} is a linked worktree or submodule: give the clone itself`);
  if ((await fs.facts(`${dir}/objects`).catch(() => null))?.kind === 'folder' && (await textOf(fs, `${dir}/HEAD`)) !== null) return dir;
  throw refuse(`${dir} is no clone of a history: there is no git repository in it`);
}

/**
 * @param dir absolute
 * @param isOwn it is the workspace's own history: its index of the log may be used (log-index.ts)
 * @throws `code: 'EHISTORY'` with words
 */
export async function openReader(fs: Fs, digest: Digest, dir: string, isOwn: boolean): Promise<HistoryReader> {
  const gitDir = await gitFolderOf(fs, dir);
  if (/^\s*objectformat\s*=\s*sha256\s*$/im.test((await textOf(fs, `${gitDir}/config`)) ?? ''))
    throw refuse(`${dir} uses SHA-256 object ids, which no history of docket does`);
  const tip = await readTip(fs, gitDir);
  if (tip === null) throw refuse(`${dir} has no branch main: this is no history, or a clone of another branch`);
  const store = openObjects(fs, gitDir);
  const lacks = async (error: unknown): Promise<unknown> => {
    if ((error as { code?: unknown }).code !== 'EMISSING') return error;
    const isShallow = (await textOf(fs, `${gitDir}/shallow`)) !== null;
    const isBorrowing = (await textOf(fs, `${gitDir}/objects/info/alternates`)) !== null;
    const why = isShallow ? 'it is shallow: git fetch --unshallow' : isBorrowing ? 'it borrows from another one: clone it without --shared' : 'it is not whole'; // prettier-ignore
    return refuse(`this clone of the history does not have all of it (${why}): ${(error as Error).message}`);
  };
  try {
    const snapshot = await openSnapshot(store, decodeCommit(await store.readType(tip, 'commit')).tree);
    return {
      tip,
      store,
      snapshot,
      digest,
      async *log(filter) {
        try {
          yield* readLog(store, tip, filter, isOwn ? { fs, stateDir: `${gitDir}/docket` } : null);
        } catch (error) {
          throw await lacks(error);
        }
      },
      async file(path) {
        try {
          const oid = await snapshot.file(path);
          return oid === null ? null : { oid, bytes: await store.readType(oid, 'blob') };
        } catch (error) {
          throw await lacks(error);
        }
      },
      close: () => store.close(),
    };
  } catch (error) {
    await store.close();
    throw await lacks(error);
  }
}
