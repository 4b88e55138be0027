/**
 * The journal: an index of what lies in work/, and the memory of attempts, lane holds and events, in one SQLite file.
 *
 *   missing -> made new      ours -> migrated, opened      damaged or not ours -> set aside under another name, made new (`wasRebuilt`)
 *
 * Invariant: a file that cannot be understood is never overwritten. The files in work/ and the history are the truth: after `wasRebuilt`
 * the daemon fills the journal from them again, and only attempt counts and lane holds start afresh.
 */

import type { Clock, Journal, JournalChange, Log } from '#core/ports.ts';
import type { Database, OpenDatabase } from '#platform/sqlite.ts';
import { makeCommits } from './commit.ts';
import { codeOf, isDamage } from './damage.ts';
import { makeMemory } from './memory.ts';
import { makeReads, makeTolerantReads } from './reads.ts';
import { migrate, MIGRATIONS, versionOf } from './schema.ts';

export type JournalInput = {
  readonly path: string;
  readonly openDatabase: OpenDatabase;
  readonly clock: Clock;
  readonly log: Log;
  /** Renames a file, without replacing one; one that is not there is fine. Without it a damaged journal stops the start with words. */
  readonly moveFile?: (from: string, to: string) => void;
  /** Throws to refuse: asked right before each transaction, because it may not be this process's turn any more. */
  readonly check?: () => void;
};
export type OpenedJournal = Journal & {
  /** True: the journal is empty because there was none, or none that could be read. */
  readonly wasRebuilt: boolean;
  /** Where a damaged file was put. */
  readonly setAside: string | null;
};

/** SQLite's own names beside a database (sqlite.org/tempfiles.html). */
const COMPANIONS = ['', '-wal', '-shm', '-journal'] as const;

/** Throws when the file belongs to a newer docket, or is damaged and cannot be moved. */
export function openJournal(input: JournalInput): OpenedJournal {
  const first = tryOpen(input);
  if (first !== null) return { ...first.journal, wasRebuilt: first.isNew, setAside: null };
  const setAside = moveAside(input);
  const second = tryOpen(input);
  if (second === null) throw new Error(`a new journal at ${input.path} is damaged at once: look at the disk`);
  input.log.warn('the journal was damaged; it was set aside and is made again from the files', { path: input.path, setAside });
  return { ...second.journal, wasRebuilt: true, setAside };
}

/** Null: damaged, or a database of somebody else. */
function tryOpen(input: JournalInput): { readonly journal: Journal; readonly isNew: boolean } | null {
  let database: Database | null = null;
  try {
    database = input.openDatabase(input.path);
    const version = isSound(database) ? versionOf(database) : null;
    if (version === null || version.kind === 'foreign') {
      database.close();
      return null;
    }
    migrate(database, version.kind === 'ours' ? version.version : 0);
    return { journal: makeJournal(database, input), isNew: version.kind === 'new' };
  } catch (error) {
    database?.close();
    if (isDamage(error)) return null;
    throw error;
  }
}

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
 * For verbs that only read. Null when there is no journal, or none that this version understands: the folders answer then.
 * One of an older docket is read as it is. `commit` is refused.
 */
export function openJournalReadOnly({ path, openDatabase }: Pick<JournalInput, 'path' | 'openDatabase'>): Journal | null {
  let database: Database | null = null;
  try {
    database = openDatabase(path, { readOnly: true });
    const known = versionOf(database);
    if (known.kind === 'ours' && known.version >= 1 && known.version <= MIGRATIONS.length) return makeReadOnly(database, known.version);
    database.close();
    return null;
  } catch (error) {
    database?.close();
    if (isDamage(error) || codeOf(error) === 'SQLITE_CANTOPEN') return null;
    throw error;
  }
}

/** For the one writer: jobs in flight are answered from memory, as they are durable. Throws (SQLITE_CORRUPT) when a row of them is not as it was written. */
function makeJournal(database: Database, { clock, check }: JournalInput): Journal {
  const reads = makeReads(database, MIGRATIONS.length);
  reads.holds();
  const memory = makeMemory(reads);
  const commits = makeCommits(database, memory, clock, check);
  let isClosed = false;
  const ask = async (changes: readonly JournalChange[], isSynced: boolean): Promise<void> => {
    if (isClosed) throw new Error('the journal is closed');
    await commits.commit(changes, isSynced);
  };
  return {
    ...reads,
    job: (id) => memory.find(id)?.job ?? null,
    attempts: (id) => [...(memory.find(id)?.attempts ?? [])],
    commit: (changes) => ask(changes, true),
    note: (changes) => ask(changes, false),
    isIntact: () => !isClosed && database.isIntact(),
    brokenBy: () => commits.brokenBy(),
    close() {
      if (isClosed) return;
      commits.flush();
      isClosed = true;
      database.close();
    },
  };
}

const refused = (): Promise<never> =>
  Promise.reject(Object.assign(new Error('the journal was opened to be read only'), { code: 'SQLITE_READONLY' }));

/** For whoever only reads, beside a daemon that writes: everything is asked of the file, and where it is damaged the folders answer. */
function makeReadOnly(database: Database, version: number): Journal {
  return {
    ...makeTolerantReads(database, version),
    commit: refused,
    note: refused,
    isIntact: () => database.isIntact(),
    brokenBy: () => null,
    close: () => {
      database.close();
    },
  };
}
