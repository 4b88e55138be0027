import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { spellingsOf } from '#history/purge-spellings.ts';
import { fill, messagesOf, opened, recordOf, secretText, traces, why, type Opened } from './purge-rig.ts';
import { makeKey, opensslVerifies, writeSigners } from '#test/support/signing.ts';
import { answer, answered, collect, digest, makeRig, submission, value, verdictOn, type Rig } from './rig.ts';

suite('purging the history', () => {
  let rig: Rig;
  let history: Opened;
  const secret = secretText();
  const bytes = { spellings: spellingsOf(Buffer.from(secret)) };
  beforeEach(async () => {
    rig = makeRig();
    history = await opened(rig);
  });
  afterEach(async () => {
    await history.close();
    await rig.end();
  });

  test('bytes are gone from every object, file and name; messages stay byte for byte; verify finds nothing', async () => {
    const { leaked } = await fill(history, secret);
    const before = messagesOf(rig);
    const oldTip = rig.git('rev-parse', 'main').trim();
    const survey = await history.purging().survey(bytes);
    assert.equal(survey.targets.length, 4);
    assert.ok(survey.commits >= 4 && survey.outOfReach.length === 0);
    const done = await history.purging().purge(bytes, why);
    assert.equal(done?.tipBefore, oldTip);
    assert.deepEqual(traces(rig, secret), []);
    rig.assertClean();
    assert.equal(messagesOf(rig, 'main~1'), before, 'messages of the rewritten chain');
    assert.deepEqual(await collect(history.verify()), []);
    const text = readFileSync(path.join(rig.dir, 'FEAT-2-user-filters/01-architect/prompt_v1.md'), 'utf8');
    assert.match(text, /^docket: purged\n/);
    assert.match(text, new RegExp(`sha256: {4}${leaked.promptSha256}`));
    assert.match(text, /why: {7}a key leaked/);
    const purged = await history.purged();
    assert.ok(purged.some(({ path: at, sha256 }) => at.endsWith('prompt_v1.md') && sha256 === leaked.promptSha256));
    assert.equal(rig.git('log', '-1', '--format=%s').trim(), 'docket: purged 4 files');
  });

  test('a record: its prompt, answer, raw output and brief go, evidence and other records stay', async () => {
    const { leaked, clean } = await fill(history, secret);
    const record = await recordOf(history, leaked.job);
    const evidence = rig.git('show', 'main:FEAT-2-user-filters/01-architect/evidence_v1.json');
    const survey = await history.purging().survey({ record, only: null });
    assert.deepEqual(survey.sharedWith, []);
    await history.purging().purge({ record, only: null }, why);
    assert.deepEqual(traces(rig, secret), []);
    assert.equal(rig.git('show', 'main:FEAT-2-user-filters/01-architect/evidence_v1.json'), evidence);
    assert.equal(rig.git('show', 'main:FEAT-1-user-filters/01-architect/prompt_v1.md'), Buffer.from(clean.prompt).toString());
    assert.deepEqual(await collect(history.verify()), []);
    assert.equal((await recordOf(history, leaked.job)).filed.status, 'answered');
    assert.equal(await history.purging().purge({ record, only: null }, why), null, 'a second time there is nothing to take');
  });

  test('only a part, when asked; a brief that another record uses, too, is told', async () => {
    const one = submission({ feature: 'FEAT-7' });
    const two = submission({ feature: 'FEAT-8' });
    for (const prompt of [one, two]) {
      value(await history.submit(prompt));
      value(await history.record(answer(prompt, { materials: ['the same brief'] })));
    }
    const record = await recordOf(history, one.job);
    const survey = await history.purging().survey({ record, only: ['materials'] });
    assert.deepEqual(survey.sharedWith, ['FEAT-8-user-filters/01-architect/evidence_v1.json']);
    await history.purging().purge({ record, only: ['result'] }, why);
    assert.match(rig.git('show', 'main:FEAT-7-user-filters/01-architect/result_v1.md'), /^docket: purged/);
    assert.match(rig.git('show', 'main:FEAT-7-user-filters/01-architect/prompt_v1.md'), /^What is/);
    assert.deepEqual(await collect(history.verify()), []);
  });

  test('a comment of a verdict goes like everything else, from the note of what was read, too; the verdict counts no more', async () => {
    const { prompt, end } = await answered(history, { feature: 'FEAT-5' });
    await history.judge(verdictOn(prompt, end, { comment: `use ${secret}` }));
    await history.judge(verdictOn(prompt, end, { by: { name: 'Bob', email: 'bob@example.com' } }));
    await Promise.all(Array.from({ length: 260 }, async (_, n) => answered(history, { feature: `FEAT-${String(n + 10)}` })));
    assert.equal((await history.verdicts({})).length, 2);
    assert.ok(
      traces(rig, secret).some((place) => place.endsWith('.git/docket/verdicts')),
      'what was read is noted',
    );
    await history.purging().purge(bytes, why);
    assert.deepEqual(traces(rig, secret), []);
    assert.deepEqual(
      (await history.verdicts({})).map(({ verdict }) => verdict.by.name),
      ['Bob'],
    );
    assert.deepEqual(await collect(history.verify()), []);
    const record = await recordOf(history, prompt.job);
    await history.purging().purge({ record, only: ['verdicts'] }, why);
    assert.deepEqual(await history.verdicts({}), []);
    assert.deepEqual(await collect(history.verify()), []);
  });

  test('branches, tags, reflogs, ORIG_HEAD, loose objects, packs of a person and unreachable commits lose it, too', async () => {
    await fill(history, secret);
    rig.git('tag', '-a', 'release', '-m', 'a tag');
    rig.git('branch', 'side', 'main~1');
    rig.git('update-ref', 'ORIG_HEAD', 'main');
    writeFileSync(path.join(rig.dir, 'note.md'), `my note: ${secret}\n`);
    rig.git('add', 'note.md');
    rig.git('commit', '-q', '-m', 'a note of mine');
    rig.git('reset', '-q', '--hard', 'HEAD~1');
    rig.git('repack', '-q', '-a', '-d', '-k', '--write-midx');
    rig.git('commit-graph', 'write', '--reachable');
    rig.git('status');
    await history.purging().purge(bytes, why);
    assert.deepEqual(traces(rig, secret), []);
    rig.assertClean();
    assert.equal(rig.git('log', '-1', '--format=%s', 'release').trim(), rig.git('log', '-1', '--format=%s', 'main~1').trim());
    assert.equal(rig.git('rev-parse', 'release^{commit}').trim(), rig.git('rev-parse', 'main~1').trim());
    assert.equal(rig.git('rev-parse', 'side').trim(), rig.git('rev-parse', 'main~2').trim());
    rig.git('reflog', 'expire', '--dry-run', '--all');
  });

  test('another docket with the same history goes on: it reads the new tip and records on it', async () => {
    const other = await opened(rig);
    try {
      const { leaked } = await fill(other, secret);
      await history.purging().purge(bytes, why);
      assert.equal((await other.find(leaked.identity))?.promptSha256, leaked.promptSha256);
      const next = submission({ feature: 'FEAT-9' });
      value(await other.submit(next));
      value(await other.record(answer(next)));
      assert.equal(value(await other.submit(leaked)).status, 'answered', 'the same prompt again is known by its hash');
      assert.deepEqual(traces(rig, secret), []);
      rig.assertClean();
      assert.deepEqual(await collect(other.verify()), []);
    } finally {
      await other.close();
    }
  });

  test('a clone that still has the content does not bring it back: the merge is refused, and --again takes it out of both', async () => {
    await fill(history, secret);
    const clone = makeRig();
    execFileSync('git', ['clone', '-q', rig.dir, clone.dir], { stdio: 'ignore' });
    const there = await opened(clone);
    try {
      const theirs = submission({ feature: 'FEAT-20' });
      value(await there.submit(theirs));
      value(await there.record(answer(theirs)));
      await history.purging().purge(bytes, why);
      rig.git('fetch', '-q', clone.dir, 'main');
      const fetched = rig.git('rev-parse', 'FETCH_HEAD').trim();
      await assert.rejects(history.merge(), /would come back .*docket purge --again/);
      assert.notEqual(traces(rig, secret).length, 0);
      await history.purging().again(fetched);
      assert.deepEqual(traces(rig, secret), []);
      const merged = await history.merge();
      assert.ok(merged !== null && merged.beside.length === 0);
      assert.deepEqual(await collect(history.verify()), []);
      rig.assertClean();
      assert.match(rig.git('show', 'main:FEAT-20-user-filters/01-architect/prompt_v1.md'), /^What is/);

      clone.git('fetch', '-q', rig.dir, 'main');
      await assert.rejects(there.merge(), /would come back/);
      await there.purging().again(clone.git('rev-parse', 'FETCH_HEAD').trim());
      await there.merge();
      assert.deepEqual(traces(clone, secret), []);
      assert.equal(clone.git('rev-parse', 'main'), rig.git('rev-parse', 'main'));
      clone.assertClean();
    } finally {
      await there.close();
      await clone.end();
    }
  });

  test('a placeholder without its tombstone, and a tombstone that was changed, are findings', async () => {
    await fill(history, secret);
    await history.purging().purge(bytes, why);
    const [stone = ''] = (await history.purged()).map(({ tombstone }) => tombstone);
    writeFileSync(path.join(rig.dir, stone), readFileSync(path.join(rig.dir, stone), 'utf8').replace('a key leaked', 'nothing much'));
    rig.git('rm', '-q', '--cached', stone.replace('.json', '.commits'));
    rig.git('add', '-A');
    rig.git('rm', '-q', '--cached', stone.replace('.json', '.commits'));
    rig.git('commit', '-q', '-m', 'tampered');
    const found = await collect(history.verify());
    assert.equal(found[0]?.what, 'tombstone-invalid');
    assert.ok(found.some(({ what, path: at }) => what === 'tombstone-invalid' && at.endsWith('prompt_v1.md')));
  });

  test('it refuses while another branch is checked out, and a reason that holds the secret', async () => {
    await fill(history, secret);
    await assert.rejects(history.purging().purge(bytes, { reason: `leaked ${secret}`, person: 'Ada' }), /reason holds the very bytes/);
    rig.git('switch', '-q', '-c', 'mine');
    await assert.rejects(history.purging().purge(bytes, why), /another branch checked out/);
    assert.equal(existsSync(path.join(rig.dir, '.git/docket/purge')), false);
    assert.equal(digest.sha256(rig.git('rev-parse', 'main')).length, 64);
  });
});

suite('spellings of a secret', () => {
  test('as it is, inside JSON, JSON in JSON, and base64 at each position', () => {
    const secret = secretText();
    const spellings = spellingsOf(Buffer.from(secret));
    const has = (text: string): boolean => spellings.some((spelling) => Buffer.from(text).includes(spelling));
    assert.ok(has(`x${secret}y`));
    assert.ok(has(JSON.stringify({ a: secret })));
    assert.ok(has(JSON.stringify({ a: JSON.stringify({ b: secret }) })));
    for (const before of ['', 'a', 'ab', 'abc']) {
      assert.ok(has(Buffer.from(`${before}${secret}tail`).toString('base64')), before);
      assert.ok(has(Buffer.from(`${before}${secret}tail`).toString('base64url')), before);
    }
    assert.ok(!has('sk-live-9f8Q2-x7LmZ'));
    assert.throws(() => spellingsOf(Buffer.from('abc')), RangeError);
  });
});

suite('purging a signed history', () => {
  test('what docket rewrote is signed again, the tombstone is in an envelope, and verify takes both; a forged tombstone is found', async (t) => {
    const rig = makeRig();
    t.after(async () => rig.end());
    const { signer } = makeKey(rig.root);
    const signing = { signer: async () => Promise.resolve(signer) };
    const history = await opened(rig, { signing });
    t.after(async () => history.close());
    const secret = secretText();
    const { leaked } = await fill(history, secret);
    rig.git('commit', '-q', '--allow-empty', '-m', 'a word of mine');
    await history.purging().purge({ spellings: spellingsOf(Buffer.from(secret)) }, why);
    assert.deepEqual(traces(rig, secret), []);
    rig.assertClean();
    const trust = { signers: `docket@example.com ${signer.publicLine}\n`, isDemanded: true };
    assert.deepEqual(await collect(history.verify(undefined, trust)), []);
    const signers = writeSigners(path.join(rig.root, 'signers'), [{ line: signer.publicLine }]);
    rig.git('-c', `gpg.ssh.allowedSignersFile=${signers}`, 'verify-commit', 'main', 'main~2', 'main~5');
    assert.ok(!rig.git('cat-file', 'commit', 'main~1').includes('gpgsig'), 'a commit of a person is not signed by docket');
    const [stone = ''] = (await history.purged()).map(({ tombstone }) => tombstone);
    assert.ok(opensslVerifies(rig.root, signer.publicLine, rig.git('show', `main:${stone.replace('.json', '.dsse.json')}`)));

    const record = await recordOf(history, leaked.job);
    await history.purging().purge({ record, only: ['evidence'] }, { reason: 'names in it', person: 'Ada' });
    assert.deepEqual(await collect(history.verify(undefined, trust)), [], 'evidence and its envelope went together');
    const other = { ...trust, signers: `docket@example.com ${makeKey(rig.root, 'other').signer.publicLine}\n` };
    assert.ok((await collect(history.verify(undefined, other))).some(({ what }) => what === 'tombstone-invalid'));
    rig.git('rm', '-q', stone.replace('.json', '.dsse.json'));
    rig.git('commit', '-q', '-m', 'unsigned');
    assert.equal((await collect(history.verify(undefined, trust))).find(({ path: at }) => at === stone)?.what, 'tombstone-invalid');
  });
});
