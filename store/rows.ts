/**
 * Rows of the journal as core's types, both ways. The tables are STRICT, so a wrong type is a damaged file; and a row whose sum is not the sum of
 * its values was changed on disk: reading either throws (SQLITE_CORRUPT).
 */

import { crc32 } from 'node:zlib';
import { JOB_STATES, OUTCOMES, type Outcome } from '#core/job.ts';
import { HOLD_CAUSES, type LaneRecord } from '#core/lane.ts';
import { isJobId, type JobId } from '#core/names.ts';
import type { JobError, JournalJob, LaneHold } from '#core/ports.ts';
import type { AttemptRecord } from '#core/run.ts';
import { spendLine, type SpendLine } from '#core/spending.ts';
import type { Row, Value } from '#platform/sqlite.ts';

export type JournalAttempt = AttemptRecord & { readonly spent: boolean };

const damaged = (what: string): Error =>
  Object.assign(new Error(`SQLITE_CORRUPT: the journal holds no ${what}`), { code: 'SQLITE_CORRUPT' });

/** The sum of a row: CRC-32 of its values as JSON. */
const sumOf = (values: readonly Value[]): number => crc32(JSON.stringify(values));
/** Rows of version 1 have no sum. */
function checked(row: Row, columns: readonly string[]): void {
  const sum = row['crc'] ?? null;
  if (sum !== null && sum !== sumOf(columns.map((column) => row[column] ?? null))) throw damaged('row as it was written');
}

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

const JOB = 'id role stem state outcome feature name revision sha256 claimed_at changed_at attempts reason'.split(' ');
const ATTEMPT = ['job', 'n', 'record', 'spent'];
const HOLD = ['lane', 'until_ms', 'reason', 'at'];
const LANE = ['lane', 'record', 'at'];

/** `(a, b, crc) VALUES (?, ?, ?)` */
const insertOf = (columns: readonly string[]): string =>
  `(${[...columns, 'crc'].join(', ')}) VALUES (${[...columns, 'crc'].map(() => '?').join(', ')})`;
export const JOB_INSERT = insertOf(JOB);
export const ATTEMPT_INSERT = insertOf(ATTEMPT);
export const HOLD_INSERT = insertOf(HOLD);
export const LANE_INSERT = insertOf(LANE);
export const JOB_COLUMNS = [...JOB, 'crc'].join(', ');

const summed = (values: readonly Value[]): readonly Value[] => [...values, sumOf(values)];

export const jobValues = (job: JournalJob): readonly Value[] => {
  const { id, role, stem, state, outcome, feature, name, revision, sha256, claimedAt, changedAt, attempts, reason } = job;
  return summed([id, role, stem, state, outcome, feature, name, revision, sha256, claimedAt, changedAt, attempts, reason]);
};
export const attemptValues = (id: JobId, attempt: AttemptRecord, spent: boolean): readonly Value[] =>
  summed([id, attempt.n, JSON.stringify(attempt), spent ? 1 : 0]);
export const holdValues = ({ lane, untilMs, reason, at }: LaneHold): readonly Value[] => summed([lane, untilMs, reason, at]);

export const laneValues = (record: LaneRecord, at: string): readonly Value[] => summed([record.lane, JSON.stringify(record), at]);

export function jobOf(row: Row): JournalJob {
  checked(row, JOB);
  const id = text(row, 'id');
  if (!isJobId(id)) throw damaged('job id');
  const outcome = textOrNull(row, 'outcome');
  return {
    id,
    role: text(row, 'role'),
    stem: text(row, 'stem'),
    state: member(JOB_STATES, text(row, 'state'), 'state'),
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

export function attemptOf(row: Row): JournalAttempt {
  checked(row, ATTEMPT);
  try {
    return { ...(JSON.parse(text(row, 'record')) as AttemptRecord), spent: numberOrNull(row, 'spent') === 1 };
  } catch {
    throw damaged('attempt');
  }
}

/** A row of `attempt` with its job's feature and role beside it. Null: it started no tool. */
export function spendingOf(row: Row): SpendLine | null {
  const attempt = attemptOf(row);
  return spendLine(attempt, {
    job: text(row, 'job'),
    feature: textOrNull(row, 'job_feature') ?? '',
    role: text(row, 'job_role'),
    tool: null,
    model: null,
    lane: null,
  });
}

export function holdOf(row: Row): LaneHold {
  checked(row, HOLD);
  return { lane: text(row, 'lane'), untilMs: numberOrNull(row, 'until_ms'), reason: text(row, 'reason'), at: text(row, 'at') };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/** Null: it is not as it was written, or of a newer form. What a lane remembers only makes it careful: without it, it starts afresh. */
export function laneOf(row: Row): LaneRecord | null {
  try {
    checked(row, LANE);
    const read = JSON.parse(text(row, 'record')) as Readonly<Record<string, unknown>>;
    const { lane, cause = null, runner = null, tries, cap, threshold, breaker = null } = read;
    const known = cause === null ? null : (HOLD_CAUSES.find((one) => one === cause) ?? 'unknown');
    if (typeof lane !== 'string' || lane !== row['lane'] || known === 'unknown' || (runner !== null && typeof runner !== 'string'))
      return null;
    if (!isCount(tries) || !isCount(cap) || !isCount(threshold)) return null;
    return { lane, cause: known, runner, tries, cap, threshold, breaker };
  } catch {
    return null;
  }
}

export const errorOf = (row: Row): JobError => ({
  attempt: numberOrNull(row, 'attempt') ?? 0,
  class: text(row, 'class'),
  kind: text(row, 'kind'),
  words: text(row, 'words'),
  at: text(row, 'at'),
});
