/** What is seen of a folder and of git, with a real git. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, realpathSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { askProgram } from '#platform/ask.ts';
import { makeTreePort } from '#platform/tree-facts.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const tree = makeTreePort(askProgram);
const ENV = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', LANG: 'C.UTF-8' };

type Repository = {
  readonly root: string;
  readonly git: (...args: string[]) => void;
  readonly state: () => Promise<Readonly<Record<string, string>>>;
};

async function makeRepository(t: TestContext): Promise<Repository> {
  const root = realpathSync(await temporaryFolder(t));
  const git = (...args: string[]): void => {
    const { status, stderr } = spawnSync('git', ['-C', root, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      env: ENV,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
  };
  git('init', '-q', '-b', 'main');
  for (const name of ['a.txt', 'b.txt']) writeFileSync(path.join(root, name), `${name}\n`);
  git('add', '.');
  git('commit', '-qm', 'first');
  const state = async (): Promise<Readonly<Record<string, string>>> => (await tree.git(root)) ?? {};
  return { root, git, state };
}

const differing = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): readonly string[] =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => a[name] !== b[name]).toSorted((x, y) => (x < y ? -1 : 1));

test('what git does for itself is no change of its state', async (t) => {
  const { root, git, state } = await makeRepository(t);
  git('tag', 'one');
  const before = await state();
  // The index is written anew: other file times, then another form, with names that are shortened.
  utimesSync(path.join(root, 'a.txt'), new Date(0), new Date(0));
  git('status');
  git('update-index', '--index-version', '4');
  git('pack-refs', '--all');
  git('update-ref', 'refs/remotes/origin/main', 'HEAD');
  git('gc', '-q');
  assert.deepEqual(differing(before, await state()), []);
});

test('what a tool can do to git is told by its name', async (t) => {
  const { root, git, state } = await makeRepository(t);
  let before = await state();
  const after = async (act: () => void): Promise<readonly string[]> => {
    act();
    const now = await state();
    const names = differing(before, now);
    before = now;
    return names;
  };
  assert.deepEqual(await after(() => { appendFileSync(path.join(root, 'a.txt'), 'x\n'); git('add', 'a.txt'); }), ['index']); // prettier-ignore
  assert.deepEqual(await after(() => git('update-index', '--chmod=+x', 'b.txt')), ['index']);
  assert.deepEqual(await after(() => git('commit', '-qm', 'two')), ['refs/heads/main']);
  assert.deepEqual(await after(() => git('tag', 'v1')), ['refs/tags/v1']);
  assert.deepEqual(await after(() => git('checkout', '-q', '--detach')), ['HEAD']);
  assert.deepEqual(await after(() => git('config', 'core.hooksPath', '/x')), ['config']);
  const hook = path.join(root, '.git/hooks/pre-push');
  assert.deepEqual(await after(() => writeFileSync(hook, '#!/bin/sh\n')), ['hooks/pre-push']);
  assert.deepEqual(await after(() => chmodSync(hook, 0o755)), ['hooks/pre-push']);
  assert.deepEqual(await after(() => git('worktree', 'add', '-q', path.join(root, 'side'), '-b', 'side')), ['refs/heads/side', 'worktrees/side']); // prettier-ignore
  const all = Object.keys(before).toSorted((x, y) => (x < y ? -1 : 1));
  assert.deepEqual(await after(() => renameSync(path.join(root, '.git'), path.join(root, 'gone'))), all);
});

test('a linked worktree has a HEAD of its own and the branches of all, and knows the primary checkout', async (t) => {
  const { root, git } = await makeRepository(t);
  const side = path.join(realpathSync(await temporaryFolder(t)), 'side');
  git('worktree', 'add', '-q', '-b', 'side', side);
  const state = (await tree.git(side)) ?? {};
  assert.equal(state['HEAD'], 'ref: refs/heads/side');
  assert.ok(state['refs/heads/main'] !== undefined && state['the file .git'] !== undefined);
  assert.deepEqual([await tree.siblings(side), await tree.siblings(root)], [[root], [side]]);
  mkdirSync(path.join(side, 'sub'));
  assert.deepEqual(new Set(await tree.siblings(path.join(side, 'sub'))), new Set([root, side]));
});

test('every file and link below a folder is seen, whatever its name, and .git at its top is not', async (t) => {
  const root = realpathSync(await temporaryFolder(t));
  mkdirSync(path.join(root, '.git'));
  mkdirSync(path.join(root, 'deep/er'), { recursive: true });
  writeFileSync(path.join(root, '.git/x'), '');
  writeFileSync(path.join(root, 'deep/er/.hidden'), '');
  writeFileSync(path.join(root, 'out'), '');
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xff])]), '');
  symlinkSync('/etc/passwd', path.join(root, 'link'));
  const seen = await tree.read(root, (relative) => relative === 'out', 100);
  assert.deepEqual(new Set(seen.keys()), new Set(['deep/er/.hidden', 'link', '\ufffd66ff']));
  assert.equal(await tree.leads(path.join(root, 'link')), '/etc/passwd');
  assert.equal(await tree.leads(path.join(root, 'out')), null);
  await assert.rejects(
    tree.read(root, () => false, 2),
    { code: 'EFBIG' },
  );
});

test('a write that is as long as before, with the old time put back, is seen', async (t) => {
  const root = realpathSync(await temporaryFolder(t));
  const file = path.join(root, 'a');
  writeFileSync(file, 'one');
  utimesSync(file, new Date(1_000), new Date(1_000));
  const before = (await tree.read(root, () => false, 10)).get('a');
  // Until the clock of the file system has moved on: it ticks every few milliseconds.
  let now = before;
  for (let tries = 0; now === before && tries < 10_000; tries++) {
    writeFileSync(file, 'two');
    utimesSync(file, new Date(1_000), new Date(1_000));
    now = (await tree.read(root, () => false, 10)).get('a');
  }
  assert.notEqual(now, before);
});
