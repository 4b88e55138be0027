/** The journal is an index: without it, or with garbage in its place, the folders and the history give the same answers, and jobs in flight go on. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startFakeAgents } from '#test/support/fake-agent.ts';
import { assertVerified, makeRig, promptText, type Rig } from '#test/support/rig.ts';
import { obeyingRunner, settingsWith, shellRunner } from '#test/support/rig-runners.ts';

const journalFiles = (rig: Rig): string[] => {
  const state = path.join(rig.queues, '.docket');
  return readdirSync(state)
    .filter((name) => name.startsWith('journal.db'))
    .map((name) => path.join(state, name));
};

const LOSSES: readonly { readonly how: string; readonly lose: (rig: Rig) => void }[] = [
  {
    how: 'deleted',
    lose: (rig) => {
      for (const file of journalFiles(rig)) rmSync(file);
    },
  },
  {
    how: 'full of garbage',
    lose: (rig) => {
      for (const file of journalFiles(rig)) writeFileSync(file, Buffer.alloc(20_000, 0x5a));
    },
  },
  {
    how: 'cut off',
    lose: (rig) => {
      for (const file of journalFiles(rig)) truncateSync(file, 3_000);
    },
  },
];

/** What people are told, without what only the journal may know: attempt counts and the moment of a change. */
function answers(rig: Rig): unknown {
  const json = (...args: string[]): unknown => {
    const { out, err, code } = rig.run([...args, '--json']);
    assert.ok(code === 0 || code === 1, err);
    return JSON.parse(out);
  };
  const rows = json('ls', '--all') as readonly Readonly<Record<string, unknown>>[];
  return {
    ls: rows.map(({ role, stem, file, state, feature, revision }) => ({ role, stem, file, state, feature, revision })),
    show: json('show', 'done'),
    showFailed: json('show', 'FEAT-2/architect@1'),
    log: json('log'),
    verify: json('verify'),
  };
}

for (const { how, lose } of LOSSES) {
  test(`with the journal ${how} while no daemon runs, ls, show, log and verify say the same, and a job in flight goes on`, async (t) => {
    const rig = makeRig(t);
    const agents = await startFakeAgents(rig.base);
    t.after(async () => agents.close());
    rig.settings(settingsWith([obeyingRunner('one', agents), shellRunner('fail', 'exit 1'), shellRunner('copy', 'cat')]));
    const first = await rig.start();
    rig.drop('done.md', promptText({ extra: 'runner: copy\n' }));
    rig.drop('failed.md', promptText({ feature: 'FEAT-2', extra: 'runner: fail\n' }));
    rig.drop('bad.md', promptText({ feature: 'FEAT-3', agent: 'ui' }));
    await rig.ended('done');
    await rig.ended('failed', 'failed');
    await rig.ended('bad', 'rejected');
    rig.drop('flying.md', promptText({ feature: 'FEAT-4', extra: 'runner: one\n' }));
    const agent = await agents.next();
    await first.kill();

    const told = answers(rig);
    lose(rig);
    assert.deepEqual(answers(rig), told);

    const second = await rig.start();
    await agent.tell({ do: 'print', text: '# Answer\n' });
    await agent.tell({ do: 'exit', code: 0 });
    await rig.ended('flying');
    assert.equal(agents.count(), 1, 'the run that goes on is adopted');
    assert.equal(rig.read(path.join(rig.out(), 'flying_result.md')), '# Answer\n');
    rig.drop('again.md', promptText({ extra: 'runner: copy\n' }));
    await rig.ended('again');
    assert.ok(existsSync(path.join(rig.out(), 'again_duplicate.json')), 'what was answered is known from the history');
    assert.equal(await second.stop(), 0);
    assertVerified(rig);
  });
}

test('a daemon whose journal is taken away while it works stops at once, and the next one goes on', async (t) => {
  const rig = makeRig(t);
  const agents = await startFakeAgents(rig.base);
  t.after(async () => agents.close());
  rig.settings(settingsWith([obeyingRunner('one', agents)]));
  const first = await rig.start();
  rig.drop('flying.md', promptText({ extra: 'runner: one\n' }));
  const agent = await agents.next();
  for (const file of journalFiles(rig)) rmSync(file);
  assert.equal(await first.exit(), 3);
  assert.match(first.output(), /the journal was removed or replaced under the running daemon: start it again/);

  const second = await rig.start();
  await agent.tell({ do: 'print', text: '# Answer\n' });
  await agent.tell({ do: 'exit', code: 0 });
  await rig.ended('flying');
  assert.equal(agents.count(), 1);
  assert.equal(await second.stop(), 0);
  assertVerified(rig);
});
