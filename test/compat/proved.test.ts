/**
 * A signed and chained history with verdicts, a closing, a purge and checkpoints of before and after it (test/compat/v4/proved.tar.gz): whatever docket
 * becomes, it verifies, with nothing but the list of signers - for docket, for the verifier that shares no code with it, and for git and ssh-keygen.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { runCli } from '#test/support/cli.ts';
import { unpack } from './unpack.ts';

const STANDALONE = path.resolve(import.meta.dirname, '../../scripts/verify-standalone.mjs');
const CHECKPOINTS = ['checkpoint_before.json', 'checkpoint_after.json'];
const RECORDED = [
  'docket: a history begins',
  'ai(FEAT-1): architect r1 submitted',
  'ai(FEAT-1): architect r1 answered',
  'ai(FEAT-1): architect r2 submitted',
  'ai(FEAT-1): architect r2 answered',
  'ai(FEAT-2): architect r1 submitted',
  'ai(FEAT-2): architect r1 answered',
  'ai(FEAT-1): architect r1 changes-requested',
  'ai(FEAT-1): architect r2 approved',
  'docket: purged 3 files of revision 1 of FEAT-2/architect',
  'ai(FEAT-1): closed',
];

suite('a history that was proved once is proved for ever', () => {
  let base: string;
  let app: string;
  let history: string;
  before(() => {
    base = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-compat-')));
    [app, history] = [path.join(base, 'app'), path.join(base, 'app-ai-history')];
    unpack('v4', 'proved', base);
  });
  after(() => {
    rmSync(base, { recursive: true, force: true });
  });
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-C', history, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();

  for (const checkpoint of CHECKPOINTS) {
    test(`by docket, against ${checkpoint}`, async () => {
      const { code, out, err } = await runCli(['verify', '--json', '--against', checkpoint], { cwd: app });
      assert.equal(code, 0, out + err);
      const { ok, checked } = JSON.parse(out) as { readonly ok: boolean; readonly checked: Readonly<Record<string, unknown>> };
      assert.deepEqual([ok, checked['inputs'], checked['evidence'], checked['results']], [true, 3, 3, 3]);
    });

    test(`by the verifier of its own, against ${checkpoint}`, () => {
      const args = [STANDALONE, history, '--json', '--require-signatures', '--signers', path.join(app, 'allowed_signers')];
      const ran = spawnSync(process.execPath, [...args, '--against', path.join(app, checkpoint)], { encoding: 'utf8' });
      assert.equal(ran.status, 0, ran.stdout + ran.stderr);
      const { records, findings, notes } = JSON.parse(ran.stdout) as { records: number; findings: unknown[]; notes: string[] };
      assert.deepEqual([records, findings], [6, []]);
      assert.equal(notes.filter((note) => note.startsWith('purged  ')).length, 3);
    });
  }

  test('by git verify-commit and ssh-keygen: every commit, by the key of the list', () => {
    assert.deepEqual(git('log', '--reverse', '--format=%s').split('\n'), RECORDED);
    const config = ['-c', 'gpg.format=ssh', '-c', `gpg.ssh.allowedSignersFile=${path.join(app, 'allowed_signers')}`];
    for (const commit of git('rev-list', 'main').split('\n')) git(...config, 'verify-commit', commit);
    assert.equal(git('fsck', '--full', '--strict'), '');
  });

  test('and what is changed in it is found', async () => {
    const file = path.join(history, 'FEAT-1-first-feature', '01-architect', 'result_v2.md');
    const text = readFileSync(file);
    writeFileSync(file, Buffer.concat([text, Buffer.from('\n')]));
    try {
      const { code, out } = await runCli(['verify', '--json'], { cwd: app });
      assert.equal(code, 1);
      assert.match(out, /result_v2\.md/);
    } finally {
      writeFileSync(file, text);
    }
  });
});
