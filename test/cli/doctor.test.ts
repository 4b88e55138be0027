import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { makeRunners } from '#agents/registry.ts';
import { shippedProfiles } from '#test/support/profiles.ts';
import { guarded, showBytes, type Check } from '#cli/doctor-checks.ts';
import { lookAtDaemon, lookAtJournal, lookAtKeeper } from '#cli/doctor-daemon.ts';
import { lookAtHistory } from '#cli/doctor-history.ts';
import { lookAtClock, lookAtGit, lookAtNode, lookAtScanner, lookAtWatches } from '#cli/doctor-machine.ts';
import { lookAtPlace, lookAtQueues } from '#cli/doctor-queues.ts';
import { lookAtProfiles, lookAtRunners } from '#cli/doctor-runners.ts';
import { log, openAll } from '#cli/open.ts';
import { packageVersion } from '#cli/package.ts';
import { clock, journalOf, runnerPorts } from '#cli/parts.ts';
import { controlSocket, journalFile, lockFile } from '#cli/places.ts';
import type { AskProgram, LineSocket, SecretScan } from '#core/ports.ts';
import { err, ok } from '#core/result.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import { askProgram } from '#platform/ask.ts';
import { makeFs, systemError } from '#platform/files.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { makeSockets } from '#platform/socket.ts';
import { openDatabase } from '#platform/sqlite.ts';
import { socketPath } from '#tools/keeper-protocol.ts';
import { runCli } from '#test/support/cli.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';
import { rememberingIo } from '#test/support/workspace.ts';

const fs = makeFs();
const ports = { fs, clock, locks: makeKernelLocks(), sockets: makeSockets(), openDatabase, ask: askProgram };
const states = (checks: readonly Check[]): readonly string[] => checks.map(({ check, state }) => `${state} ${check}`);

let template = '';
before(async () => {
  template = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-doctor-')));
  mkdirSync(path.join(template, 'app'));
  const { code, err: words } = await runCli(['init', '--yes'], { cwd: path.join(template, 'app') });
  assert.equal(code, 0, words);
});
after(() => {
  rmSync(template, { recursive: true, force: true });
});

type Place = { readonly base: string; readonly root: string; readonly workspace: Workspace; readonly roles: readonly Role[] };
/** A copy of a workspace that `docket init` made. */
async function makePlace(t: TestContext, settings?: string): Promise<Place> {
  const base = await temporaryFolder(t);
  cpSync(template, base, { recursive: true });
  const root = path.join(base, 'app');
  // cpSync does not bring the modes of folders along.
  chmodSync(path.join(root, 'queues', '.docket'), 0o700);
  if (settings !== undefined) writeFileSync(path.join(root, 'docket.yaml'), settings);
  const { workspace, roles } = await openAll(rememberingIo(root).io, {});
  return { base, root, workspace, roles: [...roles.values()] };
}

describe('docket doctor', () => {
  test('finds nothing bad in a fresh workspace, and changes nothing in it', async (t) => {
    const { base, root } = await makePlace(t);
    const there = readdirSync(base, { recursive: true });
    const { code, out } = await runCli(['doctor', '--json'], { cwd: root });
    const data = JSON.parse(out) as { ok: boolean; bad: number; checks: Check[] };
    assert.deepEqual(
      data.checks.filter((check) => check.state === 'bad'),
      [],
    );
    assert.deepEqual([code, data.ok, data.bad], [0, true, 0]);
    const names = new Set(data.checks.map(({ check }) => check));
    for (const name of [
      'node',
      'clock',
      'secret scanner',
      'workspace',
      'roles',
      'prompt specs',
      'queues',
      'state folder',
      'folders',
      'history',
      'history locks',
      'history objects',
      'daemon',
      'keeper',
      'journal',
      'runner offline',
    ])
      assert.ok(names.has(name), name);
    assert.deepEqual(readdirSync(base, { recursive: true }), there);
  });

  test('prints a line for each fault of the settings with the next step, and ends with 1', async (t) => {
    const folder = await temporaryFolder(t);
    writeFileSync(path.join(folder, 'docket.yaml'), 'runner: offline\nslots: many\nretrry: 1\n');
    const { code, out } = await runCli(['doctor'], { cwd: folder });
    assert.equal(code, 1);
    const lines = out.split('\n');
    const bad = lines.filter((line) => line.startsWith('bad'));
    assert.equal(bad.length, 2);
    assert.match(bad.join('\n'), /docket\.yaml: line 2, column \d+: slots[^]*docket\.yaml: line 3, column \d+: retrry/);
    assert.match(lines[lines.indexOf(bad[0] ?? '') + 1] ?? '', /next: \S/);
    assert.match(out, /^2 bad/m);
  });

  test('outside a workspace says so, and still looks at the machine', async (t) => {
    const { code, out } = await runCli(['doctor'], { cwd: await temporaryFolder(t) });
    assert.equal(code, 1);
    assert.match(out, /^ok +node /m);
    assert.match(out, /^bad +workspace .*\n.*next: run `docket init`/m);
  });

  test('a look that breaks is a bad line, not the end', async () => {
    const [check] = await guarded('clock', async () => Promise.reject(new Error('no\u001b[2Jclock')));
    assert.deepEqual([check?.state, check?.found], ['bad', String.raw`could not be looked at: no\u{1b}[2Jclock`]);
  });
});

const says =
  (stdout: string): AskProgram =>
  async () =>
    Promise.resolve({ code: 0, stdout, stderr: '' });

const scanner = (scan: SecretScan['scan']): SecretScan => ({
  rules: { check: 'secrets', version: '1' },
  scan,
  close: async () => Promise.resolve(),
});

describe('the machine', () => {
  test('Node and git are compared as versions, not as text', async () => {
    assert.deepEqual(
      ['v24.15.0', 'v24.9.0', 'v100.0.0', 'v20.20.1'].map((version) => lookAtNode(version)[0]?.state),
      ['ok', 'bad', 'ok', 'bad'],
    );
    assert.deepEqual(states(await lookAtGit(says('git version 2.9.3\n'))), ['warn git program']);
    assert.deepEqual(states(await lookAtGit(says('git version 2.39.5 (Apple Git-154)\n'))), ['ok git program']);
    const [missing] = await lookAtGit(async () => Promise.reject(systemError('ENOENT', 'no git')));
    assert.deepEqual([missing?.state, missing?.found], ['warn', 'not found in PATH']);
  });

  test('the limits of inotify are read whole; where there are none nothing is said', async (t) => {
    const folder = await temporaryFolder(t);
    writeFileSync(path.join(folder, 'max_user_watches'), '8191\n');
    writeFileSync(path.join(folder, 'max_user_instances'), '128\n');
    const checks = await lookAtWatches(fs, folder);
    assert.deepEqual(states(checks), ['warn inotify max_user_watches', 'ok inotify max_user_instances']);
    assert.match(checks[0]?.next ?? '', /sysctl fs\.inotify\.max_user_watches=/);
    assert.deepEqual(await lookAtWatches(fs, path.join(folder, 'no')), []);
    const kernel = '/proc/sys/fs/inotify/max_user_watches';
    if (existsSync(kernel))
      assert.match((await lookAtWatches(fs))[0]?.found ?? '', new RegExp(`^${readFileSync(kernel, 'utf8').trim()}\\b`));
  });

  test('a clock that differs from the file system’s, or stands in the past, is bad', async (t) => {
    const folder = await temporaryFolder(t);
    assert.deepEqual(states(await lookAtClock(fs, clock, folder, 'x')), ['ok clock']);
    const ahead = { ...clock, now: () => new Date(Date.now() + 60_000) };
    assert.match((await lookAtClock(fs, ahead, folder, 'x'))[0]?.next ?? '', /clocks of this machine and of its file system differ/);
    const old = { ...clock, now: () => new Date('1970-01-01T00:01:00Z') };
    assert.match((await lookAtClock(fs, old, folder, 'x'))[0]?.next ?? '', /set the clock/);
    assert.deepEqual(readdirSync(folder), []);
  });

  test('a scanner that does not start, or finds nothing in a text with a token, is bad', async () => {
    const deaf = await lookAtScanner(scanner(async () => Promise.resolve(ok(null))));
    assert.match(deaf[0]?.found ?? '', /does not find a token/);
    const broken = await lookAtScanner(
      scanner(async (where) => Promise.resolve(err({ kind: 'secret-scan-failed', in: where, reason: 'the scanner broke' }))),
    );
    assert.deepEqual([broken[0]?.state, broken[0]?.found], ['bad', 'the scanner broke']);
  });

  test('sizes are shown as people read them', () => {
    assert.deepEqual([0, 999, 1_000, 64_000_000, 1_400_000_000, 2e15].map(showBytes), [
      '0 bytes',
      '999 bytes',
      '1.0 kB',
      '64.0 MB',
      '1.4 GB',
      '2000 TB',
    ]);
  });
});

const queues = async (place: Place): Promise<readonly Check[]> => lookAtQueues(fs, place.workspace, place.roles, 'x');

describe('the queues', () => {
  test('that are not there, or are no folder, are bad', async (t) => {
    const place = await makePlace(t);
    rmSync(place.workspace.queues, { recursive: true });
    assert.match((await queues(place))[0]?.next ?? '', /docket init/);
    writeFileSync(place.workspace.queues, '');
    assert.match((await queues(place))[0]?.found ?? '', /is a file, not a folder/);
  });

  test('a full disk, a network file system and little room are told apart', async (t) => {
    const folder = await temporaryFolder(t);
    const on = async (network: boolean, freeBytes: number): Promise<string | undefined> =>
      (await lookAtPlace({ ...fs, fileSystem: async () => Promise.resolve({ type: 'x', network, freeBytes }) }, 'queues', folder))[0]
        ?.state;
    assert.deepEqual([await on(false, 5e9), await on(false, 5e8), await on(false, 5e6), await on(true, 5e9)], ['ok', 'warn', 'bad', 'bad']);
  });

  test('a state folder that others may enter is bad, with the command that mends it', async (t) => {
    const place = await makePlace(t);
    chmodSync(place.workspace.state, 0o755);
    const check = (await queues(place)).find((one) => one.check === 'state folder');
    assert.deepEqual([check?.state, check?.next], ['bad', `chmod 700 ${place.workspace.state}`]);
  });

  test('a missing folder is a warning; a link or an inbox open to everybody is named', async (t) => {
    const place = await makePlace(t);
    const role = (folder: string, name: string): string => path.join(place.workspace.queues, folder, name);
    rmSync(role('03-ui', 'out'), { recursive: true });
    rmSync(role('02-openapi', 'in'), { recursive: true });
    symlinkSync(place.base, role('02-openapi', 'in'));
    chmodSync(role('01-architect', 'in'), 0o777);
    assert.deepEqual(
      states(await queues(place)).filter((line) => line.includes('folders')),
      ['warn folders 01-architect', 'bad folders 02-openapi', 'warn folders 03-ui'],
    );
  });

  test('folders between which nothing can be moved are bad, and the trial leaves nothing', async (t) => {
    const place = await makePlace(t);
    const apart = { ...fs, rename: async () => Promise.reject(systemError('EXDEV', 'cross-device link')) };
    const checks = await lookAtQueues(apart, place.workspace, place.roles.slice(0, 1), 'x');
    assert.match(checks.at(-1)?.found ?? '', /cannot be written and moved in .*EXDEV/);
    assert.deepEqual(readdirSync(path.join(place.workspace.queues, place.roles[0]?.folder ?? '', 'work')), []);
  });
});

const history = async (place: Place, isDeep = false): Promise<readonly Check[]> => lookAtHistory(ports, place.workspace, isDeep);

describe('the history', () => {
  test('not there yet is a warning, but gone after jobs ran is bad', async (t) => {
    const place = await makePlace(t);
    rmSync(place.workspace.history, { recursive: true });
    assert.deepEqual(states(await history(place)), ['warn history']);
    journalOf(place.workspace, log).close();
    assert.deepEqual(states(await history(place)), ['bad history']);
  });

  test('a lock that was left and a hook that is gone are warnings', async (t) => {
    const place = await makePlace(t);
    const gitDir = path.join(place.workspace.history, '.git');
    writeFileSync(path.join(gitDir, 'index.lock'), '');
    assert.ok(states(await history(place)).includes('ok history locks'), 'a git may be at work just now');
    utimesSync(path.join(gitDir, 'index.lock'), new Date(0), new Date(0));
    const hook = path.join(gitDir, 'hooks', 'pre-push');
    writeFileSync(hook, `${readFileSync(hook, 'utf8')}exit 0\n`);
    assert.ok(states(await history(place)).includes('warn history hook'), 'a changed one');
    rmSync(hook);
    const found = states(await history(place));
    assert.ok(found.includes('warn history locks') && found.includes('warn history hook'), found.join());
  });

  test('hooks taken from elsewhere, remotes that are not allowed, and a purge that was cut off are told', async (t) => {
    const place = await makePlace(t);
    const { history: dir } = place.workspace;
    assert.ok(!states(await history(place)).some((state) => /hook|remotes|purge/.test(state)));
    // Behind docket's own settings, which are included: a value before them would not count.
    writeFileSync(path.join(dir, '.git/config'), `${readFileSync(path.join(dir, '.git/config'), 'utf8')}[core]\n\thooksPath = /nowhere\n`);
    execFileSync('git', ['-C', dir, 'remote', 'add', 'far', 'ssh://far/away.git']);
    mkdirSync(path.join(dir, '.git/docket/purge'), { recursive: true });
    writeFileSync(path.join(dir, '.git/docket/purge/plan.json'), '{}');
    const found = states(await history(place));
    for (const state of ['warn history hook', 'ok history remotes', 'bad history purge'])
      assert.ok(found.includes(state), `${state} in ${found.join()}`);
  });

  test('a damaged object is found: a missing one at once, a changed one with --deep', async (t) => {
    const place = await makePlace(t);
    const git = (...args: string[]): string =>
      execFileSync('git', ['-C', place.workspace.history, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const [pack] = readdirSync(path.join(place.workspace.history, '.git', 'objects', 'pack')).filter((name) => name.endsWith('.pack'));
    const file = path.join(place.workspace.history, '.git', 'objects', 'pack', pack ?? '');
    assert.ok(states(await history(place, true)).includes('ok history objects'));
    const bytes = readFileSync(file);
    bytes[bytes.length - 30] = (bytes[bytes.length - 30] ?? 0) ^ 0xff;
    chmodSync(file, 0o600);
    writeFileSync(file, bytes);
    assert.ok(states(await history(place, true)).includes('bad history objects'));
    truncateSync(file, 12);
    const check = (await history(place)).find((one) => one.check === 'history objects');
    assert.deepEqual([check?.state, /^git fsck says: \S/.test(check?.found ?? '')], ['bad', true]);
    assert.throws(() => git('log'), 'git agrees');
  });

  test('another object format, or a folder that is no repository, is bad', async (t) => {
    const place = await makePlace(t);
    const gitDir = path.join(place.workspace.history, '.git');
    writeFileSync(path.join(gitDir, 'config'), '[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n');
    assert.match((await history(place))[0]?.found ?? '', /object format is sha256/);
    rmSync(gitDir, { recursive: true });
    assert.match((await history(place))[0]?.found ?? '', /no repository with a \.git folder/);
  });
});

const serve = async (t: TestContext, file: string, onConnection: (socket: LineSocket) => void): Promise<void> => {
  const server = await makeSockets().serve(file, onConnection);
  t.after(async () => server.close());
};
const reply = (fields: object) => (socket: LineSocket) => {
  socket.onMessage((message) => {
    socket.send({ v: 1, id: (message as { id: number }).id, ...fields });
  });
};

describe('what runs', () => {
  test('no daemon is well; one that answers is named; another version is a warning', async (t) => {
    const { workspace } = await makePlace(t);
    assert.match((await lookAtDaemon(ports, workspace))[0]?.found ?? '', /^not running/);
    assert.ok(!existsSync(lockFile(workspace.state)), 'looking makes no lock file');
    let version = packageVersion();
    await serve(t, controlSocket(workspace.state), (socket) => {
      reply({ ok: true, version })(socket);
    });
    assert.deepEqual(states(await lookAtDaemon(ports, workspace)), ['ok daemon']);
    version = '0.0.1';
    assert.deepEqual(states(await lookAtDaemon(ports, workspace)), ['warn daemon']);
  });

  test('a kernel lock that is held without an answer on the socket is bad', async (t) => {
    const { workspace } = await makePlace(t);
    const lock = makeKernelLocks().tryAcquire(lockFile(workspace.state));
    assert.deepEqual(states(await lookAtDaemon(ports, workspace)), ['bad daemon']);
    lock?.release();
    assert.deepEqual(states(await lookAtDaemon(ports, workspace)), ['ok daemon']);
  });

  test('the keeper is asked, never started', async (t) => {
    const { workspace } = await makePlace(t);
    assert.match((await lookAtKeeper(ports, workspace))[0]?.found ?? '', /^not running/);
    let value: unknown = ['a', 'b'];
    await serve(t, socketPath(workspace.state), (socket) => {
      reply({ ok: true, value })(socket);
    });
    assert.equal((await lookAtKeeper(ports, workspace))[0]?.found, 'up: watches 2 runs');
    value = 'nonsense';
    assert.deepEqual(states(await lookAtKeeper(ports, workspace)), ['bad keeper']);
  });

  test('a journal is checked page by page; a damaged one and one of a newer docket are bad', async (t) => {
    const { workspace } = await makePlace(t);
    const look = async (): Promise<Check | undefined> => (await lookAtJournal(ports, workspace, true))[0];
    assert.match((await look())?.found ?? '', /^not there yet/);
    journalOf(workspace, log).close();
    assert.equal((await look())?.state, 'ok');
    const database = openDatabase(journalFile(workspace.state));
    database.exec('PRAGMA user_version = 9999');
    database.close();
    assert.match((await look())?.found ?? '', /newer docket/);
    for (const name of ['', '-wal', '-shm']) rmSync(`${journalFile(workspace.state)}${name}`, { force: true });
    const other = openDatabase(journalFile(workspace.state), { wal: false });
    other.exec('CREATE TABLE theirs (x)');
    other.close();
    assert.match((await look())?.found ?? '', /database of something else/);
    writeFileSync(journalFile(workspace.state), 'no database at all, and long enough to be looked at as one'.repeat(100));
    assert.match((await look())?.found ?? '', /SQLITE_NOTADB/);
  });
});

const fakeClaude = (base: string, answer: string): string => {
  const bin = path.join(base, 'bin');
  mkdirSync(bin);
  writeFileSync(
    path.join(bin, 'claude'),
    `#!/bin/sh\nif [ "$1" = --version ]; then echo '2.1.300 (Claude Code)'; else echo '${answer}'; fi\n`,
  );
  chmodSync(path.join(bin, 'claude'), 0o755);
  return bin;
};
const runners = async (place: Place, pathText = '/nowhere'): Promise<readonly Check[]> =>
  lookAtRunners(place.workspace, place.roles, makeRunners(place.workspace, shippedProfiles(), runnerPorts({ PATH: pathText })));

describe('the runners', () => {
  test('none chosen is bad; one that does not exist too', async (t) => {
    assert.match((await runners(await makePlace(t, 'app: app\n')))[0]?.found ?? '', /none is chosen/);
    assert.match((await runners(await makePlace(t, 'runner: cloude\n')))[0]?.found ?? '', /no such runner/);
  });

  test('a tool is named with its version and program, or why it cannot be called', async (t) => {
    const place = await makePlace(t, 'runner: claude\n');
    const missing = (await runners(place))[0];
    assert.deepEqual([missing?.state, missing?.check], ['bad', 'runner claude']);
    assert.match(missing?.found ?? '', /claude was not found in PATH/);
    const bin = fakeClaude(place.base, '{"loggedIn": true}');
    assert.equal(
      (await runners(place, bin))[0]?.found,
      `claude 2.1.300, would call ${bin}/claude, logged in; docket was tested with 2.1.320 to 2.1.329 (for all roles)`,
    );
  });

  test('how well each tool is known is told: with its program, or with a transcript only', async (t) => {
    const place = await makePlace(t, 'runner: claude\n');
    const all = makeRunners(place.workspace, shippedProfiles(), runnerPorts({ PATH: '/nowhere' }));
    assert.match(lookAtProfiles(all).found, /^tested with the program itself: claude, codex, .*; with a transcript only: aider, amp, /);
    mkdirSync(path.join(place.base, 'bin2'));
    writeFileSync(path.join(place.base, 'bin2', 'amp'), '#!/bin/sh\necho 1.2.3\n', { mode: 0o755 });
    const amp = await makePlace(t, 'runner: amp\n');
    const known = makeRunners(amp.workspace, shippedProfiles(), runnerPorts({ PATH: path.join(place.base, 'bin2'), AMP_API_KEY: 'x' }));
    const checks = await lookAtRunners(amp.workspace, amp.roles, known);
    assert.match(checks[0]?.found ?? '', /^amp 1\.2\.3, .* its profile was tested with a transcript only/);
  });

  test('one that is not logged in stops its roles; one that nobody uses is only a warning', async (t) => {
    const settings = 'runner: auto\nrunners:\n  mine: { program: no-such-program, args: [] }\n';
    const place = await makePlace(t, settings);
    const checks = await runners(place, fakeClaude(place.base, '{"loggedIn": false}'));
    assert.deepEqual(states(checks), ['bad runner auto', 'warn runner mine']);
    assert.match(checks[0]?.found ?? '', /not logged in/);
  });
});
