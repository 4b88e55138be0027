/**
 * Is a work tree as it should be before a run writes in it? Asked of those that docket made or adopted (core/worktrees.ts): what is wrong is the environment's
 * fault, and costs no attempt. Pure: the state of git is handed in (platform/git-state.ts).
 */

import type { WorktreeRecord } from '#core/worktrees.ts';

const BEGUN: readonly (readonly [file: string, what: string, mend: string])[] = [
  ['MERGE_HEAD', 'a merge', 'git commit, or git merge --abort'],
  ['CHERRY_PICK_HEAD', 'a cherry-pick', 'git cherry-pick --continue, or --abort'],
  ['REVERT_HEAD', 'a revert', 'git revert --continue, or --abort'],
  ['rebase-merge', 'a rebase', 'git rebase --continue, or --abort'],
  ['rebase-apply', 'a rebase or git am', 'git rebase --continue, or git am --continue, or --abort'],
  ['BISECT_LOG', 'a bisect', 'git bisect reset'],
];
const BRANCH = /^ref: refs\/heads\/(.+)$/;
/** What HEAD says where branches are kept in another form (reftable): nothing. */
const UNKNOWN = 'ref: refs/heads/.invalid';

/** In words, with the mend; null: a run may write. @param git null: there is no repository */
export function treeFault(
  git: Readonly<Record<string, string>> | null,
  { branch, folder }: Pick<WorktreeRecord, 'branch' | 'folder'>,
): string | null {
  if (git === null) return `${folder} is a work tree of docket, and git knows nothing of it any more: git worktree repair ${folder}`;
  const begun = BEGUN.find(([file]) => git[file] !== undefined);
  if (begun !== undefined) return `${begun[1]} is under way in ${folder}: ${begun[2]}`;
  const head = git['HEAD'] ?? '';
  if (head === UNKNOWN) return null;
  const found = BRANCH.exec(head)?.[1];
  if (found === branch) return null;
  const is = found === undefined ? `HEAD is detached at ${head.slice(0, 12)}` : `the branch is ${found}`;
  return `${is} in ${folder}, and ${branch} belongs there: git switch ${branch}`;
}
