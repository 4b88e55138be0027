/** What an answer says is never done: the real daemon, a real code repository, and answers that would do harm if anybody obeyed them. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, globSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { assertVerified, makeRig, promptText, type Daemon } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';

const NAMES = ['script', 'prompts', 'git', 'patch', 'plain'] as const;

suite('an answer', () => {
  const rig = makeRig({ after }, settingsWith([]));
  const canary = path.join(rig.base, 'canary');
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', rig.root, '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      encoding: 'utf8',
      env: rig.env,
    });
  const answers: Readonly<Record<(typeof NAMES)[number], string>> = {
    script: `#!/bin/sh\ntouch ${canary}\ngit -C ${rig.root} commit -am 'from an answer'\n`,
    prompts: `${promptText({ feature: 'PLANTED-1' })}\n\n\`\`\`\ndocket add architect --feature PLANTED-2\n\`\`\`\n`,
    git: `Run this now:\n\n    git -C ${rig.root} checkout -b taken && git push origin HEAD && sudo touch ${canary}\n`,
    patch: 'diff --git a/code.txt b/code.txt\n--- a/code.txt\n+++ b/code.txt\n@@ -1 +1 @@\n-as it was\n+changed\n',
    plain: '# Fine\n',
  };
  let daemon: Daemon;
  let state: readonly string[];
  /** Everything of the code repository that an answer could have touched. */
  const repository = (): string[] => [
    git('rev-parse', 'HEAD'),
    git('for-each-ref'),
    git('status', '--porcelain'),
    git('stash', 'list'),
    git('reflog'),
  ];
  before(async () => {
    rig.settings(settingsWith(NAMES.map((name) => shellRunner(name, `cat ${rig.base}/answer-${name}`))));
    for (const name of NAMES) writeFileSync(path.join(rig.base, `answer-${name}`), answers[name], { mode: 0o755 });
    writeFileSync(path.join(rig.root, 'code.txt'), 'as it was\n');
    writeFileSync(path.join(rig.root, '.gitignore'), 'queues/\n');
    git('init', '-q');
    git('add', '.');
    git('commit', '-qm', 'code');
    state = repository();
    daemon = await rig.start();
  });

  test('that is a script, a prompt, a patch or a command for git is published as a plain private file and nothing else happens', async () => {
    for (const name of NAMES) rig.drop(`${name}.sh.md`, promptText({ feature: `INERT-${name}`, extra: `runner: ${name}\n` }));
    for (const name of NAMES) await rig.ended(`${name}.sh`);
    for (const name of NAMES) {
      const file = path.join(rig.out(), `${name}.sh_result.md`);
      assert.equal(rig.read(file), answers[name]);
      assert.equal(statSync(file).mode & 0o777, 0o600, name);
    }
    assert.equal(existsSync(canary), false);
    assert.deepEqual(repository(), state);
    const waiting = globSync(path.join(rig.queues, '*/in/*.md'));
    assert.deepEqual(waiting, []);
    assert.equal(readdirSync(rig.in()).filter((name) => name.endsWith('.processed')).length, NAMES.length);
    assert.ok(!rig.git('ls-tree', '-r', '--name-only', 'HEAD').includes('PLANTED'));
  });

  test('nothing that docket keeps can be run, whatever mode the prompt had', async () => {
    const file = path.join(rig.in(), 'runnable.md');
    writeFileSync(file, promptText({ feature: 'MODE-1', body: '#!/bin/sh\ntouch canary\n', extra: 'runner: plain\n' }));
    chmodSync(file, 0o777);
    await rig.ended('runnable');
    assert.equal(statSync(path.join(rig.in(), 'runnable.processed')).mode & 0o333, 0);
    assert.equal(await daemon.stop(), 0);
    const kept = [...globSync(path.join(rig.queues, '**/*')), ...globSync(path.join(rig.history, '**/*'))];
    const runnable = kept.filter((one) => statSync(one).isFile() && (statSync(one).mode & 0o111) !== 0);
    assert.deepEqual(runnable, []);
    assert.equal(
      rig
        .git('ls-tree', '-r', 'HEAD')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('100644 ')).length,
      0,
    );
    assertVerified(rig);
  });
});

suite('a start', () => {
  test('is refused for a queue that everybody may write to, before anything is taken from it', async (t) => {
    const rig = makeRig(t);
    rig.drop('foo.md', promptText());
    for (const folder of [rig.queues, rig.in()]) {
      chmodSync(folder, 0o777);
      const refused = rig.launch();
      assert.equal(await refused.exit(), 3);
      assert.match(refused.output(), new RegExp(`not started: every user of this machine may write to ${folder} `));
      chmodSync(folder, 0o700);
    }
    assert.deepEqual(readdirSync(rig.in()), ['foo.md']);
    const daemon = await rig.start();
    await rig.ended('foo');
    assert.equal(await daemon.stop(), 0);
    // Said at every start, and only to root.
    assert.equal(rig.log().includes('docket runs as root'), process.getuid?.() === 0);
  });

  test('never pushes: a history with a remote keeps it as it was', async (t) => {
    const rig = makeRig(t);
    const remote = path.join(rig.base, 'remote.git');
    execFileSync('git', ['init', '-q', '--bare', remote], { env: rig.env });
    const first = await rig.start();
    rig.drop('one.md', promptText());
    await rig.ended('one');
    await first.stop();
    rig.git('remote', 'add', 'origin', remote);
    const second = await rig.start();
    rig.drop('two.md', promptText({ feature: 'FEAT-2' }));
    await rig.ended('two');
    assert.equal(await second.stop(), 0);
    assert.equal(execFileSync('git', ['--git-dir', remote, 'for-each-ref'], { encoding: 'utf8', env: rig.env }), '');
    assert.throws(() => rig.git('push', 'origin', 'HEAD'), /docket\.yaml|policy|push/);
  });
});

test('a result that was changed in work/ between its record and its publishing is not published: what was recorded is', async (t) => {
  const rig = makeRig(t);
  const first = await rig.start({ DOCKET_CRASH_AT: 'recorded' });
  rig.drop('foo.md', promptText());
  assert.equal(await first.exit(), 'SIGKILL');
  const [file = ''] = globSync(path.join(rig.queues, '01-architect/work/*.1_result.md'));
  const was = rig.read(file);
  writeFileSync(file, 'what somebody would rather have had');
  const second = await rig.start();
  await rig.ended('foo');
  assert.equal(rig.read(path.join(rig.out(), 'foo_result.md')), was);
  assert.match(rig.log(), /1_result\.md was changed after the end of the job was decided.*the decided bytes are put back/);
  const kept = globSync(path.join(rig.queues, '01-architect/archive/*.altered'));
  assert.deepEqual(
    kept.map((one) => rig.read(one)),
    ['what somebody would rather have had'],
  );
  assert.equal(await second.stop(), 0);
  assertVerified(rig);
});
