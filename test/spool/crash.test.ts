/** A kill and a full disk at every single call that changes the disk, in a whole job from drop to clean. More of it: test/slow/spool/. */

import assert from 'node:assert/strict';
import { linkSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Spool } from '#core/spool.ts';
import { makeFaultyFs } from '#test/support/faulty-fs.ts';
import { assertOneJob, atEveryCall, ends, goOn, PROMPT, wholeJob } from './crash-rig.ts';
import { answer, makeRig, names, processAll, recover, ROLE, stem, type Rig } from './rig.ts';

test('a kill before every single call that changes the disk loses nothing and publishes once', async () => {
  const points = await atEveryCall(wholeJob, { act: 'stop' }, async ({ rig, where, isDone }) => {
    assert.equal(isDone, false, where);
    await goOn(rig, rig.spool());
    assertOneJob(rig, where);
  });
  assert.ok(points > 25, `only ${String(points)} calls`);
});

test('a kill in the middle of a write or a removal leaves nothing half done', async () => {
  const points = await atEveryCall(
    wholeJob,
    { act: 'stop-half' },
    async ({ rig, where }) => {
      await goOn(rig, rig.spool());
      assertOneJob(rig, where);
    },
    { only: /^(?:writeNew|replace|removeTree|append) / },
  );
  assert.ok(points >= 7, `only ${String(points)} calls`);
});

test('a full disk at every single call loses nothing, and the same process goes on when there is room again', async () => {
  await atEveryCall(wholeJob, { act: 'ENOSPC' }, async ({ rig, where, spool, isDone, call }) => {
    // Only best-effort calls may fail unseen; a folder or a record never.
    if (isDone) assert.match(call, /^(?:unlink|chmod|removeTree)/, where);
    await goOn(rig, spool);
    assertOneJob(rig, where);
  });
});

test('a kill at any point of the preparation is mended by the next one', async (context) => {
  for (let at = 1, isDone = false; !isDone; at++) {
    const rig = makeRig(context);
    isDone = await ends(rig.spool(makeFaultyFs(rig.fs, { at, act: 'stop-half' })).prepare());
    await recover(rig.spool());
    for (const folder of [rig.in, rig.out, rig.work, rig.archive]) assert.deepEqual(names(folder), [], `${String(at)} ${folder}`);
    assert.equal(readdirSync(rig.queues).length, 1);
  }
});

async function failedJob(rig: Rig, spool: Spool): Promise<void> {
  await spool.drop(ROLE.name, stem('foo'), PROMPT);
  await processAll(rig, spool, () => answer(true));
}

async function retriedJob(rig: Rig, spool: Spool): Promise<void> {
  await failedJob(rig, spool);
  await spool.reopen(ROLE.name, stem('foo'));
  await processAll(rig, spool);
}

test('a retry that is killed before any single call leaves a prompt of one name once it is answered', async () => {
  let bothNames = 0;
  const points = await atEveryCall(retriedJob, { act: 'stop' }, async ({ rig, where }) => {
    if (['foo.failed', 'foo.md'].every((name) => names(rig.in).includes(name))) bothNames++;
    const spool = rig.spool();
    await recover(spool);
    await processAll(rig, spool, () => answer());
    if (names(rig.in).join() === 'foo.failed') {
      await spool.reopen(ROLE.name, stem('foo'));
      await processAll(rig, spool);
    }
    if (names(rig.in).length > 0) assert.deepEqual(names(rig.in), ['foo.processed'], where);
    assertOneJob(rig, where);
  });
  assert.ok(points > 50 && bothNames > 0, `${String(points)} calls, ${String(bothNames)} with both names`);
});

test('a retry that found its name taken and was killed is ended by the claim; a file that only shares its name is left alone', async (context) => {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  await failedJob(rig, spool);
  const at = (name: string): string => path.join(rig.in, name);
  linkSync(at('foo.failed'), at('foo~2.md'));
  writeFileSync(at('foo.held'), 'of another prompt');
  await processAll(rig, spool);
  assert.deepEqual(names(rig.in), ['foo.held', 'foo~2.processed']);
});
