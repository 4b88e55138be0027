/** docket's own scripts and hooks: the list, its signature, and what doctor says when one of them is not what was released. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { lookAtRelease } from '#cli/doctor-release.ts';
import { KEY_FILE, LIST_FILE, RELEASED, SIGNATURE_FILE } from '#cli/release-list.ts';
import { generateKey, renderPrivateKey } from '#history/ssh-key.ts';
import { makeFs } from '#platform/files.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const SIGN = path.join(ROOT, 'scripts', 'release-sign.ts');
const SUMS = path.join(ROOT, 'scripts', 'release-sums.ts');

type Package = { readonly root: string; readonly keyFile: string; readonly fingerprint: string };

/** What is released, in a folder of its own, and a key outside of it. */
async function released(t: TestContext): Promise<Package> {
  const base = await temporaryFolder(t);
  const root = path.join(base, 'docket');
  for (const file of RELEASED) {
    mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
    copyFileSync(path.join(ROOT, file), path.join(root, file));
  }
  const key = generateKey('release@test');
  const keyFile = path.join(base, 'release_key');
  writeFileSync(keyFile, renderPrivateKey(key), { mode: 0o600 });
  return { root, keyFile, fingerprint: key.publicKey.fingerprint };
}
type Ran = { readonly code: number | null; readonly out: string; readonly err: string };
function node(...args: readonly string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}
async function signed(t: TestContext): Promise<Package> {
  const made = await released(t);
  const { code, out, err } = node(SIGN, '--key', made.keyFile, '--root', made.root);
  assert.deepEqual([code, err], [0, '']);
  assert.ok(out.includes(made.fingerprint));
  return made;
}
/** `ok: words`, a line each. */
const look = async ({ root }: Package, wanted: string | null = null): Promise<readonly string[]> =>
  (await lookAtRelease(makeFs(), root, wanted)).map(({ check, state, found }) => {
    assert.equal(check, 'release');
    return `${state}: ${found}`;
  });
const edit = ({ root }: Package, file: string, change: (text: string) => string): void => {
  writeFileSync(path.join(root, file), change(readFileSync(path.join(root, file), 'utf8')));
};

describe('a release', () => {
  test('is as it was released, and says by whose key; a key that was named must be the one', async (t) => {
    const made = await signed(t);
    const count = String(RELEASED.length);
    assert.deepEqual(await look(made), [
      `ok: ${count} scripts and hooks as they were released, signed by ${made.fingerprint} (whose key that is, the package cannot prove: --release-key)`,
    ]);
    assert.match((await look(made, made.fingerprint))[0] ?? '', /^ok: .*\(the key that you named\)$/);
    const [other] = await look(made, generateKey('x').publicKey.fingerprint);
    assert.match(other ?? '', /^bad: release\/SHA256SUMS is signed by SHA256:.*, and not by SHA256:/);
  });

  test('is read by sha256sum and ssh-keygen as well', async (t) => {
    const made = await signed(t);
    const sums = spawnSync('sha256sum', ['--check', '--strict', '--quiet', LIST_FILE], { cwd: made.root, encoding: 'utf8' });
    assert.deepEqual([sums.status, sums.stdout], [0, ''], sums.stderr);
    const signers = path.join(made.root, 'allowed');
    writeFileSync(signers, `release ${readFileSync(path.join(made.root, KEY_FILE), 'utf8')}`);
    const args = ['-Y', 'verify', '-f', signers, '-I', 'release', '-n', 'docket-release', '-s', SIGNATURE_FILE];
    const verified = spawnSync('ssh-keygen', args, {
      cwd: made.root,
      input: readFileSync(path.join(made.root, LIST_FILE)),
      encoding: 'utf8',
    });
    if (verified.error === undefined) assert.equal(verified.status, 0, verified.stderr);
    else t.diagnostic('NOT RUN: there is no ssh-keygen');
  });

  for (const file of RELEASED)
    test(`names ${file} when it was changed, or has gone`, async (t) => {
      const made = await signed(t);
      appendFileSync(path.join(made.root, file), '\n');
      const [first, second, ...rest] = await look(made);
      assert.match(first ?? '', /^ok: /, 'the list itself is what was signed');
      assert.ok(second?.startsWith(`bad: ${file} was changed: SHA-256 `), second);
      assert.deepEqual(rest, []);
      rmSync(path.join(made.root, file));
      assert.equal((await look(made))[1], `bad: ${file} is not there`);
    });

  test('does not hold with a list that was changed to fit a changed file', async (t) => {
    const made = await signed(t);
    appendFileSync(path.join(made.root, 'hooks/shim.sh'), 'echo changed\n');
    assert.equal(node(SUMS, made.root).code, 1, 'the signature is of another list, and packing it is refused');
    assert.deepEqual(await look(made), ['bad: the signature of release/SHA256SUMS does not hold: it is not the signature of these bytes']);
    const other = path.join(made.root, '..', 'other_key');
    writeFileSync(other, renderPrivateKey(generateKey('other')), { mode: 0o600 });
    assert.equal(node(SIGN, '--key', other, '--root', made.root).code, 0);
    assert.match((await look(made))[0] ?? '', /^ok: /, 'whoever can change all of it can forge all of it');
    assert.match((await look(made, made.fingerprint))[0] ?? '', /^bad: /, 'but not the fingerprint that is known from elsewhere');
  });

  test('does not hold with a list that leaves one out, a foreign key, or half of it gone', async (t) => {
    const made = await signed(t);
    const list = readFileSync(path.join(made.root, LIST_FILE), 'utf8');
    for (const [change, words] of [
      [(text: string) => text.split('\n').slice(1).join('\n'), /says nothing of hooks\/run\.js/],
      [(text: string) => text.slice(0, -1), /cut short/],
      [(text: string) => text.replace('hooks/run.js', '../../etc/x'), /line 1 is|line 1 names/],
      [(text: string) => `${text}${text}`, /line 6 names hooks\/run\.js/],
    ] as const) {
      edit(made, LIST_FILE, change);
      const found = await look(made);
      assert.equal(found.length, 1);
      assert.match(found[0] ?? '', /^bad: release\/SHA256SUMS was changed: /);
      assert.match(found[0] ?? '', words);
      writeFileSync(path.join(made.root, LIST_FILE), list);
    }
    writeFileSync(path.join(made.root, KEY_FILE), `${generateKey('x').publicKey.line}\n`);
    assert.match((await look(made))[0] ?? '', /^bad: .* is signed by .*, and release\/release_key\.pub is /);
    rmSync(path.join(made.root, KEY_FILE));
    assert.match((await look(made))[0] ?? '', /^bad: release\/release_key\.pub is not there/);
  });
});

describe('what is no release', () => {
  test('says so, and is bad only where a key was named', async (t) => {
    const made = await released(t);
    assert.deepEqual(await look(made), [`ok: not a release: ${made.root} has no release/SHA256SUMS`]);
    assert.equal(node(SUMS, made.root).code, 0);
    assert.deepEqual(await look(made), ['ok: not a release: the list of 5 files is not signed']);
    appendFileSync(path.join(made.root, 'hooks/run.js'), ' ');
    assert.equal((await look(made)).length, 2, 'a changed file is found without a signature, too');
    assert.match((await look(made, made.fingerprint))[0] ?? '', /^bad: .*, and you named a key$/);
    mkdirSync(path.join(made.root, '.git'));
    assert.deepEqual(await look(made), [`ok: not a release: ${made.root} is a checkout`]);
  });
});

test('signing refuses a key that others may read, or that lies in the repository', async (t) => {
  const made = await released(t);
  chmodSync(made.keyFile, 0o644);
  assert.match(node(SIGN, '--key', made.keyFile, '--root', made.root).err, /may be read by others/);
  const inside = path.join(made.root, 'key');
  copyFileSync(made.keyFile, inside);
  chmodSync(inside, 0o600);
  assert.match(node(SIGN, '--key', inside, '--root', made.root).err, /lies in docket's own repository/);
  assert.equal(node(SIGN, '--root', made.root).code, 2);
  assert.throws(() => statSync(path.join(made.root, SIGNATURE_FILE)), 'nothing was signed');
});
