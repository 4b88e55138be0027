/** What the verbs of work trees hand to worktrees/: git as the person would type it, the files, the lock of the repository. */

import type { Workspace } from '#core/settings.ts';
import { makeFs } from '#platform/files.ts';
import { makeGitWork } from '#platform/git-work.ts';
import { userId } from '#platform/system.ts';
import type { MakePorts, RepositoryPorts } from '#worktrees/make.ts';
import { readRepository, RepositoryBusy, withRepositoryLock, type RepositoryFacts } from '#worktrees/repository.ts';
import { CliError, EXIT, type Io } from './io.ts';
import { gitIsAtWork, repositoryLock } from './parts.ts';

export const makePorts = (io: Pick<Io, 'env'>, { settings }: Pick<Workspace, 'settings'>): MakePorts => ({
  git: makeGitWork(io.env),
  fs: makeFs(),
  isAtWork: async (folder) => gitIsAtWork(folder, userId() ?? 0),
  checkoutMs: settings['worktrees.checkout_timeout'],
});

/** Throws CliError: the folder is in no repository that git can read. */
export async function repositoryAt({ git, fs }: RepositoryPorts, folder: string): Promise<RepositoryFacts> {
  const facts = await readRepository(git, fs, folder);
  if (facts.ok) return facts.value;
  throw new CliError(
    `${folder} is in no git repository that can be used: ${facts.error} (a work tree needs one: git init, and a first commit)`,
    EXIT.wrongUse,
  );
}

/** One command of docket at a time changes the work trees of a repository. Not to be nested. Throws CliError 3 that says who has it. */
export async function inRepository<T>({ settings }: Pick<Workspace, 'settings'>, common: string, act: () => Promise<T>): Promise<T> {
  return withRepositoryLock(repositoryLock(settings['worktrees.lock_wait']), common, act).catch((error: unknown) => {
    throw error instanceof RepositoryBusy || isOfMachine(error) ? new CliError(error.message, EXIT.environment) : error;
  });
}

/** git that is not there, did not answer in time or said too much; a disk that is full, a folder that may not be written. */
function isOfMachine(error: unknown): error is Error {
  const codes = ['ENOENT', 'ETIMEDOUT', 'EFBIG', 'EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT'];
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
