/** What git says about one work tree before anything of it is taken away. Only asks; whatever git cannot answer becomes words, and words are a reason to refuse. */

import type { Fs } from '#core/ports.ts';
import type { GitWork } from '#core/worktrees.ts';
import { namesOf, NO_NAMES, type GitFacts } from './cleanup-facts.ts';
import { mergedState, type Merged } from './merged.ts';
import { askLine, type RegisteredWorktree } from './repository.ts';
import { halfDone, hiddenEdits, readIndex, readStatus, type Status } from './status.ts';
import { readSubmodules } from './submodules.ts';

export type GitLook = { readonly facts: GitFacts | null; readonly unknown: readonly string[] };
type LookFs = Pick<Fs, 'facts' | 'list'>;

const NO_STATUS: Status = { changed: [], untracked: [], ignored: [], nested: [], dirtySubmodules: [] };
const namesIn = (text: string | null): readonly string[] => (text ?? '').split('\n').filter((name) => name !== '');
const count = async (git: GitWork, folder: string, args: readonly string[]): Promise<number> =>
  Number((await askLine(git, folder, ['rev-list', '--count', ...args])) ?? Number.NaN);

/** The refs that could have the branch's commits: base here, what base follows, base at each remote. */
async function baseRefs(git: GitWork, folder: string, base: string, remotes: readonly string[]): Promise<readonly string[]> {
  const upstream = await askLine(git, folder, ['for-each-ref', '--format=%(upstream)', `refs/heads/${base}`]);
  const wanted = [`refs/heads/${base}`, upstream ?? '', ...remotes.map((name) => `refs/remotes/${name}/${base}`)].filter(
    (ref) => ref !== '',
  );
  const there = new Set(((await askLine(git, folder, ['for-each-ref', '--format=%(refname)', ...wanted])) ?? '').split('\n'));
  return [...new Set(wanted)].filter((ref) => there.has(ref));
}

/** @param base short name; null: none is known */
export async function readGitFacts(git: GitWork, fs: LookFs, worktree: RegisteredWorktree, base: string | null): Promise<GitLook> {
  const { folder, branch, head } = worktree;
  const unknown: string[] = [];
  const remotes = namesIn(await askLine(git, folder, ['remote']));
  const [status, index, gitFolder, commits, stashes] = await Promise.all([
    readStatus(git, fs, folder),
    readIndex(git, folder),
    askLine(git, folder, ['rev-parse', '--absolute-git-dir']),
    head === null ? NO_COMMITS : readCommits(git, folder, { head, branch, base, remotes }),
    branch === null ? NO_NAMES : stashesOf(git, folder, branch),
  ]);
  if (!status.ok) unknown.push(status.error);
  if (!index.ok) unknown.push(index.error);
  if (gitFolder === null) return { facts: null, unknown: [...unknown, 'git does not take it for a work tree'] };
  const seen = status.ok ? status.value : NO_STATUS;
  const indexed = index.ok ? index.value : [];
  const hidden = await hiddenEdits(git, fs, folder, indexed);
  if (!hidden.ok) unknown.push(hidden.error);
  const submodules = await readSubmodules(git, fs, folder, indexed);
  if (Object.values(commits).some((value) => Number.isNaN(value))) unknown.push('git could not count its commits');
  return {
    facts: {
      branch,
      head,
      isDetached: worktree.isDetached,
      changed: namesOf(seen.changed),
      untracked: namesOf(seen.untracked),
      ignored: namesOf(seen.ignored),
      hidden: hidden.ok ? namesOf(hidden.value) : NO_NAMES,
      nested: namesOf(seen.nested),
      inProgress: await halfDone(fs, gitFolder),
      base,
      ...commits,
      stashes,
      submodules: {
        count: submodules.paths.length,
        dirty: namesOf(seen.dirtySubmodules),
        unpushed: namesOf(submodules.unpushed),
      },
    },
    unknown,
  };
}

type Commits = Pick<
  GitFacts,
  'aheadOfBase' | 'behindBase' | 'upstream' | 'unmerged' | 'mergedAs' | 'mergedInto' | 'unpushed' | 'loose' | 'committedAt'
>;
const NO_COMMITS: Commits = {
  aheadOfBase: 0,
  behindBase: 0,
  upstream: null,
  unmerged: 0,
  mergedAs: null,
  mergedInto: null,
  unpushed: null,
  loose: 0,
  committedAt: null,
};

type Which = { readonly head: string; readonly branch: string | null; readonly base: string | null; readonly remotes: readonly string[] };

async function readCommits(git: GitWork, folder: string, { head, branch, base, remotes }: Which): Promise<Commits> {
  const refs = base === null ? [] : await baseRefs(git, folder, base, remotes);
  const nearest = refs[0];
  const unmergedAll = async (): Promise<Merged> => ({ unmerged: await count(git, folder, [head]), mergedAs: null, mergedInto: null });
  const [merged, sides, upstream, unpushed, loose, committedAt] = await Promise.all([
    refs.length > 0 ? mergedState(git, folder, head, refs) : unmergedAll(),
    nearest === undefined ? [0, 0] : bothSides(git, folder, head, nearest),
    branch === null ? null : upstreamOf(git, folder, branch, head),
    remotes.length === 0 ? null : count(git, folder, [head, '--not', '--remotes']),
    branch === null ? count(git, folder, [head, '--not', '--branches', '--tags', '--remotes']) : 0,
    askLine(git, folder, ['log', '-1', '--format=%cI', head]),
  ]);
  const [aheadOfBase = Number.NaN, behindBase = Number.NaN] = sides;
  return { aheadOfBase, behindBase, upstream, ...merged, unpushed, loose, committedAt };
}

/** Commits that only this one has, and only the other. */
async function bothSides(git: GitWork, folder: string, one: string, other: string): Promise<readonly number[]> {
  const told = await askLine(git, folder, ['rev-list', '--left-right', '--count', `${one}...${other}`]);
  return told === null ? [] : told.split('\t').map(Number);
}

async function upstreamOf(git: GitWork, folder: string, branch: string, head: string): Promise<GitFacts['upstream']> {
  const ref = (await askLine(git, folder, ['for-each-ref', '--format=%(upstream)', `refs/heads/${branch}`])) ?? '';
  if (ref === '') return null;
  const [ahead, behind] = await bothSides(git, folder, head, ref);
  if (ahead === undefined || behind === undefined) return null;
  return { name: ref.replace(/^refs\/(?:remotes|heads)\//, ''), ahead, behind };
}

/** git's own words for a stash name its branch: `WIP on x: …`, `On x: …`. */
async function stashesOf(git: GitWork, folder: string, branch: string): Promise<GitFacts['stashes']> {
  const listed = (await askLine(git, folder, ['log', '-g', '--format=%gd %gs', 'refs/stash', '--'])) ?? '';
  return namesOf(listed.split('\n').filter((line) => [`WIP on ${branch}: `, `On ${branch}: `].some((words) => line.includes(` ${words}`))));
}
