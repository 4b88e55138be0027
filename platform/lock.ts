/**
 * One holder at a time. The kernel lock decides: an open exclusive SQLite transaction on a file of its own, which the kernel drops when
 * the process dies, whatever killed it. No clock, no stale mark, nothing to take over.
 * Invariants: the lock file is never unlinked and never opened by node:fs in a process that may hold it (see sqlite.ts);
 * two holders inside one process are kept apart by HELD. The lock that people see is another one (visible-lock.ts) and decides nothing.
 */

import { realpathSync } from 'node:fs';
import path from 'node:path';
import type { CanKeepOpen, KernelLock, KernelLocks, LocksKeptOpen } from '#core/ports.ts';
import { monotonicMs } from './clock.ts';
import { codeOf, systemError } from './file-facts.ts';
import { holderOf } from './lock-holder.ts';
import { openDatabase, TAKE_EXCLUSIVE, type Database } from './sqlite.ts';

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 20;

/** One time of holding; its connection may be the one of an earlier time. */
type Hold = { readonly database: Database };
/** Of this process: real path of the lock file -> who holds it (also keeps the connection from being collected). */
const HELD = new Map<string, Hold>();
/** Connections without a transaction: they hold nothing, and keep nobody out. */
type Kept = { readonly idle: Map<string, Database>; isOpen: boolean };

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

/** `again`: it cannot be had through this connection; a new one tells why, or has it. */
function takeKept({ idle }: Kept, key: string): Database | 'held' | 'again' {
  const database = idle.get(key);
  if (database === undefined) return 'again';
  try {
    database.exec(TAKE_EXCLUSIVE);
    // The file may be another one since: then this is a lock that nobody else would see.
    if (database.isIntact()) return database;
  } catch (error) {
    if (isBusy(error) && database.isIntact()) return 'held';
  }
  idle.delete(key);
  database.close();
  return 'again';
}

function giveBack(database: Database, key: string, kept: Kept | null): void {
  if (kept?.isOpen === true && !kept.idle.has(key))
    try {
      database.exec('ROLLBACK');
      kept.idle.set(key, database);
      return;
    } catch {
      // Closing it gives it back in any case.
    }
  database.close();
}

/** @param kept null: the file is closed when the lock is given back */
function tryAcquire(file: string, kept: Kept | null): KernelLock | null {
  const key = path.join(realpathSync.native(path.dirname(file)), path.basename(file));
  if (HELD.has(key)) return null;
  const known = kept === null ? 'again' : takeKept(kept, key);
  const database = known === 'again' ? openExclusive(key) : known;
  if (database === null || database === 'held') return null;
  kept?.idle.delete(key);
  const hold: Hold = { database };
  HELD.set(key, hold);
  return {
    check() {
      if (HELD.get(key) !== hold) throw systemError('ESTALE', `the lock was released, '${file}'`);
      if (!database.isIntact()) throw systemError('ESTALE', `the lock file was removed or replaced, '${file}'`);
    },
    release() {
      if (HELD.get(key) !== hold) return;
      HELD.delete(key);
      giveBack(database, key, kept);
    },
  };
}

async function acquire(file: string, timeoutMs: number, kept: Kept | null): Promise<KernelLock> {
  const untilMs = monotonicMs() + timeoutMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    const lock = tryAcquire(file, kept);
    if (lock !== null) return lock;
    const leftMs = untilMs - monotonicMs();
    if (leftMs <= 0) throw systemError('ELOCKED', `held by another process for ${String(timeoutMs)} ms, '${file}'`);
    // The random part keeps contenders from knocking in step.
    const waitMs = Math.min(leftMs, pauseMs * (0.5 + Math.random()));
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

const locksWith = (kept: Kept | null): KernelLocks => ({
  tryAcquire: (file) => tryAcquire(file, kept),
  holderOf,
  acquire: (file, timeoutMs) => acquire(file, timeoutMs, kept),
});

/**
 * Opening a database costs more than taking the lock in it, and the history takes four of them for each record.
 * Who takes it again looks first whether the path still names this file. To be closed, else the file system stays busy.
 */
function keepOpen(): LocksKeptOpen {
  const kept: Kept = { idle: new Map(), isOpen: true };
  return {
    ...locksWith(kept),
    close() {
      kept.isOpen = false;
      for (const database of kept.idle.values()) database.close();
      kept.idle.clear();
    },
  };
}

/** Lock files are made 0600 when they are not there; their folder must be. Any trouble but "held" is thrown with its code. */
export const makeKernelLocks = (): KernelLocks & CanKeepOpen => ({ ...locksWith(null), keepOpen });
