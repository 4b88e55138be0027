/** A kill and a full disk at every single call that changes the disk, in a whole job from drop to clean. More of it: test/slow/spool/. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { makeFaultyFs } from '#test/support/faulty-fs.ts';
import { assertOneJob, atEveryCall, ends, goOn, wholeJob } from './crash-rig.ts';
import { makeRig, names, recover } from './rig.ts';

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
