import assert from 'node:assert/strict';
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { JobView } from '#core/job.ts';
import type { Clock } from '#core/ports.ts';
import type { Spool } from '#core/spool.ts';
import { keepRetention, makeAgeClock } from '#daemon/retention.ts';
import { makeFs } from '#platform/files.ts';
import { makeFaultyFs, makeUnsyncedFs, Stop } from '#test/support/faulty-fs.ts';
import { makeFakeClock } from '#test/support/fake-clock.ts';
import { makeSimFs } from '#test/support/sim-fs.ts';
import { makeSpool } from '#spool/spool.ts';
import { makeDigest } from '#platform/digest.ts';
import { randomFrom } from './power-rig.ts';
import {
  complete,
  answer,
  makeHandClock,
  makeLog,
  makeRig,
  names,
  processAll,
  ROLE,
  SETTINGS,
  stem,
  type LogLine,
  type Rig,
} from './rig.ts';

const FUTURE = new Date('2999-01-01T00:00:00Z');
const month = (): string => new Date().toISOString().slice(0, 7);

async function retireAll(spool: Spool, before: Date = FUTURE): Promise<number> {
  let moved = 0;
  for await (const count of spool.retire(before)) moved += count;
  return moved;
}

async function answered(rig: Rig, spool: Spool, ...stems: string[]): Promise<void> {
  for (const one of stems) await spool.drop(ROLE.name, stem(one), `prompt ${one}`);
  await processAll(rig, spool);
}

test('answered inputs that are old enough move to the month they ended in; out/, bad ends and what waits stay', async (context) => {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  await answered(rig, spool, 'a', 'b');
  await spool.drop(ROLE.name, stem('bad'), 'x');
  await processAll(rig, spool, () => answer(true));
  await spool.drop(ROLE.name, stem('new'), 'x');
  assert.equal(await retireAll(spool, new Date(Date.now() - 3_600_000)), 0, 'they are young');
  assert.equal(await retireAll(spool), 2);
  assert.deepEqual(names(rig.in), ['bad.failed', 'new.md']);
  assert.deepEqual(names(path.join(rig.archive, month())), ['a.processed', 'b.processed']);
  assert.equal(readFileSync(path.join(rig.archive, month(), 'a.processed'), 'utf8'), 'prompt a');
  assert.equal(statSync(path.join(rig.archive, month(), 'a.processed')).nlink, 1);
  assert.ok(names(rig.out).includes('a_result.md'));
  assert.equal(await retireAll(spool), 0);
});

const facts = (views: readonly JobView[]): string[] =>
  views.map(({ id, stem: name, state, role }) => `${role} ${name} ${state} ${String(id)}`).toSorted();

test('a role whose oldest file is too young is not gone through again until that one is old', async (context) => {
  let walks = 0;
  const rig = makeRig(context, {
    ...makeFs(),
    walk: async (folder, see) => {
      walks++;
      return makeFs().walk(folder, see);
    },
  });
  const spool = rig.spool();
  await spool.prepare();
  await answered(rig, spool, 'a', 'b');
  const longAgo = new Date(Date.now() - 86_400_000);
  assert.equal(await retireAll(spool, longAgo), 0);
  walks = 0;
  assert.equal(await retireAll(spool, longAgo), 0);
  assert.equal(walks, 0);
  assert.equal(await retireAll(spool), 2);
  await answered(rig, spool, 'c');
  assert.equal(await retireAll(spool), 1, 'nothing is remembered of a folder that had none left');
});

const DAY_MS = 86_400_000;

test('a clock that is set forward by years makes nothing old before it has stayed so for a day; one that goes back is believed at once', async () => {
  const clock = makeFakeClock();
  let aheadMs = 0;
  const wall: Clock = { ...clock, now: () => new Date(clock.now().getTime() + aheadMs) };
  const age = makeAgeClock(wall, null);
  assert.ok('now' in age());
  aheadMs = 20 * DAY_MS;
  assert.ok('now' in age(), 'a machine slept');
  aheadMs = 3_650 * DAY_MS;
  assert.deepEqual(age(), { jumpMs: 3_630 * DAY_MS });
  await clock.advance(DAY_MS / 2);
  assert.ok('jumpMs' in age());
  aheadMs = 0;
  assert.ok('now' in age(), 'it was mended');
  aheadMs = 3_650 * DAY_MS;
  assert.ok('jumpMs' in age());
  await clock.advance(DAY_MS / 2);
  assert.ok('jumpMs' in age(), 'the day counts from the last jump');
  await clock.advance(DAY_MS / 2);
  assert.deepEqual(age(), { now: wall.now() });
});

test('a daemon that starts long after anything was done waits a day before it takes anything for old, and says so once', async () => {
  const clock = makeFakeClock();
  const stop = new AbortController();
  const lines: LogLine[] = [];
  let rounds = 0;
  const spool = {
    async *retire(): AsyncGenerator<number> {
      rounds++;
      await Promise.resolve();
      yield 0;
    },
  };
  const lastSeen = new Date(clock.now().getTime() - 400 * DAY_MS);
  const ended = keepRetention({ spool, clock, log: makeLog(lines), ageMs: DAY_MS, lastSeen, stopping: stop.signal });
  await clock.advance(60_000);
  for (let round = 0; round < 3; round++) await clock.advance(DAY_MS / 4);
  assert.equal(rounds, 0);
  assert.equal(lines.length, 1);
  assert.match(lines[0]?.message ?? '', /^the clock is 400 days ahead/);
  await clock.advance(DAY_MS / 4);
  assert.equal(rounds, 1);
  stop.abort();
  await ended;
});

test('what was moved is listed, hashed again and found as before', async (context) => {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  await answered(rig, spool, 'a', 'b');
  const before = await spool.list({});
  const hashes = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const one of spool.ended(ROLE.name)) found.push(`${one.stem} ${one.outcome} ${one.sha256}`);
    return found.toSorted();
  };
  const hashed = await hashes();
  await retireAll(spool);
  const after = await spool.list({});
  assert.deepEqual(facts(after), facts(before));
  assert.deepEqual(
    new Set(after.map(({ archived }) => archived)),
    new Set(['a.processed', 'b.processed'].map((name) => path.join(rig.archive, month(), name))),
  );
  assert.deepEqual(await hashes(), hashed);
});

test('the newest come first in a list, whenever they were moved', async (context) => {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  await answered(rig, spool, 'old');
  await answered(rig, spool, 'young');
  const old = statSync(path.join(rig.in, 'old.processed')).ctimeMs;
  const young = statSync(path.join(rig.in, 'young.processed')).ctimeMs;
  assert.ok(old <= young);
  await retireAll(spool, new Date(Math.ceil(old) + (young - old > 2 ? 1 : 0)));
  await retireAll(spool);
  assert.deepEqual(
    (await spool.list({})).map((view) => view.stem),
    ['young', 'old'],
  );
});

test('a name that was used again is archived beside the first, under a name of its own', async (context) => {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  await answered(rig, spool, 'a');
  await retireAll(spool);
  for (const name of names(rig.out)) unlinkSync(path.join(rig.out, name));
  await spool.drop(ROLE.name, stem('a'), 'another one');
  await processAll(rig, spool);
  assert.deepEqual(names(rig.in), ['a.processed']);
  assert.equal(await retireAll(spool), 1);
  const kept = names(path.join(rig.archive, month()));
  assert.equal(kept.length, 2);
  assert.deepEqual(kept.map((name) => readFileSync(path.join(rig.archive, month(), name), 'utf8')).toSorted(), ['another one', 'prompt a']);
});

test('a file that somebody else holds by a third name stays, and one that was cut short is brought to its end at any age', async (context) => {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  await answered(rig, spool, 'a', 'b');
  linkSync(path.join(rig.in, 'a.processed'), path.join(rig.work, 'claimed'));
  mkdirSync(path.join(rig.archive, '2001-01'));
  linkSync(path.join(rig.in, 'b.processed'), path.join(rig.archive, '2001-01', 'b.processed'));
  assert.equal((await spool.list({})).length, 2, 'nothing is told twice');
  assert.equal(await retireAll(spool, new Date(0)), 1);
  assert.deepEqual(names(rig.in), ['a.processed']);
  assert.deepEqual(names(path.join(rig.archive, '2001-01')), ['b.processed']);
});

test('where there are no hard links files are renamed, and nothing is replaced', async (context) => {
  const rig = makeRig(context);
  const fs = makeFaultyFs(makeFs(), { at: 0, act: 'stop', noLinks: 'ENOTSUP' });
  const spool = rig.spool(fs);
  await spool.prepare();
  writeFileSync(path.join(rig.in, 'a.processed'), 'one');
  await retireAll(spool);
  writeFileSync(path.join(rig.in, 'a.processed'), 'two');
  await retireAll(spool);
  assert.equal(names(path.join(rig.archive, month())).length, 2);
  assert.deepEqual(names(rig.in), []);
});

test('killed at any call, or failing there, no file is lost or doubled, and the next round ends it', async () => {
  for (const act of ['stop', 'stop-half', 'ENOSPC', 'EIO', 'EACCES'] as const) {
    for (let at = 1, isOver = false; !isOver; at++) {
      const rig = makeRig(null, makeUnsyncedFs(makeFs()));
      try {
        const whole = rig.spool();
        await whole.prepare();
        for (const name of ['a', 'b', 'c']) writeFileSync(path.join(rig.in, `${name}.processed`), name);
        isOver = await retireAll(rig.spool(makeFaultyFs(rig.fs, { at, act }))).then(
          () => true,
          (error: unknown) => {
            if (act.startsWith('stop')) assert.ok(error instanceof Stop);
            return false;
          },
        );
        const between: string[] = [];
        for await (const one of whole.ended(ROLE.name)) between.push(one.stem);
        assert.deepEqual(between.toSorted(), ['a', 'b', 'c'], `${act} at ${String(at)}`);
        await retireAll(whole);
        assert.deepEqual(names(rig.in), [], `${act} at ${String(at)}`);
        assert.deepEqual(names(path.join(rig.archive, month())), ['a.processed', 'b.processed', 'c.processed']);
      } finally {
        rmSync(path.dirname(rig.queues), { recursive: true });
      }
    }
  }
});

test('a power cut at any call loses no file; without the syncs it would', async () => {
  const QUEUES = '/queues';
  const cutEverywhere = async (ignores: readonly 'safety'[]): Promise<number> => {
    const random = randomFrom(7);
    let lost = 0;
    for (let at = 1, isOver = false; !isOver; at++) {
      const sim = makeSimFs({ leavesOut: ({ why }) => ignores.some((one) => one === why) });
      const spoolOn = (fs: typeof sim.fs): Spool =>
        makeSpool({
          queues: QUEUES,
          roles: [ROLE],
          fs,
          clock: makeHandClock(),
          digest: makeDigest(),
          log: makeLog(),
          settings: SETTINGS,
          processId: '1',
        });
      const first = spoolOn(sim.fs);
      await first.prepare();
      await first.drop(ROLE.name, stem('a'), 'prompt a');
      const [one] = await first.claim((await first.scan()).waiting);
      assert.ok(one !== undefined);
      await complete(first, (await first.read(one.dir, one.id, one.waiting.folder)).claimed, answer());
      // All of it is from yesterday.
      sim.cut(() => true);
      isOver = await retireAll(spoolOn(makeFaultyFs(sim.fs, { at, act: 'stop' }))).then(
        () => true,
        () => false,
      );
      for (let round = 0; round < 12; round++) {
        const after = sim.copy();
        after.cut(() => (round === 0 ? false : round === 1 ? true : random() < 0.5));
        const last = spoolOn(after.fs);
        await last.prepare();
        await retireAll(last);
        const found: string[] = [];
        for await (const file of last.ended(ROLE.name)) found.push(file.stem);
        if (found.join() !== 'a') lost++;
      }
    }
    return lost;
  };
  assert.equal(await cutEverywhere([]), 0);
  assert.ok((await cutEverywhere(['safety'])) > 0);
});

test('retention rests between its rounds and its batches, stops with the daemon, and does nothing when it is off', async () => {
  const clock = makeFakeClock();
  const stop = new AbortController();
  const asked: Date[] = [];
  const lines: LogLine[] = [];
  const spool = {
    async *retire(before: Date): AsyncGenerator<number> {
      asked.push(before);
      await Promise.resolve();
      yield 2;
      yield 1;
    },
  };
  const parts = { clock: clock as Clock, log: makeLog(lines), ageMs: 86_400_000, lastSeen: null, stopping: stop.signal };
  const ended = keepRetention({ ...parts, spool });
  await clock.advance(60_000);
  await clock.advance(1);
  await clock.advance(1);
  assert.equal(asked.length, 1);
  assert.equal(asked[0]?.toISOString(), new Date(clock.now().getTime() - 2 - 86_400_000).toISOString());
  assert.match(lines[0]?.message ?? '', /^3 inputs/);
  assert.deepEqual(clock.sleeps, [60_000, 1, 1, 6 * 3_600_000]);
  stop.abort();
  await ended;
  await keepRetention({ ...parts, ageMs: 0, spool, stopping: new AbortController().signal });
  assert.equal(asked.length, 1);
});

const failing = (code: string): Pick<Spool, 'retire'> => ({
  // eslint-disable-next-line require-yield -- it fails before
  async *retire() {
    await Promise.resolve();
    throw Object.assign(new Error(`${code}: made up`), { code });
  },
});
test('a disk that is full is told and tried again later; a lost disk is not survived', async () => {
  const clock = makeFakeClock();
  const stop = new AbortController();
  const lines: LogLine[] = [];
  const parts = { clock: clock as Clock, log: makeLog(lines), ageMs: 1, lastSeen: null, stopping: stop.signal };
  const ended = keepRetention({ ...parts, spool: failing('ENOSPC') });
  await clock.advance(60_000);
  assert.match(lines[0]?.message ?? '', /ENOSPC/);
  stop.abort();
  await ended;
  const lost = assert.rejects(keepRetention({ ...parts, spool: failing('EIO'), stopping: new AbortController().signal }), /EIO/);
  await clock.advance(60_000);
  await lost;
});
