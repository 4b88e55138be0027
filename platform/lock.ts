/**
 * One holder at a time. The kernel lock decides: an open exclusive SQLite transaction on a file of its own, which the kernel drops when
 * the process dies, whatever killed it. No clock, no stale mark, nothing to take over.
 * Invariants: the lock file is never unlinked and never opened by node:fs in a process that may hold it (see sqlite.ts);
 * two holders inside one process are kept apart by HELD. The lock that people see is another one (visible-lock.ts) and decides nothing.
 */

import { realpathSync } from 'node:fs';
import path from 'node:path';
import type { KernelLock, KernelLocks } from '#core/ports.ts';
import { monotonicMs } from './clock.ts';
import { codeOf, systemError } from './file-facts.ts';
import { holderOf } from './lock-holder.ts';
import { openDatabase, type Database } from './sqlite.ts';

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 20;

/** Of this process: real path of the lock file -> its open transaction (also keeps the connection from being collected). */
const HELD = new Map<string, Database>();

const isBusy = (error: unknown): boolean => codeOf(error) === 'SQLITE_BUSY' || codeOf(error) === 'SQLITE_LOCKED';

/** Null when another connection has it. */
function openExclusive(file: string): Database | null {
  let database: Database | null = null;
  try {
    database = openDatabase(file, { exclusive: true, busyTimeoutMs: 0 });
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
  holderOf,
  async acquire(file, timeoutMs) {
    const untilMs = monotonicMs() + timeoutMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
      const lock = tryAcquire(file);
      if (lock !== null) return lock;
      const leftMs = untilMs - monotonicMs();
      if (leftMs <= 0) throw systemError('ELOCKED', `held by another process for ${String(timeoutMs)} ms, '${file}'`);
      // The random part keeps contenders from knocking in step.
      const waitMs = Math.min(leftMs, pauseMs * (0.5 + Math.random()));
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  },
});
