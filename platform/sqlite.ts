/**
 * The one door to node:sqlite: a small typed wrapper for the journal (store/) and the kernel lock (lock.ts).
 * A database file is created 0600 and from then on never opened by node:fs in this process: closing any other descriptor of it
 * would drop SQLite's POSIX locks (sqlite.org/howtocorrupt.html, 2.2). lstat is harmless.
 */

import { closeSync, constants, lstatSync, openSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

export type Value = null | number | bigint | string | Uint8Array;
export type Row = Record<string, Value>;
export type Parameters = readonly Value[];

export type PreparedStatement = {
  /** Binds in order; `undefined` and booleans are refused by SQLite. */
  run(...parameters: Parameters): { readonly changes: number; readonly lastInsertRowid: number | bigint };
  get(...parameters: Parameters): Row | undefined;
  all(...parameters: Parameters): Row[];
  iterate(...parameters: Parameters): IterableIterator<Row>;
};

/**
 * Errors carry `code`: SQLITE_BUSY, SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_FULL, SQLITE_READONLY, SQLITE_CANTOPEN, else SQLITE_ERROR_<n>. Of SQLITE_IOERR it
 * tells which call failed, where that makes a difference: SQLITE_IOERR_WRITE, _READ, _SHORT_READ, _FSYNC, _DIR_FSYNC.
 */
export type Database = {
  readonly path: string;
  exec(sql: string): void;
  prepare(sql: string): PreparedStatement;
  /**
   * BEGIN IMMEDIATE … COMMIT; what `act` throws rolls back. Does not nest.
   * `isSynced: false` (WAL only): it survives the end of this process, and a power cut may take it back, whole, with all that came after it;
   * the next synced transaction makes it durable too (sqlite.org/pragma.html#pragma_synchronous, NORMAL).
   */
  transaction<T>(act: () => T, options?: { readonly isSynced: boolean }): T;
  /** False when the file, or what SQLite keeps beside it while it is open (-wal, -shm), was unlinked or replaced under us. */
  isIntact(): boolean;
  close(): void;
};

export type OpenOptions = {
  readonly readOnly?: boolean;
  /** WAL with synchronous=FULL: a commit survives a power cut. False leaves the rollback journal. Default true. */
  readonly wal?: boolean;
  /** A lock: one transaction, open until close(), that keeps everybody else out and never writes. No `wal`. */
  readonly exclusive?: boolean;
  /** How long a statement waits for another connection, ms. Default 5000. */
  readonly busyTimeoutMs?: number;
};
export type OpenDatabase = (path: string, options?: OpenOptions) => Database;

/** Result codes of sqlite3.h; the extended ones (sqlite.org/rescode.html#extrc) have the primary one in their low byte. */
const CODES: ReadonlyMap<number, string> = new Map([
  [5, 'SQLITE_BUSY'],
  [6, 'SQLITE_LOCKED'],
  [8, 'SQLITE_READONLY'],
  [10, 'SQLITE_IOERR'],
  [11, 'SQLITE_CORRUPT'],
  [13, 'SQLITE_FULL'],
  [14, 'SQLITE_CANTOPEN'],
  [19, 'SQLITE_CONSTRAINT'],
  [26, 'SQLITE_NOTADB'],
  [10 | (1 << 8), 'SQLITE_IOERR_READ'],
  [10 | (2 << 8), 'SQLITE_IOERR_SHORT_READ'],
  [10 | (3 << 8), 'SQLITE_IOERR_WRITE'],
  [10 | (4 << 8), 'SQLITE_IOERR_FSYNC'],
  [10 | (5 << 8), 'SQLITE_IOERR_DIR_FSYNC'],
]);

/** A number that no JavaScript number can hold is in no file we wrote: it counts as damage. */
function resultCode(error: unknown): number | null {
  if (!(error instanceof Error)) return null;
  if ('errcode' in error && typeof error.errcode === 'number') return error.errcode;
  return 'code' in error && error.code === 'ERR_OUT_OF_RANGE' ? 11 : null;
}

function worded<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const number = resultCode(error);
    if (number === null) throw error;
    const code = CODES.get(number) ?? CODES.get(number & 0xff) ?? `SQLITE_ERROR_${String(number & 0xff)}`;
    throw Object.assign(new Error(`${code}: ${(error as Error).message}, '${path}'`, { cause: error }), { code });
  }
}

/** Made before SQLite opens it, so that it never has wider permissions; SQLite gives -wal and -shm the same mode. */
function create(path: string): void {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

type Identity = { readonly dev: bigint; readonly ino: bigint };
const LOOK = { bigint: true, throwIfNoEntry: false } as const;

/** Device and inode of the file at a path, by lstat only; null when there is none. A link is refused (code ELOOP). */
function fileIdentity(path: string): Identity | null {
  const stats = lstatSync(path, LOOK);
  if (stats === undefined) return null;
  if (!stats.isFile()) throw Object.assign(new Error(`ELOOP: a database must be a regular file, '${path}'`), { code: 'ELOOP' });
  return stats;
}

function wrapStatement(path: string, statement: StatementSync): PreparedStatement {
  return {
    run: (...parameters) =>
      worded(path, () => {
        const { changes, lastInsertRowid } = statement.run(...(parameters as SQLInputValue[]));
        return { changes: Number(changes), lastInsertRowid };
      }),
    get: (...parameters) => worded(path, () => statement.get(...(parameters as SQLInputValue[])) as Row | undefined),
    all: (...parameters) => worded(path, () => statement.all(...(parameters as SQLInputValue[])) as Row[]),
    iterate: (...parameters) => worded(path, () => statement.iterate(...(parameters as SQLInputValue[])) as IterableIterator<Row>),
  };
}

/** Whatever else stands at its path, a link or a folder, is not it. */
function isThere({ path, identity }: Companion): boolean {
  try {
    const now = fileIdentity(path);
    return now === null || identity === null ? now === identity : now.ino === identity.ino && now.dev === identity.dev;
  } catch {
    return false;
  }
}

type Companion = { readonly path: string; readonly identity: Identity | null };
/** They are made by the first statement in WAL mode, and stay while a connection is open. */
const companionsOf = (path: string): readonly Companion[] =>
  [`${path}-wal`, `${path}-shm`].map((one) => ({ path: one, identity: fileIdentity(one) }));

/** Opens, creating it 0600 unless `readOnly`. Throws with a `code` (see `Database`), also for a file that is no database. */
export const openDatabase: OpenDatabase = (path, options = {}) => {
  try {
    return open(path, options);
  } catch (error) {
    if (options.readOnly === true || (error as { readonly code?: unknown }).code !== 'SQLITE_READONLY') throw error;
    // The system tells why it cannot be opened for writing (EACCES, EROFS, EIO); when it can be now, that was for an instant.
    closeSync(openSync(path, constants.O_RDWR | constants.O_NOFOLLOW));
    return open(path, options);
  }
};

/**
 * A file that it may not write SQLite opens for reading, without a word; and BEGIN EXCLUSIVE on it is a read, which excludes nobody.
 * So each connection that is to write shows at once that it can: a change of one page in memory, which is not committed.
 */
const CAN_WRITE = 'PRAGMA user_version=1';
/** What a connection of `exclusive` begins with; it may ROLLBACK, which gives the lock back, and take it again. */
export const TAKE_EXCLUSIVE = `BEGIN EXCLUSIVE; ${CAN_WRITE}`;

const open: OpenDatabase = (path, options = {}) => {
  const readOnly = options.readOnly === true;
  const isExclusive = options.exclusive === true;
  const isWal = options.wal !== false && !readOnly && !isExclusive;
  if (!readOnly) create(path);
  const identity = fileIdentity(path);
  const database = worded(
    path,
    () =>
      new DatabaseSync(path, {
        readOnly,
        timeout: options.busyTimeoutMs ?? 5000,
        enableForeignKeyConstraints: true,
        allowExtension: false,
      }),
  );
  try {
    worded(path, () => {
      // A lock never writes, so there is nothing to roll back: no journal file is made and removed again for each.
      if (isExclusive) database.exec(`PRAGMA journal_mode=MEMORY; ${TAKE_EXCLUSIVE}`);
      else if (isWal)
        database.exec(
          `PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; SELECT count(*) FROM sqlite_schema; BEGIN IMMEDIATE; ${CAN_WRITE}; ROLLBACK`,
        );
      else database.exec('PRAGMA synchronous=FULL');
    });
  } catch (error) {
    database.close();
    throw error;
  }
  const statement = (sql: string): StatementSync => worded(path, () => database.prepare(sql));
  const begin = statement('BEGIN IMMEDIATE');
  const commit = statement('COMMIT');
  const beside = isWal ? companionsOf(path) : [];
  let current: 'FULL' | 'NORMAL' = 'FULL';
  return {
    path,
    exec: (sql) => {
      worded(path, () => {
        database.exec(sql);
      });
    },
    prepare: (sql) => wrapStatement(path, statement(sql)),
    transaction(act, { isSynced } = { isSynced: true }) {
      const level = isSynced || !isWal ? 'FULL' : 'NORMAL';
      if (level !== current)
        worded(path, () => {
          database.exec(`PRAGMA synchronous=${level}`);
        });
      current = level;
      worded(path, () => begin.run());
      try {
        const value = act();
        worded(path, () => commit.run());
        return value;
      } catch (error) {
        // After some errors (disk full, i/o) SQLite has rolled back by itself.
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
    },
    isIntact: () => identity !== null && isThere({ path, identity }) && beside.every(isThere),
    close: () => {
      if (database.isOpen) database.close();
    },
  };
};
