/** What is published works: the tarball, installed into an empty folder without development packages, runs a whole prompt. */

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

const root = path.resolve(import.meta.dirname, '../..');
const PROMPT = `---
feature: FEAT-123-user-filters
agent: architect
prompt_spec_version: 2.0.0
revision: 1
created_at: 2026-01-09T22:37:00+01:00
title: User filters
---
Design the filters of the user list.
`;

let base = '';
let daemon: ChildProcess | null = null;

/** The repository's Node first, nothing of the npm that runs this test but where packages come from. */
const env = (): Record<string, string | undefined> => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(?!config_(?:cache|registry)$)|^NODE_|^DOCKET_/i.test(name))),
  PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env['PATH'] ?? ''}`,
});
const run = (program: string, args: readonly string[], cwd: string): string =>
  execFileSync(program, args, { cwd, env: env(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], timeout: 300_000 });
const docket = (): string => path.join(base, 'installed', 'node_modules', '.bin', 'docket');

type Locked = { readonly dev?: boolean; readonly version?: string; readonly dependencies?: object; readonly bin?: object };

/** What a project's lock file says that depends on the tarball alone: the versions that were tried here. */
function lockFor(tarball: string): unknown {
  const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> };
  const { '': own = {}, ...others } = packages;
  const needed = Object.entries(others).filter(([, { dev }]) => dev !== true);
  const docketsOwn = { version: own.version, resolved: tarball, dependencies: own.dependencies, bin: own.bin };
  return {
    name: 'installed',
    lockfileVersion: 3,
    requires: true,
    packages: { '': { dependencies: { docket: tarball } }, ...Object.fromEntries(needed), 'node_modules/docket': docketsOwn },
  };
}

/** Resolves when the condition holds; looked at whenever something in the folder changes. */
async function until(folder: string, isTrue: () => boolean, limitMs: number): Promise<void> {
  const stop = AbortSignal.timeout(limitMs);
  const watcher = watch(folder, { signal: stop });
  try {
    while (!isTrue()) await once(watcher, 'change', { signal: stop });
  } finally {
    watcher.close();
  }
}

before(() => {
  base = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-pack-')));
  run(process.execPath, ['scripts/build.ts'], root);
  run(process.execPath, ['scripts/release-sums.ts'], root);
  const packed = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', base], root)) as readonly {
    filename: string;
  }[];
  mkdirSync(path.join(base, 'installed'));
  const tarball = path.join(base, packed[0]?.filename ?? '');
  writeFileSync(
    path.join(base, 'installed', 'package.json'),
    JSON.stringify({ private: true, dependencies: { docket: `file:${tarball}` } }),
  );
  // From what `npm ci` left in npm's cache: `npm install` of the tarball alone asks the registry about each package, and waited a quarter of an hour for it.
  writeFileSync(path.join(base, 'installed', 'package-lock.json'), JSON.stringify(lockFor(`file:${tarball}`)));
  const install = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];
  try {
    run('npm', [...install, '--offline'], path.join(base, 'installed'));
  } catch {
    run('npm', [...install, '--fetch-timeout=30000'], path.join(base, 'installed'));
  }
});
after(async () => {
  if (daemon !== null && daemon.exitCode === null && daemon.signalCode === null) {
    daemon.kill('SIGKILL');
    await once(daemon, 'exit');
  }
  rmSync(base, { recursive: true, force: true });
});

describe('the packed docket', () => {
  test('holds what was built and the data, and no sources, tests or notes', () => {
    const installed = path.join(base, 'installed', 'node_modules', 'docket');
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    for (const needed of [
      'bin/docket.js',
      'bin/package.json',
      'dist/package.json',
      'dist/cli/main.js',
      'dist/policy/scan-worker.js',
      'agents/01-architect/role.yaml',
      'prompt-spec/v2.1.0/01_architect.md',
      'package.json',
      'release/SHA256SUMS',
      'scripts/iterm_work_on_feature.py',
      'scripts/work_on_feature',
    ])
      assert.ok(files.includes(needed), `${needed} is missing`);
    assert.deepEqual(
      files.filter((file) => file.endsWith('.ts') || file.startsWith('test') || file.startsWith('queues') || file.includes('.git')),
      [],
    );
  });

  test('has its script beside it, which finds it, and knows its own files', () => {
    const app = path.join(base, 'other');
    mkdirSync(app);
    run('git', ['init', '--quiet'], app);
    const installed = path.join(base, 'installed', 'node_modules', 'docket');
    assert.match(run(path.join(installed, 'scripts', 'work_on_feature'), ['--help'], app), /^Usage: docket work-on /);
    appendFileSync(path.join(installed, 'hooks', 'run.js'), '\n');
    const { stdout } = spawnSync(docket(), ['doctor', '--json'], { cwd: app, env: env(), encoding: 'utf8' });
    const { checks } = JSON.parse(stdout) as { checks: readonly { check: string; state: string; found: string }[] };
    const found = checks.filter(({ check }) => check === 'release').map((one) => `${one.state}: ${one.found.slice(0, 30)}`);
    assert.deepEqual(found, ['ok: not a release: the list of 5 f', 'bad: hooks/run.js was changed: SHA-']);
  });

  test('says its version', () => {
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
    assert.equal(run(docket(), ['--version'], base).trim(), version);
  });

  test('answers, records and verifies a prompt in a new workspace', async () => {
    const app = path.join(base, 'shop');
    mkdirSync(app);
    run('git', ['init', '--quiet'], app);
    run(docket(), ['init'], app);
    writeFileSync(path.join(app, 'docket.yaml'), 'app: shop\nrunner: offline\n');

    const inbox = path.join(app, 'queues', '01-architect', 'in');
    daemon = spawn(docket(), ['up'], { cwd: app, env: env(), stdio: ['ignore', 'inherit', 'inherit'] });
    const ended = once(daemon, 'exit');
    mkdirSync(inbox, { recursive: true });
    writeFileSync(path.join(app, 'prompt.tmp'), PROMPT);
    renameSync(path.join(app, 'prompt.tmp'), path.join(inbox, 'filters.md'));
    await Promise.race([
      until(inbox, () => existsSync(path.join(inbox, 'filters.processed')), 60_000),
      ended.then(() => assert.fail('docket up ended by itself')),
    ]);
    const answer = readFileSync(path.join(app, 'queues', '01-architect', 'out', 'filters_result.md'), 'utf8');
    assert.ok(answer.includes('Design the filters of the user list.'));

    daemon.kill('SIGTERM');
    const [code, signal] = (await ended) as [number | null, NodeJS.Signals | null];
    assert.deepEqual([signal, code === 0 || code === 130], [null, true]);
    const subjects = run('git', ['log', '--format=%s', '--reverse'], path.join(base, 'shop-ai-history')).trim().split('\n');
    assert.deepEqual(subjects.filter((subject) => subject.startsWith('ai(')).length, 2, subjects.join('\n'));
    run(docket(), ['verify'], app);
  });
});
