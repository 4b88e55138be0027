/**
 * Jobs in flight move many times, and those that ended never again: two tables. A step of a job in flight then touches one page of a small table
 * and no index, however many have ended; the ended ones lie in the order in which they ended (`n`). `job` is both, for whoever reads.
 * Errors: one row per job and attempt, attempt 0 for the end of the job itself.
 * `crc` (store/rows.ts) tells a row whose bytes were changed on disk, which SQLite itself does not notice; null for rows of version 1.
 */
const COLUMNS = 'id, role, stem, state, outcome, feature, name, revision, sha256, claimed_at, changed_at, attempts, reason';
const TYPED = `
    role TEXT NOT NULL, stem TEXT NOT NULL, state TEXT NOT NULL, outcome TEXT, feature TEXT, name TEXT, revision INTEGER, sha256 TEXT,
    claimed_at TEXT NOT NULL, changed_at TEXT NOT NULL, attempts INTEGER NOT NULL, reason TEXT, crc INTEGER`;

export const openAndDone = `
  CREATE TABLE job_in_flight (id TEXT PRIMARY KEY, ${TYPED}
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE job_ended (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ${TYPED}
  ) STRICT;
  INSERT INTO job_in_flight (${COLUMNS}) SELECT ${COLUMNS} FROM job WHERE state <> 'done';
  INSERT INTO job_ended (${COLUMNS}) SELECT ${COLUMNS} FROM job WHERE state = 'done' ORDER BY changed_at, id;
  ALTER TABLE attempt RENAME TO attempt_before;
  CREATE TABLE attempt (
    job TEXT NOT NULL, n INTEGER NOT NULL, record TEXT NOT NULL, spent INTEGER NOT NULL, crc INTEGER, PRIMARY KEY (job, n)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO attempt (job, n, record, spent) SELECT job, n, record, spent FROM attempt_before;
  DROP TABLE attempt_before;
  DROP TABLE job;
  CREATE VIEW job AS SELECT ${COLUMNS}, crc FROM job_in_flight UNION ALL SELECT ${COLUMNS}, crc FROM job_ended;
  ALTER TABLE lane_hold ADD COLUMN crc INTEGER;
  CREATE TABLE error (
    job TEXT NOT NULL, attempt INTEGER NOT NULL, class TEXT NOT NULL, kind TEXT NOT NULL, words TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (job, attempt)
  ) STRICT, WITHOUT ROWID;
`;
