import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { dieAtEach } from '#test/history/die-at-each.ts';
import { answer, findings, makeRig, newJob, submission, value } from '#test/history/rig.ts';

const CHILD = path.join(import.meta.dirname, 'crash-child.ts');

test('killed before each single change it makes, the first ones included, it is clean after a restart and each prompt is recorded once', async () => {
  const rig = makeRig();
  try {
    let step = 1;
    let isFirst = true;
    for (; step < 200; step++) {
      const job = newJob();
      const feature = `FEAT-${String(step)}`;
      const child = spawnSync(process.execPath, [CHILD, rig.dir, job, feature, String(step)], { encoding: 'utf8' });
      assert.ok(child.signal === 'SIGKILL' || child.status === 0, child.stderr);
      const history = await rig.open();
      assert.equal(rig.git('status', '--porcelain'), '', `status after step ${String(step)}`);
      for (const commit of child.stdout
        .trim()
        .split('\n')
        .filter((line) => line !== ''))
        rig.git('merge-base', '--is-ancestor', commit, 'main');
      // What the daemon does after a crash: the same again.
      const prompt = submission({ job, feature });
      value(await history.submit(prompt));
      assert.equal(value(await history.record(answer(prompt, { materials: ['shared', job] }))).status, 'answered');
      assert.equal(rig.git('log', '--format=%h', '--grep', `Docket-Job: ${job}`).trim().split('\n').length, 2, `step ${String(step)}`);
      rig.assertClean();
      await history.close();
      if (child.status === 0 && !isFirst) break;
      isFirst = false;
    }
    // After the first round the repository exists: fewer steps are left of the set-up, all of submit and record.
    assert.ok(step > 40 && step < 200, `${String(step)} steps`);
    const history = await rig.open();
    assert.deepEqual(await findings(history), []);
  } finally {
    await rig.end();
  }
});

test('killed before each change of the very first start, the next start finishes the set-up', async () => {
  for (let step = 1; step < 200; step++) {
    const rig = makeRig();
    try {
      const job = newJob();
      const child = spawnSync(process.execPath, [CHILD, rig.dir, job, 'FEAT-1', String(step)], { encoding: 'utf8' });
      assert.ok(child.signal === 'SIGKILL' || child.status === 0, child.stderr);
      if (child.stdout !== '' || child.status === 0) return;
      const history = await rig.open();
      value(await history.submit(submission({ job })));
      rig.assertClean();
    } finally {
      await rig.end();
    }
  }
  assert.fail('the set-up never ended');
});

for (const isPowerLost of [false, true])
  test(`${isPowerLost ? 'a loss of power' : 'a kill'} before each step of a record leaves nothing beside the tip after the next start`, async () => {
    const rig = makeRig();
    try {
      await dieAtEach(rig, 1, isPowerLost);
    } finally {
      await rig.end();
    }
  });
