import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { Fs, Log } from '#core/ports.ts';
import { makeHistory } from '#history/history.ts';
import { inspectFolder } from '#history/setup.ts';
import { makeFs } from '#platform/files.ts';
import { makeHistoryGit } from '#platform/git-repository.ts';
import { answer, collect, makeRig, submission, value, type Rig } from './rig.ts';

const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

suite('setting a history up', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = makeRig();
  });
  afterEach(() => rig.end());
  const openAt = (dir: string, codeRoot: string | null = null): Promise<void> => makeHistory(rig.options({ dir, codeRoot })).open();

  test('it is a private folder, on branch main, with a README, clean, and opening it again changes nothing', async () => {
    await rig.open();
    assert.equal(statSync(rig.dir).mode & 0o777, 0o700);
    assert.match(rig.git('show', 'HEAD:README.md'), /git log --oneline/);
    assert.equal(rig.git('check-attr', 'text', 'x.md').trim(), 'x.md: text: unset');
    const head = rig.git('rev-parse', 'main');
    await rig.open();
    assert.equal(rig.git('rev-parse', 'main'), head);
    rig.assertClean();
  });

  test('it refuses a place inside or around the code repository, also through a link', async () => {
    const code = path.join(rig.root, 'code');
    mkdirSync(path.join(code, 'sub'), { recursive: true });
    symlinkSync(code, path.join(rig.root, 'link'));
    await assert.rejects(openAt(path.join(code, 'sub', 'history'), code), /inside the code repository/);
    await assert.rejects(openAt(path.join(rig.root, 'link', 'history'), code), /inside the code repository/);
    await assert.rejects(openAt(code, code), /inside the code repository/);
    await assert.rejects(openAt(rig.root, code), /lies inside the history/);
    assert.deepEqual(existsSync(path.join(code, 'history')) || existsSync(path.join(code, 'sub', 'history')), false);
  });

  test('it refuses a place inside any other repository', async () => {
    git('init', '-q', path.join(rig.root, 'other'));
    await assert.rejects(openAt(path.join(rig.root, 'other', 'a', 'b', 'history')), /inside another git repository/);
    assert.equal(existsSync(path.join(rig.root, 'other', 'a')), false);
  });

  test('it refuses SHA-256, bare repositories, linked worktrees, other projects and folders with files, and leaves them as they were', async () => {
    const at = (name: string): string => path.join(rig.root, name);
    git('init', '-q', '--object-format=sha256', at('sha256'));
    await assert.rejects(openAt(at('sha256')), /object format sha256/);
    git('init', '-q', '--bare', at('bare'));
    await assert.rejects(openAt(at('bare')), /bare repository/);
    git('init', '-q', '-b', 'main', at('project'));
    git('-C', at('project'), '-c', 'user.name=p', '-c', 'user.email=p@x', 'commit', '-q', '--allow-empty', '-m', 'work');
    await assert.rejects(openAt(at('project')), /commits of something else/);
    assert.equal(existsSync(path.join(at('project'), '.git', 'docket')), false);
    git('-C', at('project'), 'branch', '-m', 'main', 'trunk');
    await assert.rejects(openAt(at('project')), /none is called main/);
    git('-C', at('project'), 'worktree', 'add', '-q', at('linked'));
    await assert.rejects(openAt(at('linked')), /linked worktree/);
    await rig.open();
    git('clone', '-q', '--depth', '1', `file://${rig.dir}`, at('shallow'));
    await assert.rejects(openAt(at('shallow')), /without its whole past/);
    git('clone', '-q', '--shared', rig.dir, at('shared'));
    await assert.rejects(openAt(at('shared')), /borrows objects/);
    mkdirSync(at('full'));
    writeFileSync(path.join(at('full'), 'photo.jpg'), 'x');
    await assert.rejects(openAt(at('full')), /not empty/);
    writeFileSync(at('file'), 'x');
    await assert.rejects(openAt(at('file')), /is a file, not a folder/);
  });

  test('a set-up that was cut off anywhere is finished by the next start', async () => {
    mkdirSync(path.join(rig.dir, '.git', 'docket'), { recursive: true });
    const history = await rig.open();
    value(await history.submit(submission()));
    rig.assertClean();
  });

  test('an empty repository made by git itself is taken, whatever its branch is called', async () => {
    git('init', '-q', '-b', 'trunk', rig.dir);
    const history = await rig.open();
    value(await history.submit(submission()));
    assert.equal(rig.git('symbolic-ref', 'HEAD').trim(), 'refs/heads/main');
    rig.assertClean();
  });

  test('pushing is refused until the settings allow the remote, also with hooks configured elsewhere', async () => {
    const remote = path.join(rig.root, 'remote.git');
    git('init', '-q', '--bare', remote);
    const history = await rig.open();
    const prompt = submission();
    value(await history.submit(prompt));
    value(await history.record(answer(prompt)));
    const global = path.join(rig.root, 'gitconfig');
    writeFileSync(global, '[core]\nhooksPath = /nonexistent\n');
    assert.throws(() => rig.gitWith({ GIT_CONFIG_GLOBAL: global }, 'push', '-q', remote, 'main'), /not an allowed remote/);
    assert.throws(() => rig.git('-C', 'FEAT-1-user-filters', 'push', '-q', remote, 'main'), /not an allowed remote/);
    await rig.open({ pushRemotes: ['https://example.com/x "quoted"\\', remote] });
    rig.git('push', '-q', remote, 'main');
    await rig.open({ pushRemotes: [] });
    assert.throws(() => rig.git('push', '-q', remote, 'main:again'), /not an allowed remote/);
    await assert.rejects(rig.open({ pushRemotes: ['x\n[core]'] }), /control characters/);
  });

  test("a person's own settings and hook are kept", async () => {
    await rig.open();
    rig.git('config', 'user.name', 'Me');
    rig.git('remote', 'add', 'origin', 'https://example.com/x');
    writeFileSync(path.join(rig.dir, '.git/hooks/pre-push'), '#!/bin/sh\nexit 0\n');
    await rig.open();
    assert.equal(rig.git('config', 'user.name').trim(), 'Me');
    assert.equal(rig.git('remote').trim(), 'origin');
    assert.equal(readFileSync(path.join(rig.dir, '.git/hooks/pre-push'), 'utf8'), '#!/bin/sh\nexit 0\n');
  });

  test('odd names of an author cannot forge a header', async () => {
    const history = await rig.open({ author: { name: 'Eve\ncommitter x <', email: '<a@b>\n' } });
    value(await history.submit(submission()));
    assert.equal(rig.git('log', '-1', '--format=%an|%ae').trim(), 'Evecommitter x|a@b');
    rig.assertClean();
    assert.equal((await collect(history.log({}))).length, 2);
  });
});

test('what another docket makes between two looks at a new history is not taken for something foreign', async () => {
  const rig = makeRig();
  try {
    await (await rig.open()).close();
    const real = makeFs();
    const log: Log = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined, with: () => log };
    /** As it was before the other one came, once for each of these paths. */
    const late = (...missing: readonly string[]): Fs => {
      const left = new Set(missing);
      return {
        ...real,
        facts: async (file) => (left.delete(String(file)) ? null : real.facts(file)),
        readBounded: async (file, most) => {
          if (left.delete(String(file))) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
          return real.readBounded(file, most);
        },
      };
    };
    const gitDir = path.join(rig.dir, '.git');
    for (const fs of [late(gitDir), late(path.join(gitDir, 'refs/heads/main')), late(gitDir, path.join(gitDir, 'refs/heads/main'))])
      await inspectFolder({ fs, git: makeHistoryGit(), log }, rig.dir);
  } finally {
    await rig.end();
  }
});
