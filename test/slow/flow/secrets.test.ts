/** Secrets through the real program: nothing of them is in any byte of the workspace but in the file that is held, whatever way they come. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { assertVerified, makeRig, promptText, type Rig } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';
import { KINDS, plant, randomOf } from '../../../bench/secrets-corpus.ts';
import { noise, whole } from '../../policy/fakes.ts';

const secretOf = (seed: number): string => whole(`gh|p_${noise(36, 'alnum', seed)}`);

/** Files below the rig's folder that hold the text, in themselves or in an object of git. */
function filesWith(rig: Rig, secret: string): string[] {
  const found: string[] = [];
  const look = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const file = path.join(folder, entry.name);
      if (entry.name.includes(secret)) found.push(`name of ${file}`);
      if (entry.isDirectory()) look(file);
      else if (entry.isFile() && readFileSync(file).includes(secret)) found.push(path.relative(rig.base, file));
    }
  };
  look(rig.base);
  const objects = rig.git('cat-file', '--batch-all-objects', '--batch', '--unordered');
  return objects.includes(secret) ? [...found, 'an object of the history'] : found;
}

/** Not what the test itself wrote down. */
const isOurs = (file: string): boolean => file !== 'answer' && file !== 'failure';
const held = (rig: Rig, stem: string): string => path.relative(rig.base, path.join(rig.in(), `${stem}.held`));

describe('a planted secret', () => {
  test('in the body, in base64, in front matter that is not valid, and in the name of a file', async (t) => {
    const rig = makeRig(t, 'runner: offline\nintake: { settle: 100ms }\nlog: { level: debug }\n');
    const daemon = await rig.start();
    const [body, hidden, invalid, name] = [secretOf(1), secretOf(2), secretOf(3), secretOf(4)];
    const base64 = Buffer.from(`export TOKEN=${hidden}\n`).toString('base64');
    rig.drop('body.md', promptText({ feature: 'A-1', body: `# Task\r\n\r\nuse ${body}\r\n` }));
    rig.drop('hidden.md', promptText({ feature: 'A-2', body: `# Task\n\n${base64}\n` }));
    rig.drop('invalid.md', promptText({ feature: 'A-3', extra: `api_key: ${invalid}\nrunner: ${invalid}\n` }));
    rig.drop(`${name}.md`, promptText({ feature: 'A-4' }));
    rig.drop('clean.md', promptText({ feature: 'A-5' }));
    for (const stem of ['body', 'hidden', 'invalid']) await rig.ended(stem, 'held');
    await rig.ended('clean');
    await rig.logged(/secret-in-name-[a-z2-7]{16}\.md: held/);
    assert.equal(await daemon.stop(), 0);

    assert.deepEqual(filesWith(rig, body), [held(rig, 'body')]);
    assert.deepEqual(filesWith(rig, base64), [held(rig, 'hidden')]);
    assert.deepEqual(filesWith(rig, hidden), []);
    assert.deepEqual(filesWith(rig, invalid), [held(rig, 'invalid')]);
    assert.deepEqual(filesWith(rig, name), []);
    for (const stem of ['body', 'hidden', 'invalid']) assert.equal(statSync(path.join(rig.in(), `${stem}.held`)).mode & 0o777, 0o600);
    assert.match(rig.read(path.join(rig.out(), 'body_error.md')), /github-token at line 10, column 5 \(ghp_\*{4}, hmac:[0-9a-f]{32}\)/);
    const all = [
      rig.run(['ls', '--json']),
      rig.run(['why', 'architect/body']),
      rig.run(['show', 'architect/invalid']),
      rig.run(['status']),
    ];
    for (const secret of [body, hidden, invalid, name]) assert.ok(!all.some(({ out, err }) => `${out}${err}`.includes(secret)));
    assertVerified(rig);
  });

  test('in an answer, and in what a failed tool printed', async (t) => {
    const rig = makeRig(t);
    const [answer, failure] = [secretOf(11), secretOf(12)];
    rig.settings(
      settingsWith(
        [
          shellRunner('leaks', `cat >/dev/null; echo "# Answer"; echo "the key is ${answer}"`),
          shellRunner('fails', `cat >/dev/null; echo "no access with ${failure}" >&2; exit 3`),
        ],
        'policy: { allow_secrets: [] }\n',
      )
        .replaceAll(answer, '$(cat ../answer)')
        .replaceAll(failure, '$(cat ../failure)'),
    );
    writeFileSync(path.join(rig.base, 'answer'), answer);
    writeFileSync(path.join(rig.base, 'failure'), failure);
    const daemon = await rig.start();
    rig.drop('leaks.md', promptText({ feature: 'B-1', extra: 'runner: leaks\n' }));
    rig.drop('fails.md', promptText({ feature: 'B-2', extra: 'runner: fails\n' }));
    await rig.ended('leaks', 'held');
    await rig.ended('fails', 'failed');
    assert.equal(await daemon.stop(), 0);
    const kept = filesWith(rig, answer).filter(isOurs);
    assert.ok(
      kept.length > 0 && kept.every((file) => /01-architect\/archive\/[0-9-]{7}\/[a-z2-7]{16}\/a1-(?:stdout|answer)$/.test(file)),
      kept.join(', '),
    );
    const said = filesWith(rig, failure).filter(isOurs);
    assert.ok(
      said.every((file) => /01-architect\/archive\//.test(file)),
      said.join(', '),
    );
    assert.equal(statSync(path.join(rig.queues, '01-architect', 'archive')).mode & 0o777, 0o700);
    assertVerified(rig);
  });
});

test('of sixty secrets of the corpus, wherever they stand in a prompt, no byte is anywhere but in the held files', async (t) => {
  const rig = makeRig(t, 'runner: offline\nintake: { settle: 100ms }\nlog: { level: debug }\n');
  const daemon = await rig.start();
  const ways: readonly ((secret: string) => Parameters<typeof promptText>[0])[] = [
    (secret) => ({ body: `# Task\n\n${'words before it, '.repeat(40)}\n${secret}\n` }),
    (secret) => ({ body: `# Task\r\n\r\nuse (${secret}) now\r\n` }),
    (secret) => ({ body: `# Task\n\nblob: ${Buffer.from(`a text with ${secret} in it`).toString('base64')}\n` }),
    (secret) => ({ extra: `note: "${secret}"\n` }),
    (secret) => ({ extra: `title: ${secret}\n` }),
    (secret) => ({ extra: `# ${secret}\n` }),
  ];
  const kinds = KINDS.filter(({ group }) => group === 'provider');
  const planted = fc.sample(fc.tuple(fc.constantFrom(...kinds), fc.constantFrom(...ways), fc.integer({ min: 0, max: 1_000_000 })), {
    numRuns: 60,
    seed: 33,
  });
  const secrets = planted.map(([kind, way, seed], n) => {
    const { text, from, to } = plant(kind, randomOf(seed));
    const secret = text.slice(from, to);
    rig.drop(`p${String(n)}.md`, promptText({ feature: `P-${String(n)}`, ...way(secret) }));
    return { kind: kind.id, secret };
  });
  for (const n of planted.keys()) await rig.ended(`p${String(n)}`, 'held');
  assert.equal(await daemon.stop(), 0);

  const files = readdirSync(rig.base, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.held'))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => ({ file, bytes: readFileSync(file) }));
  const objects = rig.git('cat-file', '--batch-all-objects', '--batch', '--unordered');
  for (const { kind, secret } of secrets) {
    // The end of it, without what every token of its kind has.
    const rest = secret.slice(-12);
    assert.deepEqual(
      files.filter(({ bytes }) => bytes.includes(rest)).map(({ file }) => file),
      [],
      kind,
    );
    assert.ok(!objects.includes(rest), kind);
  }
});

test('a held prompt is masked on request, sends nothing by itself, and what is let pass stands in the evidence', async (t) => {
  const rig = makeRig(t, 'runner: offline\nintake: { settle: 100ms }\n');
  let daemon = await rig.start();
  const secret = secretOf(21);
  rig.drop('foo.md', promptText({ feature: 'C-1', body: `# Task\n\nuse ${secret} twice: ${secret}\n` }));
  rig.drop('bar.md', promptText({ feature: 'C-2', body: `# Task\n\nit is ${secret}\n` }));
  await rig.ended('foo', 'held');
  await rig.ended('bar', 'held');

  const masked = rig.run(['redact', 'foo']);
  assert.equal(masked.code, 0, masked.err);
  assert.ok(!`${masked.out}${masked.err}`.includes(secret));
  const file = path.join(rig.in(), 'foo.redacted');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.match(rig.read(file), /use REDACTED-github-token twice: REDACTED-github-token\n/);
  assert.ok(rig.read(path.join(rig.in(), 'foo.held')).includes(secret), 'the held file is as it was');
  assert.equal(rig.run(['redact', 'foo']).code, 2, 'it is not written over');
  const inQueue = rig.run(['redact', 'foo', '--to', path.join(rig.in(), 'foo2.md')]);
  assert.equal(inQueue.code, 2);
  assert.match(inQueue.err, /taken at once as a prompt/);
  renameSync(file, path.join(rig.in(), 'masked.md'));
  await rig.ended('masked');
  const over = rig.run(['redact', 'foo', '--replace']);
  assert.equal(over.code, 0, over.err);
  assert.ok(!rig.read(path.join(rig.in(), 'foo.held')).includes(secret));
  assert.equal(rig.run(['redact', 'foo']).code, 2, 'nothing is left to mask');
  assert.equal(rig.run(['redact', 'masked']).code, 2, 'it is not held');

  const [fingerprint] = /hmac:[0-9a-f]{32}/.exec(rig.read(path.join(rig.out(), 'bar_error.md'))) ?? [];
  assert.equal(await daemon.stop(), 0);
  rig.settings(
    `runner: offline\nintake: { settle: 100ms }\npolicy:\n  allow_secrets:\n    - { fingerprint: "${fingerprint ?? ''}", reason: "a key of the manual", by: Ada }\n`,
  );
  daemon = await rig.start();
  assert.equal(rig.run(['retry', 'bar']).code, 0);
  await rig.ended('bar');
  const allowed = { fingerprint, reason: 'a key of the manual', by: 'Ada', rule: 'github-token' };
  assert.deepEqual(
    rig.evidence('bar').predicate.policy.map(({ on, outcome, allowed: passed }) => ({ on, outcome, passed })),
    [
      { on: 'prompt', outcome: 'passed', passed: [allowed] },
      { on: 'answer', outcome: 'passed', passed: [allowed] },
    ],
  );
  assert.equal(await daemon.stop(), 0);
});

test('a secret in the settings: no start, and doctor names file, line and rule', (t) => {
  const rig = makeRig(t);
  const secret = secretOf(31);
  rig.settings(`# ${secret}\nrunner: offline\n`);
  const refused = rig.run(['up']);
  assert.notEqual(refused.code, 0);
  assert.match(`${refused.out}${refused.err}`, /docket\.yaml line 2, column 3: github-token \(ghp_\*{4}/);
  const doctor = rig.run(['doctor']);
  assert.match(doctor.out, /bad +secrets in files +docket\.yaml line 2, column 3: github-token/);
  for (const { out, err } of [refused, doctor]) assert.ok(!`${out}${err}`.includes(secret));
  assert.ok(!rig.log().includes(secret));
});
