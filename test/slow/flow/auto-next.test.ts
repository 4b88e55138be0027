/** `emit.auto_next` through the real program: an approval, or an answer that needs none, brings the next prompts, once, whatever dies in between. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { generateKey, renderPrivateKey } from '#history/ssh-key.ts';
import { makeRig, promptText, type Rig } from '#test/support/rig.ts';

const FOLDERS = ['01-architect', '02-openapi', '03-ui', '04-integration', '05-test-review'];

function rigWith(t: TestContext, settings = ''): Rig {
  const rig = makeRig(t);
  const key = path.join(rig.base, 'review_key');
  writeFileSync(key, renderPrivateKey(generateKey('ada')), { mode: 0o600 });
  rig.settings(
    `runner: copy\nrunners: { copy: { kind: command, program: cat } }\nreview: { key: ${key}${settings} }\nemit: { auto_next: true }\nintake: { scan_interval: 1s }\n`,
  );
  const git = (...args: string[]): void => void execFileSync('git', ['-C', rig.root, ...args], { env: rig.env });
  git('init', '-q');
  git('config', 'user.name', 'Ada Example');
  git('config', 'user.email', 'ada@example.com');
  mkdirSync(path.join(rig.root, 'agents', '01-architect'), { recursive: true });
  return rig;
}

/** Everything that was ever dropped, by role. */
const prompts = (rig: Rig): readonly string[] =>
  FOLDERS.flatMap((folder) =>
    readdirSync(rig.in(folder))
      .filter((name) => /\.(?:md|processed|held|rejected|failed)$/.test(name))
      .map((name) => `${folder.slice(3)}/${name}`),
  );

const approve = (rig: Rig, what: string): void => {
  const { code, err } = rig.run(['approve', what]);
  assert.equal(code, 0, err);
};

test('an approval brings the prompts of the next roles, and theirs those after; each once', async (t) => {
  const rig = rigWith(t);
  const daemon = await rig.start();
  rig.drop('first.md', promptText({ feature: 'FEAT-1-filters', extra: 'title: Filters\n' }));
  await rig.ended('first');
  assert.deepEqual(prompts(rig), ['architect/first.processed']);
  approve(rig, 'FEAT-1/architect');
  await rig.ended('FEAT-1-openapi-r1', 'processed', '02-openapi');
  // Next after architect and after openapi: it waits for both.
  const waiting = prompts(rig).find((name) => name.startsWith('ui/FEAT-1-ui-r1')) ?? '';
  assert.match(waiting, /\.md$/);
  assert.match(rig.read(path.join(rig.in('03-ui'), waiting.slice(3))), /^title: Filters\n(?:.*\n)*depends_on: \[architect, openapi\]$/m);
  approve(rig, 'FEAT-1/openapi');
  await rig.ended('FEAT-1-ui-r1', 'processed', '03-ui');
  approve(rig, 'FEAT-1/ui');
  await rig.ended('FEAT-1-integration-r1', 'processed', '04-integration');
  approve(rig, 'FEAT-1/ui');
  approve(rig, 'FEAT-1/architect');
  assert.match(rig.read(path.join(rig.out('04-integration'), 'FEAT-1-integration-r1_result.md')), /FEAT-1\/openapi@1/);
  assert.equal(await daemon.stop(), 0);
  assert.deepEqual(
    prompts(rig).toSorted(),
    [
      'architect/first.processed',
      'integration/FEAT-1-integration-r1.processed',
      'openapi/FEAT-1-openapi-r1.processed',
      'ui/FEAT-1-ui-r1.processed',
    ].toSorted(),
  );
});

test('an approval that no daemon heard of is made good by the start; a daemon that is killed writes nothing twice', async (t) => {
  const rig = rigWith(t);
  const first = await rig.start();
  rig.drop('first.md', promptText());
  await rig.ended('first');
  await first.kill();
  approve(rig, 'FEAT-1/architect');
  assert.deepEqual(prompts(rig), ['architect/first.processed']);
  const second = await rig.start();
  await rig.ended('FEAT-1-openapi-r1', 'processed', '02-openapi');
  await second.kill();
  const names = prompts(rig);
  assert.equal(names.length, 3);
  const third = await rig.start();
  const { out } = rig.run(['next', 'FEAT-1', '--json']);
  assert.deepEqual((JSON.parse(out) as { written: unknown[] }).written, []);
  assert.equal(await third.stop(), 0);
  assert.deepEqual(prompts(rig), names);
});

test('an answer that counts without a verdict brings them as soon as it is recorded, and after a kill', async (t) => {
  const rig = rigWith(t, ', unreviewed_roles: [architect]');
  writeFileSync(
    path.join(rig.root, 'agents', '01-architect', 'role.yaml'),
    'name: architect\nnumber: 1\ntitle: Architect\nresponsibility: Decides.\naccess: read-only\nreview: none\nnext: [ui]\nemits: document\n',
  );
  execFileSync('git', ['-C', rig.root, 'add', 'docket.yaml', 'agents'], { env: rig.env });
  execFileSync('git', ['-C', rig.root, 'commit', '-qm', 'settings'], { env: rig.env });
  const killed = await rig.start({ DOCKET_CRASH_AT: 'recorded' });
  rig.drop('first.md', promptText());
  await killed.ended;
  const daemon = await rig.start();
  await rig.ended('FEAT-1-ui-r1', 'processed', '03-ui');
  rig.drop('second.md', promptText({ feature: 'FEAT-2' }));
  await rig.ended('FEAT-2-ui-r1', 'processed', '03-ui');
  assert.equal(await daemon.stop(), 0);
});
