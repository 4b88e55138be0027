/** A cleanup, and a restore, cut off after each of their steps: nothing is lost, and the same command brings it to its end. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { makeFs } from '#platform/files.ts';
import { newestRemoval, readRemovals, type Removal } from '#worktrees/removals.ts';
import type { RemovePoint } from '#worktrees/remove.ts';
import { restoreWorktree, type RestorePoint } from '#worktrees/restore.ts';
import { clean, placeOf } from '#test/support/worktree-place.ts';
import { makeWorkshop, type Workshop } from '#test/support/workshop.ts';
import type { FeatureId } from '#core/names.ts';

const REMOVE: readonly RemovePoint[] = ['begun', 'ref', 'files', 'queues', 'tree', 'folder', 'branch', 'record'];
const RESTORE: readonly RestorePoint[] = ['begun', 'branch', 'folder', 'tree', 'files', 'queues', 'record'];
const ACCEPTED = ['uncommitted', 'untracked'];
const FILES = ['README.md', 'new', '.env', 'queues/01-architect/in/a.rejected'];

/** Merged work, and with it what is not in any commit. */
async function begun(shop: Workshop, id: string): Promise<string> {
  const at = await shop.worktree(id);
  shop.commit(at, '.worktreeinclude', `# ${id}\n.env\n`);
  shop.git(shop.app, 'merge', '-q', `feature/${id}`);
  for (const name of FILES) shop.write(at, name, `${id} ${name}\n`);
  return at;
}
const isWhole = (at: string, id: string): void => {
  for (const name of FILES) assert.equal(readFileSync(path.join(at, name), 'utf8'), `${id} ${name}\n`, `${id} ${name}`);
};
async function removalOf(shop: Workshop, id: string): Promise<Removal> {
  const common = path.join(shop.app, '.git');
  const removal = newestRemoval(await readRemovals(makeFs(), common), id as FeatureId, [
    'begun',
    'tree',
    'removed',
    'restoring',
    'restored',
  ]);
  assert.ok(removal);
  return removal;
}
const isGone = (shop: Workshop, at: string, id: string): void => {
  assert.equal(existsSync(at), false);
  assert.equal(shop.git(shop.app, 'for-each-ref', `refs/heads/feature/${id}`), '');
  assert.equal(shop.git(shop.app, 'worktree', 'list', '--porcelain').includes(at), false);
  assert.deepEqual(
    readdirSync(path.join(shop.app, '.git/docket/worktrees')).filter((name) => !name.endsWith('.removed.json')),
    [],
  );
};

suite('a cleanup', () => {
  test('that is cut off anywhere loses nothing, and ends when it is called again', async (t) => {
    const shop = await makeWorkshop(t);
    for (const [index, point] of REMOVE.entries()) {
      const id = `FEAT-${String(index + 1)}`;
      const at = await begun(shop, id);
      await assert.rejects(clean(shop, id, ACCEPTED, point), /cut off/);
      const again = await clean(shop, id, ACCEPTED);
      assert.ok(again.removed, `${point}: ${again.failed ?? ''} ${again.standing.map(({ words }) => words).join()}`);
      isGone(shop, at, id);
      const back = await shop.docket('worktree', 'restore', id);
      assert.equal(back.code, 0, `${point}: ${back.err}`);
      isWhole(at, id);
      await clean(shop, id, ACCEPTED);
    }
  });

  test('that was killed while git took the folder away is ended by repair, unless something new lies in it', async (t) => {
    const shop = await makeWorkshop(t);
    const at = await begun(shop, 'FEAT-1');
    await assert.rejects(clean(shop, 'FEAT-1', ACCEPTED, 'tree'), /cut off/);
    rmSync(path.join(at, 'README.md'));
    rmSync(path.join(at, '.git'));
    shop.write(at, 'typed meanwhile', 'x\n');
    const refused = await shop.docket('worktree', 'repair');
    assert.deepEqual(
      [refused.code, /NOT mended: 1 files of it are other/.test(refused.out), existsSync(path.join(at, 'new'))],
      [1, true, true],
    );
    rmSync(path.join(at, 'typed meanwhile'));
    rmSync(path.join(at, '.git'));
    const mended = await shop.docket('worktree', 'repair');
    assert.equal(mended.code, 0, mended.out);
    isGone(shop, at, 'FEAT-1');
    assert.equal((await shop.docket('worktree', 'restore', 'FEAT-1')).code, 0);
    isWhole(at, 'FEAT-1');
  });

  test('is brought back whole by a restore that was cut off anywhere and called again', async (t) => {
    const shop = await makeWorkshop(t);
    for (const [index, point] of RESTORE.entries()) {
      const id = `FEAT-${String(index + 1)}`;
      const at = await begun(shop, id);
      assert.ok((await clean(shop, id, ACCEPTED)).removed);
      const place = await placeOf(shop);
      const cut = restoreWorktree(
        {
          git: place.git,
          fs: place.fs,
          reached: (now) => {
            if (now === point) throw new Error('cut off');
          },
        },
        place.repository,
        await removalOf(shop, id),
      );
      await assert.rejects(cut, /cut off/);
      const back = await shop.docket('worktree', 'restore', id);
      assert.equal(back.code, 0, `${point}: ${back.err}`);
      isWhole(at, id);
      assert.equal((await removalOf(shop, id)).state, 'restored');
    }
  });
});
