import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { lookAtReview } from '#cli/doctor-review.ts';
import { openAll } from '#cli/open.ts';
import { generateKey, renderPrivateKey } from '#history/ssh-key.ts';
import { makeFs } from '#platform/files.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { makeTempWorkspace, rememberingIo, type TempWorkspace } from '../support/workspace.ts';

const ROLE =
  'name: notes\nnumber: 7\ntitle: Notes\nresponsibility: Writes notes.\naccess: read-only\ntimeout: 30m\nreview: none\nemits: document\n';

async function looked(workspace: TempWorkspace): Promise<string[]> {
  const opened = await openAll(rememberingIo(workspace.root).io, {});
  const checks = await lookAtReview(makeFs(), opened.workspace, [...opened.roles.values()]);
  return checks.map(({ state, found, next }) => `${state} ${found}${next === null ? '' : ` -> ${next}`}`);
}

async function place(t: TestContext, settings: string): Promise<TempWorkspace> {
  const workspace = await makeTempWorkspace(t, `runner: offline\n${settings}`);
  for (const args of [
    ['init', '-q'],
    ['config', 'user.name', 'Ada Example'],
    ['config', 'user.email', 'ada@example.com'],
  ])
    execFileSync('git', ['-C', workspace.root, ...args]);
  return workspace;
}

describe('docket doctor, review', () => {
  test('says whose verdicts they are, and how they are given', async (t) => {
    const workspace = await place(t, '');
    assert.deepEqual(await looked(workspace), ['ok verdicts are Ada Example <ada@example.com>’s, at a terminal']);
    execFileSync('git', ['-C', workspace.root, 'config', 'user.email', '']);
    assert.match((await looked(workspace))[0] ?? '', /^warn nobody can give a verdict/);
  });

  test('a key that cannot be used, or that the list of signers does not know, is told with what to do', async (t) => {
    const folder = await temporaryFolder(t);
    const [keyFile, list] = [path.join(folder, 'key'), path.join(folder, 'signers')];
    const key = generateKey('ada');
    writeFileSync(keyFile, renderPrivateKey(key), { mode: 0o600 });
    writeFileSync(list, '');
    const workspace = await place(t, `review: { key: ${keyFile} }\nsigning: { signers: ${list} }\n`);
    const [unknown = ''] = await looked(workspace);
    assert.match(unknown, /^bad a verdict with review.key is refused: .*is not among the allowed signers/);
    const line = / -> add to the list of signing.signers: (.*)$/.exec(unknown)?.[1] ?? '';
    writeFileSync(list, `${line}\n`);
    assert.deepEqual(await looked(workspace), [
      `ok verdicts are Ada Example <ada@example.com>’s, signed with ${key.publicKey.fingerprint} (review.key)`,
    ]);
    chmodSync(keyFile, 0o644);
    assert.match((await looked(workspace))[0] ?? '', /^bad review.key: .*may be read by others/);
  });

  test('a role that wants no review must be listed and emit documents', async (t) => {
    const workspace = await place(t, 'review: { unreviewed_roles: [architect] }\n');
    await workspace.write('agents/07-notes/role.yaml', ROLE);
    await workspace.write('agents/08-doer/role.yaml', ROLE.replace('notes', 'doer').replace('7', '8').replace('document', 'changes'));
    const [, listless, changes, idle] = await looked(workspace);
    assert.match(listless ?? '', /^warn 07-notes\/role.yaml says review: none, and review.unreviewed_roles does not list it/);
    assert.match(changes ?? '', /^warn 08-doer\/role.yaml says review: none, but it emits changes/);
    assert.match(idle ?? '', /^warn review.unreviewed_roles lists architect, which changes nothing/);
    await workspace.write('docket.yaml', 'app: app\nrunner: offline\nreview: { unreviewed_roles: [notes] }\n');
    const listed = await looked(workspace);
    assert.ok(listed.includes('ok counts without a verdict: notes'), listed.join('\n'));
  });
});
