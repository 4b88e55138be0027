import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync, chmodSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { makeGitWork } from '#platform/git-work.ts';
import { temporaryFolder, withCode } from '#test/support/temp-folder.ts';

suite('commands of git in a repository of a person', () => {
  test('answer with code and words, also where git says no', async (t) => {
    const folder = await temporaryFolder(t);
    const git = makeGitWork(process.env);
    assert.equal((await git(folder, ['init', '-q', '-b', 'main'])).code, 0);
    assert.deepEqual(await git(folder, ['symbolic-ref', 'HEAD']), { code: 0, stdout: 'refs/heads/main\n', stderr: '' });
    const refused = await git(folder, ['rev-parse', '--verify', 'nothing']);
    assert.equal(refused.code, 128);
    assert.match(refused.stderr, /fatal:/);
  });

  test('take an argument as it is: no shell reads it', async (t) => {
    const folder = await temporaryFolder(t);
    const git = makeGitWork(process.env);
    const name = `$(touch ${path.join(folder, 'made')}); x`;
    const { stdout } = await git(folder, ['rev-parse', '--sq-quote', name]);
    assert.ok(stdout.includes('touch'));
    assert.equal(existsSync(path.join(folder, 'made')), false);
  });

  test('read what they are given, and are ended when the time is up', async (t) => {
    const folder = await temporaryFolder(t);
    const git = makeGitWork(process.env);
    assert.equal((await git(folder, ['hash-object', '--stdin'], { input: 'a\n' })).stdout, '78981922613b2afb6025042ff6bd878ac1994e85\n');
    await git(folder, ['init', '-q']);
    await git(folder, ['config', 'alias.wait', '!sleep 60']);
    await assert.rejects(git(folder, ['wait'], { timeoutMs: 200 }), withCode('ETIMEDOUT'));
  });

  test('let the hooks of the repository run, with no variable of the one who asks', async (t) => {
    const folder = await temporaryFolder(t);
    execFileSync('git', ['init', '-q', '-b', 'main', folder]);
    const hook = path.join(folder, '.git/hooks/reference-transaction');
    writeFileSync(hook, `#!/bin/sh\nenv > "${folder}/seen"\n`);
    chmodSync(hook, 0o755);
    const git = makeGitWork({ ...process.env, ANTHROPIC_API_KEY: 'none', GIT_DIR: '/nowhere' });
    const tree = (await git(folder, ['hash-object', '-w', '-t', 'tree', '/dev/null'])).stdout.trim();
    const person = ['-c', 'user.name=a', '-c', 'user.email=a@localhost'];
    const commit = (await git(folder, [...person, 'commit-tree', '-m', 'x', tree])).stdout.trim();
    assert.equal((await git(folder, ['update-ref', 'refs/heads/main', commit])).code, 0);
    assert.match(execFileSync('cat', [`${folder}/seen`], { encoding: 'utf8' }), /^GIT_TERMINAL_PROMPT=0$/m);
    assert.doesNotMatch(execFileSync('cat', [`${folder}/seen`], { encoding: 'utf8' }), /ANTHROPIC|\/nowhere/);
  });

  test('say that there is no git, or no folder', async (t) => {
    const folder = await temporaryFolder(t);
    await assert.rejects(makeGitWork({ PATH: folder })(folder, ['--version']), withCode('ENOENT'));
  });
});
