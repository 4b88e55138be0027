/** Who works on an issue, by names and records; the claim on a remote that answers in its own ways. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GitWork } from '#core/worktrees.ts';
import { makeFs } from '#platform/files.ts';
import { askRemote, claimOnRemote, claimsHeld, hold, issueOfBranch, merged } from '#worktrees/claims.ts';
import type { Claim } from '#worktrees/fix-order.ts';
import { temporaryFolder } from '../support/temp-folder.ts';

test('a branch names an issue by its prefix and its number', () => {
  const names = [
    'fix/14-totals',
    'fix/14',
    'Fix/ISSUE-014-x',
    'bugfix/14_x',
    'fix/140',
    'fix/totals-14',
    'feature/14-x',
    'fix/14x',
    'fix/x/14',
  ];
  assert.deepEqual(names.map(issueOfBranch), [14, 14, 14, 14, 140, null, null, null, null]);
});

const claim = (number: number, where: Claim['where'], by: string): Claim => ({ number, where, by });

test('what a record says is not said again by its branch; what the remote says now goes before what it said once', () => {
  const heads = {
    local: [claim(1, 'local-branch', 'a'), claim(2, 'local-branch', 'b')],
    remote: [claim(2, 'remote-branch', 'c'), claim(3, 'remote-branch', 'old')],
  };
  const found = merged([claim(1, 'worktree', 'Ada')], heads, [claim(4, 'remote-branch', 'new')]);
  assert.deepEqual(
    found.map(({ number, by }) => `${String(number)} ${by}`),
    ['1 Ada', '2 b', '4 new'],
  );
  assert.deepEqual(
    merged([], heads, null).map(({ number }) => number),
    [1, 2, 3],
  );
});

/** A git that answers from a table; the first words that fit. */
const gitOf =
  (answers: readonly (readonly [string, string | number, string?])[], asked: string[] = []): GitWork =>
  async (_folder, args) => {
    const said = args.join(' ');
    asked.push(said);
    const [, answer, words = ''] = answers.find(([start]) => said.startsWith(start)) ?? ['', 0];
    return Promise.resolve(
      typeof answer === 'number' ? { code: answer, stdout: words, stderr: words } : { code: 0, stdout: answer, stderr: '' },
    );
  };
const COMMIT = 'a'.repeat(40);
const claimed = async (...answers: (readonly [string, string | number, string?])[]): Promise<string> => {
  const asked: string[] = [];
  const git = gitOf([...answers, ['for-each-ref', `${COMMIT}\n`], ['remote get-url', 'the-address\n']], asked);
  const pushed = await claimOnRemote({ git, common: '/r', remote: 'origin', timeoutMs: 10 }, 'fix/14-b', COMMIT);
  const undone = asked.some((one) => one.endsWith(' :refs/heads/fix/14-b'));
  return `${pushed.kind} ${pushed.kind === 'taken' ? pushed.by : pushed.kind === 'not-asked' ? pushed.why : ''}${undone ? ' undone' : ''}`.trim();
};

test('a claim holds when the branch was made; there already, refused, or without an answer it does not', async () => {
  assert.equal(await claimed(['push', '*\tx\t[new branch]\n']), 'claimed');
  assert.equal(await claimed(['push', '=\tx\t[up to date]\n']), 'taken origin/fix/14-b');
  assert.equal(await claimed(['push', 1, ' ! [rejected] x (stale info)']), 'taken origin/fix/14-b');
  assert.equal(await claimed(['push', 1, ' ! [remote rejected] x (reference already exists)']), 'taken origin/fix/14-b');
  assert.match(await claimed(['push', 1, 'fatal: no access']), /^not-asked the branch could not be pushed: no access/);
  assert.match(await claimed(['for-each-ref', '']), /^not-asked origin has no commit/);
  // Two titles of one issue: the branch that sorts first has it, the other one is taken back.
  assert.equal(
    await claimed(['ls-remote', `${COMMIT}\trefs/heads/fix/14-a\n${COMMIT}\trefs/heads/fix/14-b\n`]),
    'taken origin/fix/14-a undone',
  );
  assert.equal(await claimed(['ls-remote', `${COMMIT}\trefs/heads/fix/14-b\n${COMMIT}\trefs/heads/fix/14-c\n`]), 'claimed');
});

const late: GitWork = async () => Promise.reject(Object.assign(new Error('late'), { code: 'ETIMEDOUT' }));

test('a remote that does not answer is told, not taken for one without claims', async () => {
  assert.deepEqual(await askRemote(late, '/r', 'origin', 10), { ok: false, error: 'no answer within 10 ms' });
  assert.deepEqual(await askRemote(gitOf([['ls-remote', 128, 'fatal: not found']]), '/r', 'origin', 10), { ok: false, error: 'not found' });
});

test('a command that runs holds its issue; one that was killed does not', async (t) => {
  const fs = makeFs();
  const common = await temporaryFolder(t);
  const release = await hold(fs, common, { number: 14, pid: 1, startTime: 'x' });
  assert.deepEqual(
    (await claimsHeld(fs, common, () => true)).map(({ number }) => number),
    [14],
  );
  assert.deepEqual(await claimsHeld(fs, common, () => false), []);
  await release();
  await release();
  assert.deepEqual(await claimsHeld(fs, common, () => true), []);
});
