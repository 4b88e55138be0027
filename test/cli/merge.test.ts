import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { addMerge } from '#cli/merge.ts';
import { addVerify } from '#cli/verify.ts';
import { copyTempWorkspace, makeTempWorkspace, seedJob } from '#test/support/workspace.ts';

test('docket merge takes in what another clone recorded, tells what both recorded, and says so when there is nothing', async (t) => {
  const template = await makeTempWorkspace(t);
  const rooms = await template.rooms();
  await seedJob(rooms, 'shared', {}, { status: 'answered', answer: 'before the copy\n' });
  rooms.journal.close();
  await rooms.history.close();
  const [workspace, elsewhere] = [await copyTempWorkspace(t, template), await copyTempWorkspace(t, template)];
  const both = [await workspace.rooms(), await elsewhere.rooms()] as const;
  const mine = await seedJob(both[0], 'twice', { revision: 2 }, { status: 'answered', answer: 'mine\n' });
  const yours = await seedJob(both[1], 'twice', { revision: 2 }, { status: 'answered', answer: 'yours\n' });
  for (const one of both) await one.history.close();

  assert.equal((await workspace.run(addMerge, 'merge')).code, 2, 'nothing was fetched');
  assert.equal((await workspace.run(addMerge, 'merge', 'main')).code, 2);
  execFileSync('git', ['-C', workspace.history, 'fetch', '-q', elsewhere.history, 'main']);
  const { code, data } = await workspace.json(addMerge, 'merge');
  assert.equal(code, 0);
  const { beside } = data as { readonly beside: readonly string[] };
  assert.equal(beside.length, 1);
  assert.ok([mine.id, yours.id].some((id) => id === beside[0]));
  assert.match((await workspace.run(addMerge, 'merge')).out, /nothing in it that is not here/);
  const verified = await workspace.run(addVerify, 'verify');
  assert.match(verified.out, /recorded by two clones/);
});
