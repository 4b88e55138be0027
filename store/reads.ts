/** What is asked of the journal, as SQL. Also for a journal that an older docket still writes: verbs answer before the daemon is started anew. */

import type { LaneRecord } from '#core/lane.ts';
import type { JobId } from '#core/names.ts';
import type { JobError, JournalJob, LaneHold } from '#core/ports.ts';
import type { Database, Row } from '#platform/sqlite.ts';
import { isDamage } from './damage.ts';
import type { SpendLine } from '#core/spending.ts';
import { attemptOf, errorOf, holdOf, JOB_COLUMNS, jobOf, laneOf, spendingOf, type JournalAttempt } from './rows.ts';

export type Reads = {
  job(id: JobId): JournalJob | null;
  /** All not done, oldest first. */
  open(): JournalJob[];
  /** Newest first. */
  recent(limit: number): JournalJob[];
  attempts(id: JobId): JournalAttempt[];
  spending(since?: string): SpendLine[];
  errors(id: JobId): JobError[];
  holds(): LaneHold[];
  lanes(): LaneRecord[];
};

/** Version 1 had one table of jobs and no errors. */
const OPEN_1 = `SELECT * FROM job WHERE state <> 'done' ORDER BY claimed_at, id`;
const OPEN = 'SELECT * FROM job_in_flight ORDER BY claimed_at, id';
const RECENT_1 = 'SELECT * FROM job ORDER BY changed_at DESC, id DESC LIMIT ?1';
const RECENT = `
  SELECT ${JOB_COLUMNS} FROM job_in_flight
  UNION ALL SELECT * FROM (
    SELECT ${JOB_COLUMNS} FROM job_ended ORDER BY n DESC LIMIT ?1)
  ORDER BY changed_at DESC, id DESC LIMIT ?1`;

const SPENDING = `
  SELECT attempt.*, job.feature AS job_feature, job.role AS job_role FROM attempt JOIN job ON job.id = attempt.job
  WHERE ?1 IS NULL OR NOT json_valid(attempt.record) OR attempt.record ->> '$.endedAt' >= ?1`;

/** @param version of the tables, 1 or later */
export function makeReads(database: Database, version: number): Reads {
  return readsWith(database, version, (rows, parse) => rows().map(parse));
}

/** Rows that are not as they were written are left out, and a page that cannot be read is no rows. */
export function makeTolerantReads(database: Database, version: number): Reads {
  return readsWith(database, version, (rows, parse) => unlessDamaged(rows).flatMap((row) => unlessDamaged(() => [parse(row)])));
}

type ReadRows = <T>(rows: () => readonly Row[], parse: (row: Row) => T) => T[];

function readsWith(database: Database, version: number, read: ReadRows): Reads {
  const job = database.prepare('SELECT * FROM job WHERE id = ?');
  const open = database.prepare(version === 1 ? OPEN_1 : OPEN);
  const recent = database.prepare(version === 1 ? RECENT_1 : RECENT);
  const attempts = database.prepare('SELECT * FROM attempt WHERE job = ? ORDER BY n');
  const spending = database.prepare(SPENDING);
  const errors = version === 1 ? null : database.prepare('SELECT * FROM error WHERE job = ? ORDER BY attempt = 0, attempt');
  const holds = database.prepare('SELECT * FROM lane_hold ORDER BY lane');
  const lanes = version < 3 ? null : database.prepare('SELECT * FROM lane_state ORDER BY lane');
  return {
    job: (id) => read(() => job.all(id), jobOf)[0] ?? null,
    open: () => read(() => open.all(), jobOf),
    recent: (limit) => read(() => recent.all(Math.max(0, Math.trunc(limit))), jobOf),
    attempts: (id) => read(() => attempts.all(id), attemptOf),
    spending: (since) => read(() => spending.all(since ?? null), spendingOf).flatMap((line) => line ?? []),
    errors: (id) => read(() => errors?.all(id) ?? [], errorOf),
    holds: () => read(() => holds.all(), holdOf),
    lanes: () => read(() => lanes?.all() ?? [], laneOf).filter((lane) => lane !== null),
  };
}

function unlessDamaged<T>(act: () => readonly T[]): readonly T[] {
  try {
    return act();
  } catch (error) {
    if (isDamage(error)) return [];
    throw error;
  }
}
