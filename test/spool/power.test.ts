/** Power cuts on the simulated file system, a few at each call; thousands of them: test/slow/spool/. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fsContract } from '#test/contracts/fs.ts';
import { makeSimFs } from '#test/support/sim-fs.ts';
import { powerCuts } from './power-rig.ts';

fsContract('the simulated file system', async () => {
  const { fs } = makeSimFs();
  await fs.makeFolders('/contract');
  return { fs, folder: '/contract', close: () => Promise.resolve() };
});

test('a power cut at any call loses no prompt that was dropped, tears none, and publishes one run', async () => {
  const { cuts, bad } = await powerCuts({ perPoint: 6, seed: 1 });
  assert.deepEqual(bad, []);
  assert.ok(cuts > 150, String(cuts));
});

test('without the syncs that are tagged `safety` the same check finds losses', async () => {
  const { bad } = await powerCuts({ perPoint: 6, seed: 1, ignores: ['safety'] });
  assert.ok(bad.length > 0);
});
