/** What the writing parts of this room share: the folders of one open repository and the outside they work with. */

import type { Clock, Digest, Fs, KernelLock, KernelLocks, Log } from '#core/ports.ts';
import type { Signer, Signing } from '#core/signing.ts';
import type { RepositoryGit } from './git-door.ts';
import type { Person } from './objects.ts';
import type { ObjectStore } from './read-objects.ts';
import type { Looks } from './verify-threads.ts';

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
  /** Null or left out: records are not signed. */
  readonly signing?: Signing | null;
  /** For `verify`: threads beside this one; left out: none. */
  readonly verifyThreads?: number;
  /** For tests: who looks at the parts of the packs; left out: verify-objects.ts says. */
  readonly makeLooks?: () => Looks;
};

/** Null: signing is off. Throws `code: 'ESIGN'` while the key cannot be used: nothing may be written then. */
export const signerOf = async ({ signing = null }: Pick<Repository, 'signing'>): Promise<Signer | null> =>
  signing === null ? null : signing.signer();

/** Others hold it for less than a second; only a merge or the start of a large history takes longer. */
const TOLD_AFTER_MS = 5_000;
const WAIT_MS_MAX = 60_000;

const isHeld = (error: unknown): boolean => (error as { readonly code?: unknown }).code === 'ELOCKED';

function holderWords({ locks, dir }: Pick<Repository, 'locks' | 'dir'>, file: string): { readonly who: string; readonly mend: string } {
  const holder = locks.holderOf(file);
  if (holder === null) return { who: 'another docket', mend: `end the docket that still works in ${dir}` };
  const pid = String(holder.pid);
  return holder.isStopped
    ? { who: `process ${pid}, which is stopped,`, mend: `let it go on (kill -CONT ${pid}) or end it (kill -KILL ${pid}: nothing is lost)` }
    : { who: `process ${pid}`, mend: `wait until it is done, or end it (kill ${pid})` };
}

/** Does something alone in the history. */
export type Alone = <T>(act: (lock: KernelLock) => Promise<T>) => Promise<T>;

/**
 * One docket at a time, across all processes that share this history. Says so when it waits for long.
 * @throws `code: 'ELOCKED'` with words after 60 s
 */
export async function withKernelLock<T>(
  repository: Pick<Repository, 'locks' | 'stateDir' | 'dir' | 'log' | 'clock'>,
  act: (lock: KernelLock) => Promise<T>,
): Promise<T> {
  const { clock, log } = repository;
  const askedMs = clock.monotonicMs();
  const lock = await inLine(repository);
  const takenMs = clock.monotonicMs();
  try {
    const value = await act(lock);
    return value;
  } finally {
    lock.release();
    // What daemons that share a history cost one another.
    log.debug('the lock of the history was held', {
      waited_ms: Math.round(takenMs - askedMs),
      held_ms: Math.round(clock.monotonicMs() - takenMs),
    });
  }
}

/** So many can wait in the order in which they came; more of them wait for the last place in any order. */
const PLACES = 16;
/** When these are free nobody waits: a line that moves up has one gap at a time. */
const FRONT_PLACES = 3;

/**
 * A line before the lock, of locks that the kernel drops with their process: whoever waits for a place holds the one behind it, so nobody overtakes, and
 * who has just written stands last.
 */
async function inLine(repository: Pick<Repository, 'locks' | 'stateDir' | 'dir' | 'log'>): Promise<KernelLock> {
  const file = (place: number): string => `${repository.stateDir}/${place === 0 ? 'lock' : `line-${String(place)}`}.db`;
  const front = tryFront(repository, file);
  let held = front ?? (await acquire(repository, file(PLACES), file(0)));
  for (let place = front === null ? PLACES - 1 : 0; place >= 0; place--) {
    try {
      const behind = held;
      held = await acquire(repository, file(place), file(0));
      behind.release();
    } catch (error) {
      held.release();
      throw error;
    }
  }
  return held;
}

/** The first place, when nobody waits. */
function tryFront({ locks }: Pick<Repository, 'locks'>, file: (place: number) => string): KernelLock | null {
  let held: KernelLock | null = null;
  for (let place = FRONT_PLACES; place > 0; place--) {
    const next = locks.tryAcquire(file(place));
    held?.release();
    if (next === null) return null;
    held = next;
  }
  return held;
}

/** @param file what is wanted. @param lockFile whose holder is to blame when nothing moves */
async function acquire(repository: Pick<Repository, 'locks' | 'dir' | 'log'>, file: string, lockFile: string): Promise<KernelLock> {
  const { locks, dir, log } = repository;
  try {
    return await locks.acquire(file, TOLD_AFTER_MS);
  } catch (error) {
    if (!isHeld(error)) throw error;
  }
  const { who, mend } = holderWords(repository, lockFile);
  log.warn(`the history ${dir} is held by ${who} for more than ${String(TOLD_AFTER_MS)} ms: waiting; ${mend}`);
  try {
    return await locks.acquire(file, WAIT_MS_MAX - TOLD_AFTER_MS);
  } catch (error) {
    if (!isHeld(error)) throw error;
    const now = holderWords(repository, lockFile);
    const words = `the history ${dir} is held by ${now.who} for more than ${String(WAIT_MS_MAX)} ms (its lock is ${lockFile}): ${now.mend}`;
    throw Object.assign(new Error(`ELOCKED: ${words}`, { cause: error }), { code: 'ELOCKED', path: lockFile });
  }
}
