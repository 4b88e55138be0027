/** The whole flow with the offline runner needs no network: it runs in a network namespace in which there is none, not even loopback. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { assertClean, makeRig, promptText } from '#test/support/rig.ts';

/** Also as a normal user where the system allows user namespaces. */
const UNDER = process.getuid?.() === 0 ? ['unshare', '-n'] : ['unshare', '-r', '-n'];
const [PROGRAM = '', ...ARGS] = UNDER;
const isOff = (): boolean => {
  const looked = spawnSync(PROGRAM, [...ARGS, 'cat', '/proc/net/dev'], { encoding: 'utf8' });
  return looked.status === 0 && looked.stdout.split('\n').filter((line) => line.includes(':')).length <= 1;
};

test('with the network off, a prompt is briefed, hashed and recorded in every role', async (t) => {
  if (!isOff()) {
    console.log(`NOT RUN: the network cannot be taken away here (${UNDER.join(' ')} is not allowed)`);
    return;
  }
  const rig = makeRig(t, 'runner: offline\n', { under: UNDER });
  const daemon = await rig.start();
  const roles = ['00-meta', '01-architect', '02-openapi', '03-ui', '04-integration', '05-test-review'];
  for (const folder of roles) rig.drop('foo.md', promptText({ agent: folder.slice(3) }), folder);
  for (const folder of roles) {
    await rig.ended('foo', 'processed', folder);
    assert.equal(rig.evidence('foo', folder).predicate.status, 'briefed');
  }
  assert.equal(await daemon.stop(), 0);
  assertClean(rig);
});
