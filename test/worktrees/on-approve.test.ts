/** The approval of a plan makes the workspace of its feature, where the setting says so, and stands whatever comes of that. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addApprove } from '#cli/approve.ts';
import { generateKey, renderPrivateKey } from '#history/ssh-key.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';
import { makeTempWorkspace, seedJob } from '#test/support/workspace.ts';

test('approving a plan makes the workspace of its feature; what keeps that from being made undoes no verdict', async (t) => {
  const keyFile = path.join(await temporaryFolder(t), 'review_key');
  writeFileSync(keyFile, renderPrivateKey(generateKey('ada')), { mode: 0o600 });
  const workspace = await makeTempWorkspace(t, `runner: offline\nreview: { key: ${keyFile} }\nworktrees: { on_approve: create }\n`);
  const git = (...args: string[]): string => execFileSync('git', ['-C', workspace.root, ...args], { encoding: 'utf8' });
  git('init', '-q', '-b', 'main');
  git('config', 'user.name', 'Ada');
  git('config', 'user.email', 'ada@example.com');
  const answer = { status: 'answered', answer: 'A plan.\n' } as const;
  const rooms = await workspace.rooms();
  await seedJob(rooms, 'plan', { agent: 'meta', feature: 'FEAT-1-user-filters' }, answer);
  await seedJob(rooms, 'module', { feature: 'FEAT-2' }, answer);
  await seedJob(rooms, 'other', { agent: 'meta', feature: 'FEAT-3' }, answer);

  const early = await workspace.run(addApprove, 'approve', 'FEAT-3/meta');
  assert.equal(early.code, 0, early.err);
  assert.match(early.out, /approved by Ada; it is accepted/);
  assert.match(early.err, /its workspace could not be made: .* has no commit yet[^]*the verdict stands; try `docket work-on FEAT-3`/);

  git('add', 'docket.yaml');
  git('commit', '-qm', 'first');
  const approved = await workspace.run(addApprove, 'approve', 'FEAT-1/meta');
  assert.equal(approved.code, 0, approved.err);
  const folder = path.join(path.dirname(workspace.root), 'app-FEAT-1');
  assert.match(approved.err, /its workspace is .*app-FEAT-1 \(branch feature\/FEAT-1-user-filters\)/);
  assert.ok(existsSync(path.join(folder, 'docket.yaml')));
  assert.doesNotMatch((await workspace.run(addApprove, 'approve', 'FEAT-2/architect')).err, /workspace/);
});
