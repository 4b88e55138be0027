/** `docket doctor` looks at the newest answers, cheaply: each against the evidence beside it. */

import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { lookAtOwners, lookAtPublished } from '#cli/doctor-bounds.ts';
import { loadRoles } from '#cli/load.ts';
import { makeFs } from '#platform/files.ts';
import { makeTempWorkspace, seedJob } from '#test/support/workspace.ts';

test('a hand in out/ or in/ is seen by doctor at once, and a queue that is open to everybody', async (t) => {
  const workspace = await makeTempWorkspace(t);
  const rooms = await workspace.rooms();
  const fs = makeFs();
  const loaded = await loadRoles(fs, rooms.workspace);
  assert.ok(loaded.ok);
  const roles = [...loaded.value.values()];
  const look = async (): Promise<readonly string[]> =>
    (await lookAtPublished(fs, rooms.spool, workspace.queues, roles)).map(({ state, found }) => `${state} ${found}`);
  await seedJob(rooms, 'foo', { feature: 'FEAT-1' }, { status: 'briefed', answer: 'as it was' });
  await seedJob(rooms, 'bar', { feature: 'FEAT-2' }, { status: 'answered', answer: 'as it was' });
  assert.deepEqual(await look(), ['ok the newest 2 answers are as they were published']);

  writeFileSync(workspace.out('foo_result.md'), 'as somebody wanted it');
  chmodSync(workspace.in('bar.processed'), 0o600);
  const touched = await look();
  assert.equal(touched.length, 2, touched.join('\n'));
  assert.ok(touched.some((line) => line.startsWith('bad foo_result.md is not what was answered')));
  assert.ok(touched.some((line) => /^warn .*bar\.processed may be written to/.test(line)));
  writeFileSync(workspace.in('bar.processed'), 'another prompt');
  assert.ok((await look()).some((line) => /^bad .*bar\.processed is not what was answered/.test(line)));

  const owners = async (): Promise<readonly string[]> =>
    (await lookAtOwners(fs, workspace.queues, roles)).filter(({ check }) => check === 'owners').map(({ state }) => state);
  assert.deepEqual(
    (await owners()).filter((state) => state === 'bad'),
    [],
  );
  chmodSync(workspace.in(''), 0o777);
  assert.deepEqual(await owners(), ['bad']);
});
