import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeHttpRunner } from '#agents/runners/http.ts';
import { runnerContract } from '#test/contracts/runner.ts';
import { makeRig } from '#test/keeper/rig.ts';
import { APIS, KEY, KEY_ENV, profileOf, runnerOf, STANDING, withFakeModel } from '#test/support/http-model.ts';
import { makeRequest, makeRunnerPorts } from '#test/support/runner-parts.ts';

withFakeModel();

const linesFor = (answer: string): string =>
  [
    { head: { status: 200, headers: {} } },
    ...(answer.match(/[\s\S]{1,7}/g) ?? []).map((text) => ({ text })),
    { alive: 5 },
    { end: { finish: 'stop', usage: { inputTokens: 1, outputTokens: 1 }, model: 'm', id: 'i', error: null } },
  ]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');

for (const api of APIS)
  runnerContract({
    name: `http, ${api}`,
    outputFor: linesFor,
    env: () => ({ [KEY_ENV]: KEY }),
    make: async (_rig, ports) => Promise.resolve(makeHttpRunner(profileOf(api, 'ok'), STANDING, ports)),
    makeMissing: null,
    // Seven characters a line, for answers as long as the limit.
    limits: { outputBytes: 4_000_000 },
  });

test('without its key nothing is sent, and the variable is named', async (t) => {
  const rig = await makeRig(t);
  const request = await makeRequest(rig.folder, 'a1');
  for (const env of [{}, { [KEY_ENV]: '' }, { [KEY_ENV]: 'two\nlines' }] as const) {
    const runner = runnerOf(profileOf('openai', 'ok'), env);
    const [check, plan] = [await runner.check(), await runner.plan(request)];
    assert.ok(!check.ok && check.error.kind === 'not-logged-in' && check.error.message.includes(KEY_ENV));
    assert.deepEqual(plan, check);
    assert.ok(!JSON.stringify(check).includes('lines'));
  }
  const open = runnerOf(profileOf('ollama', 'ok', { keyEnv: null }), {});
  assert.ok((await open.check()).ok);
});

test('the key is in the environment of the program only, and no proxy stands before this machine', async (t) => {
  const rig = await makeRig(t);
  const request = await makeRequest(rig.folder, 'a1');
  const plan = await runnerOf(profileOf('openai', 'ok')).plan(request);
  assert.ok(plan.ok && plan.value.kind === 'program');
  const { env, ...rest } = plan.value;
  assert.equal(env[KEY_ENV], KEY);
  assert.ok(!('NODE_USE_ENV_PROXY' in env));
  assert.ok(!JSON.stringify(rest).includes(KEY));
  const remote = await runnerOf(profileOf('openai', 'ok', { baseUrl: 'https://models.example/v1' })).plan(request);
  assert.ok(remote.ok && remote.value.kind === 'program' && remote.value.env['NODE_USE_ENV_PROXY'] === '1');
});

test("the prompt's model goes before the runner's, the runner's before the workspace's; none is told", async (t) => {
  const rig = await makeRig(t);
  const request = await makeRequest(rig.folder, 'a1');
  const modelIn = async (own: string | null, standing: string, asked: string | null): Promise<string> => {
    const runner = makeHttpRunner(
      { ...profileOf('ollama', 'ok'), model: own, keyEnv: null },
      { ...STANDING, model: standing },
      makeRunnerPorts({}),
    );
    const plan = await runner.plan({ ...request, model: asked });
    if (!plan.ok) return plan.error.kind === 'environment' ? plan.error.code : plan.error.kind;
    return plan.value.kind === 'program' ? (/"model":"([^"]*)"/.exec(plan.value.args.at(-1) ?? '')?.[1] ?? '') : '';
  };
  assert.equal(await modelIn('llama', '', 'qwen'), 'qwen');
  assert.equal(await modelIn('llama', 'sonnet', 'sonnet'), 'llama');
  assert.equal(await modelIn(null, 'sonnet', 'sonnet'), 'sonnet');
  assert.equal(await modelIn(null, '', null), 'NO_MODEL');
  assert.equal(await modelIn(null, '', '--help'), 'prompt-invalid');
});
