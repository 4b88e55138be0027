/**
 * The folder that the git program works in when it packs: an object folder of its own, which borrows the repository's objects
 * (gitrepository-layout(5), "objects/info/alternates"). Whatever git begins and does not end (it is killed, or it outlives its docket) lies in
 * here and nowhere among the objects, so that it needs no judgement: all of it goes.
 *
 *   none -> <state>/fold/<random>/ (git works) -> what is of use is moved out -> none
 * Invariant: only the holder of `tend.db` makes or removes anything in here. The random name keeps a git that outlived its docket out of the
 * work of the next one.
 */

import { Buffer } from 'node:buffer';
import type { KernelLock } from '#core/ports.ts';
import { removeLeftovers } from './leftovers.ts';
import type { Repository } from './repository.ts';

const foldOf = (repository: Pick<Repository, 'stateDir'>): string => `${repository.stateDir}/fold`;

/** One docket at a time tends; null: another one does. */
export const tryTending = ({ locks, stateDir }: Pick<Repository, 'locks' | 'stateDir'>): KernelLock | null =>
  locks.tryAcquire(`${stateDir}/tend.db`);

/** Removes what a git program that is dead left behind: ours at once, anybody's when it is certain. While `tend.db` is held. */
async function sweep(repository: Repository): Promise<void> {
  await repository.fs.removeTree(foldOf(repository));
  await removeLeftovers(repository);
}

/** The same, at start. A docket that tends right now has swept. */
export async function sweepAtStart(repository: Repository): Promise<void> {
  const lock = tryTending(repository);
  if (lock === null) return;
  try {
    await sweep(repository);
  } catch (error) {
    repository.log.warn(`what a killed git left in the history could not be removed (it is complete): ${String(error)}`);
  } finally {
    lock.release();
  }
}

/** While `tend.db` is held: sweeps, and gives the git program an empty folder for as long as `act` takes. */
export async function withFold<T>(repository: Repository, act: (fold: string) => Promise<T>): Promise<T> {
  const { fs, digest } = repository;
  await sweep(repository);
  const fold = `${foldOf(repository)}/${Buffer.from(digest.randomBytes(8)).toString('hex')}`;
  await fs.makeFolders(`${fold}/info`, 0o700);
  try {
    // Relative to the folder itself: no path needs to be quoted.
    await fs.writeDerived(`${fold}/info/alternates`, '../../../objects\n', 0o600);
    return await act(fold);
  } finally {
    await fs.removeTree(foldOf(repository));
  }
}
