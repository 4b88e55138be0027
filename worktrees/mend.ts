/** What is left of a work tree whose making was killed, or whose folder is gone, put right: with git's own commands, one registration at a time. */

import path from 'node:path';
import { printable } from '#core/names.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { Fs } from '#core/ports.ts';
import type { GitWork } from '#core/worktrees.ts';
import { askLine, gitWords, type RegisteredWorktree, type RepositoryFacts } from './repository.ts';

/** The reason by which `git worktree add` locks what it is making (builtin/worktree.c). */
export const MAKING = 'initializing';

/** How long git that a killed docket left behind may go on, and how often it is looked for. */
const QUIET_TRIES = 200;
const QUIET_PAUSE_MS = 50;

type MendPorts = {
  readonly git: GitWork;
  readonly fs: Pick<Fs, 'facts' | 'list' | 'unlink' | 'removeFolder'>;
  readonly isAtWork: (folder: string) => Promise<boolean | null>;
  readonly checkoutMs: number;
};

/** Does git work in this folder, for this repository, with a commit out? */
export async function isHealthy(git: GitWork, { common }: RepositoryFacts, tree: Pick<RegisteredWorktree, 'folder'>): Promise<boolean> {
  const asked = await git(tree.folder, ['rev-parse', '--path-format=absolute', '--git-common-dir', '--verify', '--quiet', 'HEAD']).catch(
    () => null,
  );
  return asked?.code === 0 && asked.stdout.startsWith(`${common}\n`);
}

/** Takes one registration away whose folder is not there. Null: it is gone; else why not. */
export async function dropRegistration({ git }: MendPorts, { primary }: RepositoryFacts, tree: RegisteredWorktree): Promise<string | null> {
  if (tree.locked === MAKING) await git(primary.folder, ['worktree', 'unlock', tree.folder]);
  const answer = await git(primary.folder, ['worktree', 'remove', tree.folder]);
  return answer.code === 0
    ? null
    : `the registration of ${printable(tree.folder)}, which is not there, cannot be taken away: ${gitWords(answer)}`;
}

/**
 * A work tree that nobody was given yet: git writes into it what is missing. `dropped`: there was too little to go on from, so it is to be made again.
 * Words: it cannot be done now.
 */
export async function completeTree(
  ports: MendPorts,
  facts: RepositoryFacts,
  tree: RegisteredWorktree,
): Promise<Result<'completed' | 'dropped', string>> {
  const { git, fs } = ports;
  if (!(await isQuiet(ports, facts)))
    return err(`git is still at work in ${printable(facts.primary.folder)}: wait until it has ended, then try again`);
  if (!(await isHealthy(git, facts, tree))) {
    const names = (await fs.list(tree.folder)).map(({ name }) => name);
    if (names.some((name) => name !== '.git'))
      return err(`${printable(tree.folder)} was left half made, and holds files: look at them, move the folder aside, then try again`);
    if (names.length > 0) await fs.unlink(path.join(tree.folder, '.git'));
    await fs.removeFolder(tree.folder);
    const refused = await dropRegistration(ports, facts, tree);
    return refused === null ? ok('dropped') : err(refused);
  }
  const lock = await askLine(git, tree.folder, ['rev-parse', '--path-format=absolute', '--git-path', 'index.lock']);
  if (lock !== null && (await fs.facts(lock)) !== null) await fs.unlink(lock);
  const answer = await git(tree.folder, ['checkout', '--quiet', '--force'], { timeoutMs: ports.checkoutMs });
  if (answer.code !== 0) return err(`git checkout in ${printable(tree.folder)}: ${gitWords(answer)}`);
  await git(facts.primary.folder, ['worktree', 'unlock', tree.folder]);
  return ok('completed');
}

/**
 * A folder that was deleted by hand, of which something made only a part again (a daemon its queues): git writes the files, where not one of them is
 * there. What is there is never written over (git-checkout-index(1)).
 */
export async function fillEmpty(git: GitWork, folder: string): Promise<void> {
  const count = async (...which: string[]): Promise<number> =>
    (await git(folder, ['ls-files', '-z', ...which])).stdout.split('\0').length - 1;
  const missing = await count('--deleted');
  if (missing > 0 && missing === (await count('--cached'))) await git(folder, ['checkout-index', '--all', '--quiet']);
}

async function isQuiet({ isAtWork }: MendPorts, { primary }: RepositoryFacts): Promise<boolean> {
  for (let tries = 0; tries < QUIET_TRIES; tries++) {
    if ((await isAtWork(primary.folder)) !== true) return true;
    await new Promise((resolve) => setTimeout(resolve, QUIET_PAUSE_MS));
  }
  return false;
}
