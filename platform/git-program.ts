/**
 * What `docket init` and `docket doctor` ask the program git: its version, whether a repository is whole, what it shows as new.
 * As in git.ts it is asked nothing that could prompt, lock, page or run a program that the repository names, and only for a bounded time.
 */

import type { AskProgram } from '#core/ports.ts';
import { codeOf } from './files.ts';
import { gitEnvironment, QUIET_GIT } from './git.ts';

const ASK_TIMEOUT_MS = 10_000;
const QUICK_CHECK_MS = 60_000;
const FULL_CHECK_MS = 1_800_000;
const WORDS_LINES = 5;

type Answer = Awaited<ReturnType<AskProgram>>;

/** Null: there is no program git. */
async function askGit(ask: AskProgram, args: readonly string[], timeoutMs: number): Promise<Answer | null> {
  try {
    return await ask('git', [...QUIET_GIT, ...args], { env: gitEnvironment(), timeoutMs });
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EACCES') return null;
    throw error;
  }
}

/** `2.39.5`; null when there is no git, or it does not say. */
export async function gitVersion(ask: AskProgram): Promise<string | null> {
  const answer = await askGit(ask, ['--version'], ASK_TIMEOUT_MS);
  return /\d+\.\d+(?:\.\d+)*/.exec(answer?.stdout ?? '')?.[0] ?? null;
}

/**
 * git-fsck(1): is every object there? `isDeep` also reads and hashes each one, which takes minutes for a large history.
 * @returns null: there is no git. `words`: its first lines when it is not whole, or did not answer in time
 */
export async function gitFsck(
  ask: AskProgram,
  folder: string,
  isDeep: boolean,
): Promise<{ readonly isWhole: boolean; readonly words: string } | null> {
  const args = ['-C', folder, 'fsck', '--no-dangling', '--no-progress', isDeep ? '--full' : '--connectivity-only'];
  try {
    const answer = await askGit(ask, args, isDeep ? FULL_CHECK_MS : QUICK_CHECK_MS);
    if (answer === null) return null;
    // Exit codes are bits: 1 objects damaged, 2 missing … (git-fsck(1), "EXIT STATUS" of builtin/fsck.c).
    const lines = `${answer.stderr}\n${answer.stdout}`.split('\n').filter((line) => line.trim() !== '');
    return { isWhole: answer.code === 0, words: answer.code === 0 ? '' : lines.slice(0, WORDS_LINES).join('; ') };
  } catch (error) {
    if (codeOf(error) !== 'ETIMEDOUT' && codeOf(error) !== 'EFBIG') throw error;
    return { isWhole: false, words: (error as Error).message };
  }
}

/** Files among these paths that git shows as new, relative to the work tree's top; null when git cannot be asked. */
export async function gitUntracked(ask: AskProgram, folder: string, paths: readonly string[]): Promise<readonly string[] | null> {
  const args = ['-C', folder, 'status', '--porcelain', '--untracked-files=all', '-z', '--', ...paths.map((one) => `:(top,literal)${one}`)];
  const answer = await askGit(ask, args, ASK_TIMEOUT_MS).catch(() => null);
  if (answer?.code !== 0) return null;
  return answer.stdout
    .split('\0')
    .filter((record) => record.startsWith('?? '))
    .map((record) => record.slice(3));
}

/** Files below these folders that differ from HEAD, or are new; null when git cannot be asked. Rules of ignoring do not hide any. */
export async function gitUncommitted(ask: AskProgram, folder: string, below: readonly string[]): Promise<readonly string[] | null> {
  const args = ['-C', folder, 'status', '--porcelain', '--untracked-files=all', '--ignored', '--no-renames', '-z', '--', ...below];
  const answer = await askGit(ask, args, ASK_TIMEOUT_MS).catch(() => null);
  if (answer?.code !== 0) return null;
  return answer.stdout.split('\0').flatMap((record) => (record === '' ? [] : [record.slice(3)]));
}

/**
 * The commit at which a branch stands here or on a remote, whichever is ahead; where both went on, here. Null: there is no such branch, or no answer.
 */
export async function gitBranchTip(ask: AskProgram, folder: string, branch: string): Promise<string | null> {
  const asked = async (args: readonly string[]): Promise<Answer | null> =>
    askGit(ask, ['-C', folder, ...args], ASK_TIMEOUT_MS).catch(() => null);
  const listed = await asked(['for-each-ref', '--format=%(objectname) %(refname)', `refs/heads/${branch}`, `refs/remotes/*/${branch}`]);
  const refs = (listed?.code === 0 ? listed.stdout : '').split('\n').flatMap((line): [string, string][] => {
    const [commit = '', ref = ''] = line.split(' ');
    return ref === `refs/heads/${branch}` || /^refs\/remotes\/[^/]+\//.test(ref) ? [[ref, commit]] : [];
  });
  const local = refs.find(([ref]) => ref.startsWith('refs/heads/'))?.[1] ?? null;
  const far =
    refs.find(([ref]) => ref === `refs/remotes/origin/${branch}`)?.[1] ?? refs.find(([ref]) => ref.startsWith('refs/remotes/'))?.[1];
  if (local === null || far === undefined || far === local) return local ?? far ?? null;
  return (await asked(['merge-base', '--is-ancestor', local, far]))?.code === 0 ? far : local;
}

/** git-cat-file(1): a file of this folder as a commit has it. A repository that git does not trust, or cannot read, answers `unknown`. */
export async function gitCommitted(
  ask: AskProgram,
  folder: string,
  name: string,
  commit = 'HEAD',
): Promise<
  { readonly kind: 'text'; readonly text: string } | { readonly kind: 'absent' } | { readonly kind: 'unknown'; readonly why: string }
> {
  try {
    const answer = await askGit(ask, ['-C', folder, 'cat-file', 'blob', `${commit}:./${name}`], ASK_TIMEOUT_MS);
    if (answer === null) return { kind: 'unknown', why: 'there is no git program' };
    if (answer.code === 0) return { kind: 'text', text: answer.stdout };
    const isAbsent = /does not exist in '|but not in '|(?:[Nn]ot a valid|invalid) object name '?HEAD/.test(answer.stderr);
    return isAbsent ? { kind: 'absent' } : { kind: 'unknown', why: answer.stderr.split('\n')[0]?.slice(0, 200) ?? '' };
  } catch (error) {
    if (codeOf(error) !== 'ETIMEDOUT' && codeOf(error) !== 'EFBIG') throw error;
    return { kind: 'unknown', why: (error as Error).message };
  }
}

/** The value that counts in a repository, includes followed; null: none. Without our own quiet settings, which would hide it: nothing is run by this. */
export async function gitConfigValue(ask: AskProgram, folder: string, key: string): Promise<string | null> {
  const asked = ask('git', ['-C', folder, 'config', '--get', key], { env: gitEnvironment(), timeoutMs: ASK_TIMEOUT_MS });
  const answer = await asked.catch(() => null);
  const value = answer?.code === 0 ? answer.stdout.trim() : '';
  return value === '' ? null : value;
}

/** Address of the remote `origin`; null when there is none. */
export async function gitOrigin(ask: AskProgram, folder: string): Promise<string | null> {
  const answer = await askGit(ask, ['-C', folder, 'config', '--get', 'remote.origin.url'], ASK_TIMEOUT_MS).catch(() => null);
  const address = answer?.code === 0 ? answer.stdout.trim() : '';
  return address === '' ? null : address;
}
