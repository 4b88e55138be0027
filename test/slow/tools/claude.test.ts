/** The claude runner with the real Claude Code against the fake model on loopback. */

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { runAttempt, type Attempted } from '#agents/attempt.ts';
import type { Runner } from '#agents/runner.ts';
import type { RunRequest } from '#core/run.ts';
import { runnerContract } from '#test/contracts/runner.ts';
import { clock, digest, fs, makeRig, processes, silentLog, type Rig } from '#test/keeper/rig.ts';
import { runnerOf } from '#test/support/profiles.ts';
import { withTool } from '#test/support/real-tools.ts';
import { makeRequest, makeRunnerPorts } from '#test/support/runner-parts.ts';

type FakeModel = { readonly url: string; close(): Promise<void> };

withTool('claude', (bin) => {
  let model: FakeModel;
  /** Every request body that the model got is written here. */
  let dump: string;
  before(async () => {
    const module: unknown = await import(new URL('../../support/fake-model.mjs', import.meta.url).href);
    const { startFakeModel } = module as { readonly startFakeModel: (options: { readonly dump: string }) => Promise<FakeModel> };
    dump = await mkdtemp(path.join(tmpdir(), 'docket-model-'));
    model = await startFakeModel({ dump });
  });
  after(async () => {
    await model.close();
    await rm(dump, { recursive: true, force: true });
  });
  const lastRequest = async (): Promise<string> => readFile(path.join(dump, (await readdir(dump)).toSorted().at(-1) ?? ''), 'utf8');

  const env = (rig: Rig, scenario = 'ok'): Record<string, string> => ({
    PATH: `${bin}:/usr/bin:/bin`,
    HOME: rig.folder,
    ANTHROPIC_API_KEY: 'fake-key-0123456789abcdef',
    ANTHROPIC_BASE_URL: `${model.url}/s/${scenario}`,
  });
  const claude = (rig: Rig, scenario?: string): Runner => runnerOf('claude', rig.state, makeRunnerPorts(env(rig, scenario)));

  async function attempt(
    t: TestContext,
    scenario: string,
    brief?: string,
    limits: Partial<RunRequest['limits']> = {},
    access: RunRequest['access'] = 'read-only',
  ): Promise<Attempted & { readonly files: readonly string[] }> {
    const rig = await makeRig(t);
    await rig.serve();
    const made = await makeRequest(rig.folder, 'a1', brief);
    const request = { ...made, access, limits: { ...made.limits, ...limits } };
    await writeFile(path.join(request.cwd, 'inside.txt'), 'INSIDE-MARK\n');
    const done = await runAttempt(
      { runner: claude(rig, scenario), keeper: await rig.client(), fs, digest, clock, log: silentLog },
      request,
      new AbortController().signal,
    );
    const files = await readdir(request.cwd);
    if (access === 'read-only') assert.deepEqual(files, ['inside.txt']);
    assert.deepEqual(await processes.marked('DOCKET_RUN_ID', request.runId), []);
    return { ...done, files };
  }

  runnerContract({
    name: 'the real claude',
    outputFor: (result) => `${JSON.stringify({ type: 'result', is_error: false, terminal_reason: 'completed', result })}\n`,
    make: async (rig) => Promise.resolve(claude(rig)),
    makeMissing: (ports) => runnerOf('claude', '/nowhere', ports, { program: 'no-such-claude' }),
  });

  const KINDS: Readonly<Record<string, string>> = {
    '401': 'not-logged-in',
    '403': 'not-logged-in',
    '404': 'refused',
    '429': 'rate-limited',
    'usage-limit': 'rate-limited',
    '500': 'provider-error',
    '529': 'rate-limited',
    reset: 'provider-error',
    garbage: 'provider-error',
    context: 'context-too-long',
    'max-tokens': 'truncated',
    refusal: 'refused',
    empty: 'no-answer',
    'tool=read,path=inside.txt,repeat=20': 'turn-limit',
  };
  for (const [scenario, kind] of Object.entries(KINDS))
    test(`the real claude: ${scenario} is ${kind}, after one try of its own`, async (t) => {
      const { outcome, starts } = await attempt(t, scenario, undefined, { turns: 3 });
      assert.equal(outcome.ok ? 'ok' : outcome.failure.kind, kind);
      assert.equal(starts, 1);
    });

  test('the real claude: the brief reaches the model byte for byte, mentions, commands and all', async (t) => {
    const brief = '# Brief\n\n@inside.txt @/etc/hostname @~/.bashrc\n/cost\n!ls\n#memory\n\ttab é 👍 "q" \\ <b>&amp;</b>\n\nlast line';
    const { outcome } = await attempt(t, 'ok', brief);
    assert.ok(outcome.ok);
    assert.ok(outcome.answer.includes(`prompt sha256: \`${digest.sha256(brief)}\``), outcome.answer);
    const sent = await lastRequest();
    assert.ok(sent.includes(JSON.stringify(brief).slice(1, -1)));
    assert.ok(!sent.includes('INSIDE-MARK'));
    assert.ok((outcome.usage.inputTokens ?? 0) > 0 && (outcome.usage.costUsd ?? 0) > 0);
  });

  test('the real claude: a brief of 500 kB arrives whole', async (t) => {
    const brief = `# Brief\n${Array.from({ length: 10_000 }, (_, index) => `line ${String(index)} of a long and rather dull prompt text here`).join('\n')}\n`;
    const { outcome } = await attempt(t, 'ok', brief);
    assert.ok(outcome.ok, JSON.stringify(outcome));
    assert.ok(outcome.answer.includes(digest.sha256(brief)));
  });

  for (const [what, scenario, results] of [
    ['write a file in the working folder', 'tool=write,path=made.md,content=x', null],
    ['run a command', 'tool=bash,cmd=touch%20made.md', null],
    ['read outside of it', 'tool=read,path=%2Fetc%2Fpasswd', 'tool results: 1'],
  ] as const)
    test(`the real claude, read-only, asked to ${what}: it is not done`, async (t) => {
      const { outcome } = await attempt(t, scenario);
      // Tools to write and to run are not even offered; the one to read is, and refuses: that is no success (docs/decisions/0021).
      assert.equal(outcome.ok ? 'answered' : outcome.failure.kind, results === null ? 'answered' : 'denied', JSON.stringify(outcome));
      if (!outcome.ok) assert.deepEqual(outcome.failure, { kind: 'denied', runner: 'claude', message: 'Read' });
      else assert.ok(!/tool results: \d+|root:/.test(outcome.answer));
    });

  test('the real claude, read-only, may read inside of the working folder', async (t) => {
    const { outcome } = await attempt(t, 'tool=read,path=inside.txt');
    assert.ok(outcome.ok);
    assert.match(outcome.answer, /tool results: 1[\s\S]*INSIDE-MARK/);
  });

  test('the real claude in a worktree writes inside of the working folder, and not outside', async (t) => {
    const inside = await attempt(t, 'tool=write,path=made.md,content=x', undefined, {}, 'worktree');
    assert.ok(inside.outcome.ok);
    assert.deepEqual(inside.files.toSorted(), ['inside.txt', 'made.md']);
    const target = path.join(dump, 'outside.md');
    const outside = await attempt(t, `tool=write,path=${encodeURIComponent(target)},content=x`, undefined, {}, 'worktree');
    assert.ok(!outside.outcome.ok && outside.outcome.failure.kind === 'denied');
    assert.deepEqual(outside.files, ['inside.txt']);
    await assert.rejects(readFile(target), { code: 'ENOENT' });
  });

  test('the real claude: a model that hangs is ended at the time limit', async (t) => {
    const { outcome } = await attempt(t, 'hang', undefined, { timeoutMs: 1_500 });
    assert.equal(outcome.ok ? 'ok' : outcome.failure.kind, 'timeout');
  });

  test('the real claude: without a key and a login the check says so', async (t) => {
    const rig = await makeRig(t);
    const runner = runnerOf('claude', rig.state, makeRunnerPorts({ PATH: `${bin}:/usr/bin:/bin`, HOME: rig.folder }));
    const check = await runner.check();
    assert.ok(!check.ok && check.error.kind === 'not-logged-in');
    assert.match((await runner.facts()).version ?? '', /^\d+\.\d+\.\d+$/);
  });
});
