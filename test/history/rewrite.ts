/** What somebody with the history's folder and git's own tools can do to it: the chain of commits made anew, edited on the way. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { Rig } from './rig.ts';

export type Edited = { readonly message: string; readonly tree: string };
/** Null: the commit is left out. */
export type Edit = (commit: Edited, index: number) => Edited | null;

const hashOf = (message: string): string => createHash('sha256').update(message).digest('hex');

const commitTree = (rig: Rig, { tree, message }: Edited, parent: string | null, dates: readonly string[]): string => {
  const [authored = '', committed = ''] = dates;
  const env = {
    ...process.env,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_AUTHOR_NAME: 'docket',
    GIT_AUTHOR_EMAIL: 'docket@example.com',
    GIT_COMMITTER_NAME: 'docket',
    GIT_COMMITTER_EMAIL: 'docket@example.com',
    GIT_AUTHOR_DATE: authored,
    GIT_COMMITTER_DATE: committed,
  };
  const parents = parent === null ? [] : ['-p', parent];
  return execFileSync('git', ['commit-tree', tree, ...parents], { cwd: rig.dir, env, input: message, encoding: 'utf8' }).trim();
};

/**
 * Rewrites main along first parents. @param isRechained the names of the records before are made right again, as a careful forger would
 * @returns the new tip
 */
export function rewrite(rig: Rig, edit: Edit, isRechained = false): string {
  const ids = rig.git('rev-list', '--first-parent', '--reverse', 'main').trim().split('\n');
  const newHash = new Map<string, string>();
  let parent: string | null = null;
  for (const [index, id] of ids.entries()) {
    const text = rig.gitBytes('cat-file', 'commit', id).toString('utf8');
    const old = text.slice(text.indexOf('\n\n') + 2);
    const edited = edit({ message: old, tree: rig.git('rev-parse', `${id}^{tree}`).trim() }, index);
    if (edited === null) continue;
    let { message } = edited;
    if (isRechained)
      message = message.replaceAll(
        /^(Docket-Before.*: )([0-9a-f]{64})$/gm,
        (_, key: string, hash: string) => key + (newHash.get(hash) ?? hash),
      );
    newHash.set(hashOf(old), hashOf(message));
    const dates = rig.git('log', '-1', '--format=%ad%n%cd', '--date=raw', id).trim().split('\n');
    parent = commitTree(rig, { ...edited, message }, parent, dates);
  }
  rig.git('reset', '-q', '--hard', parent ?? '');
  return parent ?? '';
}
