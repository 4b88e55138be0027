import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite, test } from 'node:test';
import { makeGitWork } from '#platform/git-work.ts';
import { mergedState, type Merged } from '#worktrees/merged.ts';
import { makeWorkshop, type Workshop } from '#test/support/workshop.ts';

const asked = async (shop: Workshop, branch = 'f', bases = ['refs/heads/main']): Promise<Merged> =>
  mergedState(makeGitWork(shop.env), shop.app, shop.git(shop.app, 'rev-parse', branch), bases);
const UNMERGED = (unmerged: number): Merged => ({ unmerged, mergedAs: null, mergedInto: null });

/** Two commits on a branch: lines, a mode, a binary file. */
async function begun(t: Parameters<typeof makeWorkshop>[0]): Promise<Workshop> {
  const shop = await makeWorkshop(t);
  const { app, git } = shop;
  shop.commit(app, 'bin', randomBytes(300).toString('latin1'));
  git(app, 'switch', '-q', '-c', 'f');
  shop.write(app, 'bin', randomBytes(300));
  git(app, 'update-index', '--chmod=+x', 'README.md');
  shop.commit(app, 'lines', 'one\ntwo\n');
  git(app, 'commit', '-q', '-a', '--allow-empty', '-m', 'both');
  shop.commit(app, 'lines', 'one\ntwo\nthree\n');
  git(app, 'switch', '-q', 'main');
  shop.commit(app, 'other', 'x\n');
  return shop;
}
const squash = ({ app, git }: Workshop): void => {
  git(app, 'merge', '-q', '--squash', 'f');
  git(app, 'commit', '-q', '-m', 'all of it');
};

suite('a branch is merged', () => {
  test('when its commits are in the base, also only at the remote', async (t) => {
    const shop = await begun(t);
    const { app, git } = shop;
    assert.deepEqual(await asked(shop), UNMERGED(3));
    git(app, 'update-ref', 'refs/remotes/origin/main', 'f');
    assert.deepEqual(await asked(shop, 'f', ['refs/heads/main', 'refs/remotes/origin/main']), {
      unmerged: 0,
      mergedAs: 'ancestor',
      mergedInto: 'refs/remotes/origin/main',
    });
  });

  test('when one commit of the base is all of it (squash), and not when a byte differs', async (t) => {
    const shop = await begun(t);
    const { app, git } = shop;
    squash(shop);
    shop.commit(app, 'later', 'y\n');
    assert.deepEqual(await asked(shop), { unmerged: 0, mergedAs: 'squashed', mergedInto: 'refs/heads/main' });
    git(app, 'switch', '-q', 'f');
    // White space alone is a change; a binary file is one by its bytes.
    shop.commit(app, 'lines', 'one\ntwo\n  three\n');
    assert.equal((await asked(shop)).mergedAs, null);
    git(app, 'reset', '-q', '--hard', 'HEAD~');
    shop.commit(app, 'bin', 'another\0one');
    assert.equal((await asked(shop)).mergedAs, null);
  });

  test('when each commit is there under another id (rebase), and not when one is missing or a merge stands between', async (t) => {
    const shop = await begun(t);
    const { app, git } = shop;
    git(app, 'cherry-pick', 'f~2', 'f~1', 'f', '--allow-empty', '--keep-redundant-commits');
    assert.equal((await asked(shop)).mergedAs === null, false);
    git(app, 'reset', '-q', '--hard', 'HEAD~');
    assert.equal((await asked(shop)).mergedAs, null);
  });

  test('when it took the base in before it was squashed; never when it changes nothing, or shares no commit', async (t) => {
    const shop = await begun(t);
    const { app, git } = shop;
    git(app, 'switch', '-q', 'f');
    git(app, 'merge', '-q', '--no-edit', 'main');
    git(app, 'switch', '-q', 'main');
    squash(shop);
    assert.equal((await asked(shop)).mergedAs, 'squashed');
    git(app, 'switch', '-q', '-c', 'back', 'main');
    shop.commit(app, 'z', 'z\n');
    git(app, 'revert', '--no-edit', 'HEAD');
    assert.deepEqual(await asked(shop, 'back'), UNMERGED(2));
    git(app, 'checkout', '-q', '--orphan', 'alone');
    git(app, 'commit', '-q', '-m', 'alone');
    assert.equal((await asked(shop, 'alone')).unmerged, 1);
  });
});
