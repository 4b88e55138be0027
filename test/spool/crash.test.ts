/** A kill, a full disk and a failing disk at every single call that changes the disk, in a whole job from drop to clean. */

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeFs } from '#platform/files.ts';
import { makeFaultyFs, makeUnsyncedFs, Stop, type FaultyFs, type FaultyOptions } from '#test/support/faulty-fs.ts';
import { answer, filesWith, makeRig, names, processAll, recover, ROLE, stem, type Rig } from './rig.ts';

const FAST = makeUnsyncedFs(makeFs());
const PROMPT = 'the prompt, byte for byte\r\n';

async function wholeJob(rig: Rig, fs: FaultyFs, failed = false, spool = rig.spool(fs)): Promise<void> {
  await spool.prepare();
  await spool.drop(ROLE.name, stem('foo'), PROMPT);
  await processAll(rig, spool, () => answer(failed));
}

async function countCalls(failed = false): Promise<readonly string[]> {
  const rig = makeRig(null, FAST);
  const fs = makeFaultyFs(rig.fs, { at: 0, act: 'stop' });
  await wholeJob(rig, fs, failed);
  rmSync(path.dirname(rig.queues), { recursive: true });
  return fs.calls;
}

/** Input once, result once and whole, nothing temporary, nothing in flight; or nothing at all when the drop itself did not come to pass. */
function assertOneJob(rig: Rig, where: string): void {
  const copies = filesWith(path.join(rig.queues, ROLE.folder), PROMPT);
  const published = names(rig.out);
  if (copies.length === 0) assert.deepEqual(published, [], `${where}: a result without an input`);
  else {
    assert.deepEqual(copies, [path.join('in', 'foo.processed')], where);
    assert.deepEqual(published, ['foo_evidence.json', 'foo_result.md'], where);
    const { run } = JSON.parse(readFileSync(path.join(rig.out, 'foo_evidence.json'), 'utf8')) as { run: string };
    assert.equal(readFileSync(path.join(rig.out, 'foo_result.md'), 'utf8'), `answer ${run}`, `${where}: evidence and result of two runs`);
  }
  assert.deepEqual(names(rig.work), [], `${where}: left in work/`);
  for (const folder of [rig.in, rig.out, rig.archive])
    assert.deepEqual(
      names(folder).filter((name) => name.startsWith('.')),
      [],
      where,
    );
}

async function isKilled(act: () => Promise<void>): Promise<boolean> {
  try {
    await act();
    return false;
  } catch (error) {
    if (error instanceof Stop) return true;
    throw error;
  }
}

for (const act of ['stop', 'stop-half'] as const) {
  test(`a kill ${act === 'stop' ? 'before' : 'in the middle of'} every single call that changes the disk loses nothing and publishes once`, async () => {
    const calls = await countCalls();
    for (const [index, call] of calls.entries()) {
      const where = `${act} at ${String(index + 1)} (${call})`;
      const rig = makeRig(null, FAST);
      assert.equal(await isKilled(() => wholeJob(rig, makeFaultyFs(rig.fs, { at: index + 1, act }))), true, where);
      const next = rig.spool();
      await recover(next);
      await processAll(rig, next);
      assertOneJob(rig, where);
      rmSync(path.dirname(rig.queues), { recursive: true });
    }
    assert.ok(calls.length > 30, `only ${String(calls.length)} calls`);
  });
}

/** Takes results away the moment they appear, as a program that watches out/ does. */
const consumer = (rig: Rig, taken: string): NonNullable<FaultyOptions['after']> => {
  mkdirSync(taken);
  return (call) => {
    if (!/^(?:link|rename) foo.*_result\.md$/.test(call)) return;
    for (const name of readdirSync(rig.out).filter((one) => one.endsWith('_result.md')))
      renameSync(path.join(rig.out, name), path.join(taken, `${String(readdirSync(taken).length)}-${name}`));
  };
};

test('a result that its reader moves away at once is never published a second time, wherever the kill comes', async () => {
  const calls = await countCalls();
  for (let at = 1; at <= calls.length; at++) {
    const where = `kill at ${String(at)} (${String(calls[at - 1])})`;
    const rig = makeRig(null, FAST);
    const taken = path.join(path.dirname(rig.queues), 'taken');
    const after = consumer(rig, taken);
    await isKilled(() => wholeJob(rig, makeFaultyFs(rig.fs, { at, act: 'stop', after })));
    const next = rig.spool(makeFaultyFs(rig.fs, { at: 0, act: 'stop', after }));
    await recover(next);
    await processAll(rig, next);
    const isDropped = names(rig.in).includes('foo.processed');
    assert.equal(names(taken).length, isDropped ? 1 : 0, where);
    rmSync(path.dirname(rig.queues), { recursive: true });
  }
});

test('where there are no hard links the names carry the job id, and a kill at any call still publishes once', async () => {
  const count = makeRig(null, FAST);
  const counting = makeFaultyFs(count.fs, { at: 0, act: 'stop', noLinks: 'EPERM' });
  await wholeJob(count, counting);
  assert.match(names(count.out)[0] ?? '', /^foo~[0-9a-f]{8}\.[a-z2-7]{16}_evidence\.json$/);
  assert.match(names(count.in)[0] ?? '', /^foo~[0-9a-f]{8}\.[a-z2-7]{16}\.processed$/);
  rmSync(path.dirname(count.queues), { recursive: true });
  for (let at = 1; at <= counting.calls.length; at++) {
    const rig = makeRig(null, FAST);
    await isKilled(() => wholeJob(rig, makeFaultyFs(rig.fs, { at, act: 'stop-half', noLinks: 'ENOTSUP' })));
    const next = rig.spool(makeFaultyFs(rig.fs, { at: 0, act: 'stop', noLinks: 'ENOTSUP' }));
    await recover(next);
    await processAll(rig, next);
    const where = `kill at ${String(at)} (${String(counting.calls[at - 1])})`;
    const copies = filesWith(path.join(rig.queues, ROLE.folder), PROMPT);
    assert.ok(copies.length <= 1, where);
    assert.equal(names(rig.out).length, copies.length * 2, where);
    assert.deepEqual(names(rig.work), [], where);
    rmSync(path.dirname(rig.queues), { recursive: true });
  }
});

for (const [code, who] of [
  ['ENOSPC', 'the same process'],
  ['EIO', 'the next process'],
] as const) {
  test(`${code} at every single call loses nothing and ${who} goes on from there`, async () => {
    const calls = await countCalls();
    for (const [index, call] of calls.entries()) {
      const where = `${code} at ${String(index + 1)} (${call})`;
      const rig = makeRig(null, FAST);
      const fs = makeFaultyFs(rig.fs, { at: index + 1, act: code });
      const spool = rig.spool(fs);
      const isFailed = await wholeJob(rig, fs, false, spool).then(
        () => false,
        (error: unknown) => {
          assert.ok(error instanceof Error, where);
          return true;
        },
      );
      const next = code === 'EIO' ? rig.spool() : spool;
      await recover(next);
      await processAll(rig, next);
      assertOneJob(rig, where);
      // Only best-effort calls may fail unseen; a folder or a record never.
      if (!isFailed) assert.match(call, /^(?:unlink|chmod|removeTree)/, where);
      rmSync(path.dirname(rig.queues), { recursive: true });
    }
  });
}

async function failedJob(rig: Rig, fs: FaultyFs): Promise<void> {
  const spool = rig.spool(fs);
  await spool.prepare();
  await spool.drop(ROLE.name, stem('foo'), PROMPT);
  const [one] = await spool.claim((await spool.scan()).waiting);
  assert.ok(one !== undefined);
  const { claimed } = await spool.read(one.dir, one.id, one.waiting.folder);
  await spool.attemptFolder(claimed, 1);
  await spool.keep(claimed, 'a1/stdout', 'raw output');
  const final = await spool.publish(claimed, await spool.decide(claimed, answer(true)));
  await spool.finish(claimed, final);
  await spool.clean(claimed);
}

test('the output of a failed job is in archive/ once, wherever the kill comes', async () => {
  const first = makeRig(null, FAST);
  const counting = makeFaultyFs(first.fs, { at: 0, act: 'stop' });
  await failedJob(first, counting);
  rmSync(path.dirname(first.queues), { recursive: true });
  const kept = counting.calls.findIndex((call) => call === 'replace final.json');
  assert.ok(kept > 0);
  for (let at = kept + 2; at <= counting.calls.length; at++) {
    const rig = makeRig(null, FAST);
    await isKilled(() => failedJob(rig, makeFaultyFs(rig.fs, { at, act: 'stop-half' })));
    await recover(rig.spool());
    const where = `kill at ${String(at)} (${String(counting.calls[at - 1])})`;
    assert.equal(filesWith(rig.archive, 'raw output').length, 1, where);
    assert.deepEqual(names(rig.in), ['foo.failed'], where);
    assert.deepEqual(names(rig.work), [], where);
    rmSync(path.dirname(rig.queues), { recursive: true });
  }
});
