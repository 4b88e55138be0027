import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classOf, describe, type Failure } from '#core/failure.ts';
import { canMove, JOB_STATES, suffixOf } from '#core/job.ts';
import { backoffMs, decide, isSpentBy, probeDelayMs, resetMsOf, spentOn, type RetryPolicy } from '#core/retry.ts';

const POLICY: RetryPolicy = { attempts: 3, repairs: 1, baseMs: 1_000, capMs: 60_000 };
const NOW = Date.parse('2026-11-20T12:00:00Z');
const finding = (line: number): { check: string; line: number; column: number; message: string } => ({
  check: 'fence yaml',
  line,
  column: 2,
  message: `fault ${String(line)}`,
});
const providerError: Failure = { kind: 'provider-error', runner: 'claude', message: 'overloaded', status: 529 };
const limited = (resumeAt: string | null): Failure => ({ kind: 'rate-limited', runner: 'claude', message: '429', resumeAt });

test('back-off doubles with each attempt, has full jitter and a cap', () => {
  assert.deepEqual(
    [1, 2, 3, 4].map((spent) => backoffMs(spent, POLICY, 1)),
    [1_000, 2_000, 4_000, 8_000],
  );
  assert.equal(backoffMs(3, POLICY, 0), 0);
  assert.equal(backoffMs(50, POLICY, 1), 60_000);
});

test('a provider error is tried again until the attempts are spent', () => {
  assert.deepEqual(decide(providerError, 1, POLICY, 1), { do: 'again', delayMs: 1_000, spent: true });
  assert.deepEqual(decide(providerError, 3, POLICY, 1), { do: 'give-up' });
});

test('a rate limit holds the lane, and tells until when where the provider said so', () => {
  assert.deepEqual(decide(limited('2026-11-20T12:05:00Z'), 0, POLICY, 0.5), { do: 'hold-lane' });
  assert.equal(resetMsOf(limited('2026-11-20T12:05:00Z')), NOW + 300_000);
  assert.equal(resetMsOf(limited(null)), null);
  assert.equal(resetMsOf(limited('soon')), null);
});

test('a lane is looked at again after a wait with full jitter below a bound that doubles, never sooner than the base, never later than the cap', () => {
  assert.deepEqual(
    [1, 2, 3, 6, 7, 50].map((tries) => probeDelayMs(tries, POLICY, 1)),
    [2_000, 4_000, 8_000, 60_000, 60_000, 60_000],
  );
  assert.equal(probeDelayMs(5, POLICY, 0), 1_000);
  assert.equal(probeDelayMs(5, POLICY, 0.5), 16_000);
});

test('limits, the environment, a budget and a cancel cost no attempt; a provider error does, but not a probe of its lane', () => {
  assert.equal(isSpentBy(limited(null)), false);
  assert.equal(isSpentBy({ kind: 'missing-program', program: 'x', searched: 'PATH' }), false);
  assert.equal(isSpentBy(providerError), true);
  assert.equal(isSpentBy(providerError, true), false);
  assert.equal(isSpentBy({ kind: 'no-answer', runner: 'claude', message: 'empty' }, true), true);
});

test('a wrong answer and our own limits get one more try, a refusal none', () => {
  const empty: Failure = { kind: 'no-answer', runner: 'claude', message: 'empty' };
  assert.equal(decide(empty, 1, POLICY, 0).do, 'again');
  assert.equal(decide(empty, 2, POLICY, 0).do, 'give-up');
  const timeout: Failure = { kind: 'timeout', command: 'x', limitMs: 1, roleFile: 'role.yaml' };
  assert.equal(decide(timeout, 2, POLICY, 0).do, 'give-up');
  assert.equal(decide({ kind: 'refused', runner: 'claude', message: 'no' }, 1, POLICY, 0).do, 'give-up');
});

test('a person decides about secrets and budgets; a cancel stays cancelled; a broken environment holds the lane', () => {
  assert.equal(decide({ kind: 'secret-found', in: 'answer', findings: [] }, 1, POLICY, 0).do, 'hold-job');
  assert.equal(decide({ kind: 'budget', message: 'x' }, 1, POLICY, 0).do, 'hold-job');
  assert.equal(decide({ kind: 'cancelled', by: 'anna' }, 1, POLICY, 0).do, 'cancel');
  assert.equal(decide({ kind: 'missing-program', program: 'x', searched: 'PATH' }, 1, POLICY, 0).do, 'hold-lane');
});

test('a failure says the thing, the value, the limit and the next step', () => {
  const words = describe({ kind: 'timeout', command: 'claude -p', limitMs: 900_000, roleFile: 'agents/01-architect/role.yaml' });
  for (const part of ['900000 ms', 'claude -p', 'agents/01-architect/role.yaml', 'limits.timeout']) assert.ok(words.includes(part), part);
  assert.equal(classOf({ kind: 'interrupted', message: 'x' }), 'agent-failure');
});

test('a job only moves forward, but for a new attempt, and every state may be repeated', () => {
  for (const state of JOB_STATES) assert.ok(canMove(state, state));
  assert.ok(canMove('waiting', 'running'));
  assert.equal(canMove('recorded', 'running'), false);
  assert.equal(canMove('done', 'published'), false);
  assert.equal(suffixOf('briefed'), 'processed');
  assert.equal(suffixOf('held'), 'held');
});

test('bytes that another daemon may be at work on wait for a person, in words that name the job', () => {
  const failure: Failure = { kind: 'in-work-elsewhere', identity: 'revision 1 of FEAT-1/ui', byJob: 'abcdefghijklmnop' as never };
  assert.equal(classOf(failure), 'policy-violation');
  assert.match(describe(failure), /job abcdefghijklmnop.*docket retry/);
});

test('an answer that does not keep its contract has its repair at once, whatever was spent on the provider, and leaves the provider its attempts', () => {
  const breach: Failure = { kind: 'contract', findings: [{ check: 'openapi', line: 3, column: 1, message: 'no title' }], leftOut: 0 };
  assert.equal(classOf(breach), 'agent-failure');
  assert.equal(isSpentBy(breach), true);
  const spent = [providerError, providerError, providerError, breach];
  assert.equal(spentOn(breach, spent), 1);
  assert.equal(spentOn(providerError, spent), 3);
  const once: RetryPolicy = { ...POLICY, attempts: 1 };
  assert.deepEqual(decide(breach, 1, once, 1), { do: 'again', delayMs: 0, spent: true });
  assert.deepEqual(decide(breach, 2, once, 1), { do: 'give-up' });
  assert.deepEqual(decide(breach, 1, { ...POLICY, repairs: 0 }, 1), { do: 'give-up' });
  assert.equal(decide(breach, 3, { ...POLICY, repairs: 3 }, 1).do, 'again');
});

test('a contract failure says where and what, the first of many, and where to read on', () => {
  const words = describe({ kind: 'contract', findings: Array.from({ length: 12 }, (_, index) => finding(index)), leftOut: 5 });
  assert.match(words, /^the answer does not keep its contract: fault 0 \(fence yaml\); line 1, column 2: fault 1 \(fence yaml\)/);
  assert.match(words, /; and 12 more \(docs\/contracts\.md\)$/);
});
