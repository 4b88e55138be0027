import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { parseWorktrees } from '#cli/schema-worktree.ts';
import { clean } from '#test/support/worktree-place.ts';
import { makeWorkshop } from '#test/support/workshop.ts';

suite('docket worktree', () => {
  test('keeps what a person accepted, and brings all of it back', async (t) => {
    const shop = await makeWorkshop(t);
    const { app, git } = shop;
    const at = await shop.worktree('FEAT-1');
    shop.write(at, '.worktreeinclude', '.env\n');
    git(at, 'add', '.worktreeinclude');
    const tip = shop.commit(at, 'done', 'work\n');
    shop.write(at, 'README.md', 'changed\n');
    shop.write(at, 'new/ü file', 'new\n');
    shop.write(at, '.env', 'HOST=here\n');
    shop.write(at, 'queues/01-architect/in/a.rejected', '# x\n');
    const refused = await clean(shop, 'FEAT-1');
    assert.deepEqual(
      refused.standing.map(({ code }) => code),
      ['uncommitted', 'untracked', 'unmerged'],
    );
    const said = await shop.docket('worktree', 'cleanup', 'FEAT-1', '--accept', 'uncommitted', 'untracked', 'unmerged');
    assert.deepEqual([said.code, /takes a terminal/.test(said.err), existsSync(at)], [2, true, true]);
    assert.equal((await shop.docket('worktree', 'cleanup', 'FEAT-1', '--accept', 'unrecorded')).code, 2);

    const { removed, failed } = await clean(shop, 'FEAT-1', ['uncommitted', 'untracked', 'unmerged']);
    assert.equal(failed, null);
    assert.ok(removed);
    assert.equal(removed.isBranchGone, false);
    assert.equal(existsSync(at), false);
    assert.equal(git(app, 'rev-parse', 'feature/FEAT-1'), tip);
    const records = path.join(app, '.git/docket/worktrees');
    assert.deepEqual(
      readdirSync(records).filter((name) => !name.endsWith('.removed.json')),
      [],
    );
    const { data } = await shop.json('worktree', 'list', '--removed');
    assert.equal((data as unknown as { removed: { ref: string }[] }).removed[0]?.ref, `refs/docket/removed/feat-1/${removed.removal.time}`);

    git(app, 'branch', '-q', '-D', 'feature/FEAT-1');
    const back = await shop.docket('worktree', 'restore', 'FEAT-1');
    assert.equal(back.code, 0, back.err);
    assert.match(back.out, /not committed[^]*worktreeinclude[^]*queues/);
    assert.equal(git(at, 'status', '--porcelain', '-uall'), 'M README.md\n?? "new/\\303\\274 file"');
    assert.deepEqual(
      ['README.md', 'new/ü file', '.env', 'queues/01-architect/in/a.rejected'].map((name) => readFileSync(path.join(at, name), 'utf8')),
      ['changed\n', 'new\n', 'HOST=here\n', '# x\n'],
    );
    assert.equal(git(at, 'rev-parse', 'HEAD'), tip);
    const again = await shop.docket('worktree', 'restore', 'FEAT-1');
    assert.deepEqual([again.code, /is there: move it away first/.test(again.err)], [1, true]);
  });

  test('cleans up all that nothing stands against, lists the rest, and lets go of what is old only when told', async (t) => {
    const shop = await makeWorkshop(t, { settings: 'worktrees:\n  keep_removed: 1h\n' });
    const { app, git } = shop;
    await shop.worktree('FEAT-1');
    const squashed = await shop.worktree('FEAT-2');
    const open = await shop.worktree('FEAT-3');
    shop.commit(squashed, 'a', 'a\n');
    shop.commit(squashed, 'a', 'a\nb\n');
    git(app, 'merge', '-q', '--squash', 'feature/FEAT-2');
    git(app, 'commit', '-q', '-m', 'two');
    shop.commit(open, 'b', 'b\n');
    const { code, data } = await shop.json('worktree', 'cleanup', '--all-merged');
    const told = data as unknown as { removed: { id: string; branch_deleted: boolean; merged_as: string }[]; refused: { id: string }[] };
    assert.equal(code, 1);
    assert.deepEqual(
      told.removed.map((one) => [one.id, one.merged_as, one.branch_deleted]),
      [
        ['FEAT-1', 'ancestor', true],
        ['FEAT-2', 'squashed', true],
      ],
    );
    assert.deepEqual(
      told.refused.map(({ id }) => id),
      ['FEAT-3'],
    );
    const status = parseWorktrees((await shop.json('worktree', 'status', 'FEAT-3')).data).worktrees;
    assert.deepEqual([status.length, status[0]?.unmerged, status[0]?.cleanup.reasons[0]?.code], [1, 1, 'unmerged']);
    const list = await shop.docket('worktree', 'list');
    assert.match(list.out, /FEAT-3 +feature\/FEAT-3 +clean +\+1 -1 /);
    assert.equal(list.out.includes('FEAT-1'), false);
    const early = await shop.docket('worktree', 'cleanup', '--expired', '--yes');
    assert.match(early.out, /nothing that was kept is old enough/);
    const records = path.join(app, '.git/docket/worktrees');
    for (const name of readdirSync(records).filter((one) => one.startsWith('feat-1.')))
      shop.write(
        records,
        name,
        readFileSync(path.join(records, name), 'utf8').replace(/"at": "[^"]+"/, '"at": "2020-01-01T00:00:00.000Z"'),
      );
    assert.equal((await shop.docket('worktree', 'cleanup', '--expired')).code, 2);
    assert.equal((await shop.docket('worktree', 'cleanup', '--expired', '--yes')).code, 0);
    assert.deepEqual(git(app, 'for-each-ref', '--format=%(refname)', 'refs/docket').split('/')[3], 'feat-2');
  });

  test('finds what was moved, deleted, forgotten and cut off, and mends what loses nothing', async (t) => {
    const shop = await makeWorkshop(t);
    const { app, beside, git } = shop;
    const [moved, deleted, broken, away, forgotten, detached] = await Promise.all(
      ['FEAT-1', 'FEAT-2', 'FEAT-3', 'FEAT-4', 'FEAT-5', 'FEAT-6'].map(async (id, index) =>
        shop.worktree(id, index === 3 ? { folder: path.join(beside, 'disk', 'app-FEAT-4') } : {}),
      ),
    );
    assert.ok(moved && deleted && broken && away && forgotten && detached);
    renameSync(moved, path.join(beside, 'app-FEAT-1-moved'));
    rmSync(deleted, { recursive: true });
    writeFileSync(path.join(broken, '.git'), 'gitdir: /nowhere\n');
    rmSync(path.dirname(away), { recursive: true });
    shop.write(forgotten, 'only here', 'x\n');
    rmSync(path.join(app, '.git/worktrees/app-FEAT-5'), { recursive: true });
    git(detached, 'checkout', '-q', '--detach');
    shop.commit(detached, 'loose', 'x\n');
    const dry = await shop.json('worktree', 'repair', '--dry-run');
    const found = (dry.data as unknown as { findings: { code: string; id: string; mendable: boolean }[] }).findings;
    assert.deepEqual(found.map(({ id, code, mendable }) => `${id} ${code} ${String(mendable)}`).toSorted(), [
      'FEAT-1 moved true',
      'FEAT-2 deleted true',
      'FEAT-3 link-broken true',
      'FEAT-4 away false',
      'FEAT-5 forgotten false',
      'FEAT-6 detached false',
    ]);
    const done = await shop.docket('worktree', 'repair');
    assert.equal(done.code, 1);
    assert.match(done.out, /HEAD is detached, and 1 of its commits is on no branch/);
    assert.equal(readFileSync(path.join(forgotten, 'only here'), 'utf8'), 'x\n');
    assert.equal(git(broken, 'rev-parse', '--abbrev-ref', 'HEAD'), 'feature/FEAT-3');
    assert.equal(git(path.join(beside, 'app-FEAT-1-moved'), 'rev-parse', '--abbrev-ref', 'HEAD'), 'feature/FEAT-1');
    const left = git(app, 'worktree', 'list', '--porcelain');
    // The disk that is not there may come back: its entry was not pruned.
    assert.ok(left.includes(away) && !left.includes(deleted));
    assert.notEqual(git(app, 'for-each-ref', 'refs/heads/feature/FEAT-2'), '');
    const after = await shop.json('worktree', 'repair');
    assert.deepEqual((after.data as unknown as { findings: { code: string }[] }).findings.map(({ code }) => code).toSorted(), [
      'away',
      'detached',
      'forgotten',
      'record-alone',
    ]);
  });
});
