/** A commit's message: trailers added to the file that git is about to take, by git itself, and the message of a commit that is there. */

import { askGitBytes, type HookEnv } from './git-hooks.ts';

/** git-interpret-trailers(1): one that is there already is not added again. @param file the argument of commit-msg. @param trailers `Key: value` */
export function addTrailers(env: HookEnv, cwd: string, file: string, trailers: readonly string[]): void {
  const args = ['interpret-trailers', '--in-place', '--if-exists', 'addIfDifferent', '--if-missing', 'add', '--where', 'end'];
  const { code, stderr } = askGitBytes(env, cwd, [...args, ...trailers.flatMap((line) => ['--trailer', line]), '--', file]);
  if (code !== 0) throw new Error(`git interpret-trailers ended with ${String(code)}: ${stderr.slice(0, 300)}`);
}

/** The message of a commit; empty when there is no such commit. */
export const messageOf = (env: HookEnv, cwd: string, commit: string): string =>
  askGitBytes(env, cwd, ['log', '-1', '--no-show-signature', '--format=%B', commit, '--']).stdout.toString('utf8');
