/**
 * Notes on commits of a person's code, in refs/notes/docket: git-notes(1). Only this ref changes, here only: git pushes no notes by itself.
 * Lines that are there stay; the same lines again change nothing.
 */

import type { AskProgram } from '#core/ports.ts';
import { gitEnvironment, QUIET_GIT } from './git.ts';

/** What others call this kind of repository. */
export const VCS_TYPE = 'git';

const NOTES_REF = 'refs/notes/docket';
const TIMEOUT_MS = 30_000;
const PERSON = {
  GIT_AUTHOR_NAME: 'docket',
  GIT_AUTHOR_EMAIL: 'docket@localhost',
  GIT_COMMITTER_NAME: 'docket',
  GIT_COMMITTER_EMAIL: 'docket@localhost',
};

/** @returns `absent` when the repository does not have this commit; throws with git's words when the note cannot be written */
export async function addNote(
  ask: AskProgram,
  folder: string,
  commit: string,
  lines: readonly string[],
): Promise<'added' | 'same' | 'absent'> {
  const git = (args: readonly string[], input?: string): ReturnType<AskProgram> =>
    ask('git', ['-C', folder, ...QUIET_GIT, ...args], {
      env: { ...gitEnvironment(), ...PERSON },
      timeoutMs: TIMEOUT_MS,
      ...(input === undefined ? {} : { input }),
    });
  if ((await git(['cat-file', '-e', `${commit}^{commit}`])).code !== 0) return 'absent';
  const before = await git(['notes', `--ref=${NOTES_REF}`, 'show', commit]);
  const known = before.code === 0 ? before.stdout.split('\n').filter((line) => line !== '') : [];
  const fresh = lines.filter((line) => !known.includes(line));
  if (fresh.length === 0) return 'same';
  const text = `${[...known, ...fresh].toSorted().join('\n')}\n`;
  const added = await git(['notes', `--ref=${NOTES_REF}`, 'add', '-f', '-F', '-', commit], text);
  if (added.code !== 0) throw new Error(`git notes on ${commit} in ${folder}: ${added.stderr.trim().slice(0, 500)}`);
  return 'added';
}
