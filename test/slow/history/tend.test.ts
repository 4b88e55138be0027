import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { answer, findings, makeRig, submission, value } from '#test/history/rig.ts';

const CHILD = path.join(import.meta.dirname, 'tend-child.ts');

/** Every change when somebody asks for `npm run test:full`; else every second one, from the first or the second on, by chance. */
const STRIDE = process.env['DOCKET_TEST_FULL'] === '1' ? 1 : 2;

test('killed before each change while packs are made one, every object is there for git at once, and the next one goes on', async () => {
  const rig = makeRig();
  try {
    let step = 1 + Math.floor(Math.random() * STRIDE);
    for (; step < 80; step += STRIDE) {
      const history = await rig.open();
      for (let n = 0; n < 3; n++) {
        const prompt = submission({ feature: `S${String(step)}-${String(n)}` });
        value(await history.submit(prompt));
        value(await history.record(answer(prompt)));
      }
      await history.close();
      const child = spawnSync(process.execPath, [CHILD, rig.dir, `LAST-${String(step)}`, String(step)], { encoding: 'utf8' });
      assert.ok(child.signal === 'SIGKILL' || child.status === 0, child.stderr);
      assert.equal(rig.git('fsck', '--full', '--strict', '--no-progress', '--no-dangling'), '', `step ${String(step)}`);
      if (child.status === 0) break;
    }
    assert.ok(step > 12 && step < 80, `${String(step)} steps`);
    const history = await rig.open();
    rig.assertClean();
    assert.deepEqual(await findings(history), []);
  } finally {
    await rig.end();
  }
});
