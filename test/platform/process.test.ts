import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseStat } from '#platform/process-facts.ts';
import { askProgram, findProgram, makeProcesses, type StartProgram } from '#platform/process.ts';
import { startChild } from '#test/support/temp-child.ts';
import { temporaryFolder, withCode } from '#test/support/temp-folder.ts';

const GATE_PARENT = fileURLToPath(import.meta.resolve('#test/support/temp-gate-parent.ts'));
const processes = makeProcesses();
const onlyLinux = { skip: process.platform !== 'linux' };

/** Turns of the loop, not time: until the system says so. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}

async function plan(t: TestContext, script: string, more: Partial<StartProgram> = {}): Promise<StartProgram & { readonly folder: string }> {
  const folder = await temporaryFolder(t);
  writeFileSync(`${folder}/stdin`, 'the prompt');
  return {
    folder,
    program: '/bin/sh',
    args: ['-c', script],
    env: { PATH: '/usr/bin:/bin' },
    cwd: folder,
    stdinPath: `${folder}/stdin`,
    stdoutPath: `${folder}/stdout`,
    stderrPath: `${folder}/stderr`,
    gate: false,
    ...more,
  };
}

/** Descriptors that whoever started us left open for all its children (a shell, a CI runner): not ours to close, and in every child. */
const inheritedFds = (): string[] =>
  execFileSync('/bin/sh', ['-c', 'ls /proc/$$/fd'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .trim()
    .split('\n');

type Ended = { code: number | null; signal: string | null };
const ended = (program: { onExit(listener: (code: number | null, signal: string | null) => void): void }): Promise<Ended> =>
  new Promise((resolve) => {
    program.onExit((code, signal) => {
      resolve({ code, signal });
    });
  });

for (const gate of [false, true]) {
  test(`a program ${gate ? 'behind the gate' : 'without a gate'} gets its arguments, input, environment and folder as they are`, async (t) => {
    const script = 'cat; pwd; echo "$A|$1|$2" >&2; exit 7';
    const args = ['-c', script, 'sh', '$(id); `id`', '-n\n"x"'];
    const options = await plan(t, '', { args, gate, env: { PATH: '/usr/bin:/bin', A: 'a b' } });
    const program = await processes.start(options);
    program.go();
    assert.deepEqual(await ended(program), { code: 7, signal: null });
    assert.equal(readFileSync(`${options.folder}/stdout`, 'utf8'), `the prompt${options.folder}\n`);
    assert.equal(readFileSync(`${options.folder}/stderr`, 'utf8'), 'a b|$(id); `id`|-n\n"x"\n');
    assert.equal(statSync(`${options.folder}/stdout`).mode & 0o777, 0o600);
  });

  test(
    `a program ${gate ? 'behind the gate' : 'without a gate'} has a session of its own and no descriptor but its three`,
    onlyLinux,
    async (t) => {
      const options = await plan(t, 'ls /proc/$$/fd; cat /proc/$$/stat', { gate });
      const ours = openSync(options.stdinPath, 'r');
      const program = await processes.start(options);
      program.go();
      await ended(program);
      closeSync(ours);
      const [stat = '', ...fds] = readFileSync(`${options.folder}/stdout`, 'utf8').trim().split('\n').toReversed();
      const facts = parseStat(program.pid, stat);
      assert.equal(facts?.session, program.pid);
      assert.equal(facts.group, program.pid);
      assert.equal(facts.startTime, program.startTime);
      assert.deepEqual(new Set(fds), new Set(['0', '1', '2', ...inheritedFds()]));
    },
  );
}

test('a program behind the gate does not run before "go"', async (t) => {
  const options = await plan(t, 'touch ran', { gate: true });
  const program = await processes.start(options);
  assert.ok(processes.isAlive(program.pid, program.startTime));
  processes.signal(program.pid, 'SIGKILL', true);
  assert.deepEqual(await ended(program), { code: null, signal: 'SIGKILL' });
  program.go();
  assert.equal(existsSync(`${options.folder}/ran`), false);
});

test('when we are killed before "go", the program never ran', onlyLinux, async (t) => {
  const folder = await temporaryFolder(t);
  const parent = startChild(t, GATE_PARENT, [folder, '/bin/sh', '-c', 'touch ran']);
  const gate = (await parent.next()) as { pid: number; startTime: string };
  assert.ok(processes.isAlive(gate.pid, gate.startTime));
  await parent.kill();
  await until(() => !processes.isAlive(gate.pid, gate.startTime));
  assert.equal(existsSync(`${folder}/ran`), false);
});

test('when we are killed after "go", the program goes on to its end', onlyLinux, async (t) => {
  const folder = await temporaryFolder(t);
  const parent = startChild(t, GATE_PARENT, [
    folder,
    '/bin/sh',
    '-c',
    'touch started; while [ ! -e finish ]; do sleep 0.01; done; touch ran',
  ]);
  const program = (await parent.next()) as { pid: number; startTime: string };
  parent.process.send('go');
  await until(() => existsSync(`${folder}/started`));
  await parent.kill();
  assert.ok(processes.isAlive(program.pid, program.startTime));
  writeFileSync(`${folder}/finish`, '');
  await until(() => !processes.isAlive(program.pid, program.startTime));
  assert.ok(existsSync(`${folder}/ran`));
});

test('what cannot be started is told with its code, and leaves no output files', async (t) => {
  for (const gate of [true, false]) {
    const options = await plan(t, '', { gate });
    const { folder } = options;
    writeFileSync(`${folder}/no-program`, 'x', { mode: 0o600 });
    await assert.rejects(processes.start({ ...options, program: `${folder}/none` }), withCode('ENOENT'));
    await assert.rejects(processes.start({ ...options, program: folder }), withCode('EACCES'));
    await assert.rejects(processes.start({ ...options, program: `${folder}/no-program` }), withCode('EACCES'));
    await assert.rejects(processes.start({ ...options, program: 'sh' }), withCode('EINVAL'));
    await assert.rejects(processes.start({ ...options, cwd: `${folder}/none` }), withCode('ENOENT'));
    await assert.rejects(processes.start({ ...options, cwd: `${folder}/stdin` }), withCode('ENOTDIR'));
    await assert.rejects(processes.start({ ...options, args: ['x'.repeat(4_000_000)] }), withCode('E2BIG'));
    assert.deepEqual(readdirSync(folder).toSorted(), ['no-program', 'stdin']);
  }
});

test('an output file that is there is never written over', async (t) => {
  const options = await plan(t, 'echo new');
  writeFileSync(options.stderrPath, 'old');
  await assert.rejects(processes.start(options), withCode('EEXIST'));
  assert.equal(readFileSync(options.stderrPath, 'utf8'), 'old');
  assert.equal(existsSync(options.stdoutPath), false);
});

test('a whole tree is found, and ended by its group', onlyLinux, async (t) => {
  const options = await plan(t, 'sleep 60 & (sleep 60 & echo up; wait) & wait');
  const program = await processes.start(options);
  await until(async () => readFileSync(options.stdoutPath, 'utf8') === 'up\n' && (await processes.tree(program.pid)).length >= 4);
  const tree = await processes.tree(program.pid);
  assert.equal(tree[0], program.pid);
  assert.ok(processes.signal(program.pid, 'SIGKILL', true));
  await ended(program);
  await until(async () => (await processes.tree(program.pid)).length === 0);
  assert.equal(processes.signal(program.pid, 'SIGKILL', false), false);
});

test('what left the session and its parent is still found by the marker in its environment', onlyLinux, async (t) => {
  const run = `run-${String(process.pid)}-${String(performance.now())}`;
  const options = await plan(t, 'setsid sh -c "echo \\$\\$ >pid; exec sleep 60" & until [ -s pid ]; do sleep 0.01; done', {
    env: { PATH: '/usr/bin:/bin', DOCKET_RUN_ID: run },
  });
  const program = await processes.start(options);
  assert.deepEqual(await ended(program), { code: 0, signal: null });
  const escaped = Number(readFileSync(`${options.folder}/pid`, 'utf8'));
  assert.deepEqual(await processes.tree(program.pid), []);
  assert.deepEqual(await processes.marked('DOCKET_RUN_ID', run), [escaped]);
  // Neither the start of a value nor of a name is the marker.
  assert.deepEqual(await processes.marked('DOCKET_RUN_ID', run.slice(0, -1)), []);
  assert.deepEqual(await processes.marked('RUN_ID', run), []);
  assert.ok(processes.signal(escaped, 'SIGKILL', false));
  await until(async () => (await processes.marked('DOCKET_RUN_ID', run)).length === 0);
});

test('a pid with another start time is another process', () => {
  const startTime = processes.startTime(process.pid) ?? '';
  assert.ok(processes.isAlive(process.pid, startTime));
  assert.equal(processes.isAlive(process.pid, `${startTime}1`), false);
  assert.ok(processes.bootId().length > 0);
  assert.equal(processes.bootId(), processes.bootId());
});

test('a program with brackets and blanks in its name does not shift the fields', () => {
  const rest = 'S 10 20 30 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 777 1000 2000';
  const facts = parseStat(42, `42 (a) R 1 (b) ${rest}\n`);
  assert.deepEqual(facts, { pid: 42, state: 'S', parent: 10, group: 20, session: 30, startTime: '777' });
  assert.equal(parseStat(42, 'nonsense'), null);
});

test('nobody can be made to signal everybody', () => {
  for (const pid of [0, 1, -1, 1.5, Number.NaN]) assert.throws(() => processes.signal(pid, 'SIGKILL', true), RangeError);
});

test('a detached program goes on its own and writes to its file', async (t) => {
  const folder = await temporaryFolder(t);
  const output = `${folder}/log`;
  const program = await processes.startDetached({
    program: '/bin/sh',
    args: ['-c', 'echo one; echo two >&2'],
    env: {},
    cwd: folder,
    outputPath: output,
  });
  assert.deepEqual(await ended(program), { code: 0, signal: null });
  assert.equal(readFileSync(output, 'utf8'), 'one\ntwo\n');
  assert.equal(statSync(output).mode & 0o777, 0o600);
  const none = { program: `${folder}/none`, args: [], env: {}, cwd: folder, outputPath: null };
  await assert.rejects(processes.startDetached(none), withCode('ENOENT'));
});

test('a name means the first executable file in the path, with its links resolved', async (t) => {
  const folder = await temporaryFolder(t);
  for (const name of ['a', 'b', 'c']) mkdirSync(`${folder}/${name}`);
  mkdirSync(`${folder}/a/tool`);
  writeFileSync(`${folder}/b/tool`, '', { mode: 0o644 });
  writeFileSync(`${folder}/c/real`, '#!/bin/sh\n');
  chmodSync(`${folder}/c/real`, 0o755);
  symlinkSync('real', `${folder}/c/tool`);
  symlinkSync('nowhere', `${folder}/c/broken`);
  const search = `${folder}/a::relative:${folder}/b:${folder}/c`;
  assert.equal(await findProgram('tool', search), `${folder}/c/real`);
  assert.equal(await findProgram(`${folder}/c/tool`, ''), `${folder}/c/real`);
  for (const name of ['none', 'broken', '', 'c/tool', '../c/tool', 'to\0ol'])
    assert.equal(await findProgram(name, `${search}:${folder}`), null, name);
});

test('a name that a program with many names answers to is kept', async (t) => {
  const folder = await temporaryFolder(t);
  writeFileSync(`${folder}/mise`, '#!/bin/sh\n', { mode: 0o755 });
  symlinkSync('mise', `${folder}/claude`);
  assert.equal(await findProgram('claude', folder), `${folder}/claude`);
});

test('a question is answered with output and exit code, by a program that sees only the small environment', async () => {
  process.env['DOCKET_TEST_TOKEN'] = 'x';
  const answer = await askProgram('/bin/sh', ['-c', 'cat; echo "[$DOCKET_TEST_TOKEN]"; echo no >&2; exit 3'], {
    timeoutMs: 5000,
    input: 'grüße ',
  });
  delete process.env['DOCKET_TEST_TOKEN'];
  assert.deepEqual(answer, { code: 3, stdout: 'grüße []\n', stderr: 'no\n' });
});

test('a question that takes too long, says too much or cannot be asked rejects with its code', async () => {
  await assert.rejects(askProgram('/bin/sh', ['-c', 'sleep 60 & sleep 60'], { timeoutMs: 30 }), withCode('ETIMEDOUT'));
  await assert.rejects(
    askProgram('/bin/sh', ['-c', 'while :; do echo 0123456789012345678901234567890123456789; done'], { timeoutMs: 20_000 }),
    withCode('EFBIG'),
  );
  await assert.rejects(askProgram('/none', [], { timeoutMs: 5000 }), withCode('ENOENT'));
  await assert.rejects(askProgram('/bin/sh', [], { timeoutMs: 5000, cwd: '/none' }), withCode('ENOENT'));
});

test('an answer does not wait for a grandchild that keeps the pipe', async () => {
  // Had it waited, its time would be up long before the grandchild ends.
  const answer = await askProgram('/bin/sh', ['-c', 'echo yes; setsid sleep 30 & exit 0'], { timeoutMs: 20_000 });
  assert.deepEqual({ ...answer, stderr: '' }, { code: 0, stdout: 'yes\n', stderr: '' });
});

test('a zombie is not alive', onlyLinux, async (t) => {
  // The shell becomes a program that never collects the child it inherited; the child ends long after that.
  const parent = spawn('/bin/sh', ['-c', 'sleep 1 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.after(() => parent.kill('SIGKILL'));
  const [said] = (await once(parent.stdout, 'data')) as [Buffer];
  const zombie = Number(said.toString());
  await until(() => parseStat(zombie, readFileSync(`/proc/${String(zombie)}/stat`, 'latin1'))?.state === 'Z');
  assert.equal(processes.isAlive(zombie, processes.startTime(zombie) ?? ''), false);
});
