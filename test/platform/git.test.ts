import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { AskProgram } from '#core/ports.ts';
import { askProgram } from '#platform/ask.ts';
import { systemError } from '#platform/files.ts';
import { codeFacts, gitCommonFolder, initRepository, openRepository, repositoryRoot } from '#platform/git.ts';
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
  const ask: AskProgram = (program, args, options) =>
    args.includes('status') ? Promise.reject(systemError('EFBIG', 'too much')) : askProgram(program, args, options);
  assert.deepEqual((await codeFacts(ask, folder)).dirty, true);
  assert.equal((await codeFacts(ask, folder)).headCommit, git(folder, 'rev-parse', 'HEAD'));
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

test('a repository of ours is made, and what git wrote is read', async (t) => {
  const folder = await temporaryFolder(t);
  const gitFolder = await initRepository(folder, 'main');
  const repository = openRepository(gitFolder);
  assert.equal(await repository.resolveRef('refs/heads/main'), null);
  mkdirSync(`${folder}/FEAT-1/01-architect`, { recursive: true });
  writeFileSync(`${folder}/FEAT-1/01-architect/prompt_v1.md`, 'the prompt');
  writeFileSync(`${folder}/README.md`, 'read me');
  git(folder, 'add', '.');
  git(folder, 'commit', '-m', 'ai(FEAT-1): architect r1 submitted');
  git(folder, 'commit', '--allow-empty', '-m', 'second');
  git(folder, 'gc', '-q');
  const tip = (await repository.resolveRef('refs/heads/main')) ?? '';
  assert.equal(tip, git(folder, 'rev-parse', 'HEAD'));
  const walked: string[] = [];
  for await (const file of repository.walk(tip)) walked.push(file.path);
  assert.deepEqual(walked, ['FEAT-1/01-architect/prompt_v1.md', 'README.md']);
  assert.equal(Buffer.from((await repository.readPath(tip, 'README.md')) ?? []).toString(), 'read me');
  assert.equal(await repository.readPath(tip, 'none'), null);
  assert.deepEqual(
    (await repository.log('main')).map((commit) => commit.message.trim()),
    ['second', 'ai(FEAT-1): architect r1 submitted'],
  );
  const commit = await repository.readCommit(tip);
  assert.equal(commit.parents.length, 1);
  assert.equal((await repository.readObject(commit.tree)).type, 'tree');
  assert.deepEqual(
    (await repository.readTree(commit.tree)).map((entry) => entry.type),
    ['tree', 'blob'],
  );
});
