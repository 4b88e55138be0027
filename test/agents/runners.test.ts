import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeCommandRunner } from '#agents/runners/command.ts';
import { makeOfflineRunner } from '#agents/runners/offline.ts';
import type { CommandProfile } from '#core/settings.ts';
import { runnerContract } from '#test/contracts/runner.ts';
import { makeRig } from '#test/keeper/rig.ts';
import { runnerOf } from '#test/support/profiles.ts';
import { makeRequest, makeRunnerPorts } from '#test/support/runner-parts.ts';

const FAKE_CLAUDE = fileURLToPath(new URL('../support/fake-claude.ts', import.meta.url));

const COMMAND: CommandProfile = {
  name: 'mine',
  kind: 'command',
  program: 'cat',
  args: [],
  output: 'text',
  answerField: null,
  passEnv: [],
  env: {},
  lane: null,
  writes: [],
  sandbox: false,
};

async function installFakeClaude(folder: string): Promise<string> {
  const bin = path.join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  const file = path.join(bin, 'claude');
  await writeFile(file, `#!/bin/sh\nexec '${process.execPath}' '${FAKE_CLAUDE}' "$@"\n`);
  await chmod(file, 0o755);
  return bin;
}

const resultLine = (result: string, more: Readonly<Record<string, unknown>> = {}): string =>
  `${JSON.stringify({ type: 'result', is_error: false, terminal_reason: 'completed', stop_reason: 'end_turn', result, ...more })}\n`;

runnerContract({ name: 'offline', outputFor: null, makeMissing: null, make: async () => Promise.resolve(makeOfflineRunner()) });

runnerContract({
  name: 'command, text',
  outputFor: (answer) => answer,
  make: async (_rig, ports) => Promise.resolve(makeCommandRunner(COMMAND, ports)),
  makeMissing: (ports) => makeCommandRunner({ ...COMMAND, program: 'no-such-tool' }, ports),
});

runnerContract({
  name: 'command, json',
  outputFor: (answer) => JSON.stringify({ message: { content: [answer] } }),
  make: async (_rig, ports) =>
    Promise.resolve(
      makeCommandRunner(
        {
          ...COMMAND,
          program: '/bin/sh',
          args: ['-c', `printf '{"message":{"content":["hi"]}}'`],
          output: 'json',
          answerField: 'message.content.0',
        },
        ports,
      ),
    ),
  makeMissing: (ports) => makeCommandRunner({ ...COMMAND, program: '/nowhere/tool' }, ports),
});

runnerContract({
  name: 'claude (a stub of it)',
  outputFor: resultLine,
  async make(rig, ports) {
    const bin = await installFakeClaude(rig.folder);
    return runnerOf('claude', rig.state, { ...ports, env: { ...ports.env, PATH: `${bin}:/usr/bin:/bin` } });
  },
  makeMissing: (ports) => runnerOf('claude', '/nowhere', ports, { program: 'no-such-claude' }),
});

test('a command gets its placeholders filled, each inside its own argument', async (t) => {
  const rig = await makeRig(t);
  const runner = makeCommandRunner(
    { ...COMMAND, args: ['--file={prompt_file}', '{model}', '{session} {dir}', '{other}', '$HOME'] },
    makeRunnerPorts({}),
  );
  const request = { ...(await makeRequest(rig.folder, 'a 1')), model: 'sonnet' };
  const plan = await runner.plan(request);
  assert.ok(plan.ok && plan.value.kind === 'program');
  assert.deepEqual(plan.value.args, [`--file=${request.briefFile}`, 'sonnet', `${request.runId} ${request.dir}`, '{other}', '$HOME']);
});

test('a model that could be taken for an option never reaches a command line', async (t) => {
  const rig = await makeRig(t);
  const request = await makeRequest(rig.folder, 'a1');
  for (const runner of [
    makeCommandRunner({ ...COMMAND, args: ['{model}'] }, makeRunnerPorts({})),
    runnerOf('claude', rig.state, makeRunnerPorts({}), { program: '/bin/cat' }),
  ])
    for (const model of ['--dangerously-skip-permissions', 'a b', '', 'x\n', '-']) {
      const plan = await runner.plan({ ...request, model });
      assert.ok(!plan.ok && plan.error.kind === 'prompt-invalid', model);
    }
});

test('a command that needs a model says so when there is none', async (t) => {
  const rig = await makeRig(t);
  const plan = await makeCommandRunner({ ...COMMAND, args: ['-m', '{model}'] }, makeRunnerPorts({})).plan(
    await makeRequest(rig.folder, 'a1'),
  );
  assert.ok(!plan.ok && plan.error.kind === 'environment' && plan.error.code === 'NO_MODEL');
});

test('a command gets the variables its profile names, and their values stay out of every message', async (t) => {
  const rig = await makeRig(t);
  const runner = makeCommandRunner(
    { ...COMMAND, passEnv: ['MY_API_KEY'], env: { MODE: 'quiet' } },
    makeRunnerPorts({ MY_API_KEY: 'abc-123-secret', OTHER_KEY: 'x' }),
  );
  const request = await makeRequest(rig.folder, 'a1');
  const plan = await runner.plan(request);
  assert.ok(plan.ok && plan.value.kind === 'program');
  assert.equal(plan.value.env['MY_API_KEY'], 'abc-123-secret');
  assert.equal(plan.value.env['MODE'], 'quiet');
  assert.ok(!('OTHER_KEY' in plan.value.env));
  const nothing = { sizeBytes: 0, sha256: '' as never };
  const exit = {
    v: 1,
    runId: 'r',
    token: 't',
    code: 1,
    signal: null,
    stopped: null,
    startedAt: '',
    endedAt: '',
    stdout: nothing,
    stderr: nothing,
  } as const;
  const outcome = runner.understand({ exit, stdout: new Uint8Array(), stderr: Buffer.from('bad key abc-123-secret\u001b[31m') }, request);
  assert.ok(!outcome.ok && outcome.failure.kind === 'exit-code');
  assert.equal(outcome.failure.stderr, String.raw`bad key (secret)\u{1b}[31m`);
});

test('JSON without the asked field, and output that is no JSON, are unreadable', async (t) => {
  const rig = await makeRig(t);
  const runner = makeCommandRunner({ ...COMMAND, output: 'json', answerField: 'result' }, makeRunnerPorts({}));
  const request = await makeRequest(rig.folder, 'a1');
  for (const text of ['{"answer":"x"}', '{"result":7}', 'null', '[]', 'hello', '{"__proto__":{"result":"x"}}']) {
    const size = { sizeBytes: text.length, sha256: '' as never };
    const exit = {
      v: 1,
      runId: 'r',
      token: 't',
      code: 0,
      signal: null,
      stopped: null,
      startedAt: '',
      endedAt: '',
      stdout: size,
      stderr: size,
    } as const;
    const outcome = runner.understand({ exit, stdout: Buffer.from(text), stderr: new Uint8Array() }, request);
    assert.ok(!outcome.ok && outcome.failure.kind === 'unreadable-answer', text);
  }
});

test('claude is called headless, read-only, without settings, servers, mentions or memory of the run', async (t) => {
  const rig = await makeRig(t);
  const bin = await installFakeClaude(rig.folder);
  const ports = makeRunnerPorts({
    PATH: `relative:${bin}::/usr/bin:/bin`,
    HOME: '/home/someone',
    ANTHROPIC_API_KEY: 'sk-secret-key',
    GIT_DIR: '/x',
  });
  const runner = runnerOf('claude', rig.state, ports);
  const request = { ...(await makeRequest(rig.folder, 'a1')), model: 'sonnet' };
  const plan = await runner.plan(request);
  assert.ok(plan.ok && plan.value.kind === 'program');
  assert.equal(
    plan.value.args.join(' '),
    `-p --output-format stream-json --verbose --session-id ${request.runId} --no-session-persistence --disable-slash-commands --strict-mcp-config ` +
      '--permission-prompts none --restricted --max-turns 10 --max-budget-usd 1 --permission-mode dontAsk --tools Read,Grep,Glob --model sonnet',
  );
  assert.equal(plan.value.env['CLAUDE_CONFIG_DIR'], path.join(rig.state, 'tools', 'claude'));
  assert.equal(plan.value.env['CLAUDE_CODE_DISABLE_ATTACHMENTS'], '1');
  assert.equal(plan.value.env['PATH'], `${bin}:/usr/bin:/bin`);
  assert.ok(!('GIT_DIR' in plan.value.env));
  assert.ok(!plan.value.shown.includes('sk-secret-key'));
  assert.equal((await runner.facts()).version, '9.9.9');
  const writing = await runner.plan({ ...request, access: 'worktree' });
  assert.ok(writing.ok && writing.value.kind === 'program');
  assert.ok(writing.value.args.includes('acceptEdits') && !writing.value.args.includes('--tools'));
});

test("without a key in the environment claude uses the person's own folder, where the login is", async (t) => {
  const rig = await makeRig(t);
  const bin = await installFakeClaude(rig.folder);
  const plan = await runnerOf('claude', rig.state, makeRunnerPorts({ PATH: bin, HOME: '/home/someone' })).plan(
    await makeRequest(rig.folder, 'a1'),
  );
  assert.ok(plan.ok && plan.value.kind === 'program');
  assert.ok(!('CLAUDE_CONFIG_DIR' in plan.value.env));
  assert.equal(plan.value.env['HOME'], '/home/someone');
});

test('a claude that nobody is logged in to is told so before anything runs', async (t) => {
  const rig = await makeRig(t);
  const bin = await installFakeClaude(rig.folder);
  const options = { env: { FAKE_CLAUDE_LOGGED_OUT: '1' } };
  const check = await runnerOf('claude', rig.state, makeRunnerPorts({ PATH: `${bin}:/usr/bin:/bin` }), options).check();
  assert.ok(!check.ok && check.error.kind === 'not-logged-in');
});

test("docket's own node_modules/.bin is never searched", async (t) => {
  const rig = await makeRig(t);
  const bin = await installFakeClaude(rig.folder);
  const ports = { ...makeRunnerPorts({ PATH: `${bin}/:${bin}` }), ownBinFolders: [bin] };
  const check = await runnerOf('claude', rig.state, ports).check();
  assert.ok(!check.ok && check.error.kind === 'missing-program');
});
