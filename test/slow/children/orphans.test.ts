/** Daemon and keeper die together, with programs running: the next start ends what they left, and nobody else. */

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { RunFile } from '#core/run.ts';
import { startFakeAgents, type FakeAgent } from '#test/support/fake-agent.ts';
import { assertVerified, makeRig, promptText, type Rig } from '#test/support/rig.ts';
import { obeyingRunner, settingsWith } from '#test/support/rig-runners.ts';
import { keepersOf, onlyLinux, until } from './processes.ts';

const isAlive = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

/** A program of somebody else: of the same user, with a mark of its own. */
function bystander(t: TestContext): ChildProcess {
  const child = spawn('/bin/sleep', ['600'], { stdio: 'ignore', detached: true, env: { DOCKET_RUN_ID: randomUUID() } });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

async function killBoth(rig: Rig, kill: () => Promise<void>): Promise<void> {
  // The keeper first: the daemon would else have the time to start the next one.
  const keepers = keepersOf(rig);
  assert.equal(keepers.length, 1);
  const killed = kill();
  for (const pid of keepers) process.kill(pid, 'SIGKILL');
  await killed;
  await until(() => keepersOf(rig).length === 0);
}

const runFileOf = (rig: Rig): string => {
  const [file] = globSync(path.join(rig.queues, '01-architect', 'work', '*', 'a1', 'run.json'));
  assert.ok(file !== undefined);
  return file;
};

const answer = async (agent: FakeAgent, text: string): Promise<void> => {
  await agent.tell({ do: 'print', text });
  await agent.tell({ do: 'exit', code: 0 });
};

for (const isReused of [false, true])
  test(
    isReused
      ? 'the pid of a dead run that means somebody else by now is left alone; what carries the mark of the run is ended'
      : 'daemon and keeper killed with -9: the next start ends the run and its escaped child, and nobody else; then the tool goes again',
    onlyLinux,
    async (t) => {
      const rig = makeRig(t);
      const agents = await startFakeAgents(rig.base);
      t.after(async () => agents.close());
      rig.settings(settingsWith([obeyingRunner('one', agents)], 'tools: { sandbox: auto }\n'));
      const other = bystander(t);
      const first = await rig.start();
      rig.drop('orphan.md', promptText({ extra: 'runner: one\n' }));
      const agent = await agents.next();
      await agent.tell({ do: 'escape' });
      const child = await agents.next();
      await killBoth(rig, async () => first.kill());
      if (isReused) {
        await answer(agent, '# Nobody keeps this\n');
        await agent.gone;
        const file = runFileOf(rig);
        const run = JSON.parse(readFileSync(file, 'utf8')) as RunFile;
        writeFileSync(file, JSON.stringify({ ...run, pid: other.pid }));
      }

      const second = await rig.start();
      await Promise.all([agent.gone, child.gone]);
      const again = await agents.next();
      assert.ok(isAlive(other));
      await answer(again, '# Answer\n');
      await rig.ended('orphan');
      assert.equal(rig.read(path.join(rig.out(), 'orphan_result.md')), '# Answer\n');
      assert.deepEqual(
        rig.evidence('orphan').predicate.attempts.map(({ starts, outcome }) => ({ starts, outcome })),
        [{ starts: 2, outcome: 'answered' }],
      );
      assert.equal(await second.stop(), 0);
      assert.ok(isAlive(other));
      assertVerified(rig);
    },
  );

test('what was left running is ended at the next start also when its job has to wait for a slot', onlyLinux, async (t) => {
  const rig = makeRig(t);
  const agents = await startFakeAgents(rig.base);
  t.after(async () => agents.close());
  const settings = (slots: number): string =>
    settingsWith([obeyingRunner('one', agents)], `lanes: { one: { slots: ${String(slots)} } }\ntools: { sandbox: auto }\n`);
  rig.settings(settings(2));
  const first = await rig.start();
  for (const n of [1, 2]) rig.drop(`p${String(n)}.md`, promptText({ feature: `FEAT-${String(n)}`, extra: 'runner: one\n' }));
  const left = [await agents.next(), await agents.next()];
  await killBoth(rig, async () => first.kill());

  rig.settings(settings(1));
  const second = await rig.start();
  const again = await agents.next();
  await Promise.all(left.map((agent) => agent.gone));
  assert.equal(agents.count(), 3, 'the other one has no slot yet');
  await answer(again, '# Answer\n');
  await answer(await agents.next(), '# Answer\n');
  for (const n of [1, 2]) await rig.ended(`p${String(n)}`);
  assert.equal(await second.stop(), 0);
  assertVerified(rig);
});
