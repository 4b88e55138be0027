/**
 * The journal: an index of what lies in work/, and the memory of attempts, lane holds and events, in one SQLite file.
 *
 *   missing -> made new      ours -> migrated, opened      damaged or not ours -> set aside under another name, made new (`wasRebuilt`)
 *
 * Invariant: a file that cannot be understood is never overwritten. The files in work/ and the history are the truth: after `wasRebuilt`
 * the daemon fills the journal from them again, and only attempt counts and lane holds start afresh.
 */

import type { Clock, Journal, Log } from '#core/ports.ts';
import type { Database, OpenDatabase } from '#platform/sqlite.ts';
import { makeCommits } from './commit.ts';
import { attemptOf, holdOf, jobOf } from './rows.ts';
import { migrate, MIGRATIONS, versionOf } from './schema.ts';

export type JournalInput = {
  readonly path: string;
  readonly openDatabase: OpenDatabase;
  readonly clock: Clock;
  readonly log: Log;
  /** Renames a file, without replacing one; one that is not there is fine. Without it a damaged journal stops the start with words. */
  readonly moveFile?: (from: string, to: string) => void;
};
export type OpenedJournal = Journal & {
  /** True: the journal is empty because there was none, or none that could be read. */
  readonly wasRebuilt: boolean;
  /** Where a damaged file was put. */
  readonly setAside: string | null;
};

/** SQLite's own names beside a database (sqlite.org/tempfiles.html). */
const COMPANIONS = ['', '-wal', '-shm', '-journal'] as const;
const DAMAGED = new Set(['SQLITE_NOTADB', 'SQLITE_CORRUPT']);

/** Throws when the file belongs to a newer docket, or is damaged and cannot be moved. */
export function openJournal(input: JournalInput): OpenedJournal {
  const first = tryOpen(input);
  if (first !== null) return { ...makeJournal(first.database, input.clock), wasRebuilt: first.isNew, setAside: null };
  const setAside = moveAside(input);
  const second = tryOpen(input);
  if (second === null) throw new Error(`a new journal at ${input.path} is damaged at once: look at the disk`);
  input.log.warn('the journal was damaged; it was set aside and is made again from the files', { path: input.path, setAside });
  return { ...makeJournal(second.database, input.clock), wasRebuilt: true, setAside };
}

/** Null: damaged, or a database of somebody else. */
function tryOpen({ path, openDatabase }: JournalInput): { readonly database: Database; readonly isNew: boolean } | null {
  let database: Database | null = null;
  try {
    database = openDatabase(path);
    const version = isSound(database) ? versionOf(database) : null;
    if (version === null || version.kind === 'foreign') {
      database.close();
      return null;
    }
    migrate(database, version.kind === 'ours' ? version.version : 0);
    return { database, isNew: version.kind === 'new' };
  } catch (error) {
    database?.close();
    if (DAMAGED.has(codeOf(error))) return null;
    throw error;
  }
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/** Pages, cells and record formats of the whole file; not the order of indices, which are made of it (sqlite.org/pragma.html#pragma_quick_check). */
const isSound = (database: Database): boolean => database.prepare('PRAGMA quick_check(1)').get()?.['quick_check'] === 'ok';

function moveAside({ path, clock, moveFile }: JournalInput): string {
  if (moveFile === undefined)
    throw Object.assign(new Error(`the journal ${path} is damaged: move it away, it is made again from the files`), {
      code: 'SQLITE_CORRUPT',
    });
  const target = `${path}.damaged-${clock.now().toISOString().replaceAll(':', '').replace('.', '')}`;
  for (const companion of COMPANIONS) moveFile(`${path}${companion}`, `${target}${companion}`);
  return target;
}

/**
 * For verbs that only read while no daemon runs. Null when there is no journal, or none that this version understands: the folders answer then.
 * `commit` is refused by SQLite.
 */
export function openJournalReadOnly({ path, openDatabase, clock }: Omit<JournalInput, 'log' | 'moveFile'>): Journal | null {
  let database: Database | null = null;
  try {
    database = openDatabase(path, { readOnly: true });
    const version = versionOf(database);
    if (version.kind === 'ours' && version.version === MIGRATIONS.length) return makeJournal(database, clock);
    database.close();
    return null;
  } catch (error) {
    database?.close();
    if (DAMAGED.has(codeOf(error)) || codeOf(error) === 'SQLITE_CANTOPEN') return null;
    throw error;
  }
}

function makeJournal(database: Database, clock: Clock): Journal {
  const commits = makeCommits(database, clock);
  const one = database.prepare('SELECT * FROM job WHERE id = ?');
  const open = database.prepare(`SELECT * FROM job WHERE state <> 'done' ORDER BY claimed_at, id`);
  const recent = database.prepare('SELECT * FROM job ORDER BY changed_at DESC, id DESC LIMIT ?');
  const attempts = database.prepare('SELECT * FROM attempt WHERE job = ? ORDER BY n');
  const holds = database.prepare('SELECT * FROM lane_hold ORDER BY lane');
  let isClosed = false;
  return {
    commit: (changes) => (isClosed ? Promise.reject(new Error('the journal is closed')) : commits.commit(changes)),
    job(id) {
      const row = one.get(id);
      return row === undefined ? null : jobOf(row);
    },
    open: () => open.all().map(jobOf),
    recent: (limit) => recent.all(Math.max(0, Math.trunc(limit))).map(jobOf),
    attempts: (id) => attempts.all(id).map(attemptOf),
    holds: () => holds.all().map(holdOf),
    isIntact: () => !isClosed && database.isIntact(),
    close() {
      if (isClosed) return;
      commits.flush();
      isClosed = true;
      database.close();
    },
  };
}
