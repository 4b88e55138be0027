/** A prompt that was accepted keeps its place in history, whatever is installed at the next start. */

import assert from 'node:assert/strict';
import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { assertVerified, makeRig, promptText, ROOT } from '#test/support/rig.ts';

test('an accepted prompt whose prompt spec was removed waits with words, and goes on when it is back', async (t) => {
  const rig = makeRig(t);
  const specs = path.join(rig.root, 'prompt-spec');
  const install = (): void => {
    cpSync(path.join(ROOT, 'prompt-spec', 'v2.1.0'), path.join(specs, 'v9.0.0'), { recursive: true });
  };
  install();
  const first = rig.launch({ DOCKET_CRASH_AT: 'submitted' });
  rig.drop('foo.md', promptText().replace('prompt_spec_version: 2.1.0', 'prompt_spec_version: 9.0.0'));
  assert.equal(await first.ended, 'SIGKILL', first.output());

  rmSync(specs, { recursive: true });
  const second = await rig.start();
  await rig.logged('was accepted, and is not valid with what is installed now');
  assert.equal(existsSync(path.join(rig.in(), 'foo.rejected')), false);
  assert.equal(await second.stop(), 0);

  install();
  const third = await rig.start();
  await rig.ended('foo');
  assert.equal(rig.evidence('foo').predicate.spec.used, '9.0.0');
  assert.equal(await third.stop(), 0);
  assertVerified(rig);
});

test('without a runner in docket.yaml nothing starts, so that no tool is called by accident', (t) => {
  const rig = makeRig(t);
  writeFileSync(path.join(rig.root, 'docket.yaml'), 'app: app\n');
  const up = rig.run(['up']);
  assert.equal(up.code, 2);
  assert.match(up.err, /chooses no runner/);
});
