/** `docket service`: one file, as systemd and property lists read it, written and removed only where it is docket's. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { isPlain, isProgramPath, launchdAgent, systemdUnit, type ServicePlan } from '#cli/service-text.ts';
import { runCli, type CliAnswer } from '../support/cli.ts';
import { temporaryFolder } from '../support/temp-folder.ts';

const PLAN: ServicePlan = {
  app: 'app',
  root: '/src/app',
  node: '/opt/node',
  docket: '/opt/docket/bin/docket.js',
  env: { PATH: '/usr/bin:/bin' },
  drainMs: 30_000,
  memoryMb: 8_000,
  tasks: 2_000,
  cpuWeight: 50,
  restartMs: 5_000,
  restartMsMax: 300_000,
  restarts: 8,
  restartWindowMs: 3_600_000,
  output: '/src/app/queues/.docket/daemon.out',
};

type Rig = {
  readonly home: string;
  readonly root: string;
  readonly unitFolder: string;
  readonly docket: (...args: string[]) => Promise<CliAnswer>;
};

async function makeRig(t: TestContext, settings = 'runner: offline\n'): Promise<Rig> {
  const home = await temporaryFolder(t);
  const root = path.join(home, 'my app');
  await mkdir(root);
  await writeFile(path.join(root, 'docket.yaml'), `app: app\n${settings}`);
  const env = { PATH: '/nowhere/bin', HOME: home, XDG_STATE_HOME: path.join(home, 'state') };
  const unitFolder = path.join(home, '.config', 'systemd', 'user');
  return { home, root, unitFolder, docket: async (...args) => runCli(args, { cwd: root, env }) };
}

const linesOf = (text: string): readonly string[] => text.split('\n');

/** Null: there is none here. What it says, and the unit as it understood it. */
function askSystemd(
  t: TestContext,
  home: string,
  unit: string,
): { readonly code: number | null; readonly said: string; readonly dump: string } | null {
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, XDG_RUNTIME_DIR: home };
  const args = ['verify', '--user', '--man=no', unit];
  const plain = spawnSync('systemd-analyze', args, { env, encoding: 'utf8' });
  if (plain.error !== undefined) {
    t.diagnostic('NOT RUN: systemd reads the unit of docket service: there is no systemd-analyze');
    return null;
  }
  const debug = spawnSync('systemd-analyze', args, {
    env: { ...env, SYSTEMD_LOG_LEVEL: 'debug' },
    encoding: 'utf8',
    maxBuffer: 64_000_000,
  });
  return { code: plain.status, said: plain.stderr, dump: debug.stdout + debug.stderr };
}

test('systemd finds nothing wrong with the unit, and reads odd paths as they are', async (t) => {
  const home = await temporaryFolder(t);
  const odd = path.join(home, 'a b $HOME ${PATH} %h ü');
  await mkdir(odd);
  await symlink(process.execPath, path.join(odd, 'no de'));
  const root = `${odd}/"quoted" 'too' back\\slash \\n end\\`;
  const unit = path.join(home, 'docket-app.service');
  await writeFile(
    unit,
    systemdUnit({ ...PLAN, node: path.join(odd, 'no de'), docket: '/x/%i $1.js', root, env: { PATH: `${odd}:/usr/bin` } }),
  );
  const told = askSystemd(t, home, unit);
  if (told === null) return;
  // Keys of systemd 254, which an older one passes over.
  const findings = linesOf(told.said).filter((line) => line !== '' && !/Unknown key(?: name)? 'Restart(?:Steps|MaxDelaySec)'/.test(line));
  assert.deepEqual([told.code, findings], [0, []]);
  const field = (name: string): string => new RegExp(`^\\s*${name}: (.*)$`, 'm').exec(told.dump)?.[1] ?? '';
  // It prints words as a shell would take them: a backslash before what is special there.
  const words = [...field('Command Line').matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)].map(([, long, short]) =>
    long === undefined ? short : long.replaceAll(/\\(.)/g, '$1'),
  );
  assert.deepEqual(words, [path.join(odd, 'no de'), '/x/%i $1.js', '--root', root, 'up']);
  assert.equal(field('Environment'), `PATH=${odd}:/usr/bin`);
  assert.deepEqual(['KillMode', 'Restart', 'RestartSec', 'MemoryMax', 'TasksMax'].map(field), [
    'process',
    'on-failure',
    '5s',
    '8000000000',
    '2000',
  ]);
});

test('the unit keeps the keeper alive, gives up where no restart helps, and has the limits of the settings', () => {
  const lines = linesOf(systemdUnit(PLAN));
  for (const line of [
    'KillMode=process',
    'RestartPreventExitStatus=2 3',
    'RestartSteps=6',
    'RestartMaxDelaySec=300',
    'StartLimitBurst=8',
    'StartLimitIntervalSec=3600',
    'TimeoutStopSec=60',
    'OOMPolicy=continue',
    'CPUWeight=50',
    'ExecStart=:"/opt/node" "/opt/docket/bin/docket.js" "--root" "/src/app" "up"',
  ])
    assert.ok(lines.includes(line), line);
  const without = systemdUnit({ ...PLAN, memoryMb: 0, tasks: 0 });
  assert.doesNotMatch(without, /MemoryMax|TasksMax/);
});

test('text that would end a line, or a program that systemd refuses, is told from the others', () => {
  for (const text of ['a\nb', 'a\tb', '\u007f', '\0']) assert.ok(!isPlain(text));
  assert.ok(isPlain('/a b/ü%$"\'\\'));
  for (const text of ['/a"b', "/a'b", '/a\\b', '/a\nb']) assert.ok(!isProgramPath(text));
  assert.ok(isProgramPath('/a b/ü%$'));
});

test('the agent of launchd is a property list that says the same', async (t) => {
  const root = '/src/<a> & "b" \'c\' ]]> &amp; ü';
  const text = launchdAgent({ ...PLAN, root }, 'docket.app.1');
  const file = path.join(await temporaryFolder(t), 'docket.app.1.plist');
  await writeFile(file, `<?xml version="1.0" encoding="UTF-8"?>\n${text}`);
  const plutil = spawnSync('plutil', ['-lint', file], { encoding: 'utf8' });
  if (plutil.error === undefined) assert.equal(plutil.status, 0, plutil.stdout);
  else t.diagnostic('NOT RUN: plutil reads the agent of docket service: it is there on macOS only');
  const read = spawnSync(
    'python3',
    ['-c', 'import json, plistlib, sys; json.dump(plistlib.load(open(sys.argv[1], "rb")), sys.stdout)', file],
    { encoding: 'utf8' },
  );
  if (read.error !== undefined) {
    t.diagnostic('NOT RUN: the agent of docket service as a property list: there is no python3');
    return;
  }
  assert.equal(read.status, 0, read.stderr);
  assert.deepEqual(JSON.parse(read.stdout), {
    Label: 'docket.app.1',
    ProgramArguments: ['/opt/node', '/opt/docket/bin/docket.js', '--root', root, 'up'],
    EnvironmentVariables: { PATH: '/usr/bin:/bin' },
    RunAtLoad: true,
    KeepAlive: { Crashed: true },
    ThrottleInterval: 10,
    ExitTimeOut: 60,
    AbandonProcessGroup: true,
    ProcessType: 'Background',
    Umask: 0o077,
    StandardOutPath: PLAN.output,
    StandardErrorPath: PLAN.output,
  });
});

test('install writes one file and names the next command; again it changes nothing; other settings bring it up to date', async (t) => {
  const { home, root, unitFolder, docket } = await makeRig(t);
  const dry = await docket('service', 'install', '--manager', 'systemd', '--dry-run');
  assert.equal(dry.code, 0, dry.err);
  assert.deepEqual((await readdir(home)).toSorted(), ['my app']); // prettier-ignore
  const first = await docket('service', 'install', '--manager', 'systemd');
  assert.match(first.out, /^written: .*\nnext: systemctl --user enable --now docket-app-[0-9a-f]{8}\.service$/);
  const [name = ''] = await readdir(unitFolder);
  const text = await readFile(path.join(unitFolder, name), 'utf8');
  assert.equal(`${dry.out}\n`, text);
  assert.ok(text.includes(`"--root" "${root}" "up"`) && text.includes('Environment="PATH=/nowhere/bin"'), text);
  assert.ok(text.includes(`"${process.execPath}"`), text);
  assert.match((await docket('service', 'install', '--manager', 'systemd')).out, /^unchanged: /);
  await writeFile(path.join(root, 'docket.yaml'), 'app: app\nrunner: offline\nservice: { memory_mb: 123 }\n');
  const status = await docket('service', 'status', '--manager', 'systemd');
  assert.match(status.out, /by other settings or another docket/);
  const updated = await docket('service', 'install', '--manager', 'systemd');
  assert.match(updated.out, /^updated: .*\nnext: systemctl --user daemon-reload && systemctl --user restart docket-app-/);
  assert.match(await readFile(path.join(unitFolder, name), 'utf8'), /^MemoryMax=123000000$/m);
  assert.ok(!existsSync(path.join(root, 'queues')), 'nothing else was written');
});

test('a file that docket did not write, or that somebody changed, is neither written over nor removed', async (t) => {
  const { unitFolder, docket } = await makeRig(t);
  await docket('service', 'install', '--manager', 'systemd');
  const [name = ''] = await readdir(unitFolder);
  const file = path.join(unitFolder, name);
  const changed = (await readFile(file, 'utf8')).replace('CPUWeight=50', 'CPUWeight=90');
  for (const [text, words] of [
    [changed, /was changed since docket wrote it/],
    ['[Service]\nExecStart=/bin/true\n', /was not written by docket/],
  ] as const) {
    await writeFile(file, text);
    for (const verb of ['install', 'uninstall']) {
      const { code, err } = await docket('service', verb, '--manager', 'systemd');
      assert.equal(code, 1);
      assert.match(err, words);
    }
    assert.equal((await docket('service', 'status', '--manager', 'systemd')).code, 1);
    assert.equal(await readFile(file, 'utf8'), text);
  }
});

test('uninstall removes what docket wrote, not while it is enabled', async (t) => {
  const { unitFolder, docket } = await makeRig(t);
  assert.match((await docket('service', 'uninstall', '--manager', 'systemd')).out, /^there is no /);
  await docket('service', 'install', '--manager', 'systemd');
  const [name = ''] = await readdir(unitFolder);
  await mkdir(path.join(unitFolder, 'default.target.wants'));
  await symlink(path.join(unitFolder, name), path.join(unitFolder, 'default.target.wants', name));
  assert.match((await docket('service', 'status', '--manager', 'systemd')).out, /^enabled +yes$/m);
  const refused = await docket('service', 'uninstall', '--manager', 'systemd');
  assert.equal(refused.code, 1);
  assert.match(refused.err, /is enabled: `systemctl --user disable --now docket-app-.*` first/);
  assert.ok(existsSync(path.join(unitFolder, name)));
});

test('what was installed is removed again, for both managers', async (t) => {
  for (const manager of ['systemd', 'launchd']) {
    const { home, docket } = await makeRig(t);
    const { out } = await docket('service', 'install', '--manager', manager, '--json');
    const { file, next } = JSON.parse(out) as { readonly file: string; readonly next: string };
    assert.ok(file.startsWith(home) && existsSync(file), file);
    assert.match(next, manager === 'systemd' ? /^systemctl --user / : /^launchctl bootstrap gui\/[0-9]+ /);
    assert.match((await docket('service', 'uninstall', '--manager', manager, '--dry-run')).out, /^would remove /);
    assert.ok(existsSync(file));
    assert.equal((await docket('service', 'uninstall', '--manager', manager)).code, 0);
    assert.ok(!existsSync(file));
    assert.equal((await docket('service', 'status', '--manager', manager)).code, 1);
  }
});

test('wrong use: no runner chosen, no such manager', async (t) => {
  const { docket, unitFolder } = await makeRig(t, '');
  const { code, err } = await docket('service', 'install', '--manager', 'systemd');
  assert.equal(code, 2);
  assert.match(err, /chooses no runner/);
  assert.ok(!existsSync(unitFolder));
  assert.equal((await docket('service', 'status', '--manager', 'cron')).code, 2);
});
