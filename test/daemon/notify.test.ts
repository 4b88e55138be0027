/** Notices: few, however much happens; names and numbers only; nobody waits for them. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FeatureId, JobId, RoleName } from '#core/names.ts';
import type { JournalChange, JournalJob } from '#core/ports.ts';
import { NO_PURSE } from '#daemon/budget.ts';
import {
  makeNotify,
  noticeWords,
  tellChanges,
  tellingPurse,
  type Notice,
  type NoticeKind,
  type Noticed,
  type Notify,
  type NoticeWay,
} from '#daemon/notify.ts';
import { makeFakeClock, type FakeClock } from '#test/support/fake-clock.ts';

const about = (job: string, state = 'failed'): Noticed => ({ feature: 'FEAT-1', role: 'ui', name: null, revision: 1, state, job });
const ON: readonly NoticeKind[] = ['review', 'failed', 'budget'];

const unheard = (): void => undefined;
function rig(
  on = ON,
  tell?: NoticeWay['tell'],
): { readonly notify: Notify; readonly clock: FakeClock; readonly told: Notice[]; readonly warned: string[] } {
  const clock = makeFakeClock();
  const told: Notice[] = [];
  const warned: string[] = [];
  const way = { name: 'test', tell: tell ?? (async (notice: Notice) => void (await Promise.resolve(told.push(notice)))) };
  const log = { warn: (words: string) => void warned.push(words) };
  return { notify: makeNotify({ clock, log, host: 'here', on, windowMs: 1_000, ways: [way] }), clock, told, warned };
}

describe('notices', () => {
  test('the first is told at once, what comes in its window together, and then it is quiet again', async () => {
    const { notify, clock, told } = rig();
    for (let n = 0; n < 10_000; n++) notify.tell('failed', about(`j${String(n)}`));
    await clock.advance(0);
    assert.deepEqual(
      told.map(({ event, count }) => [event, count]),
      [['failed', 1]],
    );
    await clock.advance(1_000);
    assert.deepEqual(
      told.map(({ count }) => count),
      [1, 9_999],
    );
    assert.equal(told[1]?.jobs.length, 10, 'names of the first of them');
    await clock.advance(1_000);
    await clock.advance(1_000);
    assert.equal(told.length, 2);
    notify.tell('failed', about('later'));
    await clock.advance(0);
    assert.deepEqual(
      told.map(({ count }) => count),
      [1, 9_999, 1],
      'at once again',
    );
    await notify.close();
  });

  test('kinds are told apart, and one that is not switched on is not told', async () => {
    const { notify, clock, told } = rig(['review']);
    notify.tell('failed', about('a'));
    notify.tell('review', about('b', 'awaiting'));
    await clock.advance(5_000);
    assert.deepEqual(
      told.map(({ event }) => event),
      ['review-wanted'],
    );
    await notify.close();
  });

  test('a way that hangs keeps nobody waiting, and has one notice behind it however many come', async () => {
    let calls = 0;
    let release = unheard;
    const seen: number[] = [];
    const { notify, clock } = rig(ON, async ({ count }) => {
      calls++;
      seen.push(count);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    });
    for (let round = 0; round < 5; round++) {
      for (let n = 0; n < 100; n++) notify.tell('failed', about(String(n)));
      await clock.advance(1_000);
    }
    assert.equal(calls, 1);
    release();
    await clock.advance(0);
    assert.deepEqual([calls, seen.reduce((sum, count) => sum + count, 0)], [2, 500], 'all of them are counted');
    const closed = notify.close();
    release();
    await closed;
  });

  test('a way that fails is a line in the log, and the next notice is tried', async () => {
    const { notify, clock, warned } = rig(ON, async () => Promise.reject(new Error('status 500')));
    notify.tell('failed', about('a'));
    await clock.advance(0);
    notify.tell('review', about('b'));
    await clock.advance(0);
    assert.deepEqual(warned, [
      'a notice (failed) was not told by test: status 500',
      'a notice (review-wanted) was not told by test: status 500',
    ]);
    await notify.close();
  });

  test('the words for people name the first and count the others', () => {
    const notice: Notice = { v: 1, event: 'review-wanted', at: '', host: 'here', count: 3, jobs: [about('a', 'awaiting')] };
    assert.deepEqual(noticeWords(notice), { title: 'docket: an answer awaits your verdict', body: 'FEAT-1/ui@1: awaiting, and 2 more' });
    assert.equal(noticeWords({ ...notice, event: 'test', jobs: [], count: 1 }).body, 'on here');
  });
});

const job = (id: string, outcome: string): JournalJob =>
  ({
    id,
    role: id === 'free' ? 'notes' : 'ui',
    stem: 's',
    feature: 'FEAT-1',
    name: null,
    revision: 2,
    reason: `the prompt said: ${outcome}`,
  }) as unknown as JournalJob;

const done = (id: string, outcome: 'answered' | 'failed' | 'held' | 'rejected' | 'cancelled' | 'briefed' | 'duplicate'): JournalChange => ({
  do: 'move',
  id: id as JobId,
  to: 'done',
  outcome,
  reason: 'words of the tool',
  at: '',
});

describe('what is worth a notice', () => {
  test('an answer of a reviewed role, a bad end that no person made, and a wait for money', async () => {
    const { notify, clock, told } = rig();
    const changes = [
      done('a', 'answered'),
      done('free', 'answered'),
      done('b', 'failed'),
      done('c', 'cancelled'),
      done('d', 'briefed'),
      done('e', 'duplicate'),
      { do: 'event', at: '', job: 'f', kind: 'budget', detail: 'the budget of the day: $1 spent' } as const,
    ];
    tellChanges(
      notify,
      changes,
      (id) => job(id, 'x'),
      (role) => role !== 'notes',
    );
    await clock.advance(0);
    assert.deepEqual(
      told.map(({ event, jobs }) => [event, jobs[0]?.job]),
      [
        ['review-wanted', 'a'],
        ['failed', 'b'],
        ['budget-reached', 'f'],
      ],
    );
    const text = JSON.stringify(told);
    assert.doesNotMatch(text, /words of the tool|the prompt said|spent/, 'no words of anybody');
    assert.deepEqual(Object.keys(told[0]?.jobs[0] ?? {}), ['feature', 'role', 'name', 'revision', 'state', 'job']);
    await notify.close();
  });

  test('a file that a budget keeps in in/ is told once for its role, feature and lane', async () => {
    const { notify, clock, told } = rig();
    let isShut = true;
    const purse = tellingPurse({ ...NO_PURSE, isOn: true, shut: () => (isShut ? 'no money' : null) }, notify);
    const ask = (): string | null => purse.shut('ui' as RoleName, 'FEAT-1' as FeatureId, 'lane', 'ui/foo.md');
    for (let n = 0; n < 1_000; n++) assert.equal(ask(), 'no money');
    await clock.advance(5_000);
    assert.deepEqual(
      told.map(({ event, count }) => [event, count]),
      [['budget-reached', 1]],
    );
    isShut = false;
    assert.equal(ask(), null);
    isShut = true;
    ask();
    await clock.advance(0);
    assert.equal(told.length, 2);
    await notify.close();
  });
});
