/** Prompts out of an answer: each is enqueued once, whatever stops docket in between, and whatever a person does with it meanwhile. */

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { RoleFolder, RoleName } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import type { Claimed, Spool } from '#core/spool.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeSpool } from '#spool/spool.ts';
import { makeFaultyFs, makeUnsyncedFs, Stop } from '#test/support/faulty-fs.ts';
import { makeSimFs } from '#test/support/sim-fs.ts';
import { randomFrom } from './power-rig.ts';
import { answer, makeHandClock, makeLog, SETTINGS, stem } from './rig.ts';

const META = { folder: '00-meta' as RoleFolder, name: 'meta' as RoleName };
const UI = { folder: '03-ui' as RoleFolder, name: 'ui' as RoleName };
const ROLES = [META, UI];
const FAST = makeUnsyncedFs(makeFs());
const TEXTS = ['first child\r\n', 'second child', 'third child'];
const WANTED = [
  { folder: UI.folder, stem: stem('one') },
  { folder: META.folder, stem: stem('two') },
  { folder: UI.folder, stem: stem('one') },
];

type Queue = { readonly root: string; spool(fs?: Fs): Spool; in(role: typeof META): string; remove(): void };

function makeQueue(context: TestContext | null): Queue {
  const root = mkdtempSync(path.join(tmpdir(), 'docket-spool-'));
  const remove = (): void => {
    rmSync(root, { recursive: true, force: true });
  };
  context?.after(remove);
  return {
    root,
    remove,
    spool: (fs = FAST) => spoolOn(fs, path.join(root, 'queues')),
    in: (role) => path.join(root, 'queues', role.folder, 'in'),
  };
}

const spoolOn = (fs: Fs, queues: string, clock = makeHandClock()): Spool =>
  makeSpool({ queues, roles: ROLES, fs, clock, digest: makeDigest(), log: makeLog(), settings: SETTINGS, processId: '1' });

/** As the daemon does: names first, then the decision with them, then the children, then the answer. */
async function conclude(spool: Spool, claimed: Claimed): Promise<void> {
  const stems = await spool.childStems(claimed, WANTED);
  const children = WANTED.map(({ folder }, n) => ({ folder, stem: stems[n] ?? stem('none'), bytes: Buffer.from(TEXTS[n] ?? '') }));
  const final = await spool.enqueue(claimed, await spool.decide(claimed, { ...answer(), children }));
  await spool.finish(claimed, await spool.publish(claimed, final));
  await spool.clean(claimed);
}

/** A job of meta, claimed and read. */
async function claimedParent(spool: Spool): Promise<Claimed> {
  await spool.prepare();
  await spool.drop(META.name, stem('foo'), 'the parent');
  const [one] = await spool.claim((await spool.scan()).waiting);
  assert.ok(one !== undefined);
  return (await spool.read(one.dir, one.id, one.waiting.folder)).claimed;
}

/** Of meta only: a child that is taken would be another job. */
async function wholeJob(spool: Spool): Promise<void> {
  await spool.drop(META.name, stem('foo'), 'the parent');
  for (const one of await spool.claim((await spool.scan()).waiting)) {
    const { claimed } = await spool.read(one.dir, one.id, one.waiting.folder);
    await conclude(spool, claimed);
  }
}

async function recover(spool: Spool): Promise<void> {
  await spool.prepare();
  for (const left of await spool.leftovers()) {
    const claimed = left.job === null ? (await spool.read(left.dir, left.id, left.folder)).claimed : { job: left.job, dir: left.dir };
    await conclude(spool, claimed);
  }
  for (const one of await spool.claim((await spool.scan()).waiting.filter(({ shownName }) => shownName === 'foo.md'))) {
    const { claimed } = await spool.read(one.dir, one.id, one.waiting.folder);
    await conclude(spool, claimed);
  }
}

const names = (folder: string): string[] => readdirSync(folder).toSorted();
const held = (queue: Queue): string[] => [...names(queue.in(META)).filter((name) => name !== 'foo.processed'), ...names(queue.in(UI))];
const NAMES = ['two.held', 'one.held', 'one~2.held'];

async function atEveryCall(check: (queue: Queue, fs: { readonly calls: readonly string[] }, at: number) => Promise<void>): Promise<number> {
  const counting = makeQueue(null);
  await counting.spool().prepare();
  const counted = makeFaultyFs(FAST, { at: 0, act: 'stop' });
  await wholeJob(counting.spool(counted));
  assert.deepEqual(held(counting), NAMES);
  counting.remove();
  for (let at = 1; at <= counted.calls.length; at++) {
    const queue = makeQueue(null);
    await queue.spool().prepare();
    const fs = makeFaultyFs(FAST, { at, act: 'stop' });
    await assert.rejects(wholeJob(queue.spool(fs)), Stop);
    await check(queue, counted, at);
    queue.remove();
  }
  return counted.calls.length;
}

test('a kill before every single call that changes the disk enqueues all prompts of an answer, each once and whole', async () => {
  const points = await atEveryCall(async (queue, { calls }, at) => {
    const where = `killed at ${String(at)} (${calls[at - 1] ?? ''})`;
    await recover(queue.spool());
    if (names(queue.in(META)).length === 0) return; // the drop itself did not come to pass
    assert.deepEqual(held(queue), NAMES, where);
    assert.equal(readFileSync(path.join(queue.in(UI), 'one.held'), 'utf8'), TEXTS[0], where);
    assert.equal(readFileSync(path.join(queue.in(UI), 'one~2.held'), 'utf8'), TEXTS[2], where);
    assert.equal(readFileSync(path.join(queue.in(META), 'two.held'), 'utf8'), TEXTS[1], where);
  });
  assert.ok(points > 40, `only ${String(points)} calls`);
});

test('what a person removed, renamed, edited or released before the next start is not written again', async () => {
  let touched = 0;
  await atEveryCall(async (queue, { calls }, at) => {
    const where = `killed at ${String(at)} (${calls[at - 1] ?? ''})`;
    const seen = new Map<string, string>();
    const ui = queue.in(UI);
    for (const name of names(ui).filter((one) => one.endsWith('.held'))) {
      const file = path.join(ui, name);
      if (readFileSync(file, 'utf8') === '') continue;
      touched++;
      if (name === 'one.held') {
        unlinkSync(file);
        seen.set(name, 'removed');
      } else {
        writeFileSync(`${file}.new`, 'edited');
        renameSync(`${file}.new`, path.join(ui, 'mine.held'));
        unlinkSync(file);
        seen.set(name, 'edited');
      }
    }
    await recover(queue.spool());
    if (names(queue.in(META)).length === 0) return;
    const uiNames = names(ui);
    assert.equal(uiNames.includes('one.held'), !seen.has('one.held'), where);
    assert.equal(uiNames.includes('one~2.held'), !seen.has('one~2.held'), where);
    assert.equal(uiNames.includes('mine.held'), seen.has('one~2.held'), where);
    assert.equal(uiNames.filter((name) => name.startsWith('.')).length, 0, where);
  });
  assert.ok(touched > 5, `only ${String(touched)} times a person was there first`);
});

test('a power cut at any call enqueues all prompts of an answer, each once and whole', async () => {
  const random = randomFrom(7);
  const queues = '/queues';
  let cuts = 0;
  const bad: string[] = [];
  for (let at = 1, isOver = false; !isOver; at++) {
    const sim = makeSimFs();
    const clock = makeHandClock();
    await spoolOn(sim.fs, queues, clock).prepare();
    sim.cut(() => true);
    const fs = makeFaultyFs(sim.fs, { at, act: 'stop' });
    isOver = await wholeJob(spoolOn(fs, queues, clock)).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof Stop)) throw error;
        return false;
      },
    );
    for (let round = 0; round < 5; round++) {
      const after = sim.copy();
      const share = round === 0 ? 0 : round === 1 ? 1 : random();
      after.cut(() => random() < share);
      cuts++;
      await recover(spoolOn(after.fs, queues, clock));
      const found: string[] = [];
      let isAnswered = false;
      for (const role of ROLES)
        for (const { name } of await after.fs.list(`${queues}/${role.folder}/in`)) {
          const { bytes } = await after.fs.readBounded(`${queues}/${role.folder}/in/${name ?? ''}`, 1_000);
          if (name === 'foo.processed') isAnswered = true;
          else found.push(`${name ?? ''}=${Buffer.from(bytes).toString()}`);
        }
      const whole = [`two.held=${TEXTS[1] ?? ''}`, `one.held=${TEXTS[0] ?? ''}`, `one~2.held=${TEXTS[2] ?? ''}`];
      if ((isAnswered || found.length > 0) && found.toSorted().join() !== whole.toSorted().join())
        bad.push(`cut at ${String(at)}: ${found.join()}`);
    }
  }
  assert.deepEqual(bad, []);
  assert.ok(cuts > 200, String(cuts));
});

test('a full disk at any call enqueues none twice and loses none once there is room again, in the same process', async () => {
  const counting = makeQueue(null);
  await counting.spool().prepare();
  const counted = makeFaultyFs(FAST, { at: 0, act: 'ENOSPC' });
  await wholeJob(counting.spool(counted));
  counting.remove();
  for (let at = 1; at <= counted.calls.length; at++) {
    const queue = makeQueue(null);
    await queue.spool().prepare();
    const spool = queue.spool(makeFaultyFs(FAST, { at, act: 'ENOSPC' }));
    await wholeJob(spool).catch((error: unknown) => {
      assert.match(String(error), /made up/);
    });
    await recover(spool);
    const where = `full at ${String(at)} (${counted.calls[at - 1] ?? ''})`;
    if (names(queue.in(META)).length > 0) assert.deepEqual(held(queue), NAMES, where);
    queue.remove();
  }
});

test('a name that somebody took between the decision and the writing is left alone: the child gets the next number', async (context) => {
  const queue = makeQueue(context);
  const spool = queue.spool();
  const claimed = await claimedParent(spool);
  const [name] = await spool.childStems(claimed, [{ folder: UI.folder, stem: stem('one') }]);
  const decided = await spool.decide(claimed, {
    ...answer(),
    children: [{ folder: UI.folder, stem: name ?? stem('x'), bytes: Buffer.from('child') }],
  });
  writeFileSync(path.join(queue.in(UI), 'one.held'), 'of a person');
  const final = await spool.enqueue(claimed, decided);
  assert.equal(final.children?.[0]?.stem, 'one~2');
  assert.equal(readFileSync(path.join(queue.in(UI), 'one.held'), 'utf8'), 'of a person');
  assert.equal(readFileSync(path.join(queue.in(UI), 'one~2.held'), 'utf8'), 'child');
});

test('a role whose in/ cannot be used keeps the answer waiting, and nothing of it is enqueued before it can', async (context) => {
  const queue = makeQueue(context);
  const spool = queue.spool();
  const claimed = await claimedParent(spool);
  const away = `${queue.in(UI)}-away`;
  renameSync(queue.in(UI), away);
  await assert.rejects(conclude(spool, claimed), { code: 'ENOENT' });
  assert.deepEqual(names(queue.in(META)), [], 'none before all can');
  mkdirSync(queue.in(UI), { mode: 0o700 });
  await conclude(spool, claimed);
  assert.deepEqual(held(queue), NAMES);
});

test('in/ that is another folder since the staging gets what it lacks, and nothing is lost', async (context) => {
  const queue = makeQueue(context);
  await queue.spool().prepare();
  const counted = makeFaultyFs(FAST, { at: 0, act: 'stop' });
  const first = makeQueue(context);
  await first.spool().prepare();
  await wholeJob(first.spool(counted));
  const at = counted.calls.findIndex((call) => call.startsWith('rename ') && call.includes('.held')) + 1;
  assert.ok(at > 0, counted.calls.join('\n'));
  await assert.rejects(wholeJob(queue.spool(makeFaultyFs(FAST, { at, act: 'stop' }))), Stop);
  renameSync(queue.in(UI), `${queue.in(UI)}-away`);
  mkdirSync(queue.in(UI), { mode: 0o700 });
  await recover(queue.spool());
  assert.deepEqual(held(queue), NAMES);
});

test('a prompt that waits is held and released again; a job that ended as held is no held prompt', async (context) => {
  const queue = makeQueue(context);
  const spool = queue.spool();
  await spool.prepare();
  await spool.drop(UI.name, stem('bar'), '---\nfeature: FEAT-1\nparent: abcdefghijklmnop\n---\nparent: aaaaaaaaaaaaaaaa\n', true);
  const [file] = names(queue.in(UI));
  assert.match(file ?? '', /^bar\.sha256-/);
  assert.deepEqual(await spool.hold(UI.name, file ?? ''), { stem: 'bar' });
  assert.equal(await spool.hold(UI.name, file ?? ''), null);
  assert.deepEqual(await spool.heldPrompts(), [{ role: 'ui', stem: 'bar', parent: 'abcdefghijklmnop' }]);
  const [view] = await spool.list({ role: UI.name });
  assert.deepEqual([view?.state, view?.held], ['held', { parent: 'abcdefghijklmnop' }]);
  writeFileSync(path.join(path.dirname(queue.in(UI)), 'out', 'bar_error.md'), 'a bad end');
  assert.deepEqual(await spool.heldPrompts(), []);
  assert.deepEqual(await spool.release([{ role: UI.name, stem: stem('bar') }]), [{ role: 'ui', stem: 'bar', name: null }]);
  unlinkSync(path.join(path.dirname(queue.in(UI)), 'out', 'bar_error.md'));
  writeFileSync(path.join(queue.in(UI), 'bar.md'), 'another');
  assert.deepEqual(await spool.release([{ role: UI.name, stem: stem('bar') }]), [{ role: 'ui', stem: 'bar', name: 'bar~2.md' }]);
  assert.deepEqual(names(queue.in(UI)), ['bar.md', 'bar~2.md']);
});
