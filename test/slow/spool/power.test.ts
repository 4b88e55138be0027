/** Power cuts at length: single and double ones, and what each tag of a sync is worth. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { powerCuts } from '#test/spool/power-rig.ts';

test('thousands of power cuts at every call, once and twice, lose nothing and publish one run', async (context) => {
  for (const isTwice of [false, true]) {
    const { cuts, bad } = await powerCuts({ perPoint: 150, seed: 7, isTwice });
    context.diagnostic(`${String(cuts)} ${isTwice ? 'double' : 'single'} power cuts, ${String(bad.length)} bad`);
    assert.deepEqual(bad, []);
  }
});

test('the syncs that are tagged `no-second-run` are not needed for safety', async () => {
  const { bad } = await powerCuts({ perPoint: 60, seed: 3, ignores: ['no-second-run'] });
  assert.deepEqual(bad, []);
});

test('the syncs that are tagged `safety` are', async (context) => {
  const { cuts, bad } = await powerCuts({ perPoint: 60, seed: 3, ignores: ['safety'] });
  context.diagnostic(`${String(bad.length)} of ${String(cuts)} bad without them`);
  assert.ok(bad.length > cuts / 20, String(bad.length));
});
