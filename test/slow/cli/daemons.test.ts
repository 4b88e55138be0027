/** `--all` on real daemons: one that stands still holds up nobody, one that was killed is told, and no more start than may. */

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeRig, type Rig } from '#test/support/rig.ts';

const states = (rig: Rig): ReadonlyMap<string, string> => {
  const { out } = rig.run(['status', '--all', '--json']);
  const { daemons } = JSON.parse(out) as { readonly daemons: readonly { readonly root: string; readonly state: string }[] };
  return new Map(daemons.map(({ root, state }) => [root, state]));
};

test('a daemon that stands still is told, the others go down, and one that was killed is remembered', async (t) => {
  const one = makeRig(t);
  const two = makeRig(t);
  const three = makeRig(t, 'runner: offline\ndaemons: { max: 2 }\n');
  for (const rig of [one, two, three]) rig.env['XDG_STATE_HOME'] = path.join(one.base, 'state');
  const [still, other] = [await one.start(), await two.start()];

  const refused = three.launch();
  assert.equal(await refused.exit(), 3);
  assert.match(refused.output(), /not started: 2 daemons of yours run on this machine, and daemons\.max is 2/);
  const detached = three.run(['up', '--detach']);
  assert.equal(detached.code, 3);
  assert.match(detached.err, /ended at once \(not started: 2 daemons of yours run/);

  still.child.kill('SIGSTOP');
  const down = three.run(['down', '--all']);
  assert.equal(down.code, 1);
  assert.match(
    down.out,
    new RegExp(`^silent +app +${one.root}: the daemon \\(pid ${String(still.child.pid)}\\) is stopped: .kill -CONT`, 'm'),
  );
  assert.match(down.out, new RegExp(`^down +app +${two.root} `, 'm'));
  assert.equal(await other.exit(), 0);
  assert.deepEqual([states(one).get(one.root), states(one).get(two.root)], ['silent', 'stopped']);

  await still.kill();
  assert.equal(states(one).get(one.root), 'ended');
  rmSync(path.join(two.root, 'docket.yaml'));
  const up = one.run(['up', '--all', '--json'], { env: {} });
  assert.equal(up.code, 0, up.out + up.err);
  assert.equal(states(one).get(one.root), 'up');
  const end = one.run(['down', '--all']);
  assert.equal(end.code, 0, end.out + end.err);
  assert.equal(states(one).get(one.root), 'stopped');
  await three.start();
  assert.equal(states(one).has(two.root), false, 'its docket.yaml is gone');
});
