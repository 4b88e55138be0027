/** `docket key`, and what doctor, the settings and verify say of signing. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { lookAtSigning } from '#cli/doctor-signing.ts';
import { loadWorkspace } from '#cli/workspace.ts';
import { parsePrivateKey, parsePublicLine } from '#history/ssh-key.ts';
import { makeFs } from '#platform/files.ts';
import { runCli, type CliAnswer } from '#test/support/cli.ts';
import { makeKey } from '#test/support/signing.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

type Place = { readonly base: string; readonly root: string; readonly run: (...args: string[]) => Promise<CliAnswer> };

async function place(t: TestContext, signing = ''): Promise<Place> {
  const base = await temporaryFolder(t);
  const root = path.join(base, 'app');
  mkdirSync(root);
  await writeFile(path.join(root, 'docket.yaml'), `app: app\nrunner: offline\n${signing}`);
  return { base, root, run: async (...args) => runCli(args, { cwd: root }) };
}

test('key new makes a private key that only its owner reads, and says what to write where; nothing is overwritten', async (t) => {
  const { base, run } = await place(t);
  const file = path.join(base, 'keys', 'signing');
  const made = await run('key', 'new', file);
  assert.equal(made.code, 0, made.err);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(path.dirname(file)).mode & 0o777, 0o700);
  const text = readFileSync(file, 'utf8');
  const key = parsePrivateKey(text);
  assert.ok(key.ok);
  const line = readFileSync(`${file}.pub`, 'utf8');
  assert.equal(parsePublicLine(line)?.fingerprint, key.value.publicKey.fingerprint);
  assert.match(made.out, /signing: \{ mode: required, key: /);
  assert.ok(made.out.includes(`namespaces="git" ${key.value.publicKey.line}`));
  const secretLine = text.split('\n')[3] ?? '-';
  assert.ok(!made.out.includes(secretLine) && !made.err.includes(secretLine));

  const again = await run('key', 'new', file);
  assert.equal(again.code, 1);
  assert.match(again.err, /is there already, and nothing is overwritten/);
  assert.equal(readFileSync(file, 'utf8'), text);

  const shown = await run('key', 'show', file, '--json');
  assert.equal((JSON.parse(shown.out) as { fingerprint: string }).fingerprint, key.value.publicKey.fingerprint);
  assert.ok(!shown.out.includes(secretLine));
});

test('key new leaves nothing where a key must not lie, and key show says why docket cannot sign', async (t) => {
  const { base, root, run } = await place(t);
  const made = await run('key', 'new', 'signing');
  assert.equal(made.code, 2);
  assert.match(made.err, /no key was made: .*lies in the code repository/);
  assert.ok(!existsSync(path.join(root, 'signing')));
  const { file } = makeKey(base);
  chmodSync(file, 0o644);
  const shown = await run('key', 'show', file);
  assert.equal(shown.code, 3);
  assert.match(shown.err, /docket cannot sign: .*chmod 600/);
});

/** What doctor says of signing, a line each. */
async function told({ root }: Place): Promise<string> {
  const fs = makeFs();
  const loaded = await loadWorkspace({ cwd: root, rootFlag: null, env: {}, flags: {}, fs });
  assert.ok(loaded.ok);
  return (await lookAtSigning(fs, loaded.value)).map(({ state, check, found }) => `${state} ${check}: ${found}`).join('\n');
}

test('doctor tells whether records are signed, by which key, and whether the list of signers knows it', async (t) => {
  const off = await place(t);
  assert.match((await off.run('doctor')).out, /ok +signing +off/);

  const on = await place(t, 'signing: { mode: required, key: ../key, signers: allowed_signers }\n');
  assert.match(await told(on), /^bad signing: nothing can be recorded: .*there is no such file/);
  const { signer } = makeKey(on.base);
  const list = path.join(on.root, 'allowed_signers');
  const sound = `ok signing: required; ${signer.fingerprint} in ${path.join(on.base, 'key')}`;
  assert.match(await told(on), /bad signers: the list of allowed signers cannot be read/);
  assert.equal((await on.run('verify')).code, 3, 'who trusts a list that cannot be read trusts nobody');
  await writeFile(list, `a@b ${makeKey(on.base, 'other').signer.publicLine}\n`);
  assert.match(await told(on), /bad signers: what is signed now will not be believed: .*not among the allowed signers/);
  await writeFile(list, 'a@b words\n');
  assert.match(await told(on), /bad signers: .*line 1/);
  await writeFile(list, `a@b ${signer.publicLine}\n`);
  assert.equal(await told(on), `${sound}\nok signers: allowed_signers: 1 ed25519 key`);
});

test("mode and signers are honoured from docket.yaml only; the key may be a person's own", async (t) => {
  const { root, run } = await place(t, 'signing: { mode: required }\n');
  const local = path.join(root, 'docket.local.yaml');
  for (const line of ['mode: off', 'signers: mine']) {
    await writeFile(local, `signing: { ${line} }\n`);
    const refused = await run('config');
    assert.notEqual(refused.code, 0);
    assert.match(refused.err, /security setting/);
  }
  await writeFile(local, 'signing: { key: ~/.config/docket/mine }\n');
  const config = await run('config', '--json');
  assert.equal(config.code, 0, config.err);
  const viaVariable = await runCli(['config'], { cwd: root, env: { PATH: '/usr/bin:/bin', DOCKET_SIGNING_MODE: 'off' } });
  assert.match(viaVariable.err, /security setting/);
});
