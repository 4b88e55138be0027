/**
 * Before a run that may write: is the work tree as it should be (policy/tree-state.ts)? A fault is the environment's: the lane waits with the mend in words, no
 * attempt is spent, and it goes on by itself when it was mended. Nothing is mended here: what lies there may be a person's work.
 */

import type { Failure } from '#core/failure.ts';
import { treeFault } from '#policy/tree-state.ts';
import type { Ports } from './ports.ts';

/** @param cwd the working folder of the run */
export async function treeFailure({ scope, workspace }: Pick<Ports, 'scope' | 'workspace'>, cwd: string): Promise<Failure | null> {
  const record = await scope.record();
  const words = record === null ? null : treeFault(await scope.stateOf(cwd), record);
  if (words !== null) return failure(cwd, words);
  if (!workspace.settings['worktrees.clean_start'] || (await scope.isClean())) return null;
  return failure(cwd, 'there are changes that are not committed: commit them or put them away (worktrees.clean_start)');
}

const failure = (path: string, message: string): Failure => ({
  kind: 'environment',
  what: 'no tool is started that writes in a work tree which is not as it should be',
  path,
  code: 'WORKTREE',
  message,
});
