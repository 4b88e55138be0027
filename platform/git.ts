/**
 * Where a person's code lies and in which state it is: the layout of git's folders by reading it, facts by the git program.
 * The program is asked nothing that could prompt, lock, page or run a hook, and only for a bounded time.
 */

import { lstatSync, realpathSync } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { CodeFacts } from '#core/evidence.ts';
import type { AskProgram } from '#core/ports.ts';
import { codeOf, systemError } from './files.ts';
import { breathe } from './small-files.ts';
import { plainEnvironment } from './system.ts';

const ASK_TIMEOUT_MS = 10_000;
const LONGEST_GITFILE_BYTES = 8192;

async function gitFolderIn(folder: string): Promise<string | null> {
  const place = path.join(folder, '.git');
  let stats;
  try {
    // In this thread: asked for each folder above, around each run, and answered from the kernel's memory.
    stats = lstatSync(place, { throwIfNoEntry: false });
  } catch {
    return null;
  }
  if (stats === undefined) return null;
  if (stats.isDirectory()) return place;
  if (!stats.isFile() || stats.size > LONGEST_GITFILE_BYTES) return null;
  const target = /^gitdir: ([^]+?)\r?\n?$/.exec(await readFile(place, 'utf8'))?.[1];
  return target === undefined ? null : path.resolve(folder, target);
}

/** The work tree that a path lies in, and its git folder; null outside any. */
export async function nearest(start: string): Promise<{ root: string; gitFolder: string } | null> {
  await breathe();
  for (let at = realpathSync.native(start); ; at = path.dirname(at)) {
    const gitFolder = await gitFolderIn(at);
    if (gitFolder !== null) return { root: at, gitFolder };
    if (path.dirname(at) === at) return null;
  }
}

/** The top folder of the work tree that a path lies in, links resolved; null outside any repository. Needs no git program. */
export const repositoryRoot = async (start: string): Promise<string | null> => (await nearest(start))?.root ?? null;

/** The git folder of the very work tree that a path lies in: its own also where it is a linked one; null outside any repository. */
export const gitFolderOf = async (start: string): Promise<string | null> => (await nearest(start))?.gitFolder ?? null;

/** The git folder that all linked worktrees of a repository share (gitrepository-layout(5), "commondir"); null outside any repository. */
export async function gitCommonFolder(start: string): Promise<string | null> {
  const found = await nearest(start);
  if (found === null) return null;
  const common = await readFile(path.join(found.gitFolder, 'commondir'), 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  });
  const folder = common === null ? found.gitFolder : path.resolve(found.gitFolder, common.trim());
  return realpath(folder).catch((error: unknown) => {
    throw systemError('ENOENT', `the git folder of '${found.root}' is not there, '${folder}'`, error);
  });
}

/** `https://user:password@host/x` loses user and password; scp-like addresses carry none. */
const withoutCredentials = (address: string): string => address.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1');

/** No hooks and no file system monitor: both are programs that a repository may name. */
export const QUIET_GIT: readonly string[] = [
  '-c',
  'core.fsmonitor=false',
  '-c',
  'core.hooksPath=/dev/null',
  '-c',
  'core.untrackedCache=false',
];

/** No system configuration, no locks, no questions, no pager, English words. */
export const gitEnvironment = (): Record<string, string> => ({
  ...plainEnvironment(),
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_TERMINAL_PROMPT: '0',
  GIT_PAGER: 'cat',
});

async function askGit(ask: AskProgram, folder: string, args: readonly string[]): Promise<string | null> {
  const { code, stdout } = await ask('git', ['-C', folder, ...QUIET_GIT, ...args], { env: gitEnvironment(), timeoutMs: ASK_TIMEOUT_MS });
  return code === 0 ? stdout : null;
}

/** git-status(1), "Porcelain Format Version 2": `# branch.oid <commit>` first, then a record per changed file. */
async function askStatus(ask: AskProgram, folder: string): Promise<{ head: string | null; dirty: boolean | null }> {
  const head = async (): Promise<string | null> =>
    (await askGit(ask, folder, ['rev-parse', '--verify', '--quiet', 'HEAD']))?.trim() ?? null;
  try {
    const args = ['status', '--porcelain=v2', '--branch', '--untracked-files=normal', '--ignore-submodules=dirty', '-z'];
    const records = (await askGit(ask, folder, args))?.split('\0').filter((record) => record !== '');
    // A bare repository has no work tree to be dirty.
    if (records === undefined) return { head: await head(), dirty: null };
    const commit = /^# branch\.oid ([0-9a-f]+)$/.exec(records.find((record) => record.startsWith('# branch.oid ')) ?? '')?.[1];
    return { head: commit ?? null, dirty: records.some((record) => !record.startsWith('# ')) };
  } catch (error) {
    // More changes than fit into an answer are changes.
    if (codeOf(error) === 'EFBIG') return { head: await head(), dirty: true };
    throw error;
  }
}

/** The full id of a commit, however it is named; null: the repository has no such commit. Throws the system's error where git cannot be asked. */
export async function codeCommit(ask: AskProgram, folder: string, name: string): Promise<string | null> {
  if (name.startsWith('-')) return null;
  return (await askGit(ask, folder, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`]))?.trim() ?? null;
}

const NO_FACTS: CodeFacts = { repository: null, baseCommit: null, headCommit: null, dirty: null };

/**
 * The state of a person's code now: both commits are HEAD (whoever lets an agent edit keeps the base of before). A folder outside any
 * repository, a machine without git and a git that does not answer in time give nulls.
 */
export async function codeFacts(ask: AskProgram, folder: string): Promise<CodeFacts> {
  try {
    const root = await repositoryRoot(folder);
    if (root === null) return NO_FACTS;
    const [status, origin] = await Promise.all([askStatus(ask, folder), askGit(ask, folder, ['config', '--get', 'remote.origin.url'])]);
    const repository = origin === null || origin.trim() === '' ? root : withoutCredentials(origin.trim());
    return { repository, baseCommit: status.head, headCommit: status.head, dirty: status.dirty };
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ETIMEDOUT', 'ENOTDIR'].includes(codeOf(error))) return NO_FACTS;
    throw error;
  }
}
