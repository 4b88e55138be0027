/** What only a person sets off: which verbs there are, and what a daemon leaves alone for as long as nobody says anything. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import { askOnce } from '#cli/control-once.ts';
import { controlSocket } from '#cli/places.ts';
import { addVerbs } from '#cli/verbs.ts';
import { makeSockets } from '#platform/socket.ts';
import { makeRig, promptText } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';
import { rememberingIo } from '#test/support/workspace.ts';

/** `promote` writes a person's word into the history, and moves nothing (test/cli/promote.test.ts). */
test('no verb pushes, deploys, applies or deletes, with or without a person', async () => {
  const program = new Command('docket');
  await addVerbs(program, rememberingIo('/').io, []);
  const all = (command: Command): string[] => command.commands.flatMap((one) => [one.name(), ...one.aliases(), ...all(one)]);
  const verbs = all(program);
  assert.ok(verbs.length > 20);
  const never = ['push', 'deploy', 'apply', 'commit', 'exec', 'run', 'shell', 'clean', 'gc', 'prune', 'delete', 'rm', 'wipe'];
  assert.deepEqual(
    verbs.filter((verb) => never.includes(verb)),
    [],
  );
});

test('what ended stays ended over restarts: no retry, no removal, no move but by age, no second record', async (t) => {
  const settings = settingsWith([shellRunner('fail', 'exit 1')], 'retention: { processed: 1d }\n').replace(
    'retry: {',
    'retry: { attempts: 1,',
  );
  const rig = makeRig(t, settings);
  const first = await rig.start();
  rig.drop('good.md', promptText());
  rig.drop('bad.md', promptText({ feature: 'FEAT-2', agent: 'ui' }));
  rig.drop('failed.md', promptText({ feature: 'FEAT-3', extra: 'runner: fail\n' }));
  await rig.ended('good');
  await rig.ended('bad', 'rejected');
  await rig.ended('failed', 'failed');
  assert.equal(await first.stop(), 0);
  const old = new Date(Date.now() - 400 * 86_400_000);
  for (const name of readdirSync(rig.in())) utimesSync(path.join(rig.in(), name), old, old);
  const seen = (): unknown => ({
    in: readdirSync(rig.in()).map((name) => [name, readFileSync(path.join(rig.in(), name), 'utf8')]),
    out: readdirSync(rig.out()).map((name) => [name, statSync(path.join(rig.out(), name)).ino]),
    commits: rig.commits(),
  });
  const before = seen();
  for (let start = 0; start < 2; start++) {
    const daemon = await rig.start();
    rig.drop(`next-${String(start)}.md`, promptText({ feature: `NEXT-${String(start)}`, agent: 'ui' }), '03-ui');
    await rig.ended(`next-${String(start)}`, 'processed', '03-ui');
    assert.equal(await daemon.stop(), 0);
  }
  assert.deepEqual({ ...(seen() as object), commits: rig.commits() - 4 }, before);
});

test('no door of the daemon gives a verdict, closes a feature or holds a prompt, whatever it is asked', async (t) => {
  const rig = makeRig(t, settingsWith([shellRunner('answers', 'cat > /dev/null; echo "# Done"')]));
  const daemon = await rig.start();
  rig.drop('foo.md', promptText({ extra: 'runner: answers\n' }));
  await rig.ended('foo');
  const commits = rig.commits();
  const socket = controlSocket(path.join(rig.root, 'queues', '.docket'));
  const ask = async (op: string): Promise<boolean | undefined> => (await askOnce(makeSockets(), socket, op))?.ok;
  assert.equal(await ask('poke'), true);
  for (const op of [
    'approve',
    'approved',
    'verdict',
    'review',
    'reject',
    'ask-changes',
    'hold',
    'held',
    'close',
    'reopen',
    'next',
    'revise',
  ])
    assert.equal(await ask(op), false, op);
  assert.equal(rig.commits(), commits);
  assert.equal(await daemon.stop(), 0);
});
