/** A history with signing on, judged by git, ssh-keygen and openssl. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { History } from '#core/history.ts';
import type { Signing } from '#core/signing.ts';
import { makeHistory } from '#history/history.ts';
import { makeSigning } from '#history/signer.ts';
import { makeFs } from '#platform/files.ts';
import { makeKey, opensslVerifies, writeSigners, type TestKey } from '#test/support/signing.ts';
import { answer, collect, makeRig, submission, value, type Rig } from './rig.ts';

const signingBy = (keyFile: string): Signing =>
  makeSigning({ fs: makeFs(), keyFile, forbidden: () => Promise.resolve([]), userId: process.getuid?.() ?? null });

suite('a signed history', () => {
  let rig: Rig;
  let key: TestKey;
  let signers = '';
  const folder = 'FEAT-1-user-filters/01-architect';
  beforeEach(() => {
    rig = makeRig();
    key = makeKey(rig.root);
    signers = writeSigners(path.join(rig.root, 'allowed_signers'), [{ line: key.signer.publicLine, options: 'namespaces="git"' }]);
  });
  afterEach(() => rig.end());
  const open = (signing: Signing | null = signingBy(key.file)): Promise<History> => rig.open({ signing });
  /** Does git take the signature of a commit, with this list of signers? */
  const gitVerifies = (commit: string, list = signers): boolean =>
    spawnSync('git', ['-c', `gpg.ssh.allowedSignersFile=${list}`, 'verify-commit', commit], {
      cwd: rig.dir,
      env: { PATH: process.env['PATH'] ?? '', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
    }).status === 0;
  const commits = (): string[] => rig.git('rev-list', 'main').trim().split('\n');
  const shown = (file: string): string => rig.git('show', `main:${file}`);

  test('git takes the signature of every commit, the first one too, and refuses it for another key', async () => {
    const history = await open();
    const prompt = submission();
    value(await history.submit(prompt));
    value(await history.record(answer(prompt)));
    assert.equal(commits().length, 3);
    for (const commit of commits()) assert.ok(gitVerifies(commit), commit);
    const other = writeSigners(path.join(rig.root, 'others'), [{ line: makeKey(rig.root, 'other').signer.publicLine }]);
    for (const commit of commits()) assert.ok(!gitVerifies(commit, other), commit);
    rig.assertClean();
  });

  test('the evidence has its envelope beside it, which openssl proves and which holds its very bytes', async () => {
    const history = await open();
    const prompt = submission();
    value(await history.submit(prompt));
    value(await history.record(answer(prompt)));
    const envelope = shown(`${folder}/evidence_v1.dsse.json`);
    assert.ok(opensslVerifies(rig.root, key.signer.publicLine, envelope));
    const { payload } = JSON.parse(envelope) as { payload: string };
    assert.equal(Buffer.from(payload, 'base64').toString(), shown(`${folder}/evidence_v1.json`));
    assert.equal(readFileSync(path.join(rig.dir, folder, 'evidence_v1.dsse.json'), 'utf8'), envelope);
    assert.deepEqual(await collect(history.verify()), []);
  });

  test('evidence of ends without a result has envelopes of the same numbers; a brief that is answered takes its envelope along', async () => {
    const history = await open();
    const prompt = submission();
    value(await history.submit(prompt));
    value(await history.record(answer(prompt, { status: 'failed', runId: 'run-1' })));
    value(await history.record(answer(prompt, { status: 'failed', runId: 'run-2' })));
    value(await history.record(answer(prompt, { status: 'briefed', runId: 'run-3' })));
    value(await history.record(answer(prompt, { runId: 'run-4' })));
    const attempts = `${folder}/attempts/${prompt.job}`;
    for (const [evidence, envelope] of [
      [`${attempts}/evidence.json`, `${attempts}/evidence.dsse.json`],
      [`${attempts}/evidence_2.json`, `${attempts}/evidence_2.dsse.json`],
      [`${attempts}/brief_evidence.json`, `${attempts}/brief_evidence.dsse.json`],
      [`${folder}/evidence_v1.json`, `${folder}/evidence_v1.dsse.json`],
    ] as const) {
      const { payload } = JSON.parse(shown(envelope)) as { payload: string };
      assert.equal(Buffer.from(payload, 'base64').toString(), shown(evidence), envelope);
    }
    assert.deepEqual(await collect(history.verify()), []);
    rig.assertClean();
  });

  test('while the key is gone nothing is written, and the same calls go through when it is back', async () => {
    const history = await open();
    const prompt = submission();
    value(await history.submit(prompt));
    renameSync(key.file, `${key.file}.away`);
    const before = commits();
    await assert.rejects(history.record(answer(prompt)), { code: 'ESIGN', message: /nothing can be recorded/ });
    await assert.rejects(history.submit(submission({ revision: 2 })), { code: 'ESIGN' });
    assert.deepEqual(commits(), before);
    rig.assertClean();
    renameSync(`${key.file}.away`, key.file);
    value(await history.record(answer(prompt)));
    value(await history.submit(submission({ revision: 2 })));
    for (const commit of commits()) assert.ok(gitVerifies(commit), commit);
    rig.assertClean();
  });

  test('a merge of two clones is signed, and their envelopes go where their evidence goes', async () => {
    const history = await open();
    const shared = submission();
    value(await history.submit(shared));
    rig.git('clone', '-q', rig.dir, path.join(rig.root, 'clone'));
    const clone = makeHistory(rig.options({ dir: path.join(rig.root, 'clone'), signing: signingBy(key.file) }));
    await clone.open();
    const [mine, theirs] = [submission({ revision: 2 }), submission({ revision: 2, prompt: 'Another prompt.\n' })];
    value(await history.submit(mine));
    value(await history.record(answer(mine)));
    value(await clone.submit(theirs));
    value(await clone.record(answer(theirs)));
    await clone.close();
    await history.close();
    rig.git('fetch', '-q', path.join(rig.root, 'clone'), 'main');
    const merging = makeHistory(rig.options({ signing: signingBy(key.file) }));
    await merging.open();
    const merged = await merging.merge();
    assert.equal(merged?.beside.length, 1);
    await merging.close();
    for (const commit of commits()) assert.ok(gitVerifies(commit), commit);
    const beside = `${folder}/attempts/${merged.beside[0] ?? ''}`;
    const { payload } = JSON.parse(shown(`${beside}/twice_evidence.dsse.json`)) as { payload: string };
    assert.equal(Buffer.from(payload, 'base64').toString(), shown(`${beside}/twice_evidence.json`));
    rig.assertClean();
  });

  test('with signing off nothing is added; an end that was decided before it was turned on is signed when it is recorded', async () => {
    const prompt = submission();
    const unsigned = await open(null);
    value(await unsigned.submit(prompt));
    await unsigned.close();
    assert.ok(!rig.git('cat-file', 'commit', 'main').includes('gpgsig'));
    const signed = await open();
    value(await signed.record(answer(prompt)));
    assert.ok(gitVerifies('main'));
    assert.ok(opensslVerifies(rig.root, key.signer.publicLine, shown(`${folder}/evidence_v1.dsse.json`)));
    await signed.close();
    const off = await open(null);
    const next = submission({ revision: 2 });
    value(await off.submit(next));
    value(await off.record(answer(next)));
    assert.ok(!rig.git('cat-file', 'commit', 'main').includes('gpgsig'));
    assert.equal(rig.git('ls-tree', '--name-only', `main:${folder}`).includes('evidence_v2.dsse.json'), false);
  });

  test('what git itself signed with such a key is taken by git in the same way', async () => {
    const history = await open();
    value(await history.submit(submission()));
    writeFileSync(path.join(rig.dir, 'note.md'), 'a note\n');
    writeFileSync(`${key.file}.pub`, `${key.signer.publicLine}\n`);
    rig.git('add', 'note.md');
    rig.git('-c', 'gpg.format=ssh', '-c', `user.signingKey=${key.file}`, 'commit', '-q', '-S', '-m', 'a note');
    assert.ok(gitVerifies('main'));
    value(await history.submit(submission({ revision: 2 })));
    assert.ok(gitVerifies('main'));
  });
});
