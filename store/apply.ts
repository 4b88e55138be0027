/** One change of the journal as SQL. Every change can be made twice: recovery repeats steps. */

import type { JobId } from '#core/names.ts';
import type { JournalChange, JournalJob } from '#core/ports.ts';
import { unreachable } from '#core/result.ts';
import type { Database, PreparedStatement } from '#platform/sqlite.ts';
import { judgeMove } from './moves.ts';
import { stateOf } from './rows.ts';

/** A change that the states of core/job.ts do not allow, or about a job the journal does not know: a bug of the caller. */
export class IllegalChange extends Error {
  override readonly name = 'IllegalChange';
  readonly code = 'ILLEGAL_CHANGE';
  readonly job: JobId;
  constructor(job: JobId, message: string) {
    super(message);
    this.job = job;
  }
}

/** Newest events that are kept. */
const EVENTS_MAX = 20_000;
const PRUNE_EVERY = 1_000;

export type Apply = (change: JournalChange) => void;

export function makeApply(database: Database): Apply {
  const sql = prepareAll(database);
  let events = 0;

  const known = (id: JobId): ReturnType<typeof stateOf> | null => {
    const state = sql.state.get(id)?.['state'];
    return typeof state === 'string' ? stateOf(state) : null;
  };
  const must = (id: JobId, what: string): ReturnType<typeof stateOf> => {
    const state = known(id);
    if (state === null) throw new IllegalChange(id, `job ${id} is not in the journal: ${what}`);
    return state;
  };

  const putJob = (job: JournalJob): void => {
    const before = known(job.id);
    const verdict = before === null ? 'go' : judgeMove(before, job.state);
    if (verdict === 'refuse') throw new IllegalChange(job.id, `job ${job.id} cannot go from ${String(before)} to ${job.state}`);
    const state = verdict === 'stay' && before !== null ? before : job.state;
    const { id, role, stem, outcome, feature, name, revision, sha256, claimedAt, changedAt, attempts, reason } = job;
    sql.putJob.run(id, role, stem, state, outcome, feature, name, revision, sha256, claimedAt, changedAt, attempts, reason);
  };

  const putEvent = (at: string, job: string | null, kind: string, detail: string): void => {
    sql.event.run(at, job, kind, detail);
    events += 1;
    if (events % PRUNE_EVERY === 0) sql.pruneEvents.run();
  };

  return (change) => {
    switch (change.do) {
      case 'job':
        putJob(change.job);
        break;
      case 'move': {
        const from = must(change.id, `move to ${change.to}`);
        const verdict = judgeMove(from, change.to);
        if (verdict === 'refuse') throw new IllegalChange(change.id, `job ${change.id} cannot go from ${from} to ${change.to}`);
        if (verdict === 'go') sql.move.run(change.to, change.outcome ?? null, change.reason ?? null, change.at, change.id);
        break;
      }
      case 'identify':
        must(change.id, 'identify');
        sql.identify.run(change.feature, change.name, change.revision, change.at, change.id);
        break;
      case 'attempt':
        must(change.id, `attempt ${String(change.attempt.n)}`);
        sql.attempt.run(change.id, change.attempt.n, JSON.stringify(change.attempt), change.spent ? 1 : 0);
        sql.countAttempts.run(change.id, change.id);
        break;
      case 'hold-lane':
        sql.hold.run(change.lane, change.untilMs === null ? null : Math.round(change.untilMs), change.reason, change.at);
        break;
      case 'free-lane':
        sql.free.run(change.lane);
        break;
      case 'event':
        putEvent(change.at, change.job, change.kind, change.detail);
        break;
      case 'forget':
        sql.forget.run(change.id);
        break;
      default:
        unreachable(change);
    }
  };
}

type Statements = Record<
  'state' | 'putJob' | 'move' | 'identify' | 'attempt' | 'countAttempts' | 'hold' | 'free' | 'event' | 'pruneEvents' | 'forget',
  PreparedStatement
>;

const prepareAll = (database: Database): Statements => ({
  state: database.prepare('SELECT state FROM job WHERE id = ?'),
  putJob: database.prepare(`
    INSERT INTO job (id, role, stem, state, outcome, feature, name, revision, sha256, claimed_at, changed_at, attempts, reason)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
      role = excluded.role, stem = excluded.stem, state = excluded.state, outcome = coalesce(excluded.outcome, outcome),
      feature = coalesce(excluded.feature, feature), name = coalesce(excluded.name, name), revision = coalesce(excluded.revision, revision),
      sha256 = coalesce(excluded.sha256, sha256), changed_at = excluded.changed_at, attempts = max(excluded.attempts, attempts),
      reason = coalesce(excluded.reason, reason)`),
  move: database.prepare('UPDATE job SET state = ?, outcome = coalesce(?, outcome), reason = ?, changed_at = ? WHERE id = ?'),
  identify: database.prepare('UPDATE job SET feature = ?, name = ?, revision = ?, changed_at = ? WHERE id = ?'),
  attempt: database.prepare(`
    INSERT INTO attempt (job, n, record, spent) VALUES (?, ?, ?, ?)
    ON CONFLICT (job, n) DO UPDATE SET record = excluded.record, spent = excluded.spent`),
  countAttempts: database.prepare('UPDATE job SET attempts = (SELECT count(*) FROM attempt WHERE job = ?) WHERE id = ?'),
  hold: database.prepare(`
    INSERT INTO lane_hold (lane, until_ms, reason, at) VALUES (?, ?, ?, ?)
    ON CONFLICT (lane) DO UPDATE SET until_ms = excluded.until_ms, reason = excluded.reason, at = excluded.at`),
  free: database.prepare('DELETE FROM lane_hold WHERE lane = ?'),
  event: database.prepare('INSERT INTO event (at, job, kind, detail) VALUES (?, ?, ?, ?)'),
  pruneEvents: database.prepare(`DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ${String(EVENTS_MAX)}`),
  forget: database.prepare('DELETE FROM job WHERE id = ?'),
});
