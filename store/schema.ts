/**
 * The versions of the journal's tables. A migration (migrations/NNNN-*.ts) is never edited once it was released: a new one is added, and
 * `user_version` counts them. Each runs in a transaction of its own together with its number, so a crash leaves one version or the other.
 * Invariant: a database of a newer docket is refused, never touched.
 */

import type { Database } from '#platform/sqlite.ts';
import { jobs } from './migrations/0001-jobs.ts';
import { openAndDone } from './migrations/0002-open-and-done.ts';
import { lanes } from './migrations/0003-lanes.ts';
import { children } from './migrations/0004-children.ts';

/** "dkt1": tells our file from any other SQLite database (PRAGMA application_id). */
export const APPLICATION_ID = 0x64_6b_74_31;

/** In the order of their numbers, from 1. */
export const MIGRATIONS: readonly string[] = [jobs, openAndDone, lanes, children];

const numberOf = (database: Database, pragma: string): number => Number(database.prepare(`PRAGMA ${pragma}`).get()?.[pragma] ?? 0);

/** What an opened file is: ours (with its version), empty and new, or something else that must be set aside. */
export function versionOf(database: Database): { readonly kind: 'ours'; readonly version: number } | { readonly kind: 'new' | 'foreign' } {
  const version = numberOf(database, 'user_version');
  if (numberOf(database, 'application_id') === APPLICATION_ID) return { kind: 'ours', version };
  const tables = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get();
  return { kind: version === 0 && Number(tables?.['count'] ?? 0) === 0 ? 'new' : 'foreign' };
}

/** Refused and not touched: an older docket may not understand what lies in the queue folders either. */
export class NewerJournal extends Error {
  override readonly name = 'NewerJournal';
}

/** Throws `NewerJournal` with words when the file was written by a newer docket. */
export function migrate(database: Database, from: number): void {
  if (from > MIGRATIONS.length)
    throw new NewerJournal(
      `the journal ${database.path} was written by a newer docket (version ${String(from)}, this one knows ${String(MIGRATIONS.length)}): use that docket; nothing was touched, the jobs in flight wait in queues/`,
    );
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index < from) continue;
    database.transaction(() => {
      database.exec(sql);
      database.exec(`PRAGMA application_id = ${String(APPLICATION_ID)}; PRAGMA user_version = ${String(index + 1)}`);
    });
  }
}
