import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { RunnerPorts } from '#agents/runner.ts';
import type { ProgramPlan } from '#core/run.ts';
import { realPath } from '#platform/soft-link.ts';
import { makeRunnerPorts } from '#test/support/runner-parts.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';
import { bwrapArgs } from '#tools/sandbox-bwrap.ts';
import { endOf } from '#tools/sandbox-exit.ts';
import { seatbeltProfile } from '#tools/sandbox-macos.ts';
import type { SandboxMode, SandboxPlaces } from '#tools/sandbox-places.ts';
import { confine, findSandbox, makeSandbox, setupFault, startFault, type Needs } from '#tools/sandbox.ts';

type Answer = { readonly code: number; readonly stdout?: string; readonly stderr?: string };
/** A machine on which bwrap answers like this; null: it is not installed. */
function machine(bwrap: Answer | null): RunnerPorts {
  const ports = makeRunnerPorts({});
  return {
    ...ports,
    find: async (name, pathText) => (name === 'bwrap' ? (bwrap === null ? null : '/usr/bin/bwrap') : ports.find(name, pathText)),
    ask: async (_program, args) => {
      const stdout = args.at(-1) === '--version' ? 'bubblewrap 9.8.7\n' : '';
      return Promise.resolve({ code: bwrap?.code ?? null, stdout, stderr: bwrap?.stderr ?? '' });
    },
  };
}
const places = (more: Partial<SandboxPlaces> = {}): SandboxPlaces => ({
  platform: 'linux',
  isRoot: false,
  state: '/app/queues/.docket',
  readOnly: [],
  engines: [],
  hidden: [],
  temporary: [],
  real: realPath,
  ...more,
});
const withBox = (mode: SandboxMode, bwrap: Answer | null, more: Partial<SandboxPlaces> = {}): RunnerPorts => {
  const ports = machine(bwrap);
  return { ...ports, sandbox: makeSandbox(mode, places(more), ports) };
};
const plan = (cwd: string, more: Partial<ProgramPlan> = {}): ProgramPlan => ({
  kind: 'program',
  program: '/bin/sh',
  args: ['-c', 'true'],
  env: { PATH: '/usr/bin:/bin' },
  cwd,
  stdin: '/dev/null',
  shown: 'sh',
  ...more,
});
const NO_FACTS = { program: null, programSha256: null, version: null };

/** A workspace with a queue, and a run in it. */
async function stage(t: TestContext): Promise<{ readonly cwd: string; readonly state: string; readonly needs: Needs }> {
  const cwd = await realPath(await temporaryFolder(t));
  const state = path.join(cwd, 'queues', '.docket');
  const dir = path.join(cwd, 'queues', 'work', 'a1');
  for (const folder of [state, dir, path.join(cwd, '.git'), path.join(cwd, 'own')]) await mkdir(folder, { recursive: true });
  return { cwd, state, needs: { access: 'worktree', dir, config: null, writes: [], isAsked: true } };
}

describe('looking for a sandbox', () => {
  test('one that works is named with its version', async () => {
    assert.deepEqual(await findSandbox(places(), machine({ code: 0 })), { isThere: true, program: '/usr/bin/bwrap', words: 'bwrap 9.8.7' });
  });
  test('one that is not installed, or that the system forbids, is told with the reason', async () => {
    const missing = await findSandbox(places(), machine(null));
    assert.match(missing.isThere ? '' : missing.why, /bwrap is not installed/);
    const forbidden = await findSandbox(places(), machine({ code: 1, stderr: 'bwrap: No permissions to create new namespace\nmore\n' }));
    assert.equal(forbidden.isThere ? '' : forbidden.why, 'bwrap does not work here: bwrap: No permissions to create new namespace');
    const other = await findSandbox(places({ platform: 'freebsd' }), machine(null));
    assert.match(other.isThere ? '' : other.why, /freebsd/);
  });
  test('it is tried once', async () => {
    let asked = 0;
    const ports = machine({ code: 0 });
    const counting: RunnerPorts = { ...ports, ask: async (...args) => (asked++, ports.ask(...args)) };
    const box = makeSandbox('auto', places(), counting);
    await Promise.all([box.look(), box.look()]);
    await box.look();
    assert.equal(asked, 1);
  });
});

test('one that is required and not there is looked for again: it may be installed by then', async () => {
  const ports = machine({ code: 0 });
  let isInstalled = false;
  const later: RunnerPorts = { ...ports, find: async (name, all) => (name === 'bwrap' && !isInstalled ? null : ports.find(name, all)) };
  const [required, auto] = (['required', 'auto'] as const).map((mode) => makeSandbox(mode, places(), later));
  for (const box of [required, auto]) assert.equal((await box?.look())?.isThere, false);
  isInstalled = true;
  assert.equal((await required?.look())?.isThere, true);
  assert.equal((await auto?.look())?.isThere, false, 'once per start of the daemon');
});

describe('a run without a sandbox', () => {
  test('goes on when that is allowed, and says why there is none', async (t) => {
    const { cwd, needs } = await stage(t);
    const auto = await confine(plan(cwd), needs, withBox('auto', null));
    assert.ok(auto.ok);
    assert.equal(auto.value.program, '/bin/sh');
    assert.match(auto.value.sandbox ?? '', /^none: bwrap is not installed/);
    const off = await confine(plan(cwd), needs, withBox('off', { code: 0 }));
    assert.equal(off.ok && off.value.sandbox, 'none: tools.sandbox is off');
    const own = await confine(plan(cwd), { ...needs, isAsked: false }, withBox('auto', { code: 0 }));
    assert.equal(own.ok && own.value.program, '/bin/sh', 'a program of a person keeps its ways');
    assert.match((own.ok && own.value.sandbox) || '', /^none: a program of your own/);
    const required = await confine(plan(cwd), { ...needs, isAsked: false }, withBox('required', { code: 0 }));
    assert.match((required.ok && required.value.sandbox) || '', /^bwrap/);
  });
  test('does not start where one is required: the environment is at fault, before the plan and in it', async (t) => {
    const { cwd, needs } = await stage(t);
    const ports = withBox('required', null);
    const planned = await confine(plan(cwd), needs, ports);
    assert.equal(!planned.ok && planned.error.kind === 'environment' && planned.error.code, 'NO_SANDBOX');
    assert.equal((await startFault('x', async () => Promise.resolve(NO_FACTS), ports))?.kind, 'environment');
    assert.equal(await startFault('x', async () => Promise.resolve(NO_FACTS), withBox('required', { code: 0 })), null);
  });
});

const mountsOf = (args: readonly string[]): readonly string[] => {
  const found: string[] = [];
  for (const [index, word] of args.entries()) {
    if (word === '--') break;
    if (word === '--tmpfs') found.push(`empty ${args[index + 1] ?? ''}`);
    if (word === '--bind') found.push(`write ${args[index + 1] ?? ''}`);
    if (word === '--ro-bind' && args[index + 1] === '/dev/null') found.push(`blank ${args[index + 2] ?? ''}`);
    if (word === '--ro-bind-try') found.push(`show ${args[index + 1] ?? ''}`);
  }
  return found;
};
const caps = (isRoot: boolean): string => bwrapArgs({ isRoot, mounts: [], cwd: '/' }).join(' ');
const output = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a run in bwrap', () => {
  test('writes its worktree but not what runs outside of it, its temporary folder, and nothing of docket', async (t) => {
    const { cwd, state, needs } = await stage(t);
    const queues = path.join(cwd, 'queues');
    const planned = await confine(plan(cwd), needs, withBox('auto', { code: 0 }, { state, readOnly: [queues, path.join(cwd, 'no.yaml')] }));
    assert.ok(planned.ok);
    assert.equal(planned.value.program, '/usr/bin/bwrap');
    assert.deepEqual(planned.value.args.slice(-4), ['--', '/bin/sh', '-c', 'true']);
    assert.deepEqual(
      mountsOf(planned.value.args).filter((mount) => mount.includes(cwd)),
      [`write ${cwd}`, `show ${cwd}/.git`, `show ${queues}`, `empty ${state}`, `write ${needs.dir}/tmp`],
    );
  });
  test('read-only: the worktree is not among what it may write; what its profile names is, when it is there', async (t) => {
    const { cwd, state, needs } = await stage(t);
    const own = path.join(cwd, 'own');
    const asked: Needs = {
      ...needs,
      access: 'read-only',
      config: path.join(state, 'tools', 'x'),
      writes: [own, path.join(cwd, 'not-there')],
    };
    await mkdir(asked.config ?? '', { recursive: true });
    const planned = await confine(plan(cwd), asked, withBox('auto', { code: 0 }, { state }));
    assert.deepEqual(
      mountsOf(planned.ok ? planned.value.args : []).filter((mount) => mount.startsWith('write')),
      [`write ${own}`, `write ${needs.dir}/tmp`, `write ${asked.config ?? ''}`],
    );
  });
  test('told the name of its folder, it may write there, but not what docket reads', async (t) => {
    const { cwd, state, needs } = await stage(t);
    const told = plan(cwd, { args: [`--report=${needs.dir}/report.json`] });
    const planned = await confine(told, { ...needs, access: 'read-only' }, withBox('auto', { code: 0 }, { state }));
    assert.deepEqual(
      mountsOf(planned.ok ? planned.value.args : []).filter((mount) => mount.includes(needs.dir)),
      [`write ${needs.dir}`, ...['stdout', 'stderr', 'run.json'].map((name) => `show ${needs.dir}/${name}`)],
    );
  });
  test('sees an empty temporary folder, but for the top folders of what it is given by name', async (t) => {
    const { cwd, state, needs } = await stage(t);
    const top = path.dirname(cwd);
    const planned = await confine(plan(cwd), needs, withBox('auto', { code: 0 }, { state, temporary: [top] }));
    const mounts = mountsOf(planned.ok ? planned.value.args : []);
    assert.ok(mounts.indexOf(`empty ${top}`) < mounts.indexOf(`show ${cwd}`), mounts.join('\n'));
  });
  test('what a run may not read is empty for it, after the folder it may write; what lies elsewhere stays as it is', async (t) => {
    const { cwd, state, needs } = await stage(t);
    await mkdir(path.join(cwd, 'docs', 'prd'), { recursive: true });
    await writeFile(path.join(cwd, 'docs', 'issues.md'), 'x');
    const unread = ['docs/prd', 'docs/issues.md', 'none.md', '..', '.'].map((one) => path.join(cwd, one));
    const planned = await confine(plan(cwd), { ...needs, unread }, withBox('auto', { code: 0 }, { state }));
    const mounts = mountsOf(planned.ok ? planned.value.args : []).filter((mount) => mount.includes(cwd));
    assert.deepEqual(mounts, [
      `write ${cwd}`,
      `show ${cwd}/.git`,
      `empty ${cwd}/docs/prd`,
      `blank ${cwd}/docs/issues.md`,
      `empty ${state}`,
      `write ${needs.dir}/tmp`,
    ]);
  });
  test('root keeps one right of root, everybody else none', () => {
    assert.match(caps(true), /--cap-drop ALL --cap-add CAP_DAC_OVERRIDE/);
    assert.doesNotMatch(caps(false), /--cap-add/);
  });
});

test('macOS: all writing is denied but the named places, the last rule decides, and quotes cannot end a path', () => {
  const mounts = [
    { how: 'write', path: '/w "x"' },
    { how: 'show', path: '/w "x"/.git' },
  ] as const;
  const lines = seatbeltProfile({ isRoot: false, mounts, cwd: '/' }, ['/state'], ['/key']).split('\n');
  assert.ok(lines.includes('(deny file-read* (subpath "/key"))'));
  assert.ok(lines.includes('(deny file-write*)'));
  assert.ok(
    lines.indexOf(String.raw`(allow file-write* (subpath "/w \"x\""))`) <
      lines.indexOf(String.raw`(deny file-write* (subpath "/w \"x\"/.git"))`),
  );
  assert.ok(lines.includes('(deny network-outbound (subpath "/state"))'));
});

test('bwrap that could not begin is a fault of the environment; a tool that failed is not', () => {
  const exit = { code: 1, stopped: null } as Parameters<typeof setupFault>[1]['exit'];
  const raw = { exit, stdout: output(''), stderr: output("bwrap: Can't find source path /x: No such file or directory\n") };
  const fault = setupFault('bwrap 1.0', raw);
  assert.equal(fault?.kind === 'environment' && fault.code, 'SANDBOX');
  assert.equal(setupFault('none: off', raw), null);
  assert.equal(setupFault('bwrap 1.0', { ...raw, stderr: output('error: no model\n') }), null);
  assert.equal(setupFault('bwrap 1.0', { ...raw, stdout: output('x') }), null);
  assert.equal(setupFault('bwrap 1.0', { ...raw, exit: { ...exit, stopped: 'timeout' } }), null);
});

test('a signal that bwrap tells by a number is a signal again; a code of the tool stays a code', () => {
  assert.deepEqual(endOf({ code: 139, signal: null }, 'bwrap 1.0'), { code: null, signal: 'SIGSEGV' });
  assert.deepEqual(endOf({ code: 130, signal: null }, 'bwrap 1.0'), { code: 130, signal: null });
  assert.deepEqual(endOf({ code: 139, signal: null }, 'none: off'), { code: 139, signal: null });
});
