/**
 * One holder at a time. The kernel lock decides: an open exclusive SQLite transaction on a file of its own, which the kernel drops when
 * the process dies, whatever killed it. No clock, no stale mark, nothing to take over.
 * Invariants: the lock file is never unlinked and never opened by node:fs in a process that may hold it (see sqlite.ts);
 * two holders inside one process are kept apart by HELD.
 *
 * The visible lock is proper-lockfile's folder beside it, for people and for programs that know that convention. It decides nothing:
 * two processes can win a stale one (its issue #121), so only a holder of the kernel lock takes it, and a folder found then was left by the dead.
 */

import { realpathSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import path from 'node:path';
import lockfile from 'proper-lockfile';
import type { KernelLock, KernelLocks, Log } from '#core/ports.ts';
import { codeOf, systemError } from './files.ts';
import { openDatabase, type Database } from './sqlite.ts';

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 20;
const STALE_MS = 30_000;
const UPDATE_MS = 5_000;

/** Of this process: real path of the lock file -> its open transaction (also keeps the connection from being collected). */
const HELD = new Map<string, Database>();

const isBusy = (error: unknown): boolean => codeOf(error) === 'SQLITE_BUSY' || codeOf(error) === 'SQLITE_LOCKED';

/** An exclusive transaction that never writes. Null when another connection has it. */
function openExclusive(file: string): Database | null {
  let database: Database | null = null;
  try {
    database = openDatabase(file, { wal: false, busyTimeoutMs: 0 });
    database.exec('PRAGMA journal_mode=DELETE; BEGIN EXCLUSIVE');
    if (database.isIntact()) return database;
    throw systemError('ESTALE', `the lock file was replaced while it was taken, '${file}'`);
  } catch (error) {
    database?.close();
    if (isBusy(error)) return null;
    throw error;
  }
}

function tryAcquire(file: string): KernelLock | null {
  const key = path.join(realpathSync(path.dirname(file)), path.basename(file));
  if (HELD.has(key)) return null;
  const database = openExclusive(key);
  if (database === null) return null;
  HELD.set(key, database);
  return {
    check() {
      if (HELD.get(key) !== database) throw systemError('ESTALE', `the lock was released, '${file}'`);
      if (!database.isIntact()) throw systemError('ESTALE', `the lock file was removed or replaced, '${file}'`);
    },
    release() {
      if (HELD.get(key) !== database) return;
      HELD.delete(key);
      database.close();
    },
  };
}

/** Lock files are made 0600 when they are not there; their folder must be. Any trouble but "held" is thrown with its code. */
export const makeKernelLocks = (): KernelLocks => ({
  tryAcquire,
  async acquire(file, timeoutMs) {
    const untilMs = performance.now() + timeoutMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
      const lock = tryAcquire(file);
      if (lock !== null) return lock;
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) throw systemError('ELOCKED', `held by another process for ${String(timeoutMs)} ms, '${file}'`);
      // The random part keeps contenders from knocking in step.
      const waitMs = Math.min(leftMs, pauseMs * (0.5 + Math.random()));
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  },
});

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
