/** Released with docket 0.1.0. Never edited: a journal of that version is checked in under test/compat. */
export const jobs = `
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
`;
