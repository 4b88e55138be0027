/** What lies in a work tree beside its commits: `git status` (git-status(1), "Porcelain Format Version 2"), edits that git was told not to see, commands that stand half done. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { GitWork } from '#core/worktrees.ts';
import { gitWords } from './repository.ts';

export type Status = {
  readonly changed: readonly string[];
  readonly untracked: readonly string[];
  /** Whole folders end in `/`. */
  readonly ignored: readonly string[];
  readonly nested: readonly string[];
  /** Submodules with changes or new files of their own. */
  readonly dirtySubmodules: readonly string[];
};

/** No monitor and no cache of the repository's: a program that says "nothing changed" is not asked. */
export const SEEING: readonly string[] = ['--no-optional-locks', '-c', 'core.fsmonitor=false', '-c', 'core.untrackedCache=false'];
const STATUS = [
  'status',
  '--porcelain=v2',
  '-z',
  '--untracked-files=all',
  '--ignored=matching',
  '--ignore-submodules=none',
  '--no-renames',
];

export async function readStatus(git: GitWork, fs: Pick<Fs, 'facts' | 'list'>, folder: string): Promise<Result<Status, string>> {
  const asked = await git(folder, [...SEEING, ...STATUS]);
  if (asked.code !== 0) return err(`git status: ${gitWords(asked)}`);
  const status = {
    changed: [] as string[],
    untracked: [] as string[],
    ignored: [] as string[],
    nested: [] as string[],
    dirtySubmodules: [] as string[],
  };
  for (const record of asked.stdout.split('\0')) {
    const kind = record.slice(0, 2);
    if (kind === '? ' || kind === '! ') await sortNew(fs, folder, kind, record.slice(2), status);
    else if (/^[12u] /.test(kind)) {
      const fields = record.split(' ');
      const name = fields.slice(kind === 'u ' ? 10 : 8).join(' ');
      const isSubmodule = fields[2]?.startsWith('S') === true;
      if (isSubmodule && /[MU]/.test(fields[2]?.slice(2) ?? '')) status.dirtySubmodules.push(name);
      // A submodule with nothing but files of its own is not a change of this tree.
      if (!isSubmodule || fields[1] !== '.M' || fields[2]?.[1] === 'C') status.changed.push(name);
    }
  }
  return ok(status);
}

/** A new folder that is named whole, although all files were asked for, is a repository of its own; an ignored one may hold some. */
async function sortNew(
  fs: Pick<Fs, 'facts' | 'list'>,
  folder: string,
  kind: string,
  name: string,
  to: Record<'untracked' | 'ignored' | 'nested', string[]>,
): Promise<void> {
  const repositories = name.endsWith('/') ? await repositoriesIn(fs, folder, name) : [];
  to.nested.push(...repositories);
  if (!repositories.includes(name)) to[kind === '? ' ? 'untracked' : 'ignored'].push(name);
}

const DEPTH_MAX = 3;
const LOOKED_MAX = 5_000;

/** Folders with a `.git` in them: this one, and those below it, so deep and so many. */
async function repositoriesIn(fs: Pick<Fs, 'list'>, folder: string, name: string): Promise<readonly string[]> {
  const found: string[] = [];
  const open = [{ inner: name, depth: 0 }];
  let looked = 0;
  for (let at = open.shift(); at !== undefined && looked < LOOKED_MAX; at = open.shift()) {
    const entries = await fs.list(path.join(folder, at.inner)).catch(() => []);
    looked += entries.length;
    if (entries.some((entry) => entry.name === '.git')) found.push(at.inner);
    else if (at.depth < DEPTH_MAX)
      for (const entry of entries)
        if (entry.kind === 'folder' && entry.name !== null) open.push({ inner: `${at.inner}${entry.name}/`, depth: at.depth + 1 });
  }
  return found;
}

const HIDDEN_COMPARED_MAX = 2_000;

/** An entry of the index. */
export type Indexed = {
  /** of `git ls-files -v` */ readonly mark: string;
  readonly mode: string;
  readonly id: string;
  readonly name: string;
};

export async function readIndex(git: GitWork, folder: string): Promise<Result<readonly Indexed[], string>> {
  const listed = await git(folder, [...SEEING, 'ls-files', '-v', '-s', '-z']);
  if (listed.code !== 0) return err(`git ls-files: ${gitWords(listed)}`);
  // `S 100644 <id> 0\t<name>`
  return ok(
    listed.stdout.split('\0').flatMap((line) => {
      const tab = line.indexOf('\t');
      const [mark = '', mode = '', id = ''] = line.slice(0, tab).split(' ');
      return tab === -1 ? [] : [{ mark, mode, id, name: line.slice(tab + 1) }];
    }),
  );
}

/** Files marked assume-unchanged (a small letter) or skip-worktree (`S`) that are there all the same and are not what the index says. */
export async function hiddenEdits(
  git: GitWork,
  fs: Pick<Fs, 'facts'>,
  folder: string,
  index: readonly Indexed[],
): Promise<Result<readonly string[], string>> {
  const there: Indexed[] = [];
  for (const one of index)
    if (/^[a-zS]$/.test(one.mark) && one.mode.startsWith('100') && (await fs.facts(path.join(folder, one.name)).catch(() => null)) !== null)
      there.push(one);
  const compared = there.slice(0, HIDDEN_COMPARED_MAX).filter(({ name }) => !name.includes('\n'));
  const rest = there.filter((one) => !compared.includes(one)).map(({ name }) => name);
  if (compared.length === 0) return ok(rest);
  const hashed = await git(folder, ['hash-object', '--stdin-paths'], { input: `${compared.map(({ name }) => name).join('\n')}\n` });
  if (hashed.code !== 0) return err(`git hash-object: ${gitWords(hashed)}`);
  const ids = hashed.stdout.split('\n');
  return ok([...compared.filter(({ id }, at) => ids[at] !== id).map(({ name }) => name), ...rest]);
}

/** Files of a git folder that speak of a command that is not at its end: git's wt-status.c, wt_status_get_state. */
const HALF_DONE: readonly (readonly [name: string, words: string])[] = [
  ['rebase-merge', 'a rebase'],
  ['rebase-apply', 'a rebase'],
  ['MERGE_HEAD', 'a merge'],
  ['CHERRY_PICK_HEAD', 'a cherry-pick'],
  ['REVERT_HEAD', 'a revert'],
  ['BISECT_LOG', 'a bisection'],
  ['sequencer', 'a series of picks'],
];

/** @param gitFolder of this work tree */
export async function halfDone(fs: Pick<Fs, 'facts'>, gitFolder: string): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const [name, words] of HALF_DONE) if ((await fs.facts(path.join(gitFolder, name))) !== null) found.add(words);
  return [...found];
}
