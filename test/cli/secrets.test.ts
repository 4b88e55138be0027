/** What settings, roles, hooks and scripts of a workspace say about secrets, and who may let one pass. */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { loadSettings } from '#cli/settings.ts';
import { fingerprintsOf } from '#cli/secret-scan-of.ts';
import { lookAtSecrets, refuseSecretSettings } from '#cli/workspace-secrets.ts';
import type { Workspace } from '#core/settings.ts';
import { makeFs } from '#platform/files.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';
import { noise, whole } from '../policy/fakes.ts';

const load = (docketYaml: string, localYaml: string | null = null): ReturnType<typeof loadSettings> =>
  loadSettings({ docketYaml, localYaml, env: {}, flags: {} });
const row = (fingerprint: string, reason = 'a key of the manual', by = 'Ada'): string =>
  `policy:\n  allow_secrets:\n    - { fingerprint: "${fingerprint}", reason: "${reason}", by: "${by}" }\n`;
const PRINT = `hmac:${'0a'.repeat(16)}`;

describe('policy.allow_secrets', () => {
  test('names fingerprint, reason and person', () => {
    const loaded = load(row(PRINT));
    assert.ok(loaded.ok, JSON.stringify(loaded));
    assert.deepEqual(loaded.value.allowedSecrets, [{ fingerprint: PRINT, reason: 'a key of the manual', by: 'Ada' }]);
    const none = load('runner: offline\n');
    assert.ok(none.ok);
    assert.deepEqual(none.value.allowedSecrets, []);
  });

  test('without a reason, a person, or a fingerprint of the right form it is refused, with its place', () => {
    for (const text of [row(PRINT, 'no'), row(PRINT, 'a key of the manual', ''), row('hmac:12'), row(PRINT.toUpperCase())]) {
      const loaded = load(text);
      assert.ok(!loaded.ok);
      assert.equal(loaded.error[0]?.line, 3, text);
    }
  });

  test('only the committed file may say it, and only it may loosen personal data', () => {
    for (const local of [row(PRINT), 'policy: { personal_data: off }\n', 'policy: { allow_secrets: [] }\n']) {
      const loaded = load('runner: offline\n', local);
      assert.ok(!loaded.ok, local);
      assert.equal(loaded.error[0]?.code, 'setting-security');
    }
    assert.ok(!loadSettings({ docketYaml: null, localYaml: null, env: { DOCKET_POLICY_PERSONAL_DATA: 'off' }, flags: {} }).ok);
  });
});

const fs = makeFs();

async function workspaceOf(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  allowed: Workspace['allowedSecrets'] = [],
): Promise<Workspace> {
  const root = await temporaryFolder(t);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  mkdirSync(path.join(root, 'state'), { recursive: true });
  return { root, state: path.join(root, 'state'), allowedSecrets: allowed } as unknown as Workspace;
}

const secret = whole(`gh|p_${noise(36)}`);

describe('secrets in the files of a workspace', () => {
  test('doctor names file, line and rule: bad in settings, a warning elsewhere; links are not followed', async (t) => {
    const workspace = await workspaceOf(t, {
      'docket.yaml': `runner: offline\n# ${secret}\n`,
      'agents/01-architect/role.yaml': `name: architect\nnote: ${secret}\n`,
      'agents/tools/mine.yaml': 'id: mine\n',
      'hooks/events/after_publish': `#!/bin/sh\ncurl -u deploy:${noise(14)} https://ci.internal\n`,
      'scripts/deep/deeper/x.sh': `\n\nexport A=${secret}\n`,
      'elsewhere/secret.txt': secret,
    });
    symlinkSync(path.join(workspace.root, 'elsewhere'), path.join(workspace.root, 'scripts', 'link'));
    const checks = await lookAtSecrets(fs, workspace);
    assert.deepEqual(
      checks.map(({ state, found }) => `${state} ${found}`),
      [
        'bad docket.yaml line 2, column 3: github-token (ghp_****)',
        'warn agents/01-architect/role.yaml line 2, column 7: github-token (ghp_****)',
        'warn hooks/events/after_publish line 2, column 16: command-line-password (-u ****)',
        'warn scripts/deep/deeper/x.sh line 3, column 10: github-token (ghp_****)',
      ],
    );
    await assert.rejects(refuseSecretSettings(fs, workspace), (error: Error) => {
      assert.match(error.message, /not started: .*\n +docket\.yaml line 2, column 3: github-token \(ghp_\*{4}, hmac:[0-9a-f]{32}\)/);
      return !error.message.includes(secret);
    });
  });

  test('a workspace without one is well, and what is let pass is none', async (t) => {
    const clean = await workspaceOf(t, { 'docket.yaml': 'runner: offline\n', 'scripts/a.ts': 'export const a = 1;\n' });
    assert.deepEqual(
      (await lookAtSecrets(fs, clean)).map(({ state, found }) => `${state} ${found}`),
      ['ok none in 2 files of settings, roles, specs, hooks and scripts'],
    );
    await refuseSecretSettings(fs, clean);

    const workspace = await workspaceOf(t, { 'docket.yaml': `# ${secret}\n` });
    const fingerprint = await fingerprintsOf(fs, workspace, true);
    assert.ok(fingerprint !== null);
    const allowing = { ...workspace, allowedSecrets: [{ fingerprint: fingerprint(secret), reason: 'a key of the manual', by: 'Ada' }] };
    await refuseSecretSettings(fs, allowing);
    await assert.rejects(refuseSecretSettings(fs, workspace), /hmac:[0-9a-f]{32}/);
  });
});

test('the key of fingerprints is made once, private, and a file that is none is refused', async (t) => {
  const workspace = await workspaceOf(t, {});
  assert.equal(await fingerprintsOf(fs, workspace, false), null, 'a look makes none');
  const first = await fingerprintsOf(fs, workspace, true);
  const again = await fingerprintsOf(fs, workspace, false);
  assert.ok(first !== null && again !== null);
  assert.equal(first('x'), again('x'));
  const file = path.join(workspace.state, 'fingerprint.key');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(readFileSync(file).length, 32);
  writeFileSync(file, 'short');
  await assert.rejects(fingerprintsOf(fs, workspace, true), /is no key of 32 bytes/);
});
