/** The contract of what dockets share: two of them, on one file, with processes that the test lets die. */

import assert from 'node:assert/strict';
import { existsSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Shared, SlotAsk } from '#core/shared.ts';
import { openDatabase } from '#platform/sqlite.ts';
import { openShared } from '#store/shared.ts';
import { makeEventClock, type EventClock } from '#test/support/event-clock.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

type Table = {
  readonly clock: EventClock;
  readonly file: string;
  readonly dead: Set<number>;
  readonly runs: Set<string>;
  readonly open: (pid: number, bootId?: string) => Shared;
};

async function makeTable(t: TestContext): Promise<Table> {
  const folder = await temporaryFolder(t);
  const file = path.join(folder, 'limits-1.db');
  const clock = makeEventClock();
  const dead = new Set<number>();
  const runs = new Set<string>();
  const open = (pid: number, bootId = 'boot'): Shared => {
    const shared = openShared({
      path: file,
      openDatabase,
      clock,
      owner: { pid, pidStart: '1', bootId, instance: String(pid) },
      isAlive: (one) => !dead.has(one),
      isRunAlive: (run) => runs.has(run),
    });
    t.after(() => {
      shared.close();
    });
    return shared;
  };
  return { clock, file, dead, runs, open };
}

const ask = (run: string, more: Partial<SlotAsk> = {}): SlotAsk => ({
  key: 'k',
  run,
  label: `label of ${run}`,
  slots: 1,
  pace: null,
  isProbe: false,
  lineMs: 2_000,
  ...more,
});
const at = '2026-11-20T12:00:00.000Z';
const minutes = (n: number): number => Date.parse(at) + n * 60_000;

test('the last slot is taken once, another account is another matter, and its file is private', async (t) => {
  const { open, file } = await makeTable(t);
  const [a, b] = [open(1), open(2)];
  assert.deepEqual(a.take(ask('a')), { is: 'taken' });
  assert.deepEqual(b.take(ask('b')), { is: 'full', used: 1, byOthers: 1, label: 'label of a' });
  assert.deepEqual(b.take(ask('b', { key: 'other' })), { is: 'taken' });
  assert.deepEqual(b.used('k'), { all: 1, byOthers: 1 });
  a.give('a');
  assert.deepEqual(b.take(ask('b')), { is: 'taken' });
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('each docket keeps to its own number of slots, counted over all', async (t) => {
  const { open } = await makeTable(t);
  const [a, b] = [open(1), open(2)];
  assert.equal(a.take(ask('a1', { slots: 3 })).is, 'taken');
  assert.equal(a.take(ask('a2', { slots: 3 })).is, 'taken');
  assert.deepEqual(b.take(ask('b1', { slots: 2 })), { is: 'full', used: 2, byOthers: 2, label: 'label of a1' });
});

test('who waits is not passed: two with a backlog take turns', async (t) => {
  const { open } = await makeTable(t);
  const dockets = [open(1), open(2)].map((shared, n) => ({ shared, name: 'ab'[n] ?? '' }));
  const begun: string[] = [];
  let running: { readonly shared: Shared; readonly run: string } | null = null;
  for (let step = 0; step < 40; step++) {
    if (running !== null) running.shared.give(running.run);
    running = null;
    // The one that has just ended a run is the first to ask, as a daemon is.
    for (const { shared, name } of step % 2 === 0 ? dockets : dockets.toReversed()) {
      const run = `${name}${String(step)}`;
      if (shared.take(ask(run)).is !== 'taken') continue;
      assert.equal(running, null, 'two run at the same time');
      running = { shared, run };
      begun.push(name);
    }
  }
  assert.equal(begun.length, 40);
  assert.deepEqual([...new Set(begun.map((name, n) => (n === 0 ? '' : name === begun[n - 1] ? 'again' : 'turn')))].toSorted(), [
    '',
    'turn',
  ]);
});

test('a place in line that nobody asks for again lets others by, and so does one of a docket that died', async (t) => {
  const { open, clock, dead } = await makeTable(t);
  const [a, b, c] = [open(1), open(2), open(3)];
  a.take(ask('a'));
  b.take(ask('b'));
  a.give('a');
  assert.deepEqual(c.take(ask('c')), { is: 'behind' });
  await clock.runUntil(clock.monotonicMs() + 2_001);
  assert.deepEqual(c.take(ask('c')), { is: 'taken' });
  assert.equal(b.take(ask('b')).is, 'full');
  c.give('c');
  dead.add(2);
  assert.deepEqual(a.take(ask('a')), { is: 'taken' });
});

test('a killed docket frees its slots at once, but for a run that its keeper goes on with', async (t) => {
  const { open, dead, runs } = await makeTable(t);
  const [a, b] = [open(1), open(2)];
  a.take(ask('a'));
  runs.add('a');
  dead.add(1);
  assert.deepEqual(b.take(ask('b')), { is: 'full', used: 1, byOthers: 1, label: 'label of a' });
  // Started again, it takes up its run, and has its slot still.
  const again = open(11);
  assert.deepEqual(again.take(ask('a')), { is: 'taken' });
  dead.add(11);
  runs.delete('a');
  assert.deepEqual(b.take(ask('b')), { is: 'taken' });
});

test('a machine that started again has no slot in use, whatever number the processes have', async (t) => {
  const { open } = await makeTable(t);
  const a = open(1, 'boot before');
  a.take(ask('a'));
  a.close();
  const b = open(2);
  assert.deepEqual(b.take(ask('b')), { is: 'taken' });
  assert.deepEqual(b.used('k'), { all: 1, byOthers: 0 });
});

test('starts are counted over all dockets: so many in an interval, and none too close to the last', async (t) => {
  const { open, clock } = await makeTable(t);
  const [a, b] = [open(1), open(2)];
  const pace = { cap: 2, intervalMs: 1_000, staggerMs: 100 };
  const more = { slots: 9, pace };
  assert.equal(a.take(ask('a1', more)).is, 'taken');
  assert.deepEqual(b.take(ask('b1', more)), { is: 'early', waitMs: 100 });
  await clock.runUntil(clock.monotonicMs() + 100);
  assert.equal(b.take(ask('b1', more)).is, 'taken');
  assert.deepEqual(a.take(ask('a2', more)), { is: 'early', waitMs: 900 });
  await clock.runUntil(clock.monotonicMs() + 900);
  assert.equal(a.take(ask('a2', more)).is, 'taken');
});

test('a limit told to one holds all, until the same moment; the later reset counts; an expired one is gone', async (t) => {
  const { open, clock } = await makeTable(t);
  const [a, b] = [open(1), open(2)];
  const hold = { untilMs: minutes(5), reason: 'too much', at };
  a.hold('k', hold);
  assert.deepEqual(b.take(ask('b')), { is: 'held', hold });
  a.hold('k', { ...hold, untilMs: minutes(3) });
  assert.deepEqual(b.holdOf('k'), hold);
  await clock.runUntil(clock.monotonicMs() + 5 * 60_000);
  assert.equal(b.holdOf('k'), null);
  assert.equal(b.take(ask('b')).is, 'taken');
  a.hold('k', { ...hold, untilMs: minutes(6), at: new Date(minutes(5)).toISOString() });
  b.free('k');
  assert.equal(a.holdOf('k'), null);
});

test('of probes there is one over all dockets, whatever still runs of before; a limit of before holds it too', async (t) => {
  const { open } = await makeTable(t);
  const [a, b] = [open(1), open(2)];
  assert.equal(a.take(ask('a old')).is, 'taken');
  assert.equal(a.take(ask('a', { isProbe: true })).is, 'taken');
  assert.equal(b.take(ask('b', { isProbe: true })).is, 'full');
  a.give('a');
  a.hold('k', { untilMs: minutes(5), reason: 'too much', at });
  assert.equal(b.take(ask('b', { isProbe: true })).is, 'held');
});

test('a wall clock that is set back makes no hold longer', async (t) => {
  const { open } = await makeTable(t);
  const a = open(1);
  a.hold('k', { untilMs: minutes(60), reason: 'told by a clock that was an hour ahead', at: new Date(minutes(59)).toISOString() });
  assert.equal(a.holdOf('k'), null);
});

test('what was spent is told once to the others, and reservations are gone with the run', async (t) => {
  const { open, dead } = await makeTable(t);
  const [a, b] = [open(1), open(2)];
  const spend = { runId: 'r1', key: 'k', history: 'h', feature: 'F-1', role: 'ui', atMs: minutes(0), micros: 7, unknownRuns: 0 };
  a.atomically(() => {
    a.spend(spend);
    a.spend(spend);
    a.reserve({ run: 'a', key: 'k', history: 'h', feature: 'F-1', micros: 5 });
  });
  assert.deepEqual(a.spentSince(0).spent, []);
  const told = b.spentSince(0);
  assert.deepEqual(told.spent, [spend]);
  assert.deepEqual(b.spentSince(told.last).spent, []);
  assert.deepEqual(b.reserved(), [{ run: 'a', key: 'k', history: 'h', feature: 'F-1', micros: 5 }]);
  dead.add(1);
  assert.deepEqual(b.reserved(), []);
});

test('a file that was removed under it is an error, not a free slot', async (t) => {
  const { open, file } = await makeTable(t);
  const a = open(1);
  a.take(ask('a'));
  for (const one of ['', '-wal', '-shm']) if (existsSync(`${file}${one}`)) rmSync(`${file}${one}`);
  assert.throws(() => a.take(ask('a2')), /was removed or replaced/);
});
