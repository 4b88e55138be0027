/**
 * What is wrong with a queue folder that cannot be used, in words that say how to mend it. Each of these may heal, by itself or by a
 * person: the role waits, nothing is spent, and docket looks again by itself. Codes are those of errno(3).
 */

import type { Failure } from '#core/failure.ts';
import type { RoleFolder } from '#core/names.ts';
import type { Digest, Fs } from '#core/ports.ts';
import { codeOf } from './error-code.ts';
import { hasLastingInodes, makeMark, markIn } from './home-mark.ts';
import type { Layout } from './layout.ts';
import { randomText } from './random-text.ts';

const MENDS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'mount again what it lies on, or make the folder again'],
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
  ['ESTALE', 'when the network file system lost it: mount it again'],
  ['ENOTCONN', 'the file system behind it is gone: mount it again'],
  ['EHOSTDOWN', 'the server of the network file system does not answer'],
  ['ETIMEDOUT', 'the server of the network file system does not answer'],
  ['ESIGN', 'put the key back as it was'],
  ['EXDEV', 'it is on another file system than the other folders of its role: put them on one'],
]);

/** Troubles of one folder that may heal: its role waits. Anything else (EIO above all) is thrown. */
export const ROLE_FAULTS: ReadonlySet<string> = new Set(MENDS.keys());

/** Whatever file they were met at, the next one would meet them too. */
const SYSTEM_WIDE: ReadonlySet<string> = new Set([
  'EROFS',
  'ENOSPC',
  'EDQUOT',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'ESTALE',
  'ENOTCONN',
  'EHOSTDOWN',
  'ETIMEDOUT',
  'EXDEV',
  'ESIGN',
]);
export const isSystemWide = (code: string): boolean => SYSTEM_WIDE.has(code);

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

/**
 * Is this part of a role's folders the one that docket knows? What is missing in work/ counts as done (published, finished), so before that is believed, and
 * after it was, work/ must be neither gone, nor another folder, nor covered by something that was mounted over it. Throws EXDEV, ENOENT … as checkFolders does.
 */
export async function mustBeHome(given: Homes, folder: RoleFolder, ...parts: readonly ('in' | 'out' | 'work')[]): Promise<void> {
  const { fs, layout } = given;
  await checkFolders(
    fs,
    layout.role(folder),
    parts.map((part) => layout[part](folder)),
  );
  if (parts.includes('work')) await mustBeSameWork(given, folder);
}

type Homes = { readonly fs: Pick<Fs, 'facts' | 'readBounded'>; readonly layout: Layout; readonly works: Map<RoleFolder, bigint | string> };
type NewHomes = Homes & { readonly fs: Pick<Fs, 'fileSystem' | 'replace'>; readonly digest: Digest };

/** Not its device: a file system that is mounted again may have another number. */
export async function rememberWork({ fs, layout, works, digest }: NewHomes, folder: RoleFolder): Promise<void> {
  const work = layout.work(folder);
  const facts = await fs.facts(work);
  if (facts === null) return;
  works.set(folder, (await hasLastingInodes(fs, work)) ? facts.ino : await makeMark(fs, work, `${randomText(digest)}\n`));
}

async function mustBeSameWork({ fs, layout, works }: Homes, folder: RoleFolder): Promise<void> {
  const known = works.get(folder);
  if (known === undefined) return;
  const work = layout.work(folder);
  if (typeof known === 'string' ? (await markIn(fs, work)) === known : (await fs.facts(work))?.ino === known) return;
  throw fault('ESTALE', 'not the folder that stood here when docket started; put that one back, or start docket again without it', work);
}

const fault = (code: string, words: string, folder: string): Error =>
  Object.assign(new Error(`${code}: ${words}, '${folder}'`), { code, path: folder });

/** The folder that the system spoke of; else the one that was looked at. */
const placeOf = (error: unknown, folder: string): string =>
  error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : folder;

/** Why something could not be done in a folder, and how to mend it. Words of our own are passed on. */
export function wordsOf(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  const mend = MENDS.get(codeOf(error));
  return mend === undefined || said.includes(GOES_ON) ? said : `${said} (${mend}; ${GOES_ON})`;
}

const GOES_ON = 'docket looks again by itself';

export function folderFailure(folder: string, code: string, error: unknown): Failure {
  const said = error instanceof Error ? error.message : String(error);
  const mend = `${MENDS.get(code) ?? 'mend it'}; ${GOES_ON}`;
  return { kind: 'environment', what: 'a queue folder cannot be used', path: placeOf(error, folder), code, message: `${said} (${mend})` };
}
