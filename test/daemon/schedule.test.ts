import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Journal, JournalChange, LaneHold } from '#core/ports.ts';
import { Leaving } from '#daemon/leaving.ts';
import { makeLanes } from '#daemon/schedule.ts';
import { silentLog } from '#platform/log.ts';
import { makeFakeClock } from '#test/support/fake-clock.ts';

const unused = (): never => {
  throw new Error('not asked here');
};

const journalWith = (holds: readonly LaneHold[]): { journal: Journal; changes: JournalChange[] } => {
  const changes: JournalChange[] = [];
  const journal: Journal = {
    commit: async (more) => {
      changes.push(...more);
      return Promise.resolve();
    },
    note: unused,
    job: unused,
    open: unused,
    recent: unused,
    attempts: unused,
    errors: unused,
    spending: unused,
    holds: () => [...holds],
    isIntact: () => true,
    brokenBy: () => null,
    close: () => undefined,
  };
  return { journal, changes };
};

const rig = (slots = 1, holds: readonly LaneHold[] = [], ahead = 0) => {
  const clock = makeFakeClock();
  const { journal, changes } = journalWith(holds);
  const lanes = makeLanes(
    { clock, journal, log: silentLog() },
    (name) => ({
      name,
      slots,
      intervalCap: Number.POSITIVE_INFINITY,
      intervalMs: 0,
    }),
    ahead,
  );
  return { clock, lanes, changes };
};

const never = new AbortController().signal;
const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a lane runs no more than its slots, lower priority first', async () => {
  const { lanes } = rig(1);
  const order: string[] = [];
  const first = Promise.withResolvers<void>();
  const running = [
    lanes.run('a', 50, never, async () => {
      order.push('first');
      await first.promise;
    }),
    lanes.run('a', 90, never, async () => Promise.resolve(void order.push('late'))),
    lanes.run('a', 10, never, async () => Promise.resolve(void order.push('early'))),
  ];
  await turn();
  assert.deepEqual(order, ['first']);
  first.resolve();
  await Promise.all(running);
  assert.deepEqual(order, ['first', 'early', 'late']);
});

test('a held lane starts nothing until its time, and the hold is in the journal', async () => {
  const { lanes, clock, changes } = rig(2);
  await lanes.hold('a', clock.now().getTime() + 5_000, 5_000, 'rate limit');
  let ran = false;
  const run = lanes.run('a', 50, never, async () => Promise.resolve(void (ran = true)));
  await clock.advance(4_999);
  assert.equal(ran, false);
  assert.equal(lanes.view()[0]?.reason, 'rate limit');
  await clock.advance(1);
  await run;
  assert.deepEqual(
    changes.map((change) => change.do),
    ['hold-lane', 'free-lane'],
  );
});

test('a hold survives a restart and never outlives its reset', async () => {
  const untilMs = Date.parse('2026-11-20T12:00:10.000Z');
  const { lanes, clock } = rig(1, [{ lane: 'a', untilMs, reason: 'usage limit', at: '2026-11-20T11:00:00.000Z' }]);
  assert.equal(lanes.isHeld('a'), true);
  await clock.advance(10_000);
  assert.equal(lanes.isHeld('a'), false);
});

test('a stop rejects what waits and lets what runs come to its end', async () => {
  const { lanes } = rig(1);
  const work = Promise.withResolvers<string>();
  const running = lanes.run('a', 50, never, async () => work.promise);
  const waiting = lanes.run('a', 50, never, async () => Promise.resolve('never'));
  await turn();
  lanes.stop();
  await assert.rejects(waiting, Leaving);
  work.resolve('done');
  assert.equal(await running, 'done');
  await assert.rejects(
    lanes.run('a', 50, never, async () => Promise.resolve('no')),
    Leaving,
  );
});

test('a cancel ends the wait for a slot', async () => {
  const { lanes } = rig(1);
  const hold = Promise.withResolvers<void>();
  const running = lanes.run('a', 50, never, async () => hold.promise);
  const cancel = new AbortController();
  const waiting = lanes.run('a', 50, cancel.signal, async () => Promise.resolve());
  cancel.abort('anna');
  await assert.rejects(waiting, Leaving);
  hold.resolve();
  await running;
});

test('a claimed job stands in its lane until its answer is there, and leaves it once', () => {
  const { lanes } = rig(2);
  const place = lanes.reserve('a', 50);
  assert.equal(lanes.room('a', 50), 1);
  place.leaves();
  place.leaves();
  assert.equal(lanes.room('a', 50), 2);
});

test('a few more are claimed than can run, and beyond them only what is more urgent than one that waits', () => {
  const { lanes } = rig(1, [], 1);
  const running = lanes.reserve('a', 50);
  running.begins();
  assert.equal(lanes.room('a', 50), 1);
  const waiting = lanes.reserve('a', 50);
  assert.deepEqual([lanes.room('a', 50), lanes.room('a', 49)], [0, 1]);
  waiting.begins();
  assert.equal(lanes.room('a', 49), 0, 'what runs is in nobody’s way');
  running.leaves();
  assert.equal(lanes.room('a', 50), 1);
});
