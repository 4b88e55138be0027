/** The work trees of one repository, as `git worktree list --porcelain -z` gives them (git-worktree(1)). */

import type { GitWork } from '#core/worktrees.ts';

/** Absolute paths of those that have files, the main one first. Rejects with git's words when the folder is in no repository. */
export async function workTrees(git: GitWork, folder: string): Promise<readonly string[]> {
  const { code, stdout, stderr } = await git(folder, ['worktree', 'list', '--porcelain', '-z']);
  if (code !== 0) throw new Error(`git worktree list: ${stderr.trim().slice(0, 300)}`);
  return parseWorkTrees(stdout);
}

/** Attributes end in NUL, records in an empty one. A bare repository has no files. */
export function parseWorkTrees(text: string): readonly string[] {
  return text.split('\0\0').flatMap((one) => {
    const attributes = one.split('\0');
    const folder = attributes.find((line) => line.startsWith('worktree '))?.slice('worktree '.length);
    return folder === undefined || attributes.includes('bare') ? [] : [folder];
  });
}
