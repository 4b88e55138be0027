import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { makeKernelLocks } from '#platform/lock.ts';
import { makeWorkshop, type Workshop } from '#test/support/workshop.ts';

type Refused = { readonly refused: readonly { readonly reasons: readonly { readonly code: string }[] }[] };

async function codesOf(shop: Workshop, ...more: readonly string[]): Promise<readonly string[]> {
  const { data } = await shop.json('worktree', 'cleanup', 'FEAT-1', '--dry-run', ...more);
  return (data as unknown as Refused).refused.flatMap(({ reasons }) => reasons.map(({ code }) => code));
}

suite('docket worktree cleanup', () => {
  test('refuses for each reason, and is allowed once it is mended', async (t) => {
    const shop = await makeWorkshop(t);
    const { app, git } = shop;
    const at = await shop.worktree('FEAT-1');
    const queues = path.join(at, 'queues');
    const inbox = (name: string): string => shop.write(queues, `01-architect/in/${name}`, '# x\n');

    /** Makes it so, and takes it back. */
    type Case = readonly [code: string, make: () => unknown, mend: () => unknown];
    const cases: readonly Case[] = [
      ['uncommitted', () => shop.write(at, 'README.md', 'changed\n'), () => git(at, 'checkout', '-q', '--', 'README.md')],
      ['untracked', () => shop.write(at, 'new file', 'x\n'), () => rmSync(path.join(at, 'new file'))],
      [
        'hidden-edit',
        () => {
          git(at, 'update-index', '--assume-unchanged', 'README.md');
          shop.write(at, 'README.md', 'unseen\n');
        },
        () => {
          git(at, 'update-index', '--no-assume-unchanged', 'README.md');
          git(at, 'checkout', '-q', '--', 'README.md');
        },
      ],
      ['nested-repository', () => git(at, 'init', '-q', 'build/inner'), () => rmSync(path.join(at, 'build'), { recursive: true })],
      ['unmerged', () => shop.commit(at, 'one', '1\n'), () => git(app, 'merge', '-q', '--no-edit', 'feature/FEAT-1')],
      ['other-branch', () => git(at, 'switch', '-q', '-c', 'elsewhere'), () => git(at, 'switch', '-q', 'feature/FEAT-1')],
      [
        'loose-commits',
        () => {
          git(at, 'checkout', '-q', '--detach');
          shop.commit(at, 'loose', '1\n');
        },
        () => git(at, 'switch', '-q', 'feature/FEAT-1'),
      ],
      [
        'stashed',
        () => {
          shop.write(at, 'README.md', 'later\n');
          git(at, 'stash', '-q');
        },
        () => git(at, 'stash', 'drop', '-q'),
      ],
      [
        'in-progress',
        () => {
          shop.commit(app, 'README.md', 'theirs\n');
          git(at, 'bisect', 'start', '-q');
        },
        () => git(at, 'bisect', 'reset'),
      ],
      ['locked', () => git(app, 'worktree', 'lock', '--reason', 'on a stick', at), () => git(app, 'worktree', 'unlock', at)],
      ['waiting', () => inbox('a.md'), () => rmSync(path.join(queues, '01-architect/in/a.md'))],
      ['held', () => inbox('a.held'), () => rmSync(path.join(queues, '01-architect/in/a.held'))],
      [
        'in-flight',
        () => shop.write(queues, '01-architect/work/k3tqz7abcd2efgh5.claimed', 'x'),
        () => rmSync(path.join(queues, '01-architect/work'), { recursive: true }),
      ],
      [
        'unrecorded',
        () => shop.write(queues, '01-architect/out/a_result.md', 'an answer\n'),
        () => rmSync(path.join(queues, '01-architect/out'), { recursive: true }),
      ],
      [
        'unknown',
        () =>
          shop.write(at, '.git/../docket.local.yaml', 'no_such_key: 1\n') &&
          git(app, 'config', 'core.excludesFile', shop.write(shop.beside, 'ignore', 'docket.local.yaml\n')),
        () => rmSync(path.join(at, 'docket.local.yaml')),
      ],
    ];
    assert.deepEqual(await codesOf(shop), []);
    for (const [code, make, mend] of cases) {
      make();
      assert.deepEqual(await codesOf(shop), [code]);
      // That it is mended shows in the next one: no other reason stands then.
      mend();
    }
    assert.deepEqual(await codesOf(shop), []);

    mkdirSync(path.join(queues, '.docket'), { recursive: true });
    const lock = makeKernelLocks().tryAcquire(path.join(queues, '.docket/lock.db'));
    assert.deepEqual(await codesOf(shop), ['daemon-up']);
    lock?.release();

    const child = spawn('cat', [], { cwd: at, stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    assert.deepEqual(await codesOf(shop), process.platform === 'linux' ? ['process'] : []);
    child.stdin.end();
    await once(child, 'exit');

    const done = await shop.docket('worktree', 'cleanup', 'FEAT-1');
    assert.equal(done.code, 0, done.out + done.err);
    assert.match(done.out, /FEAT-1: cleaned up; the branch feature\/FEAT-1 is gone \(ancestor\)/);
    assert.equal(existsSync(at), false);
    assert.equal(git(app, 'for-each-ref', '--format=%(refname)', 'refs/heads/feature'), '');
    assert.equal((await shop.docket('worktree', 'cleanup', 'FEAT-1')).code, 2);
  });
});
