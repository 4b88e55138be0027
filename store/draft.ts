/**
 * What the changes of one turn come to, worked out in memory before anything is written: each job that changed once, in its last state.
 * Invariant: a caller's changes are all in the draft or none of them; a change that core/states.ts does not allow is refused here.
 * Every change can be made twice: recovery repeats steps.
 */

import { classOf, describe, type Failure } from '#core/failure.ts';
import type { JobState } from '#core/job.ts';
import type { LaneRecord } from '#core/lane.ts';
import type { JobId } from '#core/names.ts';
import type { JobError, JournalChange, JournalJob, LaneHold } from '#core/ports.ts';
import type { AttemptRecord } from '#core/run.ts';
import { unreachable } from '#core/result.ts';
import { judgeMove } from './moves.ts';
import type { JournalAttempt } from './rows.ts';

/** A change that the states do not allow, or about a job the journal does not know: a bug of the caller. */
export class IllegalChange extends Error {
  override readonly name = 'IllegalChange';
  readonly code = 'ILLEGAL_CHANGE';
  readonly job: JobId;
  constructor(job: JobId, message: string) {
    super(message);
    this.job = job;
  }
}

/** What is known of a job. */
export type Known = { readonly job: JournalJob; readonly attempts: readonly JournalAttempt[] };
/** Null: there is none. */
export type Lookup = (id: JobId) => Known | null;
export type JournalEvent = { readonly at: string; readonly job: string | null; readonly kind: string; readonly detail: string };

export type Draft = {
  /** Null: forgotten. */
  readonly jobs: ReadonlyMap<JobId, Known | null>;
  readonly attempts: readonly { readonly id: JobId; readonly attempt: AttemptRecord; readonly spent: boolean }[];
  /** Keyed by job and attempt; null: there is none any more. */
  readonly errors: ReadonlyMap<string, { readonly id: JobId; readonly attempt: number; readonly error: JobError | null }>;
  /** By lane; null: free. */
  readonly holds: ReadonlyMap<string, LaneHold | null>;
  readonly lanes: ReadonlyMap<string, { readonly record: LaneRecord; readonly at: string }>;
  readonly events: readonly JournalEvent[];
  /** Takes one caller's changes; the reason when they were refused. */
  take(changes: readonly JournalChange[]): IllegalChange | null;
  event(event: JournalEvent): void;
};

/** @param known what is durable already */
export function makeDraft(known: Lookup): Draft {
  const jobs = new Map<JobId, Known | null>();
  const attempts: Draft['attempts'][number][] = [];
  const errors = new Map<string, { id: JobId; attempt: number; error: JobError | null }>();
  const holds = new Map<string, LaneHold | null>();
  const lanes = new Map<string, { record: LaneRecord; at: string }>();
  const events: JournalEvent[] = [];

  const find = (id: JobId): Known | null => {
    const drafted = jobs.get(id);
    return drafted === undefined ? known(id) : drafted;
  };
  const edit = (id: JobId, change: (before: Known) => Known): void => {
    const before = find(id);
    if (before !== null) jobs.set(id, change(before));
  };
  const putError = (id: JobId, attempt: number, failure: Failure | null, at: string): void => {
    const error = failure === null ? null : { attempt, class: classOf(failure), kind: failure.kind, words: describe(failure), at };
    errors.set(`${id} ${String(attempt)}`, { id, attempt, error });
  };

  const apply = (change: JournalChange): void => {
    switch (change.do) {
      case 'job': {
        const before = find(change.job.id);
        jobs.set(change.job.id, before === null ? { job: change.job, attempts: [] } : { ...before, job: merged(before.job, change.job) });
        break;
      }
      case 'move':
        edit(change.id, (before) => {
          if (judgeMove(before.job.state, change.to) !== 'go') return before;
          const { to: state, outcome = before.job.outcome, reason = null, at: changedAt } = change;
          return { ...before, job: { ...before.job, state, outcome, reason, changedAt } };
        });
        break;
      case 'identify': {
        const { feature, name, revision, at: changedAt } = change;
        edit(change.id, (before) => ({ ...before, job: { ...before.job, feature, name, revision, changedAt } }));
        break;
      }
      case 'attempt': {
        const { id, attempt, spent } = change;
        attempts.push({ id, attempt, spent });
        edit(id, (before) => {
          const earlier = before.attempts.find(({ n }) => n === attempt.n);
          if (attempt.failure !== null || (earlier !== undefined && earlier.failure !== null))
            putError(id, attempt.n, attempt.failure, attempt.endedAt);
          const others = before.attempts.filter(({ n }) => n !== attempt.n);
          const all = [...others, { ...attempt, spent }].toSorted((a, b) => a.n - b.n);
          return { job: { ...before.job, attempts: all.length }, attempts: all };
        });
        break;
      }
      case 'error':
        putError(change.id, change.attempt ?? 0, change.failure, change.at);
        break;
      case 'hold-lane': {
        const { lane, untilMs, reason, at } = change;
        holds.set(lane, { lane, untilMs: untilMs === null ? null : Math.round(untilMs), reason, at });
        break;
      }
      case 'free-lane':
        holds.set(change.lane, null);
        break;
      case 'lane':
        lanes.set(change.record.lane, { record: change.record, at: change.at });
        break;
      case 'event': {
        const { at, job, kind, detail } = change;
        events.push({ at, job, kind, detail });
        break;
      }
      case 'forget':
        jobs.set(change.id, null);
        break;
      default:
        unreachable(change);
    }
  };

  return {
    jobs,
    attempts,
    errors,
    holds,
    lanes,
    events,
    event: (event) => void events.push(event),
    take(changes) {
      const refusal = refusalOf(changes, (id) => find(id)?.job.state ?? null);
      if (refusal === null) for (const change of changes) apply(change);
      return refusal;
    },
  };
}

/** The first change that cannot be made, when the ones before it were. */
function refusalOf(changes: readonly JournalChange[], stateOf: (id: JobId) => JobState | null): IllegalChange | null {
  const states = new Map<JobId, JobState | null>();
  for (const change of changes) {
    if (!('id' in change) && change.do !== 'job') continue;
    const id = change.do === 'job' ? change.job.id : change.id;
    const from = states.has(id) ? (states.get(id) ?? null) : stateOf(id);
    if (change.do === 'forget') {
      states.set(id, null);
      continue;
    }
    if (from === null && change.do !== 'job') return new IllegalChange(id, `job ${id} is not in the journal: ${wordsOf(change)}`);
    const to = change.do === 'job' ? change.job.state : change.do === 'move' ? change.to : null;
    if (to === null) continue;
    const verdict = from === null ? 'go' : judgeMove(from, to);
    if (verdict === 'refuse') return new IllegalChange(id, `job ${id} cannot go from ${String(from)} to ${to}`);
    states.set(id, verdict === 'stay' ? from : to);
  }
  return null;
}

const wordsOf = (change: JournalChange): string =>
  change.do === 'move' ? `move to ${change.to}` : change.do === 'attempt' ? `attempt ${String(change.attempt.n)}` : change.do;

/** What a new row says of a job that is known: facts are added, never taken away, and a repeated step does not take it back. */
const merged = (before: JournalJob, row: JournalJob): JournalJob => ({
  ...row,
  state: judgeMove(before.state, row.state) === 'stay' ? before.state : row.state,
  outcome: row.outcome ?? before.outcome,
  feature: row.feature ?? before.feature,
  name: row.name ?? before.name,
  revision: row.revision ?? before.revision,
  sha256: row.sha256 ?? before.sha256,
  claimedAt: before.claimedAt,
  attempts: Math.max(row.attempts, before.attempts),
  reason: row.reason ?? before.reason,
});
