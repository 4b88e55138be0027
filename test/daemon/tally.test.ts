/** What today cost: each run once, and a new day begins with nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeCalendar } from '#core/day.ts';
import type { JobId } from '#core/names.ts';
import { NO_USAGE, type AttemptRecord } from '#core/run.ts';
import { makeTally, startOfDayMs } from '#daemon/tally.ts';
import { makeFakeClock } from '#test/support/fake-clock.ts';

const attempt = (runId: string, endedAt: string, costUsd: number | null): AttemptRecord => ({
  n: 1,
  runId,
  startedAt: endedAt,
  endedAt,
  outcome: 'answered',
  failure: null,
  usage: { ...NO_USAGE, inputTokens: 100, outputTokens: 20, costUsd },
  starts: 1,
});
const change = (record: AttemptRecord) => ({ do: 'attempt' as const, id: 'a' as JobId, attempt: record, spent: true });

test('runs of today are added up once, whoever tells of them; those of yesterday are not', () => {
  const tally = makeTally(makeFakeClock('2026-11-20T12:00:00.000Z'), makeCalendar('UTC'));
  const one = change(attempt('r1', '2026-11-20T11:00:00.000Z', 0.5));
  tally.hear([one, change(attempt('r2', '2026-11-20T11:30:00.000Z', null)), change(attempt('r3', '2026-11-19T23:59:59.000Z', 9))]);
  tally.hear([one]);
  const { day, runs, inputTokens, micros, unknownRuns } = tally.today();
  assert.deepEqual([day, runs, inputTokens, micros, unknownRuns], ['2026-11-20', 2, 200, 500_000, 1]);
});

test('midnight in the time zone of the budgets begins a day with nothing', async () => {
  const clock = makeFakeClock('2026-11-20T22:30:00.000Z');
  const tally = makeTally(clock, makeCalendar('Europe/Berlin'));
  tally.hear([change(attempt('r1', '2026-11-20T22:00:00.000Z', 1))]);
  assert.equal(tally.today().micros, 1_000_000);
  await clock.advance(3_600_000);
  assert.deepEqual([tally.today().day, tally.today().runs], ['2026-11-21', 0]);
  assert.equal(tally.since(), '2026-11-20T23:00:00.000Z');
});

test('the first moment of a day is found on days with a change of the clock too', () => {
  const berlin = makeCalendar('Europe/Berlin');
  assert.equal(new Date(startOfDayMs(berlin, Date.parse('2026-03-29T20:00:00Z'))).toISOString(), '2026-03-28T23:00:00.000Z');
  assert.equal(new Date(startOfDayMs(berlin, Date.parse('2026-10-25T20:00:00Z'))).toISOString(), '2026-10-24T22:00:00.000Z');
});
