/** Cleanup, restore and repair on the shapes that code repositories come in. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { runCli } from '#test/support/cli.ts';
import { openScreen, whyNoPty } from '#test/support/terminal.ts';
import { clean } from '#test/support/worktree-place.ts';
import { makeWorkshop } from '#test/support/workshop.ts';

const codes = ({ standing }: Awaited<ReturnType<typeof clean>>): readonly string[] => standing.map(({ code }) => code);
const DOCKET = path.resolve(import.meta.dirname, '../../../bin/docket.js');

suite('docket worktree', () => {
  test('takes paths with blanks, unicode, a leading dash and a newline, hooks and signed commits as they are', async (t) => {
    const shop = await makeWorkshop(t, { name: '- a pp\nü', branch: 'release/2.x' });
    const { app, beside, git } = shop;
    git(app, 'config', 'commit.gpgsign', 'true');
    git(app, 'config', 'gpg.program', '/nowhere/gpg');
    git(app, 'config', 'core.hooksPath', 'hooks here');
    const hook = shop.write(app, 'hooks here/post-checkout', '#!/bin/sh\necho "$3" >> "$(git rev-parse --git-common-dir)/hook-ran"\n');
    chmodSync(hook, 0o755);
    git(app, 'add', '.');
    git(app, 'commit', '-q', '--no-gpg-sign', '-m', 'hooks');
    const folder = path.join(beside, '-x \n nfd-u\u0308 ü');
    const at = await shop.worktree('FEAT-1', { folder });
    shop.write(at, '-dash', 'x\n');
    shop.write(at, 'new\nline', 'x\n');
    assert.deepEqual(codes(await clean(shop, 'FEAT-1')), ['untracked']);
    assert.ok((await clean(shop, 'FEAT-1', ['untracked'])).removed);
    const ran = statSync(path.join(app, '.git/hook-ran')).size;
    const back = await shop.docket('worktree', 'restore', 'FEAT-1');
    assert.equal(back.code, 0, back.err);
    assert.deepEqual([readFileSync(path.join(at, '-dash'), 'utf8'), readFileSync(path.join(at, 'new\nline'), 'utf8')], ['x\n', 'x\n']);
    // The repository's own hook ran, as when a person makes a worktree.
    assert.ok(statSync(path.join(app, '.git/hook-ran')).size > ran);
  });

  test('of a submodule: dirty or unpushed is refused for good, clean and pushed a person may accept', async (t) => {
    const shop = await makeWorkshop(t);
    const { app, beside, git } = shop;
    const library = path.join(beside, 'library');
    git(beside, 'init', '-q', '-b', 'main', library);
    shop.commit(library, 'a', 'a\n');
    git(app, 'submodule', '--quiet', 'add', library, 'lib');
    git(app, 'commit', '-q', '-m', 'library');
    const at = await shop.worktree('FEAT-1');
    assert.deepEqual(codes(await clean(shop, 'FEAT-1', ['none'])), []);
    assert.equal(existsSync(at), false);
    const two = await shop.worktree('FEAT-2');
    git(two, 'submodule', '--quiet', 'update', '--init');
    shop.write(two, 'lib/a', 'changed\n');
    assert.deepEqual(codes(await clean(shop, 'FEAT-2')), ['submodule-dirty', 'submodules']);
    git(path.join(two, 'lib'), 'checkout', '-q', '-b', 'mine');
    shop.commit(path.join(two, 'lib'), 'a', 'changed\n');
    assert.deepEqual(codes(await clean(shop, 'FEAT-2', ['uncommitted', 'submodules'])), ['submodule-unpushed']);
    git(path.join(two, 'lib'), 'push', '-q', 'origin', 'mine');
    git(path.join(two, 'lib'), 'checkout', '-q', '--detach', 'origin/main');
    assert.deepEqual(codes(await clean(shop, 'FEAT-2')), ['submodules']);
    assert.ok((await clean(shop, 'FEAT-2', ['submodules'])).removed);
    assert.equal(existsSync(two), false);
  });

  test('of a bare primary, a shallow clone and a sparse checkout, whose tree is kept whole', async (t) => {
    const shop = await makeWorkshop(t);
    const { app, beside, git } = shop;
    shop.commit(app, 'big/one', '1\n');
    shop.commit(app, 'small/two', '2\n');
    const bare = path.join(beside, 'bare.git');
    git(beside, 'clone', '-q', '--bare', '--depth', '1', `file://${app}`, bare);
    const main = path.join(beside, 'main');
    git(bare, 'worktree', 'add', '-q', main, 'main');
    const at = path.join(beside, 'app-FEAT-1');
    git(bare, 'worktree', 'add', '-q', '-b', 'feature/FEAT-1', at);
    git(at, 'sparse-checkout', 'set', 'small');
    assert.equal(existsSync(path.join(at, 'big')), false);
    const from = { ...shop, app: main };
    const base = await clean(from, main);
    assert.ok(codes(base).includes('is-base'));
    shop.write(at, 'small/new', 'x\n');
    shop.write(at, 'big/outside the cone', 'x\n');
    const kept = await clean(from, 'FEAT-1', ['untracked']);
    assert.equal(kept.failed, null);
    assert.equal(kept.removed?.isBranchGone, true);
    assert.equal(git(bare, 'ls-tree', '-r', '--name-only', git(bare, 'for-each-ref', '--format=%(objectname)', 'refs/docket')), [
      '.gitignore', 'README.md', 'big/one', '"big/outside the cone"', 'docket.yaml', 'small/new', 'small/two',
    ].map((name) => name.replaceAll('"', '')).join('\n')); // prettier-ignore
    const back = await runCli(['worktree', 'restore', 'FEAT-1'], { cwd: main, env: shop.env });
    assert.equal(back.code, 0, back.err);
    assert.deepEqual([existsSync(path.join(at, 'small/new')), existsSync(path.join(at, 'big/outside the cone'))], [true, true]);
  });

  test('with a branch that is gone, records that fit nothing or cannot be read, and names that differ in case: explained', async (t) => {
    const shop = await makeWorkshop(t);
    const { app, git } = shop;
    const dead = await shop.worktree('FEAT-1');
    const last = shop.commit(dead, 'a', 'a\n');
    git(app, 'update-ref', '-d', 'refs/heads/feature/FEAT-1');
    const lost = await shop.worktree('FEAT-2');
    git(app, 'worktree', 'remove', lost);
    git(app, 'branch', '-q', '-D', 'feature/FEAT-2');
    await shop.worktree('PRD-crm');
    await shop.worktree('prd-CRM', { isRecorded: false });
    shop.write(app, '.git/docket/worktrees/feat-9.json', '{');
    const { code, out } = await shop.docket('worktree', 'repair');
    assert.equal(code, 1);
    assert.match(out, new RegExp(`branch-gone[^]*git branch feature/FEAT-1 ${last}`));
    assert.match(out, /record-empty[^]*mended/);
    assert.match(out, /case-twins/);
    assert.match(out, /record-damaged|feat-9\.json cannot be understood/);
    git(app, 'branch', 'feature/FEAT-1', last);
    assert.equal(existsSync(path.join(app, '.git/docket/worktrees/feat-9.json')), true);
    assert.equal((await shop.docket('worktree', 'repair', '--dry-run')).out.includes('FEAT-1'), false);
  });

  test(
    'is told by a person who types its name at a terminal, and by no program that docket started',
    { skip: whyNoPty() ?? false },
    async (t) => {
      const shop = await makeWorkshop(t);
      const at = await shop.worktree('FEAT-1');
      shop.write(at, 'new', 'x\n');
      const command = [process.execPath, DOCKET, 'worktree', 'cleanup', 'FEAT-1', '--accept', 'untracked'];
      const wrong = openScreen(t, command, { env: { ...shop.env, TERM: 'xterm' }, cwd: shop.app });
      await wrong.shows('Type FEAT-1 to accept: untracked');
      wrong.type('FEAT-2\r');
      assert.deepEqual([await wrong.end(), existsSync(at)], [130, true]);
      const below = openScreen(t, command, { env: { ...shop.env, TERM: 'xterm', DOCKET_EVENT: 'x' }, cwd: shop.app });
      assert.deepEqual([await below.end(), existsSync(at)], [2, true]);
      const right = openScreen(t, command, { env: { ...shop.env, TERM: 'xterm' }, cwd: shop.app });
      await right.shows('Type FEAT-1 to accept: untracked');
      right.type('FEAT-1\r');
      assert.deepEqual([await right.end(), existsSync(at)], [0, false]);
      rmSync(at, { recursive: true, force: true });
    },
  );
});
