/** The whole flow with the offline runner needs no network: it runs in a network namespace in which there is none, not even loopback. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { assertVerified, makeRig, promptText } from '#test/support/rig.ts';

/** Also as a normal user where the system allows user namespaces. */
const UNDER = { program: 'unshare', args: process.getuid?.() === 0 ? ['-n'] : ['-r', '-n'] };
const isOff = (): boolean => {
  const looked = spawnSync(UNDER.program, [...UNDER.args, 'cat', '/proc/net/dev'], { encoding: 'utf8' });
  return looked.status === 0 && looked.stdout.split('\n').filter((line) => line.includes(':')).length <= 1;
};

test('with the network off, a prompt is briefed, hashed and recorded in every role', async (t) => {
  if (!isOff()) {
    console.log(`NOT RUN: the flow without a network: unshare ${UNDER.args.join(' ')} is not allowed here`);
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
  assertVerified(rig);
});
