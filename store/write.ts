/** A draft as SQL: one statement for each row that changed. Runs inside a transaction. */

import type { JobId } from '#core/names.ts';
import type { Database, PreparedStatement } from '#platform/sqlite.ts';
import type { Draft } from './draft.ts';
import { ATTEMPT_INSERT, attemptValues, HOLD_INSERT, holdValues, JOB_INSERT, jobValues, LANE_INSERT, laneValues } from './rows.ts';

/** Newest events that are kept. */
const EVENTS_MAX = 20_000;
const PRUNE_EVERY = 1_000;

export type Write = (draft: Draft) => void;

/** @param isStored is there a row of this job among those in flight? */
export function makeWrite(database: Database, isStored: (id: JobId) => boolean): Write {
  const sql = prepareAll(database);
  let events = 0;
  return (draft) => {
    for (const [id, known] of draft.jobs) {
      if (known === null) {
        for (const statement of [sql.unflight, sql.unend, sql.forgetAttempts, sql.forgetErrors]) statement.run(id);
      } else if (known.job.state === 'done') {
        if (isStored(id)) sql.unflight.run(id);
        sql.end.run(...jobValues(known.job));
      } else sql.flight.run(...jobValues(known.job));
    }
    for (const { id, attempt, spent } of draft.attempts)
      if (draft.jobs.get(id) !== null) sql.attempt.run(...attemptValues(id, attempt, spent));
    for (const { id, attempt, error } of draft.errors.values()) {
      if (draft.jobs.get(id) === null) continue;
      if (error === null) sql.unerror.run(id, attempt);
      else sql.error.run(id, attempt, error.class, error.kind, error.words, error.at);
    }
    for (const [lane, hold] of draft.holds) {
      if (hold === null) sql.free.run(lane);
      else sql.hold.run(...holdValues(hold));
    }
    for (const { record, at } of draft.lanes.values()) sql.lane.run(...laneValues(record, at));
    for (const { at, job, kind, detail } of draft.events) {
      sql.event.run(at, job, kind, detail);
      events += 1;
      if (events % PRUNE_EVERY === 0) sql.pruneEvents.run();
    }
  };
}

type Statements = Record<
  | 'flight'
  | 'unflight'
  | 'end'
  | 'unend'
  | 'attempt'
  | 'forgetAttempts'
  | 'error'
  | 'unerror'
  | 'forgetErrors'
  | 'hold'
  | 'free'
  | 'lane'
  | 'event'
  | 'pruneEvents',
  PreparedStatement
>;

const prepareAll = (database: Database): Statements => ({
  flight: database.prepare(`INSERT OR REPLACE INTO job_in_flight ${JOB_INSERT}`),
  unflight: database.prepare('DELETE FROM job_in_flight WHERE id = ?'),
  end: database.prepare(`
    INSERT INTO job_ended ${JOB_INSERT}
    ON CONFLICT (id) DO UPDATE SET
      role = excluded.role, stem = excluded.stem, state = excluded.state, outcome = excluded.outcome, feature = excluded.feature, name = excluded.name,
      revision = excluded.revision, sha256 = excluded.sha256, claimed_at = excluded.claimed_at, changed_at = excluded.changed_at, attempts = excluded.attempts,
      reason = excluded.reason, crc = excluded.crc`),
  unend: database.prepare('DELETE FROM job_ended WHERE id = ?'),
  attempt: database.prepare(`INSERT OR REPLACE INTO attempt ${ATTEMPT_INSERT}`),
  forgetAttempts: database.prepare('DELETE FROM attempt WHERE job = ?'),
  error: database.prepare('INSERT OR REPLACE INTO error (job, attempt, class, kind, words, at) VALUES (?, ?, ?, ?, ?, ?)'),
  unerror: database.prepare('DELETE FROM error WHERE job = ? AND attempt = ?'),
  forgetErrors: database.prepare('DELETE FROM error WHERE job = ?'),
  hold: database.prepare(`INSERT OR REPLACE INTO lane_hold ${HOLD_INSERT}`),
  free: database.prepare('DELETE FROM lane_hold WHERE lane = ?'),
  lane: database.prepare(`INSERT OR REPLACE INTO lane_state ${LANE_INSERT}`),
  event: database.prepare('INSERT INTO event (at, job, kind, detail) VALUES (?, ?, ?, ?)'),
  pruneEvents: database.prepare(`DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ${String(EVENTS_MAX)}`),
});
