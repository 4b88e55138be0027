/**
 * The visible lock: proper-lockfile's folder beside the kernel lock (lock.ts), for people and for programs that know that convention.
 * It decides nothing: two processes can win a stale one (its issue #121), so only a holder of the kernel lock takes it, and a folder found
 * then was left by the dead. A file of its own, because the keeper needs a kernel lock and not this package (decision 0016).
 */

import { rmdir } from 'node:fs/promises';
import lockfile from 'proper-lockfile';
import type { Log } from '#core/ports.ts';
import { codeOf } from './file-facts.ts';

const STALE_MS = 30_000;
const UPDATE_MS = 5_000;

async function takeFolder(root: string, lockPath: string, onLost: (error: Error) => void): Promise<() => Promise<void>> {
  // Whoever holds the kernel lock knows that the owner of a folder found here is dead, without waiting for its stale mark.
  await rmdir(lockPath).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
  return lockfile.lock(root, { lockfilePath: lockPath, realpath: true, stale: STALE_MS, update: UPDATE_MS, onCompromised: onLost });
}

/**
 * Takes the visible lock; to be called while the kernel lock is held. When it is lost (removed by somebody, or the machine slept), `onCompromised`
 * is asked whether the kernel lock is still ours: true makes the visible lock again and logs it, false leaves it.
 * @param root the folder that is locked; must exist
 * @param lockPath the folder that is the lock, such as queues/.docket/daemon.lock
 * @returns gives the visible lock back; never rejects
 */
export async function takeVisibleLock(
  root: string,
  lockPath: string,
  log: Log,
  onCompromised: (error: Error) => boolean,
): Promise<() => Promise<void>> {
  let isReleased = false;
  let release: (() => Promise<void>) | null = null;
  let remaking: Promise<void> = Promise.resolve();
  async function remake(): Promise<void> {
    try {
      release = await takeFolder(root, lockPath, lost);
    } catch (error) {
      log.warn(`the visible lock ${lockPath} could not be made again; the kernel lock still holds: ${String(error)}`);
    }
  }
  function lost(error: Error): void {
    release = null;
    if (isReleased || !onCompromised(error)) return;
    log.warn(`the visible lock ${lockPath} was lost and is made again: ${error.message}`);
    remaking = remake();
  }
  release = await takeFolder(root, lockPath, lost);
  return async () => {
    isReleased = true;
    await remaking;
    await release?.().catch((error: unknown) => {
      log.warn(`the visible lock ${lockPath} was gone before its release: ${String(error)}`);
    });
    release = null;
  };
}
