/** Every scenario of the fake model server in its three dialects, for the runner for models behind HTTP, each through a real keeper. */

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { runAttempt, type Attempted } from '#agents/attempt.ts';
import type { Runner } from '#agents/runner.ts';
import type { RunRequest } from '#core/run.ts';
import { APIS, KEY, profileOf, requestsOf, runnerOf, withFakeModel } from '#test/support/http-model.ts';
import { clock, digest, fs, makeRig, silentLog, type Rig } from '#test/keeper/rig.ts';
import { makeRequest } from '#test/support/runner-parts.ts';

withFakeModel();

async function attempt(
  t: TestContext,
  runner: Runner,
  limits: Partial<RunRequest['limits']> = {},
): Promise<{ readonly done: Attempted; readonly rig: Rig; readonly request: RunRequest }> {
  const rig = await makeRig(t);
  await rig.serve();
  const made = await makeRequest(rig.folder, 'a1');
  const request = { ...made, limits: { ...made.limits, ...limits } };
  const ports = { runner, keeper: await rig.client(), fs, digest, clock, log: silentLog };
  return { done: await runAttempt(ports, request, new AbortController().signal), rig, request };
}

/** Every file of an attempt, one after the other. */
async function bytesBelow(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  return (await Promise.all(files.map(async (file) => readFile(file, 'utf8')))).join('\n');
}

const ALL: Readonly<Record<string, string>> = {
  '401': 'not-logged-in',
  '403': 'not-logged-in',
  '402': 'environment',
  '404': 'refused',
  '413': 'context-too-long',
  '429,retry-after=7': 'rate-limited',
  '500': 'provider-error',
  '503': 'provider-error',
  '529': 'rate-limited',
  context: 'context-too-long',
  '400': 'refused',
  reset: 'provider-error',
  'cut=2': 'provider-error',
  garbage: 'unreadable-answer',
  empty: 'no-answer',
  'max-tokens': 'truncated',
  'usage-limit': 'rate-limited',
};

for (const api of APIS)
  describe(`http, ${api}`, () => {
    test('an answer comes whole, with its tokens, its model, and a prompt that arrived byte for byte', async (t) => {
      const asked = requestsOf().length;
      const { done, request } = await attempt(t, runnerOf(profileOf(api, `ok,usage=2000:40:500,id=${api}`)));
      assert.ok(done.outcome.ok, JSON.stringify(done.outcome));
      assert.match(done.outcome.answer, /^# Fake answer[\s\S]*Done\.\n$/);
      const { usage } = done.outcome;
      assert.deepEqual([usage.outputTokens, usage.costUsd, usage.turns], [40, null, 1]);
      // OpenAI counts what the cache gave among its input; nobody counts it twice here.
      assert.deepEqual(
        [usage.inputTokens, usage.cacheReadTokens],
        api === 'openai' ? [1_500, 500] : api === 'anthropic' ? [2_000, 500] : [2_000, null],
      );
      assert.equal(done.outcome.model, 'fake-model');
      assert.equal(requestsOf().length, asked + 1);
      const got = requestsOf()[asked];
      assert.equal(got?.promptSha256, digest.sha256(request.brief));
      assert.equal(got.auth, api === 'anthropic' ? 'x-api-key' : 'authorization');
      assert.match(done.command ?? '', new RegExp(`^POST http://127\\.0\\.0\\.1:.* \\(${api}, model fake-model\\)$`));
    });

    test('a long answer comes whole', async (t) => {
      const { done } = await attempt(t, runnerOf(profileOf(api, 'size=2m')), { outputBytes: 20_000_000, answerBytes: 3_000_000 });
      assert.ok(done.outcome.ok, JSON.stringify(done.outcome).slice(0, 500));
      assert.equal(done.outcome.answer.length, 2 * 1024 * 1024);
      assert.match(done.outcome.answer, /\n1\. padding [0-9a-f]{64}\n2\. padding/);
    });

    const table = { ...ALL, ...(api === 'ollama' ? {} : { refusal: 'refused' }) };
    for (const [scenario, kind] of Object.entries(table))
      test(`${scenario}: ${kind}, and no word of the key`, async (t) => {
        const { done, rig } = await attempt(t, runnerOf(profileOf(api, scenario)));
        assert.ok(!done.outcome.ok, JSON.stringify(done.outcome));
        assert.equal(done.outcome.failure.kind, kind, JSON.stringify(done.outcome.failure));
        assert.ok(!(await bytesBelow(rig.folder)).includes(KEY));
        assert.ok(!JSON.stringify(done).includes(KEY));
        if (scenario.startsWith('429')) {
          assert.ok(done.outcome.failure.kind === 'rate-limited' && done.outcome.failure.resumeAt !== null);
          assert.equal(Date.parse(done.outcome.failure.resumeAt) - Date.parse(done.endedAt), 7_000);
        }
      });

    test('a model that hangs, and one that falls silent, are ended by the limit on silence', async (t) => {
      for (const scenario of ['hang', 'stall']) {
        const { done } = await attempt(t, runnerOf(profileOf(api, scenario)), { idleMs: 1_500 });
        assert.ok(!done.outcome.ok && done.outcome.failure.kind === 'idle', scenario);
      }
    });

    test('a slow model is no silent one', async (t) => {
      const { done } = await attempt(t, runnerOf(profileOf(api, 'slow=150')), { idleMs: 3_000 });
      assert.ok(done.outcome.ok, JSON.stringify(done.outcome));
    });
  });

test("a used-up subscription is waited for until the provider's own reset", async (t) => {
  const resetS = Math.floor(Date.now() / 1_000) + 5_000;
  const { done } = await attempt(t, runnerOf(profileOf('anthropic', `usage-limit,reset=${String(resetS)}`)));
  assert.ok(!done.outcome.ok && done.outcome.failure.kind === 'rate-limited');
  assert.equal(done.outcome.failure.resumeAt, new Date(resetS * 1_000).toISOString());
});

test('a server that is not there is a fault of the provider, by its name', async (t) => {
  const { done } = await attempt(t, runnerOf({ ...profileOf('openai', 'ok'), baseUrl: 'http://127.0.0.1:1/v1' }));
  assert.ok(!done.outcome.ok && done.outcome.failure.kind === 'provider-error');
  assert.match(done.outcome.failure.message, /ECONNREFUSED/);
});
