import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { AskProgram } from '#core/ports.ts';
import { askProgram } from '#platform/ask.ts';
import { systemError } from '#platform/files.ts';
import { codeFacts, gitCommonFolder, repositoryRoot } from '#platform/git.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const NOTHING = { repository: null, baseCommit: null, headCommit: null, dirty: null };

function git(folder: string, ...args: string[]): string {
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
  const identity = [
    '-c',
    'user.name=A',
    '-c',
    'user.email=a@example.org',
    '-c',
    'init.defaultBranch=main',
    '-c',
    'protocol.file.allow=always',
  ];
  return execFileSync('git', ['-C', folder, ...identity, ...args], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}

const askTooMuch: AskProgram = (program, args, options) =>
  args.includes('status') ? Promise.reject(systemError('EFBIG', 'too much')) : askProgram(program, args, options);

test('a folder outside any repository has no facts and no root', async (t) => {
  const folder = await temporaryFolder(t);
  assert.deepEqual(await codeFacts(askProgram, folder), NOTHING);
  assert.equal(await repositoryRoot(folder), null);
  assert.equal(await gitCommonFolder(folder), null);
});

test('a repository tells its commit, whether it is dirty, and its address without a password', async (t) => {
  const folder = await temporaryFolder(t);
  git(folder, 'init');
  assert.deepEqual(await codeFacts(askProgram, folder), { ...NOTHING, repository: folder, dirty: false });
  mkdirSync(`${folder}/src`);
  writeFileSync(`${folder}/src/a`, 'x');
  assert.equal((await codeFacts(askProgram, `${folder}/src`)).dirty, true);
  git(folder, 'add', '.');
  git(folder, 'commit', '-m', 'one');
  git(folder, 'remote', 'add', 'origin', 'https://me:secret@example.org/app.git');
  const head = git(folder, 'rev-parse', 'HEAD');
  const facts = await codeFacts(askProgram, `${folder}/src`);
  assert.deepEqual(facts, { repository: 'https://example.org/app.git', baseCommit: head, headCommit: head, dirty: false });
  assert.equal(await repositoryRoot(`${folder}/src`), folder);
  assert.equal(await gitCommonFolder(`${folder}/src`), `${folder}/.git`);
});

test('a linked worktree has its own root and shares the common folder', async (t) => {
  const folder = await temporaryFolder(t);
  mkdirSync(`${folder}/app`);
  git(`${folder}/app`, 'init');
  git(`${folder}/app`, 'commit', '--allow-empty', '-m', 'one');
  git(`${folder}/app`, 'worktree', 'add', '../feature');
  assert.equal(await repositoryRoot(`${folder}/feature`), `${folder}/feature`);
  assert.equal(await gitCommonFolder(`${folder}/feature`), realpathSync(`${folder}/app/.git`));
  assert.equal((await codeFacts(askProgram, `${folder}/feature`)).headCommit, git(`${folder}/app`, 'rev-parse', 'HEAD'));
});

test('asking runs no program that the repository names, and takes no lock', async (t) => {
  const folder = await temporaryFolder(t);
  git(folder, 'init');
  git(folder, 'commit', '--allow-empty', '-m', 'one');
  writeFileSync(`${folder}/.git/evil`, `#!/bin/sh\ntouch ${folder}/.git/ran\n`, { mode: 0o755 });
  git(folder, 'config', 'core.fsmonitor', `${folder}/.git/evil`);
  git(folder, 'config', 'core.pager', `${folder}/.git/evil`);
  git(folder, 'config', 'core.hooksPath', `${folder}/.git`);
  writeFileSync(`${folder}/.git/index.lock`, '');
  assert.equal((await codeFacts(askProgram, folder)).dirty, false);
  assert.equal(existsSync(`${folder}/.git/ran`), false);
});

test('more changes than an answer may hold are changes', async (t) => {
  const folder = await temporaryFolder(t);
  git(folder, 'init');
  git(folder, 'commit', '--allow-empty', '-m', 'one');
  assert.deepEqual((await codeFacts(askTooMuch, folder)).dirty, true);
  assert.equal((await codeFacts(askTooMuch, folder)).headCommit, git(folder, 'rev-parse', 'HEAD'));
});

test('a machine without git, and a git that does not answer, give nulls', async (t) => {
  const folder = await temporaryFolder(t);
  git(folder, 'init');
  for (const code of ['ENOENT', 'ETIMEDOUT'])
    assert.deepEqual(await codeFacts(() => Promise.reject(systemError(code, 'no')), folder), NOTHING);
  await assert.rejects(
    codeFacts(() => Promise.reject(new TypeError('a bug')), folder),
    TypeError,
  );
});
