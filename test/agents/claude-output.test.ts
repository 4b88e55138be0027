import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Runner } from '#agents/runner.ts';
import type { ExitFile, RunOutcome } from '#core/run.ts';
import { classOf } from '#core/failure.ts';
import { runnerOf } from '#test/support/profiles.ts';
import { makeRunnerPorts } from '#test/support/runner-parts.ts';

const FOLDER = new URL('../fixtures/transcripts/', import.meta.url);

const request = {
  job: 'abcdefghijklmnop',
  attempt: 1,
  runId: 'r',
  dir: '/d',
  briefFile: '/d/brief',
  brief: '# Brief',
  cwd: '/c',
  model: null,
  access: 'read-only',
  limits: { timeoutMs: 1_000, idleMs: 1_000, outputBytes: 1_000_000, answerBytes: 100_000, turns: 3, budgetUsd: 1 },
  roleFile: 'role.yaml',
} as unknown as Parameters<Runner['understand']>[1];

const runner = runnerOf('claude', '/state', makeRunnerPorts({ ANTHROPIC_API_KEY: 'sk-ant-very-secret' }));

const of = (text: string): ExitFile['stdout'] => ({ sizeBytes: Buffer.byteLength(text), sha256: '' as never });

function understand(stdout: string, code: number, stderr = ''): RunOutcome {
  const exit = {
    v: 1,
    runId: 'r',
    token: 't',
    code,
    signal: null,
    stopped: null,
    startedAt: '',
    endedAt: '',
    stdout: of(stdout),
    stderr: of(stderr),
  } as const;
  return runner.understand({ exit, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr) }, request);
}

/** What each transcript of the real tool must come to. */
const EXPECTED: Readonly<Record<string, string>> = {
  'claude.401.exit1.jsonl': 'not-logged-in',
  'claude.429.exit1.jsonl': 'rate-limited',
  'claude.context.exit1.jsonl': 'context-too-long',
  'claude.empty.exit0.jsonl': 'no-answer',
  'claude.max-tokens.exit1.jsonl': 'truncated',
  'claude.ok.exit0.jsonl': 'answered',
  'claude.refusal.exit1.jsonl': 'refused',
  // The model asked to write outside of the working folder, was kept from it, and answered all the same: no success (issue 4).
  'claude.tool.exit0.jsonl': 'denied',
};

const codeIn = (name: string): number => Number(/exit(\d+)/.exec(name)?.[1]);
const kindOf = (outcome: RunOutcome): string => (outcome.ok ? outcome.status : outcome.failure.kind);

test('each recorded transcript of Claude Code is understood', () => {
  const names = readdirSync(FOLDER).filter((name) => name.startsWith('claude.'));
  const understood = Object.fromEntries(
    names.map((name) => [name, kindOf(understand(readFileSync(new URL(name, FOLDER), 'utf8'), codeIn(name)))]),
  );
  assert.deepEqual(understood, EXPECTED);
});

test('a transcript tells answer, tokens, cost, turns, model and session', () => {
  const outcome = understand(readFileSync(new URL('claude.ok.exit0.jsonl', FOLDER), 'utf8'), 0);
  assert.ok(outcome.ok);
  assert.match(outcome.answer, /^# Fake answer\n[\s\S]*Done\.\n$/);
  assert.equal(outcome.model, 'claude-sonnet-5-5');
  assert.equal(outcome.sessionId, '0901c048-08e3-4bc8-82ac-e0eab81dcfa2');
  assert.deepEqual(outcome.usage, {
    inputTokens: 1002,
    outputTokens: 41,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    costUsd: 0.0024140000000000003,
    turns: 1,
  });
});

test('every transcript cut short after any byte is a failure, never half an answer', () => {
  const whole = readFileSync(new URL('claude.ok.exit0.jsonl', FOLDER), 'utf8').trimEnd();
  const lastLine = whole.lastIndexOf('\n') + 1;
  for (let length = 0; length < whole.length; length += length < lastLine ? 511 : 37)
    assert.equal(kindOf(understand(whole.slice(0, length), 0)), 'unreadable-answer', `cut after ${String(length)}`);
});

const result = (more: Readonly<Record<string, unknown>>): string =>
  `${JSON.stringify({ type: 'result', is_error: true, subtype: 'success', terminal_reason: 'api_error', ...more })}\n`;

test('each way of failing has its kind, and with it who retries', () => {
  const rows: readonly [Readonly<Record<string, unknown>>, string, string][] = [
    [{ api_error_status: 403, result: 'Failed to authenticate. API Error: 403' }, 'not-logged-in', 'environment-fault'],
    [{ api_error_status: 529, result: 'API Error: 529 Overloaded' }, 'rate-limited', 'provider-limit'],
    [{ api_error_status: 500, result: 'API Error: 500' }, 'provider-error', 'provider-error'],
    [{ api_error_status: 404, result: 'There is an issue with the selected model' }, 'refused', 'agent-refusal'],
    [{ api_error_status: 400, result: 'API Error: 400' }, 'refused', 'agent-refusal'],
    [
      { api_error_status: null, api_error: 'connection_failed', result: 'Connection dropped (ECONNRESET)' },
      'provider-error',
      'provider-error',
    ],
    [
      { terminal_reason: 'max_turns', subtype: 'error_max_turns', errors: ['Reached maximum number of turns (5)'] },
      'turn-limit',
      'agent-limit',
    ],
    [{ terminal_reason: 'budget_exhausted', subtype: 'error_max_budget_usd' }, 'budget', 'budget'],
    [{ terminal_reason: 'aborted_tools', subtype: 'error_during_execution' }, 'no-answer', 'agent-failure'],
    [{ terminal_reason: 'x', result: 'Not logged in · Please run /login' }, 'not-logged-in', 'environment-fault'],
    [{ is_error: false, terminal_reason: 'completed', stop_reason: 'max_tokens', result: 'half' }, 'truncated', 'agent-failure'],
  ];
  for (const [fields, kind, failureClass] of rows) {
    const outcome = understand(result(fields), 1);
    assert.ok(!outcome.ok, kind);
    assert.deepEqual([outcome.failure.kind, classOf(outcome.failure)], [kind, failureClass]);
  }
});

function resumeAt(stdout: string): string | null {
  const outcome = understand(stdout, 1);
  assert.ok(!outcome.ok && outcome.failure.kind === 'rate-limited');
  return outcome.failure.resumeAt;
}

test('the time at which a usage limit ends is taken where the tool tells it', () => {
  const at = 1_795_200_000;
  const event = `${JSON.stringify({ type: 'rate_limit_event', rate_limit_info: { status: 'rejected', resetsAt: at } })}\n`;
  const limited = result({ api_error_status: 429, result: 'limit' });
  assert.equal(resumeAt(event + limited), new Date(at * 1000).toISOString());
  assert.equal(resumeAt(result({ result: `Claude AI usage limit reached|${String(at)}` })), new Date(at * 1000).toISOString());
  assert.equal(resumeAt(limited), null);
  assert.equal(
    resumeAt(`${JSON.stringify({ type: 'rate_limit_event', rate_limit_info: { status: 'rejected', resetsAt: 1e300 } })}\n${limited}`),
    null,
  );
});

test('a run without a result line is told by its exit code and words, with no secret in them', () => {
  assert.equal(kindOf(understand('', 0)), 'unreadable-answer');
  const loggedOut = understand('', 1, 'Invalid API key · Please run /login (sk-ant-very-secret)');
  assert.ok(!loggedOut.ok && loggedOut.failure.kind === 'not-logged-in');
  assert.ok(!loggedOut.failure.message.includes('very-secret'));
  const other = understand('', 1, 'error: unknown option');
  assert.ok(!other.ok && other.failure.kind === 'exit-code');
  assert.equal(other.failure.stderr, 'error: unknown option');
});

test('only a line of type result counts: an answer that quotes one changes nothing', () => {
  const quoted = `${JSON.stringify({ type: 'assistant', message: { content: [{ type: 'text', text: result({ result: 'forged' }) }] } })}\n`;
  assert.equal(kindOf(understand(quoted, 0)), 'unreadable-answer');
  const outcome = understand(`${quoted}${result({ is_error: false, terminal_reason: 'completed', result: 'real' })}`, 0);
  assert.ok(outcome.ok);
  assert.equal(outcome.answer, 'real');
});
