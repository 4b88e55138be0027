/** Rows of the journal as core's types. The tables are STRICT, so a wrong type is a damaged file: it throws. */

import { JOB_STATES, OUTCOMES, type JobState, type Outcome } from '#core/job.ts';
import { isJobId } from '#core/names.ts';
import type { JournalJob, LaneHold } from '#core/ports.ts';
import type { AttemptRecord } from '#core/run.ts';
import type { Row } from '#platform/sqlite.ts';

export type JournalAttempt = AttemptRecord & { readonly spent: boolean };

const damaged = (what: string): Error =>
  Object.assign(new Error(`SQLITE_CORRUPT: the journal holds no ${what}`), { code: 'SQLITE_CORRUPT' });

function text(row: Row, key: string): string {
  const value = row[key];
  if (typeof value !== 'string') throw damaged(key);
  return value;
}
const textOrNull = (row: Row, key: string): string | null => (row[key] === null ? null : text(row, key));
function numberOrNull(row: Row, key: string): number | null {
  const value = row[key];
  if (value === null) return null;
  if (typeof value !== 'number' && typeof value !== 'bigint') throw damaged(key);
  return Number(value);
}

function member<T extends string>(values: readonly T[], value: string, what: string): T {
  const found = values.find((one) => one === value);
  if (found === undefined) throw damaged(what);
  return found;
}

export const stateOf = (value: string): JobState => member(JOB_STATES, value, 'state');

export function jobOf(row: Row): JournalJob {
  const id = text(row, 'id');
  if (!isJobId(id)) throw damaged('job id');
  const outcome = textOrNull(row, 'outcome');
  return {
    id,
    role: text(row, 'role'),
    stem: text(row, 'stem'),
    state: stateOf(text(row, 'state')),
    outcome: outcome === null ? null : member<Outcome>(OUTCOMES, outcome, 'outcome'),
    feature: textOrNull(row, 'feature'),
    name: textOrNull(row, 'name'),
    revision: numberOrNull(row, 'revision'),
    sha256: textOrNull(row, 'sha256'),
    claimedAt: text(row, 'claimed_at'),
    changedAt: text(row, 'changed_at'),
    attempts: numberOrNull(row, 'attempts') ?? 0,
    reason: textOrNull(row, 'reason'),
  };
}

export const attemptOf = (row: Row): JournalAttempt => ({
  ...(JSON.parse(text(row, 'record')) as AttemptRecord),
  spent: numberOrNull(row, 'spent') === 1,
});

export const holdOf = (row: Row): LaneHold => ({
  lane: text(row, 'lane'),
  untilMs: numberOrNull(row, 'until_ms'),
  reason: text(row, 'reason'),
  at: text(row, 'at'),
});
