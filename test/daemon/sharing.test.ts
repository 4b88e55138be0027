/** Two dockets as one machine has them: lanes and purses that share one file, on a clock that the test moves. */

import assert from 'node:assert/strict';
import path from 'node:path';
import { rmSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import type { Failure } from '#core/failure.ts';
import type { OutsideAsk } from '#daemon/lanes/outside.ts';
import { makeSharing, type Sharing } from '#daemon/sharing.ts';
import type { Lanes } from '#daemon/schedule.ts';
import { silentLog } from '#platform/log.ts';
import { openDatabase } from '#platform/sqlite.ts';
import { openShared } from '#store/shared.ts';
import { makeEventClock, type EventClock } from '#test/support/event-clock.ts';
import { failing, judge, limited, makeLanesRig, never, type LanesOptions } from '#test/support/lanes-rig.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const POLL_MS = 500;
const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

type Docket = {
  readonly lanes: Lanes;
  readonly begun: string[];
  readonly told: Map<string, string | null>;
  start(name: string, more?: { readonly writes?: boolean; readonly lane?: string }): Promise<Failure | null>;
  /** The oldest one that runs. */
  end(failure?: Failure | null): Promise<void>;
};

type Machine = {
  readonly clock: EventClock;
  readonly file: string;
  readonly warned: string[];
  /** All runs that go on, of all dockets. */
  readonly running: Set<string>;
  docket(name: string, options?: LanesOptions): Docket;
};

async function makeMachine(t: TestContext): Promise<Machine> {
  const folder = await temporaryFolder(t);
  const clock = makeEventClock();
  const running = new Set<string>();
  const warned: string[] = [];
  const file = path.join(folder, 'limits-1.db');
  const log = { ...silentLog(), warn: (words: string) => void warned.push(words) };
  const sharingOf = (name: string, at: string): Sharing => {
    const owner = { pid: name.charCodeAt(0), pidStart: '1', bootId: 'boot', instance: name };
    const parts = { path: at, openDatabase, clock, owner, isAlive: () => true, isRunAlive: () => false };
    const sharing = makeSharing({ clock, log, what: 'not shared', open: () => openShared(parts) });
    t.after(() => {
      sharing.close();
    });
    return sharing;
  };
  const docket = (name: string, options: LanesOptions = {}): Docket => {
    const outside = {
      pollMs: POLL_MS,
      accounts: sharingOf(name, file),
      keyOf: (lane: string) => (lane === 'mine alone' ? null : `key of ${lane}`),
      writers: sharingOf(name, path.join(folder, 'writer-1.db')),
      code: '/code',
    };
    const { lanes } = makeLanesRig({ ...options, clock, outside });
    const open: { readonly run: string; readonly end: (failure: Failure | null) => void }[] = [];
    const begun: string[] = [];
    const told = new Map<string, string | null>();
    return {
      lanes,
      begun,
      told,
      async start(run, { writes = false, lane = 'a' } = {}) {
        const ask: OutsideAsk = { run: `${name}/${run}`, label: `ui/${run} (${name})`, writes, tell: (words) => void told.set(run, words) };
        return lanes.run(
          { lanes: [lane], role: 'ui', order: 0, outside: ask },
          never,
          async () => {
            begun.push(run);
            running.add(ask.run);
            return new Promise<Failure | null>((resolve) => open.push({ run: ask.run, end: resolve }));
          },
          judge,
        );
      },
      async end(failure = null) {
        const one = open.shift();
        assert.ok(one !== undefined, 'nothing runs');
        running.delete(one.run);
        one.end(failure);
        await turn();
        await turn();
      },
    };
  };
  return { clock, file, warned, running, docket };
}

const later = async ({ clock }: Machine, ms = POLL_MS): Promise<void> => clock.runUntil(clock.monotonicMs() + ms);

test('one slot for two dockets: never two runs, who waits is told why, and both come to their turn', async (t) => {
  const machine = await makeMachine(t);
  const [a, b] = [machine.docket('a'), machine.docket('b')];
  for (let n = 0; n < 6; n++) {
    void a.start(`a${String(n)}`);
    void b.start(`b${String(n)}`);
  }
  assert.deepEqual([a.begun, b.begun], [['a0'], []]);
  assert.equal(b.told.get('b0'), 'waits: the other dockets of this machine use 1 of 1 slots of lane a');
  assert.deepEqual(b.lanes.view()[0]?.shared, { used: 1, byOthers: 1, waits: b.told.get('b0') });
  for (let n = 0; n < 11; n++) {
    assert.equal(machine.running.size, 1);
    await (a.begun.length > b.begun.length ? a : b).end();
    await later(machine);
  }
  assert.deepEqual([a.begun.length, b.begun.length], [6, 6]);
  assert.equal(b.told.get('b5'), null);
});

test('a lane that takes no part is nobody else’s affair', async (t) => {
  const machine = await makeMachine(t);
  const [a, b] = [machine.docket('a'), machine.docket('b')];
  void a.start('one', { lane: 'mine alone' });
  void b.start('two', { lane: 'mine alone' });
  assert.deepEqual([...machine.running], ['a/one', 'b/two']);
  assert.equal(a.lanes.view()[0]?.shared, null);
});

test('a limit told to one holds the other until the same moment; then one probe at a time goes, over both', async (t) => {
  const machine = await makeMachine(t);
  const [a, b] = [machine.docket('a', { settings: { slots: 2 } }), machine.docket('b', { settings: { slots: 2 } })];
  const first = a.start('limited');
  await a.end(limited('2026-11-20T12:00:10.000Z'));
  await first;
  void b.start('b1');
  assert.deepEqual(b.begun, []);
  const [view] = b.lanes.view();
  assert.deepEqual([view?.state, view?.heldUntil], ['held', '2026-11-20T12:00:10.000Z']);
  void a.start('a1');
  await machine.clock.runUntil(9_999);
  assert.equal(machine.running.size, 0);
  await machine.clock.runUntil(12_000);
  assert.equal(machine.running.size, 1);
  await (machine.running.has('a/a1') ? a : b).end();
  await later(machine);
  assert.equal(machine.running.size, 1);
  await (machine.running.has('a/a1') ? a : b).end();
  assert.deepEqual([a.lanes.view()[0]?.state, b.lanes.view()[0]?.state], ['open', 'open']);
});

test('the probe of a hold does not wait for runs of before it', async (t) => {
  const machine = await makeMachine(t);
  const a = machine.docket('a', { settings: { slots: 2 } });
  const first = a.start('limited');
  void a.start('long');
  await a.end(limited('2026-11-20T12:00:10.000Z'));
  await first;
  void a.start('probe');
  await machine.clock.runUntil(11_000);
  assert.deepEqual([...machine.running], ['a/long', 'a/probe']);
});

test('who waits for the slot of a run that the provider refuses does not get it', async (t) => {
  const machine = await makeMachine(t);
  const [a, b] = [machine.docket('a'), machine.docket('b')];
  const first = a.start('limited');
  void b.start('b1');
  assert.match(b.told.get('b1') ?? '', /use 1 of 1 slots/);
  await a.end(limited('2026-11-20T12:01:00.000Z'));
  await first;
  await later(machine, 50_000);
  assert.deepEqual([b.begun, b.told.get('b1'), b.lanes.view()[0]?.state], [[], null, 'held']);
  await machine.clock.runUntil(61_000);
  assert.deepEqual(b.begun, ['b1']);
});

test('a person who does not want to wait frees the others too, once the provider has answered', async (t) => {
  const machine = await makeMachine(t);
  const [a, b] = [machine.docket('a'), machine.docket('b')];
  const first = a.start('limited');
  await a.end(limited('2026-11-20T17:00:00.000Z'));
  await first;
  void b.start('b1');
  void a.start('a1');
  assert.equal(b.lanes.isShut('a'), true);
  assert.equal(a.lanes.probe('a'), true);
  assert.deepEqual(a.begun, ['limited', 'a1']);
  await a.end();
  await later(machine, 6_000);
  assert.deepEqual(b.begun, ['b1']);
});

test('errors and a fault of the environment hold the lane of this docket alone', async (t) => {
  const machine = await makeMachine(t);
  const [a, b] = [machine.docket('a', { rules: { errors: 1 } }), machine.docket('b')];
  const first = a.start('failing');
  await a.end(failing());
  await first;
  assert.equal(a.lanes.isShut('a'), true);
  void b.start('b1');
  assert.deepEqual(b.begun, ['b1']);
});

test('one run at a time writes in a work tree, in one docket and over two; those that read are not hindered', async (t) => {
  const machine = await makeMachine(t);
  const more = { settings: { slots: 9 } };
  const [a, b] = [machine.docket('a', more), machine.docket('b', more)];
  void a.start('a1', { writes: true });
  void a.start('a2', { writes: true });
  void a.start('a3');
  void b.start('b1', { writes: true, lane: 'mine alone' });
  void b.start('b2');
  assert.deepEqual([...machine.running], ['a/a1', 'a/a3', 'b/b2']);
  assert.equal(a.told.get('a2'), 'waits: ui/a1 (a) writes in /code, and one run at a time may');
  assert.equal(b.told.get('b1'), 'waits: ui/a1 (a) writes in /code, and one run at a time may');
  const writers = (): string[] => [...machine.running].filter((run) => /a[124]|b1/.test(run));
  await a.end();
  await later(machine);
  assert.deepEqual(writers(), ['a/a2'], 'its docket asked first');
  void a.start('a4', { writes: true });
  await a.end();
  await a.end();
  await later(machine);
  assert.deepEqual(writers(), ['b/b1'], 'it waits for longer');
});

test('when the file is gone each goes on by its own limits and says so; when it is back, what runs is told again', async (t) => {
  const machine = await makeMachine(t);
  const [a, b] = [machine.docket('a'), machine.docket('b')];
  void a.start('a1');
  void b.start('b1');
  assert.deepEqual(b.begun, []);
  for (const end of ['', '-wal', '-shm']) rmSync(`${machine.file}${end}`, { force: true });
  await later(machine);
  assert.deepEqual(b.begun, ['b1']);
  assert.match(b.lanes.sharingTrouble() ?? '', /was removed or replaced/);
  assert.ok(machine.warned.some((words) => words.startsWith('not shared: ')));
  void b.start('b2');
  // Whoever asks something finds that the file is another one, and tells what it runs when it looks again.
  a.lanes.view();
  await later(machine, 6_000);
  a.lanes.view();
  await b.end();
  assert.equal(b.lanes.sharingTrouble(), null);
  void a.start('a2');
  assert.deepEqual(b.begun, ['b1']);
  await a.end();
  await later(machine);
  assert.equal(machine.running.size, 1);
});
