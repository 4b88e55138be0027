/**
 * What is wrong with a queue folder that cannot be used, in words that say how to mend it. Each of these may heal, by itself or by a
 * person: the role waits, nothing is spent, and docket looks again by itself. Codes are those of errno(3).
 */

import type { Failure } from '#core/failure.ts';
import type { Fs } from '#core/ports.ts';

const MENDS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'make the folder again'],
  ['ENOTDIR', 'something else stands in its place: take it away and make the folder again'],
  ['ELOOP', 'links are not followed: put a real folder there'],
  ['EACCES', "give docket's user the right to read and enter it (chmod u+rwx, or chown)"],
  ['EPERM', "give docket's user the right to read and enter it"],
  ['EROFS', 'the file system is read-only: mount it read-write again, and look at the system log for why it was changed'],
  ['ENOSPC', 'the disk is full, or has no inodes left (df -h, df -i): make room'],
  ['EDQUOT', "the quota of docket's user is used up: make room, or raise it"],
  ['EMFILE', 'this process has too many files open: raise the limit (ulimit -n) if it does not pass'],
  ['ENFILE', 'the system has too many files open'],
  ['ENOMEM', 'the system is out of memory'],
  ['ESTALE', 'the network file system lost the folder: mount it again'],
  ['ENOTCONN', 'the file system behind it is gone: mount it again'],
  ['EHOSTDOWN', 'the server of the network file system does not answer'],
  ['ETIMEDOUT', 'the server of the network file system does not answer'],
  ['EXDEV', 'it is on another file system than the other folders of its role: put them on one'],
]);

/** Troubles of one folder that may heal: its role waits. Anything else (EIO above all) is thrown. */
export const ROLE_FAULTS: ReadonlySet<string> = new Set(MENDS.keys());

/**
 * Is everything there that a claim needs? Throws, with a code of ROLE_FAULTS, what is missing, no folder, or on another file system: to claim
 * would fail again and again, and keep the other roles waiting. Whether it can be written to, only the writing tells.
 */
export async function checkFolders(fs: Pick<Fs, 'facts'>, inFolder: string, others: readonly string[]): Promise<void> {
  const home = await fs.facts(inFolder);
  for (const folder of others) {
    const facts = await fs.facts(folder);
    if (facts === null) throw fault('ENOENT', 'no such folder', folder);
    if (facts.kind === 'link') throw fault('ELOOP', 'a symbolic link stands in its place', folder);
    if (facts.kind !== 'folder') throw fault('ENOTDIR', 'no folder', folder);
    if (home !== null && facts.dev !== home.dev) throw fault('EXDEV', `on another file system than ${inFolder}`, folder);
  }
}

const fault = (code: string, words: string, folder: string): Error =>
  Object.assign(new Error(`${code}: ${words}, '${folder}'`), { code, path: folder });

/** The folder that the system spoke of; else the one that was looked at. */
const placeOf = (error: unknown, folder: string): string =>
  error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : folder;

export function folderFailure(folder: string, code: string, error: unknown): Failure {
  const said = error instanceof Error ? error.message : String(error);
  const mend = `${MENDS.get(code) ?? 'mend it'}; docket looks again by itself`;
  return { kind: 'environment', what: 'a queue folder cannot be used', path: placeOf(error, folder), code, message: `${said} (${mend})` };
}
