/** A workspace in a git repository whose person may give verdicts without a terminal, by a key. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { addApprove, addAskChanges } from '#cli/approve.ts';
import { generateKey, renderPrivateKey } from '#history/ssh-key.ts';
import { temporaryFolder } from './temp-folder.ts';
import { makeTempWorkspace, type TempWorkspace } from './workspace.ts';

export async function reviewedWorkspace(t: TestContext, settings = ''): Promise<TempWorkspace> {
  const keyFile = path.join(await temporaryFolder(t), 'review_key');
  writeFileSync(keyFile, renderPrivateKey(generateKey('ada')), { mode: 0o600 });
  const workspace = await makeTempWorkspace(t, `runner: offline\nreview:\n  key: ${keyFile}\n${settings}`);
  const git = (...args: string[]): void => void execFileSync('git', ['-C', workspace.root, ...args]);
  git('init', '-q');
  git('config', 'user.name', 'Ada Example');
  git('config', 'user.email', 'ada@example.com');
  return workspace;
}

export async function approve(workspace: TempWorkspace, what: string): Promise<void> {
  const { code, err } = await workspace.run(addApprove, 'approve', what);
  assert.equal(code, 0, err);
}

export async function askChanges(workspace: TempWorkspace, what: string, comment: string): Promise<void> {
  const { code, err } = await workspace.run(addAskChanges, 'ask-changes', what, '--comment', comment);
  assert.equal(code, 0, err);
}
