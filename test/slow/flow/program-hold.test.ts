/** A tool whose program is another file than the one that was accepted waits for a person, and nobody else does. */

import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { assertVerified, makeRig, promptText } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';

const script = (answer: string): string => `#!/bin/sh\ncat >/dev/null\necho "# ${answer}"\n`;

test('a replaced program holds its lane, durably, until it is accepted; other lanes go on, and no attempt is spent', async (t) => {
  const rig = makeRig(t);
  const program = rig.tool('mine', script('One'));
  const replace = (answer: string): void => {
    renameSync(rig.tool('next', script(answer)), program);
  };
  const drop = (stem: string, runner: string): void => {
    rig.drop(`${stem}.md`, promptText({ feature: `${stem.toUpperCase()}-1`, extra: `runner: ${runner}\n` }));
  };
  rig.settings(
    settingsWith(
      [`  mine: { kind: command, program: ${program} }\n`, shellRunner('other', 'cat >/dev/null; echo "# Other"')],
      'policy: { program_change: hold }\n',
    ),
  );
  let daemon = await rig.start();
  drop('first', 'mine');
  await rig.ended('first');
  assert.equal(rig.run(['accept', 'mine']).code, 1, 'the first one seen is accepted already');

  replace('Two');
  drop('second', 'mine');
  await rig.logged('the program of mine has changed');
  drop('beside', 'other');
  await rig.ended('beside');
  const status = rig.run(['status']).out;
  assert.match(status, /the program of mine has changed: accepted was .*sha256 [0-9a-f]{12}….*there is now .*docket accept mine/);
  assert.match(rig.run(['why', 'architect/second']).out, /the program of mine has changed/);
  assert.match(rig.run(['doctor']).out, /runner mine +the program of mine has changed/);

  assert.equal(await daemon.stop(), 0);
  daemon = await rig.start();
  drop('other', 'other');
  await rig.ended('other');
  assert.match(rig.run(['status']).out, /the program of mine has changed/, 'a restart accepts nothing');

  const accepted = rig.run(['accept', 'mine']);
  assert.equal(accepted.code, 0, accepted.err);
  assert.match(accepted.out, /accepted\. Before: accepted was .* by docket, as the first one seen/);
  await rig.ended('second');
  assert.equal(rig.read(path.join(rig.out(), 'second_result.md')), '# Two\n');
  const { attempts } = rig.evidence('second').predicate;
  assert.deepEqual(
    attempts.map(({ n, outcome, starts }) => ({ n, outcome, starts })),
    [{ n: 1, outcome: 'answered', starts: 1 }],
  );
  assert.equal(await daemon.stop(), 0);

  // Accepted while no daemon runs.
  replace('Three');
  assert.equal(rig.run(['accept', 'mine']).code, 0);
  daemon = await rig.start();
  drop('third', 'mine');
  await rig.ended('third');
  assert.equal(rig.read(path.join(rig.out(), 'third_result.md')), '# Three\n');
  assert.equal(await daemon.stop(), 0);
  assertVerified(rig);
});
