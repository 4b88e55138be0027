/**
 * Are the commits of a branch in its base? As they are (ancestor), one by one under other ids (rebased: `git cherry`), or all of them as one commit (squashed:
 * the patch id of the whole range equals that of a commit of base). Patch ids are taken verbatim, white space counts, and of binary files by their object ids.
 * A message says nothing here: who writes "squash of #12" has not merged it.
 */

import type { GitWork } from '#core/worktrees.ts';
import type { MergedAs } from './cleanup-facts.ts';
import { askLine } from './repository.ts';

export type Merged = { readonly unmerged: number; readonly mergedAs: MergedAs | null; readonly mergedInto: string | null };

/** Commits of base, since the branch left it, that are compared; older ones are not looked at, and the branch counts as unmerged. */
const CANDIDATES_MAX = 500;
/** No program of the repository's attributes, nothing that a person's configuration changes, whole object ids. */
const PATCH = ['diff-tree', '-r', '-p', '--full-index', '--no-renames', '--no-ext-diff', '--no-textconv', '--no-color', '-U3'];

const lines = (text: string | null): readonly string[] => (text ?? '').split('\n').filter((line) => line !== '');

/** @param head full id @param bases full refs, the nearest first; those that are not there are passed over */
export async function mergedState(git: GitWork, folder: string, head: string, bases: readonly string[]): Promise<Merged> {
  let fewest = Number.POSITIVE_INFINITY;
  for (const base of bases) {
    const unmerged = Number(await askLine(git, folder, ['rev-list', '--count', `${base}..${head}`]));
    if (unmerged === 0) return { unmerged: 0, mergedAs: 'ancestor', mergedInto: base };
    fewest = Math.min(fewest, unmerged);
  }
  for (const base of bases) {
    const mergedAs = (await isRebased(git, folder, head, base))
      ? 'rebased'
      : (await isSquashed(git, folder, head, base))
        ? 'squashed'
        : null;
    if (mergedAs !== null) return { unmerged: 0, mergedAs, mergedInto: base };
  }
  return { unmerged: Number.isFinite(fewest) ? fewest : 0, mergedAs: null, mergedInto: null };
}

/** git-cherry(1) passes over merges, which may have changes of their own: with one in the range it proves nothing. It compares without white space, so the ids are taken again. */
async function isRebased(git: GitWork, folder: string, head: string, base: string): Promise<boolean> {
  const merges = await askLine(git, folder, ['rev-list', '--count', '--merges', `${base}..${head}`]);
  if (merges !== '0') return false;
  const cherry = await git(folder, ['cherry', base, head]);
  const told = lines(cherry.stdout);
  if (cherry.code !== 0 || told.length === 0 || !told.every((line) => line.startsWith('- '))) return false;
  const own = await patchIds(
    git,
    folder,
    told.map((line) => line.slice(2)),
  );
  const theirs = new Set(await patchIds(git, folder, await commitsOf(git, folder, head, base)));
  return own.length === told.length && own.every((id) => theirs.has(id));
}

/** Of base since the branch left it, newest first. */
async function commitsOf(
  git: GitWork,
  folder: string,
  head: string,
  base: string,
  below: readonly string[] = [],
): Promise<readonly string[]> {
  const start = await askLine(git, folder, ['merge-base', head, base]);
  if (start === null) return [];
  return lines(
    await askLine(git, folder, ['rev-list', '--no-merges', `--max-count=${String(CANDIDATES_MAX)}`, `${start}..${base}`, '--', ...below]),
  );
}

async function isSquashed(git: GitWork, folder: string, head: string, base: string): Promise<boolean> {
  const start = await askLine(git, folder, ['merge-base', head, base]);
  if (start === null) return false;
  const whole = await git(folder, [...PATCH, start, head]);
  if (whole.code !== 0 || whole.stdout === '') return false;
  const [wanted] = await idsIn(git, folder, whole.stdout);
  const touched = (await git(folder, ['diff-tree', '-r', '-z', '--name-only', '--no-renames', start, head])).stdout.split('\0')[0] ?? '';
  if (wanted === undefined || touched === '') return false;
  const candidates = await commitsOf(git, folder, head, base, [`:(top,literal)${touched}`]);
  return (await patchIds(git, folder, candidates)).includes(wanted);
}

/** One for each commit that changes anything; `git diff-tree --stdin` writes the commit's id before its patch, which is what git-patch-id(1) reads. */
async function patchIds(git: GitWork, folder: string, commits: readonly string[]): Promise<readonly string[]> {
  if (commits.length === 0) return [];
  const patches = await git(folder, [...PATCH, '--stdin'], { input: `${commits.join('\n')}\n` });
  return patches.code === 0 ? idsIn(git, folder, patches.stdout) : [];
}

async function idsIn(git: GitWork, folder: string, patches: string): Promise<readonly string[]> {
  const { stdout } = await git(folder, ['patch-id', '--verbatim'], { input: patches });
  return lines(stdout).map((line) => line.split(' ')[0] ?? '');
}
