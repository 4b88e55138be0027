import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { suite, test } from 'node:test';
import { makeWorkshop } from '#test/support/workshop.ts';

type Told = {
  readonly stale: readonly {
    readonly id: string;
    readonly days: number;
    readonly behind: number;
    readonly cleanable: boolean;
    readonly advice: string;
  }[];
};

suite('docket stale', () => {
  test('lists fixes without a commit, prompt or edit for a while, and what to do with each', async (t) => {
    const shop = await makeWorkshop(t);
    const { app, git } = shop;
    const old = '2026-01-01T00:00:00Z';
    // A worktree's newest commit says when it was last worked on: all of these are of January.
    const back = { ...process.env, GIT_COMMITTER_DATE: old };
    execFileSync('git', ['-C', app, 'commit', '-q', '--amend', '--no-edit'], { env: { ...back, HOME: shop.env['HOME'] } });
    const merged = await shop.worktree('BUG-1', { stream: 'fix' });
    const open = await shop.worktree('BUG-2', { stream: 'fix' });
    await shop.worktree('FEAT-1');
    shop.write(open, 'a', 'a\n');
    git(open, 'add', 'a');
    execFileSync('git', ['-C', open, 'commit', '-q', '-m', 'a'], { env: { ...back, HOME: shop.env['HOME'] } });
    shop.commit(app, 'base', 'b\n');
    assert.ok(merged);
    const { data, code } = await shop.json('stale');
    const { stale } = data as unknown as Told;
    assert.equal(code, 0);
    assert.deepEqual(
      stale.map(({ id, behind, cleanable }) => [id, behind, cleanable]),
      [
        ['BUG-1', 1, true],
        ['BUG-2', 1, false],
      ],
    );
    assert.ok((stale[0]?.days ?? 0) > 100);
    assert.match(stale[0]?.advice ?? '', /docket worktree cleanup BUG-1$/);
    assert.match(stale[1]?.advice ?? '', /1 commits behind\) and merge it, or give it up/);
    const all = (await shop.json('stale', '--all')).data as unknown as Told;
    assert.deepEqual(all.stale.map(({ id }) => id).toSorted(), ['BUG-1', 'BUG-2', 'FEAT-1']);
    shop.write(open, 'a', 'edited just now\n');
    const after = (await shop.json('stale')).data as unknown as Told;
    assert.deepEqual(
      after.stale.map(({ id }) => id),
      ['BUG-1'],
    );
    assert.match((await shop.docket('stale', '--days', '36500')).out, /no worktree is stale/);
  });
});
