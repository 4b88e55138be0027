/** An agent over the Agent Client Protocol that does what the prompt says, with a real keeper and cli/acp-call.ts between: policy, files, ends. */

import assert from 'node:assert/strict';
import { existsSync, watch } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { runAttempt, type Attempted } from '#agents/attempt.ts';
import type { RunRequest, ToolActs } from '#core/run.ts';
import { clock, digest, fs, makeRig, processes, silentLog, type Rig } from '#test/keeper/rig.ts';
import { scripted, scriptOf, type Step } from '#test/support/acp-script.ts';
import { acpRunnerOf } from '#test/support/profiles.ts';
import { makeRequest, makeRunnerPorts } from '#test/support/runner-parts.ts';

type Ran = Attempted & { readonly request: RunRequest; readonly rig: Rig; readonly acts: ToolActs | undefined };
type Options = Partial<Pick<RunRequest, 'access' | 'model' | 'limits'>> & {
  readonly profile?: ReturnType<typeof scripted>;
  readonly signal?: AbortSignal;
  readonly prepare?: (cwd: string) => Promise<void>;
};

async function run(t: TestContext, steps: readonly Step[] | ((cwd: string) => readonly Step[]), options: Options = {}): Promise<Ran> {
  const rig = await makeRig(t);
  await rig.serve();
  const made = await makeRequest(rig.folder, 'a1');
  await options.prepare?.(made.cwd);
  const brief = scriptOf(...(typeof steps === 'function' ? steps(made.cwd) : steps));
  await writeFile(made.briefFile, brief);
  const { access = 'worktree', model = null, limits = made.limits } = options;
  const request = { ...made, brief, access, model, limits };
  const runner = acpRunnerOf(options.profile ?? scripted(), rig.state, makeRunnerPorts({}));
  const ports = { runner, keeper: await rig.client(), fs, digest, clock, log: silentLog };
  const done = await runAttempt(ports, request, options.signal ?? new AbortController().signal);
  assert.deepEqual(await processes.marked('DOCKET_RUN_ID', request.runId), []);
  return { ...done, request, rig, acts: done.outcome.acts };
}

const answerOf = ({ outcome }: Ran): string => {
  assert.ok(outcome.ok, JSON.stringify(outcome));
  return outcome.answer;
};
const failureOf = ({ outcome }: Ran): { readonly kind: string; readonly message?: string } => {
  assert.ok(!outcome.ok, JSON.stringify(outcome));
  return outcome.failure;
};
const edit = (file: string, more: Readonly<Record<string, unknown>> = {}): Step => ({
  ask: { kind: 'edit', title: 'Write a file', locations: [{ path: file }], ...more },
});

const linksOut = async (cwd: string): Promise<void> => {
  await mkdir(`${cwd}-out`);
  await writeFile(`${cwd}-out/secret`, 'SECRET');
  await symlink(`${cwd}-out`, path.join(cwd, 'link'));
  await symlink(`${cwd}-out/later`, path.join(cwd, 'dangling'));
};
const throughLinks = (cwd: string): Step[] => [
  { call: 'fs/read_text_file', params: { path: path.join(cwd, 'link/secret') } },
  { call: 'fs/read_text_file', params: { path: path.join(cwd, '../', `${path.basename(cwd)}-out/secret`) } },
  { call: 'fs/write_text_file', params: { path: path.join(cwd, 'link/new'), content: 'x' } },
  { call: 'fs/write_text_file', params: { path: path.join(cwd, 'dangling'), content: 'x' } },
];

describe('an agent over ACP', { concurrency: 2 }, () => {
  test('an answer comes with its tokens and session; what was said before a tool is none', async (t) => {
    const tool = { sessionUpdate: 'tool_call', toolCallId: 'x', title: 'Read', kind: 'read' };
    const ran = await run(t, [{ say: 'Let me see. ' }, { update: tool }, { say: 'The ' }, { say: 'answer.\n' }]);
    assert.equal(answerOf(ran), 'The answer.\n');
    assert.deepEqual([ran.outcome.usage.inputTokens, ran.outcome.usage.outputTokens, ran.outcome.sessionId], [12, 3, 's1']);
    assert.equal(ran.acts, undefined);
  });

  test('a write inside is allowed once, and evidence has the decision, its rule and what changes', async (t) => {
    const diff = { type: 'diff', path: 'new.md', oldText: null, newText: 'new\n' };
    const ran = await run(t, (cwd) => [edit(path.join(cwd, 'new.md'), { content: [{ ...diff, path: path.join(cwd, 'new.md') }] })]);
    assert.equal(answerOf(ran), '{"outcome":"selected","optionId":"o-allow_once"}');
    const rule = 'writes inside the working folder';
    assert.deepEqual(ran.acts?.asked, [{ kind: 'edit', title: 'Write a file', paths: ['new.md'], decision: 'allowed', rule }]);
    const after = { sha256: digest.sha256('new\n'), sizeBytes: 4 };
    assert.deepEqual(ran.acts.diffs, [{ path: 'new.md', before: null, after, by: 'agent' }]);
  });

  test('a write that is not allowed is rejected, and the run is denied, whatever is said after it', async (t) => {
    const cases: readonly [string, string, RunRequest['access'], Step][] = [
      ['outside', 'outside of the working folder', 'worktree', edit('/etc/made-by-an-agent')],
      ['no file', 'a write that names no file', 'worktree', { ask: { kind: 'edit', title: 'x' } }],
      ['git', 'no writes to the folder itself or to .git', 'worktree', edit('.git/hooks/pre-commit')],
      ['read-only', 'read-only: no writes', 'read-only', edit('inside.md')],
      ['in a diff', 'read-only: no writes', 'read-only', { ask: { kind: 'read', title: 'x', content: [{ type: 'diff', path: 'a', newText: '' }] } }],
    ]; // prettier-ignore
    for (const [name, rule, access, step] of cases) {
      const ran = await run(t, [step, { say: 'I did my best.' }], { access });
      assert.equal(failureOf(ran).kind, 'denied', name);
      assert.deepEqual(ran.acts?.asked.map((ask) => [ask.decision, ask.rule]), [['rejected', rule]]); // prettier-ignore
      assert.match(failureOf(ran).message ?? '', new RegExp(rule.replaceAll('.', '\\.')), name);
    }
  });

  test('a command that is not allowed is rejected: an answer without it is one, silence is a denial', async (t) => {
    const command: Step = { ask: { title: 'ls', rawInput: { command: 'ls -la' } } };
    const answered = await run(t, [command]);
    assert.equal(answerOf(answered), '{"outcome":"selected","optionId":"o-reject_once"}');
    assert.deepEqual(answered.acts?.asked.map(({ kind, decision }) => [kind, decision]), [['execute', 'rejected']]); // prettier-ignore
    const silent = await run(t, [{ say: 'I need a shell.' }, { call: 'session/request_permission', params: { toolCall: { toolCallId: 'c', kind: 'execute' }, options: [] }, quiet: true }]); // prettier-ignore
    assert.equal(failureOf(silent).kind, 'denied');
  });

  test('a profile may allow commands, where the folder may be written to, and no "always" is given', async (t) => {
    const command: Step = { ask: { kind: 'execute', title: 'ls' }, options: ['allow_always', 'reject_always'] };
    const profile = scripted([], ['execute: true']);
    assert.equal(answerOf(await run(t, [command], { profile })), '{"outcome":"selected","optionId":"o-reject_always"}');
    const once: Step = { ask: { kind: 'execute', title: 'ls' } };
    assert.equal(answerOf(await run(t, [once], { profile })), '{"outcome":"selected","optionId":"o-allow_once"}');
    assert.equal(answerOf(await run(t, [once], { profile, access: 'read-only' })), '{"outcome":"selected","optionId":"o-reject_once"}');
  });

  test('a call that began as a write is one when it is asked for, and each path that was named counts', async (t) => {
    const begin = { sessionUpdate: 'tool_call', toolCallId: 't1', title: 'Move', kind: 'move', locations: [{ path: 'a.md' }] };
    const ran = await run(t, [{ update: begin }, { ask: { rawInput: { destination: '/etc/made-by-an-agent' } } }]);
    assert.deepEqual(
      ran.acts?.asked.map(({ kind, paths, decision }) => [kind, paths, decision]),
      [['move', ['a.md', '/etc/made-by-an-agent'], 'rejected']],
    );
  });

  test('docket reads and writes files for it, inside and by the same rules', async (t) => {
    const ran = await run(
      t,
      (cwd) => [
        { call: 'fs/read_text_file', params: { path: path.join(cwd, 'a.md'), line: 2, limit: 1 } },
        { call: 'fs/write_text_file', params: { path: path.join(cwd, 'sub/b.md'), content: 'b\n' } },
        { call: 'fs/write_text_file', params: { path: path.join(cwd, 'a.md'), content: 'new\n' } },
      ],
      { prepare: async (cwd) => writeFile(path.join(cwd, 'a.md'), 'one\ntwo\nthree\n', { mode: 0o755 }) },
    );
    assert.equal(answerOf(ran), '{"content":"two"}{}{}');
    assert.equal(await readFile(path.join(ran.request.cwd, 'sub/b.md'), 'utf8'), 'b\n');
    assert.equal((await fs.facts(path.join(ran.request.cwd, 'a.md')))?.mode !== undefined, true);
    assert.equal(((await fs.facts(path.join(ran.request.cwd, 'a.md')))?.mode ?? 0) & 0o777, 0o755);
    assert.deepEqual(
      ran.acts?.diffs.map((diff) => [diff.path, diff.before?.sizeBytes, diff.after.sizeBytes, diff.by]),
      [['sub/b.md', undefined, 2, 'docket'], ['a.md', 14, 4, 'docket']],
    ); // prettier-ignore
  });

  test('a link that leads out is outside, for reading and for writing, also when it leads nowhere yet', async (t) => {
    const ran = await run(t, throughLinks, { prepare: linksOut });
    assert.equal(failureOf(ran).kind, 'denied');
    assert.deepEqual(ran.acts?.asked.map(({ decision }) => decision), Array.from({ length: 4 }, () => 'rejected')); // prettier-ignore
    assert.ok(!(await readFile(path.join(ran.request.dir, 'stdout'), 'utf8')).includes('SECRET'));
    assert.ok(!existsSync(`${ran.request.cwd}-out/new`) && !existsSync(`${ran.request.cwd}-out/later`));
  });

  test('terminals and whatever else a client might offer are not offered', async (t) => {
    const ran = await run(t, [
      { call: 'terminal/create', params: { command: 'ls' } },
      { call: 'made/up', params: {} },
    ]);
    assert.match(answerOf(ran), /^\{"code":-32601,.*\}\{"code":-32601,.*\}$/);
  });

  test('its errors, and its going away, are failures', async (t) => {
    const cases: readonly [string, Step][] = [
      ['truncated', { stop: 'max_tokens' }],
      ['rate-limited', { error: { code: 429, message: 'slow down, retry after 60s' } }],
      ['exit-code', { exit: 3 }],
      ['exit-code', { exit: 0 }],
    ];
    for (const [kind, step] of cases) {
      const failure = failureOf(await run(t, [{ say: 'half' }, step]));
      assert.equal(failure.kind, kind, JSON.stringify({ step, failure }));
    }
  });

  test('another version of the protocol, and a model that it does not offer, are told', async (t) => {
    assert.match(failureOf(await run(t, [], { profile: scripted(['2']) })).message ?? '', /version 2 of the protocol/);
    assert.match(failureOf(await run(t, [{ say: 'x' }], { model: 'huge' })).message ?? '', /does not offer the model huge/);
    const large = await run(t, [{ say: 'x' }], { model: 'large' });
    assert.deepEqual([answerOf(large), large.outcome.model], ['x', 'large']);
  });

  test('what it says of itself in the midst of the answer is no answer, where its profile knows the words', async (t) => {
    const profile = scripted([], ["notices: ['^Info: retrying', '^Error: gave up']"]);
    assert.equal(answerOf(await run(t, [{ say: 'Info: retrying' }, { say: 'Fine.' }], { profile })), 'Fine.');
    assert.equal(failureOf(await run(t, [{ say: 'Info: retrying' }, { say: 'Error: gave up: 503' }], { profile })).kind, 'provider-error');
  });

  test('lines that are no messages are passed over', async (t) => {
    const ran = await run(t, [{ raw: 'Welcome to the agent!\n{"half":\n\n' }, { say: 'x' }]);
    assert.equal(answerOf(ran), 'x');
  });

  test('one that hangs is ended by the limit, with all that it started', async (t) => {
    const limits = { timeoutMs: 60_000, idleMs: 2_500, outputBytes: 1_000_000, answerBytes: 500_000, turns: 10, budgetUsd: 1 };
    for (const hang of ['polite', 'deaf'] as const) assert.equal(failureOf(await run(t, [{ hang }], { limits })).kind, 'idle');
  });

  test('a stop is told to the agent, and ends it', async (t) => {
    const stop = new AbortController();
    const file = path.join((await makeRig(t)).folder, 'pid');
    const watcher = watch(path.dirname(file), () => {
      if (existsSync(file)) stop.abort('a person');
    });
    t.after(() => {
      watcher.close();
    });
    assert.equal(failureOf(await run(t, [{ note: file }, { hang: 'polite' }], { signal: stop.signal })).kind, 'cancelled');
  });
});
