import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { addApprove } from '#cli/approve.ts';
import { addClose, addReopen } from '#cli/close.ts';
import type { Closing } from '#core/verdict.ts';
import { checkReviewSignature } from '#history/review-signature.ts';
import { generateKey, renderPrivateKey } from '#history/ssh-key.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { makeTempWorkspace, seedJob, type TempWorkspace } from '../support/workspace.ts';

const git = (workspace: TempWorkspace, ...args: string[]): string =>
  execFileSync('git', ['-C', workspace.root, ...args], { encoding: 'utf8' }).trim();

async function place(t: TestContext): Promise<TempWorkspace> {
  const keyFile = path.join(await temporaryFolder(t), 'review_key');
  writeFileSync(keyFile, renderPrivateKey(generateKey('ada')), { mode: 0o600 });
  const workspace = await makeTempWorkspace(t, `runner: offline\nreview:\n  key: ${keyFile}\n`);
  git(workspace, 'init', '-q');
  git(workspace, 'config', 'user.name', 'Ada Example');
  git(workspace, 'config', 'user.email', 'ada@example.com');
  git(workspace, 'commit', '-q', '--allow-empty', '-m', 'merge');
  return workspace;
}
const ANSWER = { status: 'answered', answer: 'x\n' } as const;

describe('docket close and reopen', () => {
  test('a feature whose newest answers are accepted is closed, with all its verdicts, once', async (t) => {
    const workspace = await place(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'a1', { feature: 'FEAT-1-filters' }, ANSWER);
    await seedJob(rooms, 'a2', { feature: 'FEAT-1', revision: 2 }, ANSWER);
    await seedJob(rooms, 'b', { feature: 'FEAT-1', agent: 'ui' }, { status: 'briefed', answer: 'x' });
    assert.equal((await workspace.run(addApprove, 'approve', 'a2')).code, 0);
    const { code, data, err } = await workspace.json(addClose, 'close', 'feat-1', '--merged', 'HEAD');
    assert.equal(code, 0, err);
    const { path: file, merged } = data as { path: string; merged: string };
    assert.equal(merged, git(workspace, 'rev-parse', 'HEAD'));
    assert.equal(file, 'FEAT-1-filters/closing.json');
    const closing = JSON.parse(readFileSync(path.join(workspace.history, file), 'utf8')) as Closing;
    assert.deepEqual(closing.merged, { commit: merged, isThere: true });
    assert.deepEqual(
      closing.verdicts.map(({ role, revision, verdict, by }) => [role, revision, verdict, by.name]),
      [['architect', 2, 'approved', 'Ada Example']],
    );
    assert.equal(checkReviewSignature(closing, null).ok, true);
    assert.match((await workspace.run(addClose, 'close', 'FEAT-1', '--merged', 'HEAD')).err, /was closed by Ada Example/);
    assert.match((await workspace.run(addApprove, 'approve', 'a2')).err, /was closed by Ada Example .*docket reopen FEAT-1/);
    assert.match((await workspace.run(addReopen, 'reopen', 'FEAT-1', '--comment', ' ')).err, /say why/);
    assert.match((await workspace.run(addReopen, 'reopen', 'FEAT-1', '--comment', 'one more thing')).out, /FEAT-1 is open again/);
    assert.match((await workspace.run(addReopen, 'reopen', 'FEAT-1', '--comment', 'again')).err, /is not closed/);
    assert.equal((await workspace.run(addApprove, 'approve', 'a2')).code, 0);
    assert.equal((await workspace.run(addClose, 'close', 'FEAT-1', '--merged', 'HEAD')).code, 0);
    assert.deepEqual(
      (await rooms.history.closings('FEAT-1')).map(({ kind }) => kind),
      ['closing', 'reopening', 'closing'],
    );
  });

  test('what is not accepted is named, and takes --anyway with a reason', async (t) => {
    const workspace = await place(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'a', {}, ANSWER);
    await seedJob(
      rooms,
      'b',
      { agent: 'ui', name: 'panel' },
      { status: 'failed', failure: { kind: 'no-answer', runner: 'fake', message: 'x' } },
    );
    const refused = await workspace.run(addClose, 'close', 'FEAT-1', '--merged', 'HEAD');
    assert.equal(refused.code, 1);
    assert.match(refused.err, /FEAT-1 is not done:\n {2}architect r1: awaiting\n {2}ui\/panel r1: failed\n--anyway/);
    assert.match((await workspace.run(addClose, 'close', 'FEAT-1', '--merged', 'HEAD', '--anyway')).err, /--anyway needs a reason/);
    assert.match((await workspace.run(addClose, 'close', 'FEAT-1', '--merged', 'nothing')).err, /has no commit "nothing"/);
    assert.match((await workspace.run(addClose, 'close', 'FEAT-1', '--merged', '--help')).err, /has no commit|argument missing/);
    assert.match((await workspace.run(addClose, 'close', 'FEAT-1', '--merged', 'c'.repeat(40))).err, /has no commit c{40}/);
    assert.match((await workspace.run(addClose, 'close', 'FEAT-9', '--merged', 'HEAD')).err, /nothing is recorded of FEAT-9/);
    assert.match((await workspace.run(addClose, 'close', '../x', '--merged', 'HEAD')).err, /is no feature/);
    assert.deepEqual(await rooms.history.closings(), []);
    const done = await workspace.run(addClose, 'close', 'FEAT-1', '--merged', 'c'.repeat(40), '--anyway', '--comment', 'given up');
    assert.equal(done.code, 0, done.err);
    const [closing] = await rooms.history.closings('FEAT-1');
    assert.deepEqual([closing?.merged?.isThere, closing?.comment], [false, 'given up']);
  });
});
