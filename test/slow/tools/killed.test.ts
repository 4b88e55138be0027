/**
 * The daemon is killed in the middle of each real tool's run. Four prompts at once: one waits for its model, one is being streamed to, one has just
 * ended, and the tool of one is killed together with the daemon. The keeper lives. Nothing here waits by the clock: the model server holds what the
 * test has not let go, and the daemon is stopped (SIGSTOP) while the third one ends, so that nobody can have read its answer.
 */

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { RunFile } from '#core/run.ts';
import { startFakeModel } from '../../support/fake-model.mjs';
import { toolFolder } from '#test/support/real-tools.ts';
import { assertVerified, makeRig, promptText } from '#test/support/rig.ts';
import { settingsWith } from '#test/support/rig-runners.ts';
import { runnerLine, STAGED_LANE, stagedEnv } from '#test/support/staged-tools.ts';
import { STAGING } from '#test/support/tool-stage.ts';
import { TABLE_TOOLS } from '#test/support/tool-table.ts';

/** Stem -> what the model does with it. */
const CASES = { waits: 'hold=waits', streams: 'hold-stream=streams', ended: 'hold=ended', together: 'hold=together' } as const;
type Case = keyof typeof CASES;
const NAMES = Object.keys(CASES) as Case[];

/** Four at once of a tool that needs seconds of a core to begin. */
const LONGEST_MS = 180_000;

const isCase = (text: string): Case | undefined => NAMES.find((name) => text.includes(`id=${name}`));

for (const tool of TABLE_TOOLS) {
  const bin = toolFolder(tool);
  const skip = bin === null ? `NOT RUN: ${tool} is not installed (npm install in test/tools)` : false;
  test(
    `${tool}: the daemon is killed while it waits, while it streams and when it has ended; each answer arrives once`,
    { skip },
    async (t) => {
      const rig = makeRig(t);
      const dump = path.join(rig.base, 'requests');
      const fake = await startFakeModel({ dump });
      t.after(async () => fake.close());
      rig.settings(
        settingsWith(
          [runnerLine(tool, fake.url)],
          `model: ${STAGING[tool].model}\nthrottle: { stagger: 0 }\nlanes: { ${STAGED_LANE}: { slots: 4, interval_cap: 1000 } }\n`,
        ),
      );
      const env = stagedEnv([tool], bin ?? '', fake.url, rig.base);
      const asked = (name: Case): number => fake.requests.filter(({ scenario }) => isCase(String(scenario)) === name).length;

      const first = await rig.start(env);
      for (const [name, scenario] of Object.entries(CASES)) {
        const body = `# Task ${name}\n\n<<fake:${scenario},id=${name}>>\n`;
        rig.drop(`${name}.md`, promptText({ feature: `FEAT-${name}`, body, extra: `runner: ${tool}\n` }));
      }
      await rig.until(dump, () => NAMES.every((name) => asked(name) > 0), 'a request of each', LONGEST_MS);
      /** The attempt's folder of each. */
      const dirs = new Map(
        globSync(path.join(rig.queues, '01-architect', 'work', '*', 'brief.md')).map((file) => [
          isCase(readFileSync(file, 'utf8')),
          path.join(path.dirname(file), 'a1'),
        ]),
      );
      const file = (name: Case, part: string): string => path.join(dirs.get(name) ?? '', part);
      const hasEnded = (name: Case): boolean => existsSync(file(name, 'exit.json'));

      process.kill(first.child.pid ?? 0, 'SIGSTOP');
      fake.release('ended');
      await rig.until(dirs.get('ended') ?? '', () => hasEnded('ended'), 'the end of one', LONGEST_MS);
      const { pid } = JSON.parse(readFileSync(file('together', 'run.json'), 'utf8')) as RunFile;
      process.kill(-pid, 'SIGKILL');
      await first.kill();
      assert.deepEqual(
        NAMES.filter((name) => existsSync(path.join(rig.in(), `${name}.processed`))),
        [],
      );
      assert.deepEqual([hasEnded('waits'), hasEnded('streams')], [false, false]);

      const second = await rig.start(env);
      for (const name of NAMES) fake.release(name);
      for (const name of NAMES)
        await rig.until(rig.in(), () => existsSync(path.join(rig.in(), `${name}.processed`)), `the answer of ${name}`, LONGEST_MS);
      assert.equal(await second.stop(), 0);

      const told = (name: Case): unknown => rig.evidence(name).predicate.attempts.map(({ n, starts, outcome }) => [n, starts, outcome]);
      for (const name of ['waits', 'streams', 'ended'] as const) {
        assert.deepEqual([asked(name), told(name)], [1, [[1, 1, 'answered']]], name);
        assert.match(rig.read(path.join(rig.out(), `${name}_result.md`)), /^# Fake answer/);
      }
      assert.deepEqual(
        [asked('together'), told('together')],
        [
          2,
          [
            [1, 1, 'agent-failure'],
            [2, 1, 'answered'],
          ],
        ],
      );
      assertVerified(rig, true);
    },
  );
}
