import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { RunLimits } from '#core/run.ts';
import { digest, fs, makeRig } from '#test/keeper/rig.ts';
import { profileOf, shippedProfiles } from '#test/support/profiles.ts';
import { makeRequest, makeRunnerPorts } from '#test/support/runner-parts.ts';
import type { ToolProfile } from '#tools/profiles.ts';
import { runTool, type ToolRun } from '#tools/run-tool.ts';

/** A check: a shell that does what the test says. */
const check = (script: string): ToolProfile =>
  profileOf(
    'check',
    JSON.stringify({
      id: 'check',
      kind: 'static-check',
      title: 'Check',
      program: '/bin/sh',
      tested: { how: 'real', from: '0.0.0', to: '0.0.0' },
      lane: 'check',
      args: ['-c', script],
      success: { exit: [0], findings_exit: [1] },
      read: { format: 'text', answer: [{}] },
    }),
  );

async function run(
  t: TestContext,
  profile: ToolProfile,
  limits: Partial<RunLimits> = {},
  signal = new AbortController().signal,
): Promise<ToolRun> {
  const rig = await makeRig(t);
  await rig.serve();
  const made = await makeRequest(rig.folder, 'a1');
  const ports = {
    ...makeRunnerPorts({}),
    profiles: new Map([[profile.id, profile]]),
    keeper: await rig.client(),
    digest,
    output: fs,
    state: rig.state,
  };
  const done = await runTool(ports, profile.id, { ...made, limits: { ...made.limits, ...limits } }, signal);
  assert.ok(done.ok, JSON.stringify(done));
  return done.value;
}
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test('the built-in echo says what it is given', async (t) => {
  const done = await run(t, profileOf('echo'));
  assert.equal(textOf(done.stdout), '# Brief\n\nSay hi.\n');
  assert.deepEqual([done.class, done.exitCode, done.signal, textOf(done.stderr)], ['success', 0, null, '']);
  assert.ok(done.outcome.ok && done.outcome.answer === '# Brief\n\nSay hi.\n');
  assert.ok(done.elapsedMs >= 0);
});

test('a check that is content, one that found something and one that broke are three classes', async (t) => {
  assert.equal((await run(t, check('exit 0'))).class, 'success');
  const found = await run(t, check('echo a.ts:1 bad; echo warned >&2; exit 1'));
  assert.deepEqual([found.class, found.exitCode, textOf(found.stdout), textOf(found.stderr)], ['findings', 1, 'a.ts:1 bad\n', 'warned\n']);
  const broken = await run(t, check('exit 7'));
  assert.deepEqual([broken.class, broken.exitCode], ['agent-failure', 7]);
  const killed = await run(t, check('kill -9 $$'));
  assert.deepEqual([killed.class, killed.exitCode, killed.signal], ['agent-failure', null, 'SIGKILL']);
});

test('a program that hangs is ended at the time limit, and one that is cancelled is told so', async (t) => {
  assert.equal((await run(t, check('echo begun; exec sleep 60'), { timeoutMs: 300 })).class, 'agent-limit');
  const stop = new AbortController();
  stop.abort();
  assert.equal((await run(t, check('exec sleep 60'), {}, stop.signal)).class, 'cancelled');
});

test('a tool that has no profile is told with the names of those that have', async (t) => {
  const rig = await makeRig(t);
  const ports = { ...makeRunnerPorts({}), profiles: shippedProfiles(), keeper: await rig.client(), digest, output: fs, state: rig.state };
  const done = await runTool(ports, 'eslint', await makeRequest(rig.folder, 'a1'), new AbortController().signal);
  assert.ok(!done.ok && done.error.kind === 'environment' && done.error.code === 'UNKNOWN_TOOL');
  assert.match(done.error.message, /aider, amp, .*echo/);
});
