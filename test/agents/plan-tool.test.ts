import assert from 'node:assert/strict';
import { lstat, mkdir, readFile, readlink, rename, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeProfileRunner } from '#agents/runners/profile.ts';
import type { Runner } from '#agents/runner.ts';
import type { ProgramPlan, RunRequest } from '#core/run.ts';
import { makeRig, type Rig } from '#test/keeper/rig.ts';
import { profileOf } from '#test/support/profiles.ts';
import { makeRequest, makeRunnerPorts } from '#test/support/runner-parts.ts';
import { asItIs } from '#tools/plan-tool.ts';

const LEAST = {
  id: 'mine',
  kind: 'ai',
  title: 'Mine',
  program: '/bin/cat',
  tested: { how: 'transcript' },
  lane: 'mine',
  read: { format: 'text', answer: [{}] },
};
type Made = { readonly rig: Rig; readonly home: string; readonly runner: Runner; readonly request: RunRequest };

async function make(t: TestContext, more: Readonly<Record<string, unknown>>, env: Readonly<Record<string, string>> = {}): Promise<Made> {
  const rig = await makeRig(t);
  const home = path.join(rig.folder, 'home');
  await mkdir(home);
  const profile = profileOf('mine', JSON.stringify({ ...LEAST, ...more }));
  const runner = makeProfileRunner(profile, asItIs(profile), rig.state, makeRunnerPorts({ HOME: home, ...env }));
  return { rig, home, runner, request: await makeRequest(rig.folder, 'a1') };
}

async function planned({ runner, request }: Made, more: Partial<RunRequest> = {}): Promise<ProgramPlan> {
  const plan = await runner.plan({ ...request, ...more });
  assert.ok(plan.ok && plan.value.kind === 'program', JSON.stringify(plan));
  return plan.value;
}

const planOf = async (made: Made, bytes: number): Promise<string> => {
  const plan = await made.runner.plan({ ...made.request, brief: `# ${'x'.repeat(bytes - 2)}` });
  return plan.ok ? 'planned' : plan.error.kind;
};
const fitOf = async ({ runner }: Made): Promise<string> => {
  const fit = await runner.check();
  return fit.ok ? 'ready' : fit.error.kind;
};

test('a prompt goes in by standard input, by a file, or as an argument that no message shows', async (t) => {
  const byInput = await make(t, {});
  assert.equal((await planned(byInput)).stdin, byInput.request.briefFile);
  const byFile = await make(t, { prompt: 'file', args: ['-f', '{prompt_file}'] });
  assert.deepEqual([(await planned(byFile)).stdin, (await planned(byFile)).args], ['/dev/null', ['-f', byFile.request.briefFile]]);
  const byArgument = await make(t, { prompt: 'argument', args: ['--', '{prompt}'] });
  const plan = await planned(byArgument);
  assert.deepEqual([plan.stdin, plan.args, plan.shown], ['/dev/null', ['--', byArgument.request.brief], "/bin/cat -- '{prompt}'"]);
});

test('a prompt that is longer than the tool takes is refused before anything runs', async (t) => {
  const byInput = await make(t, {});
  assert.deepEqual([await planOf(byInput, 600_000), await planOf(byInput, 600_001)], ['planned', 'context-too-long']);
  const byArgument = await make(t, { prompt: 'argument', args: ['{prompt}'] });
  assert.deepEqual([await planOf(byArgument, 131_071), await planOf(byArgument, 131_072)], ['planned', 'context-too-long']);
});

test('a brief that a tool would take for a command is a bug, not a run', async (t) => {
  const made = await make(t, {});
  for (const brief of ['/cost', '@file', '!ls', '--help'])
    await assert.rejects(made.runner.plan({ ...made.request, brief }), /begins with a sign/);
});

test('what a role may do is told by arguments and variables of its access', async (t) => {
  const made = await make(t, {
    access: { 'read-only': { args: ['--ask'], env: { MODE: 'chat' } }, worktree: { args: ['--write'] } },
    with_model: { args: ['-m', '{model}'], env: { MODEL: '{model}' } },
  });
  const reads = await planned(made, { model: 'big' });
  assert.deepEqual([reads.args, reads.env['MODE'], reads.env['MODEL']], [['--ask', '-m', 'big'], 'chat', 'big']);
  const writes = await planned(made, { access: 'worktree' });
  assert.deepEqual([writes.args, writes.env['MODE'], writes.env['MODEL']], [['--write'], undefined, undefined]);
});

const CONFIG = {
  config: {
    scope: 'workspace',
    env: { MINE_HOME: '{config}/home' },
    files: { 'home/settings.json': '{"turns": {turns}, "by": "login"}' },
    files_with_token: { 'home/settings.json': '{"by": "token"}' },
    links: { 'home/auth.json': ['$MINE_OLD/auth.json', '~/.mine/auth.json'] },
  },
  login: { token_env: ['MINE_KEY'], files: ['~/.mine/auth.json'] },
};

test("a tool gets a folder of its own: settings written, the person's login linked and never copied", async (t) => {
  const made = await make(t, CONFIG);
  const login = path.join(made.home, '.mine', 'auth.json');
  await mkdir(path.dirname(login));
  await writeFile(login, 'secret');
  const folder = path.join(made.rig.state, 'tools', 'mine');
  assert.equal((await planned(made)).env['MINE_HOME'], path.join(folder, 'home'));
  assert.equal(await readFile(path.join(folder, 'home', 'settings.json'), 'utf8'), '{"turns": 10, "by": "login"}');
  assert.equal((await lstat(path.join(folder, 'home', 'settings.json'))).mode & 0o777, 0o600);
  assert.equal((await lstat(folder)).mode & 0o777, 0o700);
  assert.equal(await readlink(path.join(folder, 'home', 'auth.json')), login);
});

test('the link follows the person, and a file that the tool put in its place stays', async (t) => {
  const made = await make(t, CONFIG);
  const folder = path.join(made.rig.state, 'tools', 'mine', 'home');
  await planned(made);
  await assert.rejects(lstat(path.join(folder, 'auth.json')), { code: 'ENOENT' });
  await mkdir(path.join(made.home, '.mine'));
  await writeFile(path.join(made.home, '.mine', 'auth.json'), 'secret');
  await symlink('/somewhere/else', path.join(folder, 'auth.json'));
  await planned(made);
  assert.equal(await readlink(path.join(folder, 'auth.json')), path.join(made.home, '.mine', 'auth.json'));
  await writeFile(path.join(folder, 'renewed'), 'new');
  await rename(path.join(folder, 'renewed'), path.join(folder, 'auth.json'));
  await planned(made);
  assert.equal(await readFile(path.join(folder, 'auth.json'), 'utf8'), 'new');
});

test('with a token other settings are written; a folder of the run lies in its attempt', async (t) => {
  const made = await make(t, { ...CONFIG, config: { ...CONFIG.config, scope: 'run' } }, { MINE_KEY: 'key-123456' });
  const plan = await planned(made);
  assert.equal(plan.env['MINE_HOME'], path.join(made.request.dir, 'config', 'home'));
  assert.equal(plan.env['MINE_KEY'], 'key-123456');
  assert.equal(await readFile(path.join(made.request.dir, 'config', 'home', 'settings.json'), 'utf8'), '{"by": "token"}');
});

test('somebody is logged in by a token, a file of the login, or what the program says', async (t) => {
  const login = { login: CONFIG.login };
  assert.equal(await fitOf(await make(t, login)), 'not-logged-in');
  assert.equal(await fitOf(await make(t, login, { MINE_KEY: 'x' })), 'ready');
  const byFile = await make(t, login);
  await mkdir(path.join(byFile.home, '.mine'));
  await writeFile(path.join(byFile.home, '.mine', 'auth.json'), '');
  assert.equal(await fitOf(byFile), 'ready');
  const says = (answer: string): Promise<Made> => make(t, { program: '/bin/echo', login: { ask: { args: [answer], at: '/user/in' } } });
  assert.equal(await fitOf(await says('{"user":{"in":true}}')), 'ready');
  assert.equal(await fitOf(await says('{"user":{"in":false}}')), 'not-logged-in');
  // An old version that does not know the question.
  assert.equal(await fitOf(await says('unknown command')), 'ready');
  assert.equal(await fitOf(await make(t, { program: '/bin/false', login: { ask: { args: ['status'] } } })), 'not-logged-in');
});

test('a project that would make the tool run code is told by the file that would', async (t) => {
  const made = await make(t, { guard: ['.plugins'] });
  await mkdir(path.join(made.request.cwd, '.plugins'));
  const plan = await made.runner.plan(made.request);
  assert.ok(!plan.ok && plan.error.kind === 'environment');
  assert.deepEqual([plan.error.code, plan.error.path], ['PROJECT_CODE', path.join(made.request.cwd, '.plugins')]);
});
