/** `--all` of status, up and down, on entries as daemons leave them: what runs answers on its socket, what does not is told from it. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { daemonsSchema } from '#cli/schema-daemons.ts';
import { thisMachine } from '#cli/registry.ts';
import { entryName, entryText, type DaemonEntry } from '#core/daemons.ts';
import { makeDigest } from '#platform/digest.ts';
import { startTimeOf } from '#platform/process-facts.ts';
import { parseWorkTrees } from '#worktrees/siblings.ts';
import { runCli, type CliAnswer } from '../support/cli.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { makeTempWorkspace, type TempWorkspace } from '../support/workspace.ts';

const DEAD_PID = 2 ** 22 + 1;

type Rig = {
  readonly folder: string;
  readonly elsewhere: string;
  docket(args: readonly string[], cwd?: string): Promise<CliAnswer>;
  put(workspace: Pick<TempWorkspace, 'root' | 'queues'>, fields?: Partial<DaemonEntry>): Promise<void>;
};

async function makeRig(t: TestContext): Promise<Rig> {
  const base = await temporaryFolder(t);
  const env = { PATH: process.env['PATH'] ?? '', HOME: base, XDG_STATE_HOME: path.join(base, 'state') };
  const folder = path.join(base, 'state', 'docket', 'daemons');
  return {
    folder,
    elsewhere: base,
    docket: async (args, cwd = base) => runCli(args, { cwd, env }),
    async put({ root, queues }, fields = {}) {
      const { host, bootId } = thisMachine();
      const entry: DaemonEntry = {
        v: 1,
        root,
        app: 'app',
        state: path.join(queues, '.docket'),
        host,
        boot_id: bootId,
        pid: DEAD_PID,
        pid_start: '1',
        instance: 'x',
        version: '0.1.0',
        started_at: '2026-11-21T07:00:00.000Z',
        stopped_at: null,
        ...fields,
      };
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFile(
        path.join(
          folder,
          entryName(root, entry.host, (text) => makeDigest().sha256(text)),
        ),
        entryText(entry),
        { mode: 0o600 },
      );
    },
  };
}

const STOPPED = { stopped_at: '2026-11-21T07:30:00.000Z' };
const glance = {
  ok: true,
  version: '0.9.0',
  role_facts: [{ role: '01-architect', name: 'architect', review: 'required' }],
  in_work: [{ role: 'architect', state: 'running' }],
  standings: { architect: { awaiting: 3 } },
};

test('status tells of each daemon whether it is up, silent, stopped, dead or on another machine, and what waits there', async (t) => {
  const rig = await makeRig(t);
  const [up, silent, stopped, ended, there] = await Promise.all(Array.from({ length: 5 }, async () => makeTempWorkspace(t)));
  assert.ok(up !== undefined && silent !== undefined && stopped !== undefined && ended !== undefined && there !== undefined);
  await up.serve(() => glance);
  await up.write('queues/01-architect/in/a.md', 'x');
  await stopped.write('queues/01-architect/in/b.md', 'x');
  await stopped.write('queues/01-architect/in/c.failed', 'x');
  await rig.put(up, { pid: process.pid, pid_start: startTimeOf(process.pid) ?? '' });
  await rig.put(silent, { pid: process.pid, pid_start: startTimeOf(process.pid) ?? '' });
  await rig.put(stopped, STOPPED);
  await rig.put(ended);
  await rig.put(there, { host: 'another', boot_id: 'another/1' });
  const told = await rig.docket(['status', '--all', '--json']);
  const { daemons, notes } = daemonsSchema.parse(JSON.parse(told.out));
  const by = (root: string): Record<string, unknown> => ({ ...daemons.find((row) => row.root === root) });
  const pick = (root: string): unknown[] =>
    ['state', 'waiting', 'running', 'to_review', 'needs_person', 'version'].map((key) => by(root)[key]);
  assert.deepEqual(pick(up.root), ['up', 1, 1, 3, 0, '0.9.0']);
  assert.deepEqual(pick(silent.root), ['silent', 0, null, null, 0, '0.1.0']);
  assert.deepEqual(pick(stopped.root), ['stopped', 1, null, null, 1, '0.1.0']);
  assert.deepEqual(pick(ended.root), ['ended', 0, null, null, 0, '0.1.0']);
  assert.deepEqual(pick(there.root), ['elsewhere', null, null, null, null, '0.1.0']);
  assert.deepEqual([told.code, notes], [1, []]);
  const { out } = await rig.docket(['status', '--all']);
  assert.match(out, new RegExp(`^up +1 +1 +3 +0 +app +${up.root}$`, 'm'));
  assert.match(out, /^on another +\? +\? +\? +\? /m);
  assert.match(out, new RegExp(`^${ended.root}: it died, or its machine did: .docket up. goes on`, 'm'));
});

test('all is well when all that is listed is up or stopped, and when nothing is listed', async (t) => {
  const rig = await makeRig(t);
  assert.deepEqual(await rig.docket(['status', '--all']).then(({ code, out }) => [code, out.split(' (')[0]]), [0, 'no daemon of yours runs here, and none is remembered']); // prettier-ignore
  await rig.put(await makeTempWorkspace(t), STOPPED);
  assert.equal((await rig.docket(['status', '--all'])).code, 0);
  await writeFile(path.join(rig.folder, `${'0'.repeat(32)}-${'0'.repeat(8)}.json`), '{');
  const { code, out } = await rig.docket(['status', '--all']);
  assert.equal(code, 1);
  assert.match(out, /0{8}\.json is no entry of a daemon: this is no JSON; remove it/);
});

test('a list that others may write to is not used: it names programs that would be started', async (t) => {
  const rig = await makeRig(t);
  await rig.put(await makeTempWorkspace(t), STOPPED);
  await chmod(rig.folder, 0o770);
  for (const verb of ['status', 'up', 'down']) {
    const { code, err } = await rig.docket([verb, '--all']);
    assert.equal(code, 3, verb);
    assert.match(err, /the list of daemons cannot be used: others may write to .*chmod 700/);
  }
});

test('down asks each that answers, reports each, and leaves those of other machines alone', async (t) => {
  const rig = await makeRig(t);
  const [one, two, stopped, there] = await Promise.all(Array.from({ length: 4 }, async () => makeTempWorkspace(t)));
  assert.ok(one !== undefined && two !== undefined && stopped !== undefined && there !== undefined);
  const asked = await Promise.all([one, two, there].map(async (workspace) => workspace.serve(() => ({ ok: true }))));
  await rig.put(one);
  await rig.put(two);
  await rig.put(stopped, STOPPED);
  await rig.put(there, { host: 'another', boot_id: 'another/1' });
  const { code, out } = await rig.docket(['down', '--all', '--json']);
  const told = JSON.parse(out) as {
    readonly daemons: readonly { readonly root: string; readonly did: string }[];
    readonly elsewhere: unknown;
  };
  assert.deepEqual(told.daemons.map(({ root, did }) => [root, did]), [one.root, two.root].toSorted().map((root) => [root, 'stopped'])); // prettier-ignore
  assert.deepEqual(told.elsewhere, [{ root: there.root, host: 'another' }]);
  assert.deepEqual(asked.map((server) => server.asked.map(({ op }) => op)), [['stop'], ['stop'], []]); // prettier-ignore
  assert.equal(code, 0);
});

test('up outside of a workspace knows those that are remembered, says why one is not started, and forgets those that are gone', async (t) => {
  const rig = await makeRig(t);
  assert.match((await rig.docket(['up', '--all'])).out, /no workspace is remembered/);
  const [running, undecided] = await Promise.all([makeTempWorkspace(t), makeTempWorkspace(t, '')]);
  await running.serve(() => ({ ok: true }));
  await rig.put(running);
  await rig.put(undecided, STOPPED);
  await rig.put({ root: path.join(rig.elsewhere, 'gone'), queues: path.join(rig.elsewhere, 'gone/queues') }, STOPPED);
  await rig.put({ root: '/on/another/machine', queues: '/on/another/machine/queues' }, { host: 'another', boot_id: 'another/1' });
  const { code, out } = await rig.docket(['up', '--all']);
  const lines = out.split('\n');
  assert.equal(lines.length, 2, out);
  assert.ok(
    lines.some((line) => line.startsWith('up already') && line.includes(running.root)),
    out,
  );
  assert.ok(
    lines.some((line) => line.startsWith('failed') && line.includes('chooses no runner')),
    out,
  );
  assert.equal(code, 1);
  assert.equal((await readdir(rig.folder)).length, 3);
});

test('up in a repository means the same folder of each of its work trees that is a workspace', async (t) => {
  const rig = await makeRig(t);
  const top = path.join(rig.elsewhere, 'code');
  const git = (...args: string[]): void => {
    const identity = ['-c', 'user.name=ada', '-c', 'user.email=ada@localhost'];
    const { status, stderr } = spawnSync('git', [...identity, ...args], { cwd: top, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  };
  await mkdir(path.join(top, 'sub'), { recursive: true });
  await writeFile(path.join(top, 'sub', 'docket.yaml'), 'app: app\n');
  git('init', '--quiet', '--initial-branch=main');
  git('commit', '--quiet', '--allow-empty', '-m', 'without a workspace');
  git('worktree', 'add', '--quiet', '-b', 'bare', '../code-bare');
  git('add', '.');
  git('commit', '--quiet', '-m', 'a workspace');
  git('worktree', 'add', '--quiet', '-b', 'F-1', '../code F-1 ü');
  git('worktree', 'add', '--quiet', '-b', 'F-2', '../code-F-2');
  await rig.put(await makeTempWorkspace(t), STOPPED);
  // None names a runner, so none is started.
  const { code, out } = await rig.docket(['up', '--all', '--json'], path.join(rig.elsewhere, 'code-F-2', 'sub'));
  const { daemons } = JSON.parse(out) as { readonly daemons: readonly { readonly root: string }[] };
  const wanted = ['code', 'code F-1 ü', 'code-F-2'].map((name) => path.join(rig.elsewhere, name, 'sub'));
  assert.deepEqual(daemons.map(({ root }) => root).toSorted(), wanted.toSorted()); // prettier-ignore
  assert.equal(code, 1);
});

test('no more are started than daemons.max says', async (t) => {
  const rig = await makeRig(t);
  const [one, two] = await Promise.all([makeTempWorkspace(t), makeTempWorkspace(t, 'runner: offline\ndaemons: { max: 1 }\n')]);
  await one.serve(() => ({ ok: true }));
  await rig.put(one, { pid: process.pid, pid_start: startTimeOf(process.pid) ?? '' });
  await rig.put(two, STOPPED);
  const { code, out } = await rig.docket(['up', '--all']);
  assert.match(out, /^failed .*: 1 daemons of yours run on this machine, and daemons\.max is 1/m);
  assert.equal(code, 1);
});

test('wrong use is told: --all with --root or --watch', async (t) => {
  const rig = await makeRig(t);
  const { root } = await makeTempWorkspace(t);
  for (const args of [
    ['status', '--all'],
    ['down', '--all'],
  ]) {
    const { code, err } = await rig.docket([...args, '--root', root]);
    assert.equal(code, 2);
    assert.match(err, /--all is about all workspaces/);
  }
  assert.equal((await rig.docket(['status', '--all', '--watch'])).code, 2);
  assert.equal((await rig.docket(['up', '--all', '--root', rig.elsewhere])).code, 2);
});

test('work trees are read as git lists them', () => {
  const listed =
    'worktree /a/bare.git\0bare\0\0worktree /a/x y\0HEAD 0\0branch refs/heads/main\0\0worktree /a/z\0HEAD 0\0detached\0locked why\0\0';
  assert.deepEqual(parseWorkTrees(listed), ['/a/x y', '/a/z']);
  assert.deepEqual(parseWorkTrees(''), []);
});
