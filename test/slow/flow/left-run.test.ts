/** A run that a stopping daemon leaves to the keeper is taken up by the next daemon, whether it has ended meanwhile or not. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startFakeAgents, type FakeAgent } from '#test/support/fake-agent.ts';
import { assertVerified, makeRig, promptText } from '#test/support/rig.ts';
import { obeyingRunner, settingsWith } from '#test/support/rig-runners.ts';

const answer = async (agent: FakeAgent): Promise<void> => {
  await agent.tell({ do: 'print', text: '# Answer\n' });
  await agent.tell({ do: 'exit', code: 0 });
};

for (const when of ['before the next start', 'after the next start'] as const) {
  test(`a run that was left and ends ${when} is used, and its tool is not started again`, async (t) => {
    const rig = makeRig(t);
    const agents = await startFakeAgents(rig.base);
    t.after(async () => agents.close());
    rig.settings(settingsWith([obeyingRunner('one', agents)], 'stop: { drain: 0 }\n'));
    const first = await rig.start();
    rig.drop('left.md', promptText({ extra: 'runner: one\n' }));
    const agent = await agents.next();
    assert.equal(await first.stop(), 0);
    assert.match(first.output(), /1 jobs? still runs?: the keeper watches/);
    assert.equal(existsSync(path.join(rig.in(), 'left.processed')), false);

    if (when === 'before the next start') {
      await answer(agent);
      await agent.gone;
    }
    const second = await rig.start();
    if (when === 'after the next start') await answer(agent);
    await rig.ended('left');
    assert.equal(agents.count(), 1);
    assert.deepEqual(
      rig.evidence('left').predicate.attempts.map(({ starts, outcome }) => ({ starts, outcome })),
      [{ starts: 1, outcome: 'answered' }],
    );
    assert.equal(await second.stop(), 0);
    assertVerified(rig);
  });
}

test('a duplicate that waits for the first of two prompts waits on through a stop, and can be cancelled', async (t) => {
  const rig = makeRig(t);
  const program = path.join(rig.base, 'later.sh');
  rig.settings(settingsWith([`  absent: { kind: command, program: ${program} }\n`], 'lanes: { absent: { slots: 3 } }\n'));
  const names = (): string[] => readdirSync(rig.in()).filter((name) => !name.startsWith('.'));
  // Claimed in one round: both are in work before the lane is found to be closed.
  for (const stem of ['one', 'two', 'three']) rig.drop(`${stem}.md`, promptText({ extra: 'runner: absent\n' }));
  const first = await rig.start();
  await rig.logged('lane absent waits until');
  const { out } = await rig.docket('ls', '--json');
  const rows = JSON.parse(out) as readonly { readonly stem: string; readonly state: string; readonly job: string | null }[];
  const follower = rows.find(({ state }) => state === 'read' || state === 'claimed');
  assert.ok(follower !== undefined, out);
  const cancelled = await rig.docket('cancel', `architect/${follower.stem}`);
  assert.equal(cancelled.code, 0, cancelled.err);
  await rig.ended(follower.stem, 'cancelled');
  assert.equal(await first.stop(), 0);
  assert.deepEqual(
    names().filter((name) => !name.endsWith('.md')),
    [`${follower.stem}.cancelled`],
    first.output(),
  );

  rig.tool('later.sh', '#!/bin/sh\necho "# Here I am"\n');
  const second = await rig.start();
  for (const stem of ['one', 'two', 'three']) if (stem !== follower.stem) await rig.ended(stem);
  assert.equal(readdirSync(rig.out()).filter((name) => name.endsWith('_result.md')).length, 1);
  assert.equal(readdirSync(rig.out()).filter((name) => name.endsWith('_duplicate.json')).length, 1);
  assert.equal(await second.stop(), 0);
  assertVerified(rig);
});
