import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '#core/failure.ts';
import { Leaving } from '#daemon/leaving.ts';
import type { Lanes } from '#daemon/schedule.ts';
import { failing, judge, limited, makeLanesRig, missing, never } from '#test/support/lanes-rig.ts';

const ask = (order = 0, lanes: readonly string[] = ['a'], role = 'architect') => ({ lanes, role, order });
const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const good = (): { is: 'answered' } => ({ is: 'answered' });
const circuit = (lanes: Lanes): string => lanes.view()[0]?.circuit ?? '';

/** Runs that end when the test says how. */
function makeRuns(lanes: Lanes) {
  const open: { readonly name: string; readonly end: (failure: Failure | null) => void }[] = [];
  const begun: string[] = [];
  return {
    begun,
    async start(name: string, order = 0, on: readonly string[] = ['a'], role = 'architect'): Promise<Failure | null> {
      return lanes.run(
        ask(order, on, role),
        never,
        async ({ choice, isProbe }) => {
          begun.push(`${name}${choice > 0 ? ` in ${on[choice] ?? ''}` : ''}${isProbe ? ' alone' : ''}`);
          return new Promise<Failure | null>((resolve) => open.push({ name, end: resolve }));
        },
        judge,
      );
    },
    /** The oldest one that runs. */
    async end(failure: Failure | null = null): Promise<void> {
      const one = open.shift();
      assert.ok(one !== undefined, 'nothing runs');
      one.end(failure);
      await turn();
      await turn();
    },
  };
}

test('a lane runs no more than its slots, lower priority first', async () => {
  const { lanes } = makeLanesRig();
  const runs = makeRuns(lanes);
  const all = [runs.start('first', 50), runs.start('late', 90), runs.start('early', 10)];
  assert.deepEqual(runs.begun, ['first']);
  await runs.end();
  await runs.end();
  await runs.end();
  await Promise.all(all);
  assert.deepEqual(runs.begun, ['first', 'early', 'late']);
});

test('a stop rejects what waits and lets what runs come to its end', async () => {
  const { lanes } = makeLanesRig();
  const work = Promise.withResolvers<string>();
  const running = lanes.run(ask(), never, async () => work.promise, good);
  const waiting = lanes.run(ask(), never, async () => Promise.resolve('never'), good);
  await turn();
  lanes.stop();
  await assert.rejects(waiting, Leaving);
  const idle = lanes.idle();
  work.resolve('done');
  assert.equal(await running, 'done');
  await idle;
  await assert.rejects(
    lanes.run(ask(), never, async () => Promise.resolve('no'), good),
    Leaving,
  );
});

test('a cancel ends the wait for a slot', async () => {
  const { lanes } = makeLanesRig();
  const runs = makeRuns(lanes);
  const running = runs.start('one');
  const cancel = new AbortController();
  const waiting = lanes.run(ask(), cancel.signal, async () => Promise.resolve(null), judge);
  cancel.abort('anna');
  await assert.rejects(waiting, Leaving);
  await runs.end();
  await running;
  assert.equal(lanes.view()[0]?.queued, 0);
});

test('a limit holds the whole lane until its reset, other lanes go on, and the hold is in the journal before the run is told', async () => {
  const { lanes, clock, journal } = makeLanesRig({ settings: { slots: 2 } });
  const runs = makeRuns(lanes);
  const first = runs.start('one');
  await runs.end(limited('2026-11-20T12:00:05.000Z'));
  await first;
  assert.deepEqual(
    journal.changes.map((change) => change.do),
    ['lane', 'hold-lane'],
  );
  void runs.start('two');
  void runs.start('elsewhere', 0, ['b']);
  assert.deepEqual(runs.begun, ['one', 'elsewhere']);
  assert.equal(lanes.isShut('a'), true);
  const [view] = lanes.view();
  assert.deepEqual([view?.state, view?.heldUntil], ['held', '2026-11-20T12:00:05.000Z']);
  assert.match(view?.reason ?? '', /at the provider's limit: too much/);
  await clock.runUntil(4_999);
  assert.deepEqual(runs.begun, ['one', 'elsewhere']);
  await clock.runUntil(5_000);
  assert.deepEqual(runs.begun, ['one', 'elsewhere', 'two alone']);
  assert.equal(journal.holds().length, 1, 'half-open: the hold is forgotten only when the probe was answered');
  await runs.end();
  await runs.end();
  assert.equal(journal.holds().length, 0);
  assert.equal(lanes.view()[0]?.state, 'open');
});

test('after a hold exactly one goes first, then 2, then 4, up to half of where it was; then one more at a time', async () => {
  const { lanes, clock } = makeLanesRig({ settings: { slots: 16 } });
  const runs = makeRuns(lanes);
  const first = runs.start('limited');
  await runs.end(limited('2026-11-20T12:00:05.000Z'));
  await first;
  for (let n = 0; n < 200; n++) void runs.start(String(n));
  await clock.runUntil(5_000);
  const widths: number[] = [];
  let left = 0;
  while (widths.length < 8) {
    const running = lanes.view()[0]?.running ?? 0;
    widths.push(running);
    left = running;
    for (; left > 0; left--) await runs.end();
  }
  assert.deepEqual(widths.slice(0, 5), [1, 2, 4, 8, 9]);
  assert.equal(runs.begun[1], '0 alone');
  assert.equal(runs.begun.filter((name) => name.endsWith('alone')).length, 1);
});

test('a probe that meets the limit again holds the lane again, longer each time when nobody says how long, and costs nothing', async () => {
  const { lanes, clock } = makeLanesRig({ random: () => 0.999_999 });
  const runs = makeRuns(lanes);
  const untils: number[] = [];
  for (let n = 0; n < 5; n++) {
    void runs.start(String(n));
    await clock.runWhile(() => runs.begun.length === n);
    await runs.end(limited(null));
    untils.push(Math.round((Date.parse(lanes.view()[0]?.heldUntil ?? '') - clock.now().getTime()) / 1_000));
  }
  assert.deepEqual(untils, [2, 4, 8, 16, 32]);
});

test('a hold survives a restart, is no longer for a clock that was set back, and ends in a probe', async () => {
  const rig = makeLanesRig({
    holds: [{ lane: 'a', untilMs: Date.parse('2026-11-20T12:00:10.000Z'), reason: 'usage limit', at: '2026-11-20T11:59:50.000Z' }],
  });
  assert.equal(rig.lanes.isShut('a'), true);
  rig.lanes.stop();
  rig.clock.setWall(-3_600_000);
  const lanes = rig.restart();
  const runs = makeRuns(lanes);
  void runs.start('one');
  await rig.clock.runUntil(19_999);
  assert.deepEqual(runs.begun, []);
  await rig.clock.runUntil(20_000);
  assert.deepEqual(runs.begun, ['one alone'], 'twenty seconds were told, twenty seconds it is at most');
});

test('a hold that is over at the start, but whose probe was never answered, begins with one probe', async () => {
  const { lanes } = makeLanesRig({
    settings: { slots: 4 },
    holds: [{ lane: 'a', untilMs: Date.parse('2026-11-20T11:59:59.000Z'), reason: 'usage limit', at: '2026-11-20T11:00:00.000Z' }],
  });
  const runs = makeRuns(lanes);
  for (const name of ['one', 'two', 'three']) void runs.start(name);
  assert.deepEqual(runs.begun, ['one alone']);
  await runs.end();
  assert.deepEqual(runs.begun, ['one alone', 'two', 'three']);
});

test('a wall clock that is set does not make a hold outlive its reset: back, the wait that was left counts; forward, the reset has come', async () => {
  for (const [byMs, atMs] of [
    [-86_400_000, 60_000],
    [3_600_000, 30_000],
  ] as const) {
    const { lanes, clock } = makeLanesRig();
    const runs = makeRuns(lanes);
    void runs.start('limited');
    await runs.end(limited('2026-11-20T12:01:00.000Z'));
    void runs.start('next');
    clock.setWall(byMs);
    await clock.runUntil(atMs - 1);
    assert.deepEqual(runs.begun, ['limited']);
    await clock.runUntil(atMs);
    assert.deepEqual(runs.begun, ['limited', 'next alone'], `set by ${String(byMs)} ms`);
  }
});

test('runs of before the hold that come to their end say nothing new, but a later reset counts', async () => {
  const { lanes, clock } = makeLanesRig({ settings: { slots: 4 } });
  const runs = makeRuns(lanes);
  for (const name of ['one', 'two', 'three', 'four']) void runs.start(name);
  await runs.end(limited('2026-11-20T12:01:00.000Z'));
  await runs.end(limited(null));
  assert.equal(lanes.view()[0]?.heldUntil, '2026-11-20T12:01:00.000Z');
  await runs.end(null);
  assert.equal(lanes.view()[0]?.state, 'held');
  await runs.end(limited('2026-11-20T12:02:00.000Z'));
  assert.equal(lanes.view()[0]?.heldUntil, '2026-11-20T12:02:00.000Z');
  assert.equal(lanes.view()[0]?.window, 2, 'four that meet the same limit halve it once');
  void runs.start('five');
  await clock.runUntil(120_000);
  assert.deepEqual(runs.begun.at(-1), 'five alone');
});

test('errors in a row open the circuit; it is open after a restart; one run goes to see, and its answer closes it', async () => {
  const rig = makeLanesRig({ settings: { slots: 2 } });
  let runs = makeRuns(rig.lanes);
  for (const failure of [failing(), failing(), null, failing(), failing()]) {
    void runs.start('x');
    await runs.end(failure);
  }
  assert.equal(circuit(rig.lanes), 'closed', 'an answer between them begins the count anew');
  rig.lanes.stop();
  const lanes = rig.restart();
  runs = makeRuns(lanes);
  void runs.start('third');
  await runs.end(failing());
  assert.equal(circuit(lanes), 'open', 'two of them were counted before the restart');
  lanes.stop();
  const again = rig.restart();
  assert.equal(circuit(again), 'open');
  runs = makeRuns(again);
  for (const name of ['a', 'b', 'c']) void runs.start(name);
  assert.deepEqual(runs.begun, []);
  await rig.clock.runWhile(() => runs.begun.length === 0);
  assert.deepEqual([runs.begun, circuit(again)], [['a alone'], 'half-open']);
  await runs.end(failing());
  assert.deepEqual([runs.begun, circuit(again)], [['a alone'], 'open']);
  await rig.clock.runWhile(() => runs.begun.length === 1);
  await runs.end(null);
  assert.equal(circuit(again), 'closed');
  assert.deepEqual(runs.begun, ['a alone', 'b alone', 'c']);
});

test('a probe that is cancelled says nothing about the provider: the next one goes', async () => {
  const { lanes, clock } = makeLanesRig();
  const runs = makeRuns(lanes);
  void runs.start('limited');
  await runs.end(limited('2026-11-20T12:00:01.000Z'));
  void runs.start('one');
  void runs.start('two');
  await clock.runUntil(1_000);
  await runs.end({ kind: 'cancelled', by: 'anna' });
  assert.deepEqual(runs.begun, ['limited', 'one alone', 'two alone']);
});

test('a limit halves the window; after it, it doubles up to there, and then a full window of answers gives one back', async () => {
  const { lanes, clock } = makeLanesRig({ settings: { slots: 8 } });
  const runs = makeRuns(lanes);
  for (let n = 0; n < 40; n++) void runs.start(String(n));
  for (let n = 0; n < 8; n++) await runs.end(limited('2026-11-20T12:00:01.000Z'));
  assert.equal(lanes.view()[0]?.window, 4);
  await clock.runUntil(1_000);
  const windows: (number | undefined)[] = [];
  for (let n = 0; n < 12; n++) {
    await runs.end();
    windows.push(lanes.view()[0]?.window);
  }
  assert.deepEqual(windows, [2, 2, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6]);
  assert.equal(lanes.view()[0]?.running, 6);
});

test('a fault of the environment is looked at by docket itself, and the lane goes on when it is mended; no run is begun before', async () => {
  let isThere = false;
  let looks = 0;
  const { lanes, clock, journal } = makeLanesRig({
    settings: { slots: 4 },
    check: async () => {
      looks++;
      return Promise.resolve(isThere ? { ok: true, value: null } : { ok: false, error: missing });
    },
  });
  const runs = makeRuns(lanes);
  void runs.start('one');
  await runs.end(missing);
  assert.match(lanes.view()[0]?.reason ?? '', /the program tool was not found in PATH \(install it/);
  for (const name of ['two', 'three', 'four']) void runs.start(name);
  await clock.runUntil(300_000);
  assert.deepEqual(runs.begun, ['one']);
  assert.ok(looks > 3 && looks < 60, `it was looked at ${String(looks)} times`);
  assert.equal(journal.changes.filter((change) => change.do === 'hold-lane').length, 1, 'the same words are written once');
  isThere = true;
  await clock.runUntil(400_000);
  assert.deepEqual(runs.begun, ['one', 'two alone']);
  await runs.end();
  await runs.end();
  assert.deepEqual(runs.begun, ['one', 'two alone', 'three', 'four']);
});

test('who waits for a mended environment without a run is told when the wait is over', async () => {
  const { lanes, clock } = makeLanesRig();
  await lanes.holdForEnvironment('a', null, 'no tool is installed');
  let isTold = false;
  const told = lanes.whenNotHeld('a', never).then(() => (isTold = true));
  await turn();
  assert.equal(isTold, false);
  await clock.runUntil(10_000);
  await told;
  const leaving = lanes.whenNotHeld('a', AbortSignal.abort());
  await leaving;
  await lanes.holdForEnvironment('a', null, 'no tool is installed');
  await assert.rejects(lanes.whenNotHeld('a', AbortSignal.abort()), Leaving);
});

test('a job goes to the next runner of its role while the lane before is held for a limit or its environment, and for nothing else', async () => {
  const { lanes, pauses } = makeLanesRig({ rules: { errors: 1 } });
  const runs = makeRuns(lanes);
  const both = ['a', 'b'];
  void runs.start('fills a', 0, both);
  void runs.start('waits', 0, both);
  assert.deepEqual(runs.begun, ['fills a'], 'a lane that is full is waited for');
  await runs.end(failing());
  assert.equal(runs.begun.length, 1, 'a circuit that is open is waited for');
  pauses.push({ kind: 'lane', name: 'c', by: 'anna', at: '2026-11-20T12:00:00Z' });
  void runs.start('paused', 0, ['c', 'b']);
  assert.equal(runs.begun.length, 1, 'a pause is waited for');
  void runs.start('to the limit', 0, ['d']);
  await runs.end(limited('2026-11-20T13:00:00.000Z'));
  void runs.start('instead', 0, ['d', 'e']);
  assert.deepEqual(runs.begun.at(-1), 'instead in e');
});

test('what was chosen instead, and why, is told to the run', async () => {
  const { lanes } = makeLanesRig();
  const runs = makeRuns(lanes);
  void runs.start('limited');
  await runs.end(limited('2026-11-20T13:00:00.000Z'));
  const told = await lanes.run(
    ask(0, ['a', 'b']),
    never,
    async (given) => Promise.resolve(given),
    () => ({ is: 'answered' }),
  );
  assert.equal(told.choice, 1);
  assert.match(told.instead ?? '', /^lane a is held: tool is at the provider's limit/);
});

test('a lane or a role that a person has paused starts nothing until it is resumed; what runs goes on', async () => {
  const { lanes, pauses } = makeLanesRig({ settings: { slots: 2 } });
  const runs = makeRuns(lanes);
  void runs.start('runs');
  pauses.push(
    { kind: 'lane', name: 'a', by: 'anna', at: '2026-11-20T12:00:00Z' },
    { kind: 'role', name: 'ui', by: 'anna', at: '2026-11-20T12:00:00Z' },
  );
  void runs.start('waits');
  void runs.start('role waits', 0, ['b'], 'ui');
  assert.deepEqual(runs.begun, ['runs']);
  assert.equal(lanes.isShut('a'), true);
  assert.match(lanes.roleShut('ui') ?? '', /role ui was paused by anna at .*docket resume ui/);
  await runs.end();
  assert.deepEqual(runs.begun, ['runs']);
  pauses.length = 0;
  lanes.look();
  assert.deepEqual(runs.begun, ['runs', 'waits', 'role waits']);
});

test('a person may end the wait: one probe goes at once', async () => {
  const { lanes } = makeLanesRig();
  const runs = makeRuns(lanes);
  void runs.start('limited', 0, ['anthropic/1a2b3c4d']);
  await runs.end(limited('2026-11-21T12:00:00.000Z'));
  void runs.start('next', 0, ['anthropic/1a2b3c4d']);
  assert.equal(lanes.probe('openai'), false);
  assert.equal(lanes.probe('anthropic'), true);
  assert.deepEqual(runs.begun, ['limited', 'next alone']);
});

test('a role runs no more than its slots, and all lanes together no more than the global ones; a lane that calls nobody is not counted', async () => {
  const { lanes } = makeLanesRig({ settings: { slots: 10 }, roleSlots: { ui: 1 }, rules: { runningMax: 3 } });
  const runs = makeRuns(lanes);
  void runs.start('ui 1', 0, ['a'], 'ui');
  void runs.start('ui 2', 0, ['a'], 'ui');
  for (let n = 0; n < 5; n++) void runs.start(String(n), 0, [n % 2 === 0 ? 'b' : 'c']);
  assert.deepEqual(runs.begun, ['ui 1', '0', '1']);
  await runs.end();
  assert.deepEqual(runs.begun, ['ui 1', '0', '1', 'ui 2']);
  const free = makeLanesRig({ settings: { slots: 5, intervalCap: Number.POSITIVE_INFINITY }, rules: { runningMax: 1 } });
  const more = makeRuns(free.lanes);
  for (let n = 0; n < 5; n++) void more.start(String(n));
  assert.equal(more.begun.length, 5);
});

test('starts are counted in any interval, and never come closer together than the stagger', async () => {
  const { lanes, clock } = makeLanesRig({ settings: { slots: 100, intervalCap: 3, intervalMs: 60_000, staggerMs: 250 } });
  const starts: number[] = [];
  for (let n = 0; n < 7; n++)
    void lanes.run(
      ask(),
      never,
      async () => Promise.resolve(void starts.push(clock.monotonicMs())),
      () => ({ is: 'answered' }),
    );
  await clock.runUntil(200_000);
  assert.deepEqual(starts, [0, 250, 500, 60_000, 60_250, 60_500, 120_000]);
});

test('a claimed job stands in its lane until its answer is there, and leaves it once', () => {
  const { lanes } = makeLanesRig({ settings: { slots: 2 } });
  const place = lanes.reserve('a', 50);
  assert.equal(lanes.room('a', 50), 1);
  place.leaves();
  place.leaves();
  assert.equal(lanes.room('a', 50), 2);
});

test('a few more are claimed than can run, and beyond them only what is more urgent than one that waits', () => {
  const { lanes } = makeLanesRig({ rules: { ahead: 1 } });
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

test('with many claimed ahead, a quarter of them is claimed at a time; what is more urgent does not wait for that', () => {
  const { lanes } = makeLanesRig({ settings: { slots: 2 }, rules: { ahead: 16 } });
  const places = Array.from({ length: 18 }, () => lanes.reserve('a', 50));
  assert.equal(lanes.room('a', 50), 0);
  for (const place of places.slice(0, 3)) place.leaves();
  assert.deepEqual([lanes.room('a', 50), lanes.room('a', 49)], [0, 1]);
  places[3]?.leaves();
  assert.equal(lanes.room('a', 50), 4);
});

test('jobs between two attempts have their places, and keep no slot empty', () => {
  const { lanes } = makeLanesRig({ settings: { slots: 2 }, rules: { ahead: 16 } });
  const places = Array.from({ length: 17 }, () => lanes.reserve('a', 50));
  for (const place of places.slice(0, 15)) place.begins();
  assert.equal(lanes.room('a', 50), 0, 'two wait for the slots');
  places[16]?.begins();
  assert.equal(lanes.room('a', 50), 1);
});

test('waiting improves the order: an old prompt of low priority goes before a new one of high priority', () => {
  const { lanes } = makeLanesRig({ rules: { agingMs: 60_000 } });
  assert.ok(lanes.orderOf(90, 0) > lanes.orderOf(10, 79 * 60_000));
  assert.ok(lanes.orderOf(90, 0) < lanes.orderOf(10, 81 * 60_000));
  const { lanes: young } = makeLanesRig({ rules: { agingMs: 0 } });
  assert.ok(young.orderOf(90, 0) > young.orderOf(10, 1e12));
});
