/** What a new work tree gets: settings, files, folders, commands; and which docket.yaml may say so. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { addConfig } from '#cli/config.ts';
import { cloneFolder } from '#platform/copy-tree.ts';
import { splitWords } from '#worktrees/words.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';
import { makeCodeTree } from '#test/support/worktrees.ts';

const setup = (...lines: readonly string[]): string => `worktrees: { setup: ${JSON.stringify(lines)} }\n`;

suite('the setup of a work tree', () => {
  test('runs its commands without a shell, keeps their log, and is run again alone when it failed', async (t) => {
    const code = await makeCodeTree(t, {
      settings: setup(
        'sh -c "echo once >> made; echo $0 said"',
        "node -e \"process.exit(require('node:fs').existsSync('ready') ? 0 : 3)\"",
      ),
    });
    const folder = path.join(code.beside, 'app-FEAT-1');
    const failed = await code.workOn(code.app, 'FEAT-1');
    assert.equal(failed.code, 1);
    assert.match(failed.err, /setup failed: node .*: it ended with code 3[^]*sh said[^]*queues\/\.docket\/log\/setup\.log/);
    assert.match(failed.out, /work tree made/);
    code.write(path.join(folder, 'ready'), '');
    const again = await code.workOn(code.app, 'FEAT-1');
    assert.equal(again.code, 0, again.err);
    assert.match(again.out, /there already/);
    assert.equal(readFileSync(path.join(folder, 'made'), 'utf8'), 'once\nonce\n');
    assert.equal((await code.workOn(code.app, 'FEAT-1')).code, 0);
    assert.equal(readFileSync(path.join(folder, 'made'), 'utf8'), 'once\nonce\n');
    assert.equal(statSync(path.join(folder, 'queues/.docket/log/setup.log')).mode & 0o777, 0o600);
  });

  test('that takes too long is ended, and one that names no program is told', async (t) => {
    const code = await makeCodeTree(t, { settings: 'worktrees: { setup: ["sleep 60"], setup_timeout: 1s }\n' });
    const late = await code.workOn(code.app, 'FEAT-1');
    assert.equal(late.code, 1);
    assert.match(late.err, /it ran longer than 1000 ms/);
    code.write(path.join(code.app, 'docket.yaml'), `app: app\nrunner: offline\n${setup('no-such-program x')}`);
    code.git(code.app, 'commit', '-qam', 'other setup');
    const none = await code.workOn(code.app, 'FEAT-2');
    assert.match(none.err, /there is no such program/);
  });

  test('is that of the base branch, whatever the branch, an edit or the environment says', async (t) => {
    const code = await makeCodeTree(t, { settings: setup('touch by-base') });
    code.git(code.app, 'switch', '-q', '-c', 'FEAT-1');
    code.write(path.join(code.app, 'docket.yaml'), `app: app\nrunner: offline\n${setup('touch by-branch')}`);
    code.git(code.app, 'commit', '-qam', 'an agent was here');
    code.git(code.app, 'switch', '-q', 'main');
    const folder = path.join(code.beside, 'app-FEAT-1');
    assert.equal((await code.workOn(code.app, 'FEAT-1')).code, 0);
    assert.deepEqual([existsSync(path.join(folder, 'by-base')), existsSync(path.join(folder, 'by-branch'))], [true, false]);
    code.write(
      path.join(folder, 'docket.yaml'),
      'app: app\nrunner: offline\ntools: { sandbox: off }\npolicy: { program_change: ignore }\n',
    );
    code.git(folder, 'commit', '-qam', 'looser');
    const config = await code.run(folder, addConfig, 'config', 'tools.sandbox');
    assert.match(config.out + config.err, /auto/);
    assert.match(config.out + config.err, /in a work tree that of main counts/);
    code.write(path.join(code.app, 'docket.yaml'), 'app: app\nrunner: offline\ntools: { sandbox: off }\n');
    code.git(code.app, 'commit', '-qam', 'a person loosens it');
    assert.match((await code.run(folder, addConfig, 'config', 'tools.sandbox')).out, /off/);
  });

  test('is none where docket.yaml is not committed; that file is copied, and docket.local.yaml holds from afar', async (t) => {
    const code = await makeCodeTree(t, { isUncommitted: true, settings: setup('touch made') });
    code.write(path.join(code.app, 'docket.local.yaml'), 'slots: 7\n');
    const folder = path.join(code.beside, 'app-FEAT-1');
    const made = await code.workOn(code.app, 'FEAT-1');
    assert.equal(made.code, 0, made.err);
    assert.match(made.err, /docket\.yaml is not committed on feature\/FEAT-1, so the primary checkout's was copied/);
    assert.match(made.err, /worktrees\.setup and worktrees\.clone are not followed/);
    assert.equal(existsSync(path.join(folder, 'made')), false);
    assert.match((await code.run(folder, addConfig, 'config', 'slots')).out, /7/);
    // The primary checkout's file, which lies outside of the work tree, bounds the copy.
    code.write(path.join(folder, 'docket.yaml'), 'app: app\nrunner: offline\ntools: { sandbox: off }\n');
    assert.match((await code.run(folder, addConfig, 'config', 'tools.sandbox')).out, /auto/);
    code.write(path.join(folder, 'docket.local.yaml'), 'slots: 3\n');
    assert.match((await code.run(folder, addConfig, 'config', 'slots')).out, /3/);
  });
});

suite('.worktreeinclude', () => {
  test('brings untracked files by the rules of gitignore, and never a secret, a link, a tracked file or the queues', async (t) => {
    const code = await makeCodeTree(t);
    const { app, write } = code;
    const key = ['-----BEGIN', 'RSA', 'PRIVATE', 'KEY-----']
      .join(' ')
      .concat('\n', 'MIIEpAIBAAKCAQEA'.repeat(8), '\n-----END', ' RSA PRIVATE KEY-----\n');
    write(path.join(app, '.gitignore'), '*.env\nconf/\n');
    write(path.join(app, 'tracked.env'), 'old');
    code.git(app, 'add', '-f', '.gitignore', 'tracked.env');
    code.git(app, 'commit', '-qm', 'files');
    write(path.join(app, 'tracked.env'), 'edited');
    write(path.join(app, '.worktreeinclude'), '*.env\n/conf/*\n!/conf/not\nqueues/\n.git/\n');
    write(path.join(app, 'a b.env'), 'A=1\n');
    write(path.join(app, 'deep/er/c.env'), 'C=1\n');
    write(path.join(app, 'key.env'), key);
    write(path.join(app, 'conf/yes'), 'y');
    write(path.join(app, 'conf/not'), 'n');
    write(path.join(app, 'queues/01-architect/in/x.md'), 'x');
    symlinkSync('/etc/hostname', path.join(app, 'link.env'));
    const made = await code.workOn(app, 'FEAT-1');
    assert.equal(made.code, 0, made.err);
    const folder = path.join(code.beside, 'app-FEAT-1');
    const there = ['a b.env', 'deep/er/c.env', 'conf/yes', 'key.env', 'conf/not', 'link.env', 'queues/01-architect/in/x.md'].filter(
      (name) => existsSync(path.join(folder, name)),
    );
    assert.deepEqual(there, ['a b.env', 'deep/er/c.env', 'conf/yes']);
    assert.equal(readFileSync(path.join(folder, 'tracked.env'), 'utf8'), 'old');
    assert.match(made.err, /look as if they hold a secret, and were not copied: key\.env/);
    assert.match(made.err, /no plain files, not copied: link\.env/);
    assert.doesNotMatch(made.err, /MIIEp/);
  });

  test('brings nothing where it names too much, and never leaves the work tree', async (t) => {
    const code = await makeCodeTree(t, { settings: 'worktrees: { include_files: 2 }\n' });
    const { app, write, beside } = code;
    mkdirSync(path.join(beside, 'outside'));
    code.git(app, 'switch', '-q', '-c', 'FEAT-2');
    symlinkSync('../outside', path.join(app, 'conf'));
    code.git(app, 'add', 'conf');
    code.git(app, 'commit', '-qm', 'a link');
    code.git(app, 'switch', '-q', 'main');
    write(path.join(app, '.worktreeinclude'), 'conf/*\n');
    write(path.join(app, 'conf/one'), '1');
    const out = await code.workOn(app, 'FEAT-2');
    assert.match(out.err, /conf\/one was not copied: its folder leads out of the work tree/);
    assert.equal(existsSync(path.join(beside, 'outside/one')), false);
    for (const name of ['two', 'three']) write(path.join(app, 'conf', name), name);
    const many = await code.workOn(app, 'FEAT-1');
    assert.match(many.err, /none of \.worktreeinclude was copied: it names 3 files, at most 2 \(worktrees\.include_files\)/);
  });
});

suite('worktrees.clone', () => {
  test('copies a folder where blocks are shared, and says so where they are not', async (t) => {
    const code = await makeCodeTree(t, { settings: 'worktrees: { clone: [node_modules, ../out, .git/hooks] }\n' });
    code.write(path.join(code.app, '.gitignore'), 'node_modules/\n');
    code.git(code.app, 'add', '.gitignore');
    code.git(code.app, 'commit', '-qm', 'ignored');
    code.write(path.join(code.app, 'node_modules/a/index.js'), 'a');
    symlinkSync('a', path.join(code.app, 'node_modules/b'));
    const made = await code.workOn(code.app, 'FEAT-1');
    assert.equal(made.code, 0, made.err);
    const target = path.join(code.beside, 'app-FEAT-1/node_modules');
    if (existsSync(target)) assert.equal(readFileSync(path.join(target, 'b/index.js'), 'utf8'), 'a');
    assert.match(made.err, existsSync(target) ? /node_modules is a copy-on-write copy \(3 entries\)/ : /no copy on write/);
    assert.match(made.err, /\.\.\/out is no folder inside the work tree/);
    assert.match(made.err, /\.git\/hooks is no folder inside the work tree/);
  });

  test('leaves nothing behind when it holds too much', async (t) => {
    const folder = await temporaryFolder(t);
    mkdirSync(path.join(folder, 'from/a/b'), { recursive: true });
    assert.deepEqual(await cloneFolder(path.join(folder, 'from'), path.join(folder, 'to'), 1), { kind: 'too-many' });
    assert.equal(existsSync(path.join(folder, 'to')) || existsSync(path.join(folder, 'to.docket-clone')), false);
    // Folders alone need no shared blocks.
    assert.deepEqual(await cloneFolder(path.join(folder, 'from'), path.join(folder, 'to'), 2), { kind: 'cloned', files: 2 });
    rmSync(path.join(folder, 'to'), { recursive: true });
  });
});

test('a line of setup is words: quotes and backslashes, nothing of a shell', () => {
  const rows: readonly (readonly [string, readonly string[] | null])[] = [
    ['pnpm  install', ['pnpm', 'install']],
    [`a "b c" 'd "e' f\\ g`, ['a', 'b c', 'd "e', 'f g']],
    [`x "" ''`, ['x', '', '']],
    ['echo $HOME *', ['echo', '$HOME', '*']],
    [`sh -c "a && b"`, ['sh', '-c', 'a && b']],
    [`a '&&' b`, ['a', '&&', 'b']],
    ['a && b', null],
    ['a > b', null],
    ['a |', null],
    ['"a', null],
    ['a\\', null],
    ['  ', null],
    ['""', null],
  ];
  for (const [line, words] of rows) {
    const split = splitWords(line);
    assert.deepEqual(split.ok ? split.value : null, words, line);
  }
});
