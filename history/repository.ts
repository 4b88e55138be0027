/** What the writing parts of this room share: the folders of one open repository and the outside they work with. */

import type { Clock, Digest, Fs, KernelLock, KernelLocks, Log } from '#core/ports.ts';
import type { RepositoryGit } from './git-door.ts';
import type { Person } from './objects.ts';
import type { ObjectStore } from './read-objects.ts';

export type Repository = {
  readonly fs: Fs;
  readonly clock: Clock;
  readonly log: Log;
  readonly git: RepositoryGit;
  readonly digest: Digest;
  readonly locks: KernelLocks;
  readonly author: Person;
  /** Absolute: the work tree. */
  readonly dir: string;
  /** `<dir>/.git` */
  readonly gitDir: string;
  /** `<dir>/.git/docket`: docket's lock and notes, never committed. */
  readonly stateDir: string;
  readonly store: ObjectStore;
};

const LOCK_WAIT_MS = 60_000;

/** One docket at a time, across all processes that share this history. */
export async function withKernelLock<T>(
  repository: Pick<Repository, 'locks' | 'stateDir'>,
  act: (lock: KernelLock) => Promise<T>,
): Promise<T> {
  const lock = await repository.locks.acquire(`${repository.stateDir}/lock.db`, LOCK_WAIT_MS);
  try {
    const value = await act(lock);
    return value;
  } finally {
    lock.release();
  }
}
