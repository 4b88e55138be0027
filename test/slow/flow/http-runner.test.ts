/** A model behind HTTP through the real program: settings, evidence, estimated cost, and a daemon that is killed while the model thinks. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { assertVerified, makeRig, promptText } from '#test/support/rig.ts';
import { fakeUrl, KEY, KEY_ENV, requestsOf, withFakeModel } from '#test/support/http-model.ts';

const settings = (scenario: string): string =>
  `runner: remote
intake: { settle: 100ms }
retry: { base: 10ms, cap: 1s }
runners:
  remote: { kind: http, api: openai, base_url: '${fakeUrl(scenario)}/v1', model: fake-model, key_env: ${KEY_ENV}, lane: fake }
prices:
  fake-*: { input: 1, output: 2, cache_read: 0.5, source: the test, as_of: 2026-11-20 }
`;

describe('http runner', () => {
  withFakeModel();
  const rig = makeRig({ after });
  /** Everything docket keeps, as text. */
  const kept = (): string =>
    [rig.queues, rig.root, rig.history]
      .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'latin1'))
      .join('\n');

  test('is answered, with what it cost by the price table, marked so; the key is nowhere', async () => {
    rig.settings(settings('ok,usage=2000:100:1000'));
    const daemon = await rig.start({ [KEY_ENV]: KEY });
    rig.drop('one.md', promptText());
    await rig.ended('one');
    const { predicate } = rig.evidence('one');
    assert.deepEqual(
      [predicate.runner.kind, predicate.runner.model, predicate.runner.endpoint],
      ['http', 'fake-model', `${fakeUrl('ok,usage=2000:100:1000')}/v1/chat/completions`],
    );
    // 1,000 of the input came from a cache: 1000 * 1 + 100 * 2 + 1000 * 0.5 micro-dollars.
    assert.deepEqual(
      [predicate.usage.costUsd, predicate.usage.estimated, predicate.attempts[0]?.usage.price],
      [0.0017, true, 'fake-*, the test, as of 2026-11-20'],
    );
    assert.deepEqual([predicate.attempts[0]?.lane, predicate.attempts[0]?.model], ['fake', 'fake-model']);
    const cost = await rig.docket('cost', '--by', 'model');
    assert.match(cost.out, /^fake-model +1 +1 +1000 +100 +1000 +0 +~\$0\.0017$/m);
    await daemon.stop();
    assert.ok(!kept().includes(KEY));
  });

  test('a daemon that is killed while the model writes: the answer comes once, and the model was asked once', async () => {
    rig.settings(settings('slow=400'));
    const first = await rig.start({ [KEY_ENV]: KEY });
    const asked = requestsOf().length;
    rig.drop('two.md', promptText({ feature: 'FEAT-2' }));
    const work = path.join(rig.queues, '01-architect', 'work');
    const stdout = await rig
      .until(work, () => (requestsOf().length > asked ? work : null), 'the request')
      .then(() => path.join(work, readdirSync(work).find((name) => /^[a-z2-7]{16}$/.test(name)) ?? '', 'a1'));
    await rig.until(stdout, () => readFileSync(path.join(stdout, 'stdout'), 'utf8').includes('"head"'), 'the first line');
    await first.kill();
    const second = await rig.start({ [KEY_ENV]: KEY });
    await rig.ended('two');
    await second.stop();
    assert.equal(requestsOf().length, asked + 1);
    const { predicate } = rig.evidence('two');
    assert.deepEqual([predicate.status, predicate.attempts.length, predicate.attempts[0]?.starts], ['answered', 1, 1]);
    assertVerified(rig);
  });

  test('without the key nothing is sent: the lane waits, and why names the variable', async () => {
    rig.settings(settings('ok'));
    const asked = requestsOf().length;
    const daemon = await rig.start();
    rig.drop('three.md', promptText({ feature: 'FEAT-3' }));
    await rig.logged(`the variable ${KEY_ENV} is not set`);
    assert.match((await rig.docket('doctor')).out, new RegExp(`the variable ${KEY_ENV} is not set`));
    await daemon.stop();
    assert.equal(requestsOf().length, asked);
    const again = await rig.start({ [KEY_ENV]: KEY });
    await rig.ended('three');
    await again.stop();
    assert.equal(rig.evidence('three').predicate.attempts.length, 1);
  });
});
