/**
 * The real AI tools on a stage: how each is pointed at the fake model server, and one run of it. What differs from a person's use is its environment
 * (and for codex a provider of its own, because the built-in one repeats requests by itself).
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { runAttempt, type Attempted } from '#agents/attempt.ts';
import type { Runner, RunnerPorts } from '#agents/runner.ts';
import type { Keeper } from '#core/ports.ts';
import type { RunRequest } from '#core/run.ts';
import { clock, digest, fs, makeRig, processes, silentLog, type Rig } from '#test/keeper/rig.ts';
import { acpRunnerOf, profileOf, runnerOf } from '#test/support/profiles.ts';
import { makeRequest, makeRunnerPorts, withSandbox } from '#test/support/runner-parts.ts';
import type { ToolOptions } from '#tools/plan-tool.ts';
import { startFakeModel, type FakeModel } from './fake-model.mjs';
import type { TableTool } from './tool-table.ts';

/** Copilot hides its key wherever it meets it in its own output: one that is part of no word. */
const KEY = ['fake', 'key', '0123456789abcdef'].join('-');

/** How a tool is pointed at the fake model. */
export type Staging = {
  readonly model: string;
  readonly env: (url: string) => Readonly<Record<string, string>>;
  readonly args?: (url: string) => readonly string[];
  /** Over the Agent Client Protocol, where it differs. */
  readonly acp?: Pick<Staging, 'args' | 'env'>;
};

const opencodeConfig = (url: string): string =>
  JSON.stringify({
    small_model: 'fake/fake-model',
    enabled_providers: ['fake'],
    provider: {
      fake: {
        npm: '@ai-sdk/openai-compatible',
        name: 'Fake',
        options: { baseURL: `${url}/v1`, apiKey: KEY },
        models: { 'fake-model': { name: 'Fake', cost: { input: 1, output: 2 }, limit: { context: 200_000, output: 8_192 } } },
      },
    },
  });

const codexProvider = (url: string): string =>
  `model_providers.fake={name="fake",base_url="${url}/v1",wire_api="responses",env_key="CODEX_API_KEY",request_max_retries=0,stream_max_retries=0}`;

/** Cline takes its provider from a file only: a folder for each address, gone with the process. */
function clineData(url: string): string {
  const folder = path.join(tmpdir(), `docket-stage-cline-${createHash('sha256').update(url).digest('hex').slice(0, 16)}`);
  const settings = { provider: 'openai-compatible', apiKey: KEY, model: 'fake-model', baseUrl: `${url}/v1` };
  const providers = { 'openai-compatible': { settings, updatedAt: '2026-01-01T00:00:00.000Z', tokenSource: 'manual' } };
  mkdirSync(path.join(folder, 'settings'), { recursive: true, mode: 0o700 });
  writeFileSync(
    path.join(folder, 'settings', 'providers.json'),
    JSON.stringify({ version: 1, lastUsedProvider: 'openai-compatible', modes: {}, providers }),
    { mode: 0o600 },
  );
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

export const STAGING: Readonly<Record<TableTool, Staging>> = {
  claude: { model: 'sonnet', env: (url) => ({ ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: url }) },
  codex: {
    model: 'gpt-5.5',
    env: () => ({ CODEX_API_KEY: KEY }),
    args: (url) => ['-c', 'model_provider="fake"', '-c', codexProvider(url)],
  },
  gemini: { model: 'gemini-3.8-flash', env: (url) => ({ GEMINI_API_KEY: KEY, GOOGLE_GEMINI_BASE_URL: url }) },
  opencode: { model: 'fake/fake-model', env: (url) => ({ OPENCODE_CONFIG_CONTENT: opencodeConfig(url) }) },
  qwen: {
    model: 'fake-model',
    env: (url) => ({ OPENAI_API_KEY: KEY, OPENAI_BASE_URL: `${url}/v1`, OPENAI_MODEL: 'fake-model' }),
    args: () => ['--auth-type', 'openai'],
  },
  copilot: {
    model: 'fake-model',
    env: (url) => ({
      COPILOT_OFFLINE: 'true',
      COPILOT_PROVIDER_BASE_URL: `${url}/v1`,
      COPILOT_PROVIDER_API_KEY: KEY,
      COPILOT_MODEL: 'fake-model',
    }),
  },
  cline: {
    model: 'fake-model',
    env: (url) => ({ CLINE_DATA_DIR: clineData(url) }),
    args: () => ['-P', 'openai'],
  },
};

export type Ran = Attempted & {
  /** Files in the working folder afterwards. */
  readonly files: readonly string[];
  /** Requests that the model server got. */
  readonly requests: readonly string[];
  /** What the tool was given, on standard input or as an argument. */
  readonly given: string;
  /** All of its standard output. */
  readonly stdout: string;
};
export type RunOptions = {
  readonly brief?: string;
  readonly limits?: Partial<RunRequest['limits']>;
  readonly access?: RunRequest['access'];
  /** Files that lie in the working folder, by path. */
  readonly project?: Readonly<Record<string, string>>;
  /** Called when it begins; what it answers is called with the outcome's kind when it has ended. */
  readonly during?: (run: {
    readonly runner: Runner;
    readonly request: RunRequest;
    readonly keeper: Keeper;
  }) => (kind: string) => Promise<void>;
};

/** A brief without the backslashes that keep mentions from being acted on. */
export const plain = (given: string): string => given.replaceAll('\\@', '@').replaceAll('@\\', '@');

export type Stage = {
  readonly env: (rig: Rig, scenario?: string) => Readonly<Record<string, string>>;
  readonly runner: (rig: Rig, ports: RunnerPorts, scenario?: string, more?: Partial<ToolOptions>) => Runner;
  readonly modelName: string;
  /** A folder that no run may write to. */
  readonly outside: string;
  run(t: TestContext, scenario: string, options?: RunOptions): Promise<Ran>;
  close(): Promise<void>;
};

/** A kind place for one tool: a model server, and a home that its runs share (some tools unpack themselves there at first). */
export async function openStage(tool: string, bin: string, way: 'command' | 'acp' = 'command'): Promise<Stage> {
  const known = (STAGING as Readonly<Record<string, Staging>>)[tool];
  assert.ok(known !== undefined, `nobody knows how to point ${tool} at the fake model`);
  const staging: Staging = way === 'acp' ? { ...known, ...known.acp } : known;
  const base = await mkdtemp(path.join(tmpdir(), 'docket-stage-'));
  const dump = path.join(base, 'dump');
  const home = path.join(base, 'home');
  const state = path.join(base, 'state');
  const outside = path.join(base, 'outside');
  for (const folder of [dump, home, state, outside]) await mkdir(folder);
  const model: FakeModel = await startFakeModel({ dump });
  const urlFor = (scenario: string): string => `${model.url}/s/${scenario}`;
  // The tools that are JavaScript run on the Node of these tests.
  const env: Stage['env'] = (_rig, scenario = 'ok') => ({
    PATH: `${bin}:${path.dirname(process.execPath)}:/usr/bin:/bin`,
    HOME: home,
    ...staging.env(urlFor(scenario)),
  });
  const runner: Stage['runner'] = (_rig, ports, scenario = 'ok', more = {}) => {
    const options = { args: staging.args?.(urlFor(scenario)) ?? [], ...more };
    return way === 'acp' ? acpRunnerOf(profileOf(tool), state, ports, options) : runnerOf(tool, state, ports, options);
  };

  return {
    env,
    runner,
    modelName: staging.model,
    outside,
    async run(t, scenario, { brief, limits = {}, access = 'read-only', project = {}, during } = {}) {
      const rig = await makeRig(t);
      await rig.serve();
      const made = await makeRequest(rig.folder, 'a1', brief);
      const request: RunRequest = {
        ...made,
        model: staging.model,
        access,
        limits: { ...made.limits, timeoutMs: 240_000, idleMs: 240_000, turns: 4, ...limits },
      };
      for (const [name, content] of Object.entries({ 'inside.txt': 'INSIDE-MARK\n', ...project })) {
        await mkdir(path.dirname(path.join(request.cwd, name)), { recursive: true });
        await writeFile(path.join(request.cwd, name), content);
      }
      const own = `${scenario.replace('{cwd}', encodeURIComponent(request.cwd))},id=${request.runId}`;
      const before = new Set(await readdir(dump));
      const made2 = runner(rig, withSandbox(makeRunnerPorts(env(rig, own)), state), own);
      const plan = await made2.plan(request);
      assert.ok(plan.ok && plan.value.kind === 'program', JSON.stringify(plan));
      const asArgument = plan.value.args.find((argument) => plain(argument) === request.brief);
      const given = asArgument ?? (plan.value.stdin === '/dev/null' ? '' : await readFile(plan.value.stdin, 'utf8'));
      const keeper = await rig.client();
      const end = during?.({ runner: made2, request, keeper });
      const done = await runAttempt({ runner: made2, keeper, fs, digest, clock, log: silentLog }, request, new AbortController().signal);
      await end?.(done.outcome.ok ? done.outcome.status : done.outcome.failure.kind);
      assert.deepEqual(await processes.marked('DOCKET_RUN_ID', request.runId), [], `${tool} left a process behind`);
      const names = (await readdir(dump)).filter((name) => !before.has(name)).toSorted();
      const requests = await Promise.all(names.map(async (name) => readFile(path.join(dump, name), 'utf8')));
      const stdout = await readFile(path.join(request.dir, 'stdout'), 'utf8');
      return { ...done, files: (await readdir(request.cwd)).toSorted(), requests, given, stdout };
    },
    async close() {
      await model.close();
      await rm(base, { recursive: true, force: true });
    },
  };
}
