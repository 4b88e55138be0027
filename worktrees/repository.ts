/**
 * The facts of a repository that worktrees are made in: where its common git folder lies, every work tree that git has registered, and the branch that
 * work is begun from when nobody names one. Only asks; what changes a repository happens inside `withRepositoryLock`.
 */

import path from 'node:path';
import { printable } from '#core/names.ts';
import type { Fs, KernelLocks } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { GitWork } from '#core/worktrees.ts';

/** One entry of `git worktree list`: git-worktree(1), "PORCELAIN FORMAT". */
export type RegisteredWorktree = {
  /** Absolute. */
  readonly folder: string;
  /** Full id; null: bare, or a branch without a commit. */
  readonly head: string | null;
  /** Short name; null: detached, or bare. */
  readonly branch: string | null;
  readonly isDetached: boolean;
  readonly isBare: boolean;
  /** The reason, empty where none was given; null: not locked. */
  readonly locked: string | null;
  /** Why git would prune it; null: it would not. */
  readonly prunable: string | null;
};

export type RepositoryFacts = {
  /** The common git folder: absolute, all links resolved. */
  readonly common: string;
  /** The first that git lists: the main work tree, or the bare repository. */
  readonly primary: RegisteredWorktree;
  /** All that git lists, the primary first. */
  readonly worktrees: readonly RegisteredWorktree[];
};

const NO_COMMIT = /^0+$/;

/** Reads `git worktree list --porcelain -z`: lines end with NUL, entries with one more. */
export function parseWorktreeList(text: string): readonly RegisteredWorktree[] {
  return text.split('\0\0').flatMap((entry) => {
    const fields = new Map(
      entry
        .split('\0')
        .filter((line) => line !== '')
        .map((line) => {
          const space = line.indexOf(' ');
          return space === -1 ? ([line, ''] as const) : ([line.slice(0, space), line.slice(space + 1)] as const);
        }),
    );
    const folder = fields.get('worktree');
    if (folder === undefined) return [];
    const head = fields.get('HEAD') ?? '';
    return [
      {
        folder,
        head: head === '' || NO_COMMIT.test(head) ? null : head,
        branch: fields.get('branch')?.replace(/^refs\/heads\//, '') ?? null,
        isDetached: fields.has('detached'),
        isBare: fields.has('bare'),
        locked: fields.get('locked') ?? null,
        prunable: fields.get('prunable') ?? null,
      },
    ];
  });
}

/** The one line that git answers, whatever stands in it; null: git said no. */
export async function askLine(git: GitWork, folder: string, args: readonly string[]): Promise<string | null> {
  const { code, stdout } = await git(folder, args);
  return code === 0 ? stdout.replace(/\n$/, '') : null;
}

/** Its first words, for a person. */
export const gitWords = ({ stderr, stdout }: { readonly stderr: string; readonly stdout: string }): string => {
  const lines = (stderr.trim() === '' ? stdout : stderr).split('\n').filter((line) => line.trim() !== '');
  const shown =
    lines.find((line) => line.startsWith('fatal:')) ?? lines.find((line) => line.startsWith('error:')) ?? lines[0] ?? 'git said nothing';
  return printable(shown.replace(/^(?:fatal|error): /, ''), 300);
};

/** @param folder in a work tree, or the bare repository. Words: it is in no repository, or git cannot read it */
export async function readRepository(git: GitWork, fs: Pick<Fs, 'realPath'>, folder: string): Promise<Result<RepositoryFacts, string>> {
  const asked = await git(folder, ['rev-parse', '--path-format=absolute', '--git-common-dir']);
  if (asked.code !== 0) return err(gitWords(asked));
  const common = await fs.realPath(asked.stdout.replace(/\n$/, ''));
  const listed = await git(folder, ['worktree', 'list', '--porcelain', '-z']);
  if (listed.code !== 0) return err(gitWords(listed));
  const [first, ...linked] = parseWorktreeList(listed.stdout);
  if (first === undefined) return err('git lists no work tree');
  const primary = await trueFolder(git, common, first);
  return ok({ common, primary, worktrees: [primary, ...linked] });
}

/** Of a submodule, and of a repository made with --separate-git-dir, git lists the git folder as the main work tree; core.worktree says where it is. */
async function trueFolder(git: GitWork, common: string, first: RegisteredWorktree): Promise<RegisteredWorktree> {
  if (first.isBare || first.folder !== common) return first;
  const told = await askLine(git, common, ['config', '--get', 'core.worktree']);
  return told === null || told === '' ? first : { ...first, folder: path.resolve(common, told) };
}

/** The remote that is asked: `origin`, else the first there is; null: there is none. */
export async function remoteOf(git: GitWork, common: string): Promise<string | null> {
  const names = ((await askLine(git, common, ['remote'])) ?? '').split('\n').filter((name) => name !== '' && !name.startsWith('-'));
  return names.includes('origin') ? 'origin' : (names[0] ?? null);
}

export type DefaultBranch = {
  /** Short name, without the remote's. */
  readonly name: string;
  /** How it was found, for a person. */
  readonly why: string;
};

/** Names that a repository's main branch usually has, the usual one first. */
const USUAL = ['main', 'master', 'trunk', 'develop', 'mainline', 'default'] as const;

/** What the remote says, then git's own setting, then the usual names, then what the primary checkout has out. Null: there is no branch with a commit. */
export async function defaultBranch(git: GitWork, { common, primary }: RepositoryFacts): Promise<DefaultBranch | null> {
  const remote = await remoteOf(git, common);
  const head = remote === null ? null : await askLine(git, common, ['symbolic-ref', '-q', `refs/remotes/${remote}/HEAD`]);
  const said = remote === null ? null : (head?.replace(`refs/remotes/${remote}/`, '') ?? null);
  const set = await askLine(git, common, ['config', '--get', 'init.defaultBranch']);
  const wanted: readonly DefaultBranch[] = [
    ...(said === null ? [] : [{ name: said, why: `${remote ?? ''} says so` }]),
    ...(set === null || set === '' ? [] : [{ name: set, why: 'init.defaultBranch names it' }]),
    ...USUAL.map((name) => ({ name, why: 'it is there' })),
    ...(primary.branch === null ? [] : [{ name: primary.branch, why: 'the primary checkout has it out' }]),
  ];
  const refs = wanted.flatMap(({ name }) => [`refs/heads/${name}`, ...(remote === null ? [] : [`refs/remotes/${remote}/${name}`])]);
  const listed = (await askLine(git, common, ['for-each-ref', '--format=%(refname)', ...new Set(refs)])) ?? '';
  const there = new Set(listed.split('\n'));
  return (
    wanted.find(({ name }) => there.has(`refs/heads/${name}`) || (remote !== null && there.has(`refs/remotes/${remote}/${name}`))) ?? null
  );
}

export const lockFileOf = (common: string): string => path.join(common, 'docket', 'worktrees.lock');

export type LockPorts = {
  readonly fs: Pick<Fs, 'makeFolders'>;
  readonly locks: Pick<KernelLocks, 'acquire' | 'holderOf'>;
  /** How long another command is waited for. */
  readonly waitMs: number;
};

/** Another command has the repository. The message says who. */
export class RepositoryBusy extends Error {
  override name = 'RepositoryBusy';
}

/**
 * Commands of docket that change the work trees of one repository run one after another. Not to be nested: a holder that asks again waits for itself.
 * Throws RepositoryBusy with words when the other one takes too long.
 */
export async function withRepositoryLock<T>({ fs, locks, waitMs }: LockPorts, common: string, act: () => Promise<T>): Promise<T> {
  const file = lockFileOf(common);
  await fs.makeFolders(path.dirname(file), 0o700);
  const lock = await locks.acquire(file, waitMs).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'ELOCKED')) throw error;
    const holder = locks.holderOf(file);
    const who =
      holder === null ? 'another docket' : `another docket (pid ${String(holder.pid)}${holder.isStopped ? ', which stands still' : ''})`;
    throw new RepositoryBusy(
      `${who} changes the work trees of ${printable(common)} and was not done within ${String(waitMs)} ms (worktrees.lock_wait): wait for it, then try again`,
    );
  });
  try {
    return await act();
  } finally {
    lock.release();
  }
}
