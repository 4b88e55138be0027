/** The crash matrix of the spool at length: two crashes in one job, a failing disk, readers of out/, no hard links, failed jobs. */

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeFaultyFs, type FaultyOptions } from '#test/support/faulty-fs.ts';
import { assertClean, assertOneJob, atEveryCall, callsOf, ends, failedJob, goOn, PROMPT, wholeJob } from '#test/spool/crash-rig.ts';
import { filesWith, names, recover, ROLE, type Rig } from '#test/spool/rig.ts';

for (const act of ['stop', 'stop-half'] as const) {
  test(`two crashes (${act}): one anywhere in the job, one anywhere in its recovery`, async (context) => {
    let cases = 0;
    for (let second = 1, wasReached = true; wasReached; second++) {
      wasReached = false;
      await atEveryCall(wholeJob, { act }, async ({ rig, where }) => {
        const isDone = await ends(goOn(rig, rig.spool(makeFaultyFs(rig.fs, { at: second, act }))));
        if (!isDone) wasReached = true;
        await goOn(rig, rig.spool());
        assertOneJob(rig, `${where}, again at ${String(second)}`);
        cases += 1;
      });
    }
    context.diagnostic(`${String(cases)} double crashes`);
    assert.ok(cases > 1_200, String(cases));
  });
}

test('an i/o error at every single call loses nothing: the next process goes on from there', async () => {
  for (const act of ['EIO', 'EACCES'] as const)
    await atEveryCall(wholeJob, { act }, async ({ rig, where, call }) => {
      await goOn(rig, rig.spool());
      // A claimed file that may not be opened is refused, not lost.
      if (act === 'EACCES' && call === 'syncFile claimed') assert.deepEqual(names(rig.in), ['foo.rejected'], where);
      else assertOneJob(rig, where);
    });
});

/** Takes results away the moment they appear, as a program that watches out/ does. */
const reader = (rig: Rig): NonNullable<FaultyOptions['after']> => {
  const taken = takenOf(rig);
  mkdirSync(taken, { recursive: true });
  return (call) => {
    if (!/^(?:link|rename) foo.*_result\.md$/.test(call)) return;
    for (const name of readdirSync(rig.out).filter((one) => one.endsWith('_result.md')))
      renameSync(path.join(rig.out, name), path.join(taken, `${String(readdirSync(taken).length)}-${name}`));
  };
};
const takenOf = (rig: Rig): string => path.join(path.dirname(rig.queues), 'taken');

test('a result that its reader moves away at once is never published a second time, wherever the kill comes', async () => {
  await atEveryCall(
    wholeJob,
    { act: 'stop' },
    async ({ rig, where }) => {
      await goOn(rig, rig.spool(makeFaultyFs(rig.fs, { at: 0, act: 'stop', after: reader(rig) })));
      const isDropped = names(rig.in).includes('foo.processed');
      assert.equal(names(takenOf(rig)).length, isDropped ? 1 : 0, where);
    },
    { after: reader },
  );
});

test('where there are no hard links the names carry the job id, and a kill at any call still publishes once', async () => {
  for (const noLinks of ['EPERM', 'ENOTSUP'] as const) {
    const calls = await callsOf(wholeJob, { act: 'stop', noLinks });
    assert.ok(
      calls.some((call) => /^rename foo~[0-9a-f]{8}\.[a-z2-7]{16}_result\.md$/.test(call)),
      calls.join('\n'),
    );
    await atEveryCall(wholeJob, { act: 'stop-half', noLinks }, async ({ rig, where }) => {
      await goOn(rig, rig.spool(makeFaultyFs(rig.fs, { at: 0, act: 'stop', noLinks })));
      const copies = filesWith(path.join(rig.queues, ROLE.folder), PROMPT);
      assert.ok(copies.length <= 1, where);
      assert.equal(names(rig.out).length, copies.length * 2, where);
      assertClean(rig, where);
    });
  }
});

test('the output of a failed job is in archive/ once, wherever the kill comes after the decision', async () => {
  const calls = await callsOf(failedJob, { act: 'stop' });
  const decided = calls.findLastIndex((call) => call.startsWith('append '));
  assert.ok(decided > 0);
  for (const act of ['stop', 'stop-half'] as const)
    await atEveryCall(failedJob, { act }, async ({ rig, where }) => {
      if (Number(/ at ([0-9]+) /.exec(where)?.[1]) <= decided + 1) return;
      await recover(rig.spool());
      assert.equal(filesWith(rig.archive, 'raw output').length, 1, where);
      assert.deepEqual(names(rig.in), ['foo.failed'], where);
      assertClean(rig, where);
    });
});
