/** Stopping and starting: what a signal does to jobs that run, and who may hold the queues. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startFakeAgents, type FakeAgent } from '#test/support/fake-agent.ts';
import { assertClean, makeRig, promptText, type Daemon } from '#test/support/rig.ts';
import { obeyingRunner, settingsWith } from '#test/support/rig-runners.ts';

const answer = async (agent: FakeAgent): Promise<void> => {
  await agent.tell({ do: 'print', text: '# Answer\n' });
  await agent.tell({ do: 'exit', code: 0 });
};
/** SIGTERM, and waits until the daemon says that it stops. */
const askToStop = async (daemon: Daemon): Promise<void> => {
  const said = new Promise<void>((resolve) => {
    const look = (): void => {
      if (daemon.output().includes('docket: stopping (SIGTERM)')) resolve();
    };
    daemon.child.stderr?.on('data', look);
  });
  daemon.child.kill('SIGTERM');
  await said;
};

test('SIGTERM lets the running job end, takes nothing new, and ends with 0; a second one leaves the run to the keeper', async (t) => {
  const rig = makeRig(t);
  const agents = await startFakeAgents(rig.base);
  t.after(async () => agents.close());
  rig.settings(settingsWith([obeyingRunner('one', agents)]));
  const drop = (stem: string, extra = 'runner: one\n'): void => {
    rig.drop(`${stem}.md`, promptText({ feature: `STOP-${stem}`, extra }));
  };

  const first = await rig.start();
  const stranger = await rig.docket('up');
  assert.equal(stranger.code, 3);
  assert.match(stranger.err, new RegExp(`another daemon holds ${rig.queues}: pid ${String(first.child.pid)} `));

  drop('drained');
  const agent = await agents.next();
  await askToStop(first);
  drop('later', '');
  await answer(agent);
  assert.equal(await first.exit(), 0);
  assert.ok(existsSync(path.join(rig.in(), 'drained.processed')));
  assert.ok(existsSync(path.join(rig.in(), 'later.md')), 'what comes while it stops waits for the next start');

  const second = await rig.start();
  await rig.ended('later');
  drop('left');
  const left = await agents.next();
  await askToStop(second);
  second.child.kill('SIGTERM');
  assert.equal(await second.exit(), 0);
  assert.equal(existsSync(path.join(rig.in(), 'left.md')), false);

  // The keeper still has it; who takes it up at the next start: test/slow/flow/left-run.test.ts.
  await answer(left);
  assertClean(rig);
});

test('`docket init` in a repository, and a whole day of work, leave docket.yaml as its only new file', async (t) => {
  const rig = makeRig(t);
  unlinkSync(path.join(rig.root, 'docket.yaml'));
  const code = (...args: string[]): string => {
    const result = spawnSync('git', ['-C', rig.root, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], {
      env: rig.env,
      encoding: 'utf8',
    });
    assert.equal(result.status, 0, result.stderr);
    return result.stdout;
  };
  code('init', '-q');
  writeFileSync(path.join(rig.root, 'index.js'), 'export {};\n');
  code('add', '.');
  code('commit', '-q', '-m', 'first');

  const made = rig.run(['init', '--yes']);
  assert.equal(made.code, 0, made.err);
  const daemon = await rig.start();
  rig.drop('foo.md', promptText());
  await rig.ended('foo');
  assert.equal(await daemon.stop(), 0);
  assert.equal(code('status', '--porcelain', '--ignored=no'), '?? docket.yaml\n');
  assert.equal(code('diff', 'HEAD', '--stat'), '');
  assert.equal(rig.evidence('foo').predicate.code.baseCommit, code('rev-parse', 'HEAD').trim());
  assertClean(rig);
});
