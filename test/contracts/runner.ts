/**
 * The contract of a runner, for every body: offline, command, profiles with a stub, and the real tools in the slow suite.
 * Programs are really started, by a real keeper.
 */

import assert from 'node:assert/strict';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { runAttempt, type Attempted } from '#agents/attempt.ts';
import type { Runner, RunnerPorts } from '#agents/runner.ts';
import type { ExitFile, RunRequest, StopReason } from '#core/run.ts';
import { clock, digest, fs, makeRig, silentLog, type Rig } from '#test/keeper/rig.ts';
import { makeRequest, makeRunnerPorts } from '#test/support/runner-parts.ts';

export type RunnerCase = {
  readonly name: string;
  /** Output of the tool for an answer; null: it starts no program. */
  readonly outputFor: ((answer: string) => string) | null;
  readonly make: (rig: Rig, ports: RunnerPorts) => Promise<Runner>;
  /** More of the daemon's environment. */
  readonly env?: (rig: Rig) => Readonly<Record<string, string>>;
  /** A runner whose program is not there. */
  readonly makeMissing: ((ports: RunnerPorts) => Runner) | null;
  readonly limits?: Partial<RunRequest['limits']>;
  /** For a tool that has no model of its own. */
  readonly model?: () => string;
};

const CANARY = 'canary-value-that-belongs-to-the-daemon';

type Set = { readonly rig: Rig; readonly runner: Runner; readonly request: RunRequest };

async function setUp(t: TestContext, body: RunnerCase): Promise<Set> {
  const rig = await makeRig(t);
  const ports = makeRunnerPorts({ DOCKET_CANARY: CANARY, NODE_OPTIONS: '--no-deprecation', ...body.env?.(rig) });
  const runner = await body.make(rig, ports);
  const request = await makeRequest(rig.folder, 'a1');
  return { rig, runner, request: { ...request, model: body.model?.() ?? null, limits: { ...request.limits, ...body.limits } } };
}

async function attempt({ rig, runner, request }: Set, signal = new AbortController().signal): Promise<Attempted> {
  await rig.serve();
  return runAttempt({ runner, keeper: await rig.client(), fs, digest, clock, log: silentLog }, request, signal);
}

const of = (content: Uint8Array): ExitFile['stdout'] => ({ sizeBytes: content.length, sha256: digest.sha256(content) });

function rawOf(stdout: string | Uint8Array, exit: Partial<ExitFile> = {}): Parameters<Runner['understand']>[0] {
  const bytes = typeof stdout === 'string' ? Buffer.from(stdout) : stdout;
  const end = { v: 1, runId: 'run-id-0', token: 't', code: 0, signal: null, stopped: null, startedAt: '', endedAt: '' } as const;
  return { exit: { ...end, stdout: of(bytes), stderr: of(Buffer.from('')), ...exit }, stdout: bytes, stderr: new Uint8Array() };
}

export function runnerContract(body: RunnerCase): void {
  const { name, outputFor, makeMissing } = body;

  test(`${name}: facts name the same runner and program each time`, async (t) => {
    const { runner } = await setUp(t, body);
    const facts = await runner.facts();
    assert.equal(facts.name, runner.name);
    assert.equal(facts.lane, runner.lane);
    assert.deepEqual(await runner.facts(), facts);
    assert.equal(facts.program !== null, outputFor !== null);
    assert.equal(facts.programSha256 !== null, outputFor !== null);
    assert.equal(facts.callsProvider, outputFor !== null);
    assert.deepEqual(await runner.check(), { ok: true, value: null });
  });

  test(`${name}: a plan is whole, repeatable, and gives the program nothing of the daemon's that it does not need`, async (t) => {
    const { runner, request } = await setUp(t, body);
    const plan = await runner.plan(request);
    assert.ok(plan.ok);
    assert.deepEqual(await runner.plan(request), plan);
    if (plan.value.kind === 'inline') {
      assert.equal(plan.value.answer, request.brief);
      return;
    }
    assert.ok(path.isAbsolute(plan.value.program));
    // The brief goes in as a file or, whole, as one argument.
    if (!plan.value.args.includes(request.brief)) assert.equal(plan.value.stdin, request.briefFile);
    assert.equal(plan.value.cwd, request.cwd);
    assert.ok(!plan.value.args.some((argument) => /\{(?:prompt_file|model|session|dir|turns|budget_usd)\}/.test(argument)));
    assert.ok(!JSON.stringify(plan.value).includes(CANARY));
    assert.ok(!('NODE_OPTIONS' in plan.value.env));
    assert.ok(plan.value.env['PATH']?.split(path.delimiter).every((folder) => path.isAbsolute(folder)));
  });

  test(`${name}: an attempt gives an answer, and one that is asked for again is not run again`, async (t) => {
    const set = await setUp(t, body);
    const first = await attempt(set);
    assert.ok(first.outcome.ok, JSON.stringify(first.outcome));
    assert.equal(first.outcome.status, outputFor === null ? 'briefed' : 'answered');
    assert.notEqual(first.outcome.answer.trim(), '');
    assert.equal(first.starts, outputFor === null ? 0 : 1);
    assert.equal(first.command === null, outputFor === null);
    const keeper = await set.rig.client();
    const again = await runAttempt(
      { runner: set.runner, keeper, fs, digest, clock, log: silentLog },
      set.request,
      new AbortController().signal,
    );
    assert.deepEqual(again.outcome, first.outcome);
    assert.equal(again.starts, first.starts);
  });

  if (makeMissing !== null)
    test(`${name}: a program that is not installed is told by its name`, async (t) => {
      const rig = await makeRig(t);
      const runner = makeMissing(makeRunnerPorts({}));
      const plan = await runner.plan(await makeRequest(rig.folder, 'a1'));
      assert.ok(!plan.ok && plan.error.kind === 'missing-program');
      const check = await runner.check();
      assert.ok(!check.ok && check.error.kind === 'missing-program');
      assert.equal((await runner.facts()).program, null);
    });

  if (outputFor === null) return;

  test(`${name}: output is understood the same way each time`, async (t) => {
    const { runner, request } = await setUp(t, body);
    const answer = '# Title\r\n\n"quoted" \\ ünïcode 👍\n';
    const outcome = runner.understand(rawOf(outputFor(answer)), request);
    assert.ok(outcome.ok);
    assert.equal(outcome.answer, answer);
    assert.deepEqual(runner.understand(rawOf(outputFor(answer)), request), outcome);
  });

  test(`${name}: a run that docket ended is no success, whatever it wrote`, async (t) => {
    const { runner, request } = await setUp(t, body);
    const kinds: Record<StopReason, string> = {
      timeout: 'timeout',
      idle: 'idle',
      'output-limit': 'output-limit',
      'memory-limit': 'memory-limit',
      'process-limit': 'process-limit',
      cancelled: 'cancelled',
      budget: 'budget',
      'keeper-lost': 'interrupted',
    };
    for (const stopped of Object.keys(kinds) as StopReason[]) {
      const outcome = runner.understand(rawOf(outputFor('a fine answer'), { stopped }), request);
      assert.ok(!outcome.ok);
      assert.equal(outcome.failure.kind, kinds[stopped]);
    }
  });

  test(`${name}: an exit code, a signal, silence, half an answer and bytes that are no text are failures`, async (t) => {
    const { runner, request } = await setUp(t, body);
    const kindOf = (...args: Parameters<typeof rawOf>): string => {
      const outcome = runner.understand(rawOf(...args), request);
      return outcome.ok ? 'ok' : outcome.failure.kind;
    };
    assert.equal(kindOf(outputFor('fine'), { code: 3 }), 'exit-code');
    assert.equal(kindOf(outputFor('fine'), { code: null, signal: 'SIGKILL' }), 'exit-code');
    assert.equal(kindOf(outputFor(' \n')), 'no-answer');
    assert.ok(['no-answer', 'unreadable-answer'].includes(kindOf('')));
    assert.equal(kindOf(Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(outputFor('fine'))])), 'unreadable-answer');
    assert.equal(kindOf(outputFor('x'.repeat(request.limits.answerBytes + 1))), 'output-limit');
    assert.equal(
      kindOf(outputFor('fine'), { stdout: { sizeBytes: request.limits.outputBytes + 1, sha256: digest.sha256('') } }),
      'output-limit',
    );
  });
}
