/**
 * The journal's tables. A migration is never edited once it was released: a new one is added, and `user_version` counts them.
 * Invariant: a database of a newer docket is refused, never touched.
 */

import type { Database } from '#platform/sqlite.ts';

/** "dkt1": tells our file from any other SQLite database (PRAGMA application_id). */
export const APPLICATION_ID = 0x64_6b_74_31;

export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE job (
    id TEXT PRIMARY KEY, role TEXT NOT NULL, stem TEXT NOT NULL, state TEXT NOT NULL, outcome TEXT,
    feature TEXT, name TEXT, revision INTEGER, sha256 TEXT, claimed_at TEXT NOT NULL, changed_at TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, reason TEXT
  ) STRICT;
  CREATE INDEX job_open ON job (claimed_at, id) WHERE state <> 'done';
  CREATE INDEX job_changed ON job (changed_at, id);
  CREATE TABLE attempt (
    job TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE, n INTEGER NOT NULL, record TEXT NOT NULL, spent INTEGER NOT NULL,
    PRIMARY KEY (job, n)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE lane_hold (lane TEXT PRIMARY KEY, until_ms INTEGER, reason TEXT NOT NULL, at TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE event (id INTEGER PRIMARY KEY, at TEXT NOT NULL, job TEXT, kind TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
  `,
];

const numberOf = (database: Database, pragma: string): number => Number(database.prepare(`PRAGMA ${pragma}`).get()?.[pragma] ?? 0);

/** What an opened file is: ours (with its version), empty and new, or something else that must be set aside. */
export function versionOf(database: Database): { readonly kind: 'ours'; readonly version: number } | { readonly kind: 'new' | 'foreign' } {
  const version = numberOf(database, 'user_version');
  if (numberOf(database, 'application_id') === APPLICATION_ID) return { kind: 'ours', version };
  const tables = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get();
  return { kind: version === 0 && Number(tables?.['count'] ?? 0) === 0 ? 'new' : 'foreign' };
}

/** Throws with words when the file was written by a newer docket. */
export function migrate(database: Database, from: number): void {
  if (from > MIGRATIONS.length)
    throw new Error(
      `the journal ${database.path} was written by a newer docket (version ${String(from)}, this one knows ${String(MIGRATIONS.length)}): use that docket, or move the file away`,
    );
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index < from) continue;
    database.transaction(() => {
      database.exec(sql);
      database.exec(`PRAGMA application_id = ${String(APPLICATION_ID)}; PRAGMA user_version = ${String(index + 1)}`);
    });
  }
}
