/** The hooks of the code repository with real git: what a commit is refused for, what is added to it, and what is remembered. */

import type { FeatureName } from '#core/names.ts';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeFingerprint } from '#platform/fingerprint.ts';
import { makeCodeRepository } from '#test/support/code-repository.ts';

const secret = (): string => ['gh', 'p_', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'].join('');
const BLOCK = 'export const produced = "by a recorded answer";\n';

test('a commit with a file of a recorded answer gets one link trailer, a commit without gets none', async (t) => {
  const code = await makeCodeRepository(t);
  await code.answer('panel', `# Answer\n\n\`\`\`ts\n${BLOCK}\`\`\`\n`);
  assert.equal((await code.hooks('install')).code, 0);
  code.write('a.ts', 'const mine = 1;\n');
  code.git(['add', '.']);
  assert.equal(code.git(['commit', '-qm', 'mine']).code, 0);
  assert.equal(code.message(), 'mine\n\n');
  code.write('b.ts', BLOCK);
  code.git(['add', '.']);
  const made = code.git(['commit', '-qm', 'theirs']);
  assert.equal(made.code, 0, made.err);
  assert.match(code.message(), /^theirs\n\nDocket-Record: FEAT-1\/architect\/panel@1 [0-9a-f]{64}\n\n$/);

  // The hash is that of the record's commit message in the history.
  const hash = / ([0-9a-f]{64})$/m.exec(code.message())?.[1];
  const raw = code.git(['-C', code.workspace.history, 'cat-file', 'commit', 'HEAD']).out;
  assert.equal(
    hash,
    createHash('sha256')
      .update(raw.slice(raw.indexOf('\n\n') + 2))
      .digest('hex'),
  );

  // What is recorded later is found without an install, and an amended commit keeps one trailer.
  await code.answer('later', 'a whole answer, kept as a document of the code\n');
  code.write('c.md', 'a whole answer, kept as a document of the code\n');
  code.git(['add', '.']);
  assert.equal(code.git(['commit', '-q', '--amend', '--no-edit']).code, 0);
  assert.deepEqual(code.message().match(/Docket-Record: \S+/g), [
    'Docket-Record: FEAT-1/architect/panel@1',
    'Docket-Record: FEAT-1/architect/later@1',
  ]);
  assert.equal(code.git(['status', '--porcelain']).out, '');
});

test('queue files, state, the journal and secrets are refused, by what is staged and not by what lies around', async (t) => {
  const code = await makeCodeRepository(t);
  await code.hooks('install');
  for (const name of [
    'queues/01-architect/in/foo.md',
    'sub/.docket/x',
    'journal.db-wal',
    'docket.local.yaml',
    'FEAT-1/01-architect/evidence_v1.json',
  ]) {
    code.write(name, 'x\n');
    code.git(['add', '-f', name]);
    const { code: exit, err } = code.git(['commit', '-qm', 'no']);
    assert.equal(exit, 1, name);
    assert.ok(err.includes(name) && err.includes('DOCKET_SKIP=pre-commit'), err);
    code.git(['rm', '-q', '--cached', name]);
  }
  code.write('key.txt', `token = ${secret()}\n`);
  code.write('fine.txt', 'words\n');
  code.git(['add', 'fine.txt']);
  assert.equal(code.git(['commit', '-qm', 'the secret is not staged']).code, 0);
  code.git(['add', 'key.txt']);
  code.write('key.txt', 'clean in the work tree only\n');
  const refused = code.git(['commit', '-qm', 'the secret is staged']);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /key\.txt:1:\d+ /);
  assert.ok(!refused.err.includes(secret()), 'the secret itself is not told');
  code.git(['add', 'key.txt']);
  assert.equal(code.git(['commit', '-qm', 'clean']).code, 0);
});

test('a skip needs a reason, is noted, and told at the next push; --no-verify is noticed', async (t) => {
  const code = await makeCodeRepository(t);
  await code.hooks('install');
  code.write('key.txt', `token = ${secret()}\n`);
  code.git(['add', '-f', '.']);
  assert.equal(code.git(['commit', '-qm', 'x'], { env: { DOCKET_SKIP: 'pre-commit' } }).code, 1, 'no reason');
  const env = { DOCKET_SKIP: 'pre-commit', DOCKET_SKIP_REASON: 'a test key,\tnot\nreal' };
  assert.equal(code.git(['commit', '-qm', 'x'], { env }).code, 0);
  code.write('a.txt', 'a\n');
  code.git(['add', 'a.txt']);
  const unseen = code.git(['commit', '-qm', 'y', '--no-verify']);
  assert.match(unseen.err, /without its pre-commit hook/);
  const head = code.git(['rev-parse', 'HEAD']).out.trim();
  const notes = path.join(code.root, '.git/docket/skips.tsv');
  const lines = readFileSync(notes, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
  assert.deepEqual(
    lines.map(([, hook, how, , commit, reason]) => [hook, how, commit, reason]),
    [
      ['pre-commit', 'skipped', 'none', 'a test key, not real'],
      ['pre-commit', 'no-verify', head, ''],
    ],
  );
  assert.equal(statSync(notes).mode & 0o777, 0o600);
  const status = await code.hooks('status');
  assert.match(status.out, /skipped 2 times[\s\S]*a test key, not real/);
  code.git(['init', '-q', '--bare', '../elsewhere.git']);
  assert.match(code.git(['push', '-q', '../elsewhere.git', 'HEAD:main']).err, /passed over 2 times/);
  code.write('b.txt', 'b\n');
  code.git(['add', 'b.txt']);
  code.git(['commit', '-qm', 'z']);
  assert.doesNotMatch(code.git(['push', '-q', '../elsewhere.git', 'HEAD:main']).err, /passed over/);
});

test('a push of unapproved changes is told, and refused where the settings ask for it; a verdict lets it pass', async (t) => {
  const code = await makeCodeRepository(t);
  await code.answer('panel', `\`\`\`\n${BLOCK}\`\`\`\n`);
  await code.hooks('install');
  code.git(['init', '-q', '--bare', '../elsewhere.git']);
  code.write('b.ts', BLOCK);
  code.git(['add', '.']);
  code.git(['commit', '-qm', 'theirs']);
  const warned = code.git(['push', '-q', '../elsewhere.git', 'HEAD:one']);
  assert.equal(warned.code, 0, warned.err);
  assert.match(warned.err, /FEAT-1\/architect\/panel@1: no verdict yet/);
  code.write('docket.yaml', 'app: app\nrunner: offline\nhooks: { require_approval: refuse }\n');
  const refused = code.git(['push', '-q', '../elsewhere.git', 'HEAD:two']);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /are not pushed/);
  assert.equal(
    code.git(['push', '-q', '../elsewhere.git', 'HEAD:three'], { env: { DOCKET_SKIP: 'pre-push', DOCKET_SKIP_REASON: 'urgent' } }).code,
    0,
  );
  const folder = path.dirname(code.git(['-C', code.workspace.history, 'ls-files', '*result_v1.md']).out.trim());
  const review = path.join(folder, 'review_v1.json');
  code.write(review, JSON.stringify({ verdict: 'approved', by: 'ann' }), code.workspace.history);
  code.git(['-C', code.workspace.history, 'add', '.']);
  code.git(['-C', code.workspace.history, 'commit', '-qm', 'a verdict']);
  assert.match(
    code.git(['push', '-q', '../elsewhere.git', 'HEAD:four']).err,
    /no verdict yet/,
    'a file that nobody gave as a verdict is none',
  );
  const { history } = await code.workspace.rooms();
  for await (const { identity, filed } of history.records({})) {
    assert.ok(filed.resultSha256 !== null && filed.evidenceSha256 !== null);
    const said = {
      v: 1,
      kind: 'verdict',
      job: filed.job,
      feature: folder.split('/')[0] as FeatureName,
      role: identity.role,
      name: identity.name,
      revision: identity.revision,
      result_sha256: filed.resultSha256,
      evidence_sha256: filed.evidenceSha256,
      code: { head: null, files: [] },
      by: { name: 'Ann', email: 'ann@example.com' },
      comment: 'no',
      how: 'terminal',
      signature: null,
    } as const;
    await history.judge({ ...said, verdict: 'rejected', at: '2026-11-20T10:00:00.000Z' });
    assert.match(code.git(['push', '-q', '../elsewhere.git', 'HEAD:five']).err, /not approved/);
    await history.judge({ ...said, verdict: 'approved', at: '2026-11-20T11:00:00.000Z' });
  }
  assert.equal(code.git(['push', '-q', '../elsewhere.git', 'HEAD:six']).code, 0);
});

test('install keeps a hook that is there and calls it first, repeats to nothing, and remove leaves what was before', async (t) => {
  const code = await makeCodeRepository(t);
  const own = '#!/bin/sh\necho mine >> "$(git rev-parse --git-dir)/called"\n[ ! -e stop ]\n';
  const file = code.write('.git/hooks/pre-commit', own);
  chmodSync(file, 0o750);
  const before = readdirSync(path.dirname(file)).toSorted();
  assert.equal((await code.hooks('install')).code, 0);
  const once = (await code.hooks('status')).out;
  assert.doesNotMatch((await code.hooks('install')).out, /written/);
  assert.equal((await code.hooks('status')).out, once);
  code.write('a.txt', 'a\n');
  code.git(['add', 'a.txt']);
  assert.equal(code.git(['commit', '-qm', 'a']).code, 0);
  assert.equal(code.read('.git/called'), 'mine\n');
  code.write('stop', '');
  code.write('b.txt', 'b\n');
  code.git(['add', 'b.txt']);
  assert.equal(code.git(['commit', '-qm', 'b']).code, 1, 'its no is a no');
  assert.equal((await code.hooks('remove')).code, 0);
  assert.deepEqual(readdirSync(path.dirname(file)).toSorted(), before);
  assert.equal(readFileSync(file, 'utf8'), own);
  assert.equal(statSync(file).mode & 0o777, 0o750);
  assert.ok(!existsSync(path.join(code.root, '.git/docket')));
});

test('a false alarm that a person let pass by its fingerprint is let pass here, too', async (t) => {
  const code = await makeCodeRepository(t);
  await code.hooks('install');
  const key = randomBytes(32);
  code.write('queues/.docket/fingerprint.key', key);
  code.write('key.txt', `token = ${secret()}\n`);
  code.git(['add', '.']);
  const refused = code.git(['commit', '-qm', 'x']);
  assert.equal(refused.code, 1);
  const print = makeFingerprint(key)(secret());
  assert.ok(refused.err.includes(print), refused.err);
  code.write(
    'docket.yaml',
    `app: app\nrunner: offline\npolicy:\n  allow_secrets:\n    - { fingerprint: "${print}", reason: a key of a test, by: ann }\n`,
  );
  const passed = code.git(['commit', '-qm', 'x']);
  assert.equal(passed.code, 0, passed.err);
});
