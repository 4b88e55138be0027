/** scripts/work_on_feature and scripts/iterm_work_on_feature.py: which docket they find, what they hand on, and what they say when something is missing. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { parsePlanText } from '#test/support/shell-words.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const SHELL = path.join(ROOT, 'scripts', 'work_on_feature');
const ITERM = path.join(ROOT, 'scripts', 'iterm_work_on_feature.py');
const STAND_IN = path.join(ROOT, 'test', 'fixtures', 'iterm2-stand-in');

const hasPython = spawnSync('python3', ['--version']).status === 0;
const withPython = hasPython ? {} : { skip: 'NOT RUN: there is no python3' };
const hasShellcheck = spawnSync('shellcheck', ['--version']).status === 0;

type Place = { readonly base: string; readonly repo: string; readonly inner: string; readonly env: Record<string, string> };
type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

/** Folders of PATH in which these programs are, and nothing called docket or node. */
function pathWith(base: string, programs: readonly string[]): string {
  const folder = path.join(base, `bin-${programs.join('-')}`);
  if (existsSync(folder)) return folder;
  mkdirSync(folder);
  for (const program of programs) {
    const found =
      program === 'node' ? process.execPath : spawnSync('/bin/sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim();
    symlinkSync(found, path.join(folder, program));
  }
  return folder;
}

const PLAIN = ['git', 'dirname', 'readlink', 'env', 'sh'];

async function place(t: TestContext): Promise<Place> {
  const base = await temporaryFolder(t);
  const repo = path.join(base, "my repo's");
  const inner = path.join(repo, 'src', 'deep');
  mkdirSync(inner, { recursive: true });
  spawnSync('git', ['init', '--quiet', repo]);
  return { base, repo: realpathSync(repo), inner: realpathSync(inner), env: { PATH: pathWith(base, [...PLAIN, 'node']), HOME: base } };
}

/** A docket that says who it is, where it was called and with what; `json` is what it prints when it is asked for JSON. */
function fakeDocket(file: string, name: string, json: Readonly<Record<string, unknown>> = {}): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(
    file,
    `#!/usr/bin/env node\nconst args = process.argv.slice(2);\nconst answers = ${JSON.stringify(json)};\nconst said = JSON.stringify({ docket: ${JSON.stringify(name)}, cwd: process.cwd(), args });\nif (args.includes('--json')) { console.error(said); console.log(JSON.stringify(answers[args[0]])); } else console.log(said);\n`,
  );
  chmodSync(file, 0o755);
}
const ownDocket = ({ repo }: Place): string => path.join(repo, 'node_modules', '.bin', 'docket');

const pane = (role: string): unknown => ({ role, title: role, mode: 'follow', args: ['/n', 'd', 'attach', role] });

/** The script as another checkout or package has it. */
function copied({ base }: Place, hasDocket: boolean): string {
  const folder = path.join(base, 'elsewhere');
  mkdirSync(path.join(folder, 'scripts'), { recursive: true });
  const script = path.join(folder, 'scripts', 'work_on_feature');
  copyFileSync(SHELL, script);
  chmodSync(script, 0o755);
  if (hasDocket) fakeDocket(path.join(folder, 'bin', 'docket.js'), 'checkout');
  return script;
}

function run(program: string, args: readonly string[], { env }: Place, cwd: string, more: Readonly<Record<string, string>> = {}): Ran {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env: { ...env, ...more }, encoding: 'utf8', timeout: 60_000 });
  if (error !== undefined) throw error;
  return { code: status, out: stdout, err: stderr };
}
const said = ({ out, err }: Ran): unknown => JSON.parse(out === '' ? err : out);

test('shellcheck finds nothing in the shell scripts', hasShellcheck ? {} : { skip: 'NOT RUN: there is no shellcheck' }, () => {
  for (const file of ['scripts/work_on_feature', 'hooks/shim.sh']) {
    const { status, stdout } = spawnSync('shellcheck', ['--shell=sh', '--severity=style', path.join(ROOT, file)], { encoding: 'utf8' });
    assert.deepEqual([status, stdout], [0, ''], file);
  }
});

describe('work_on_feature', () => {
  test("takes the repository's own docket, from any folder of it, and hands every argument on", async (t) => {
    const here = await place(t);
    fakeDocket(ownDocket(here), 'own');
    const args = ['FEAT-1-a', '--from', "it's $(id)", '', '--no-panes'];
    assert.deepEqual(said(run(SHELL, args, here, here.inner)), { docket: 'own', cwd: here.inner, args: ['work-on', ...args] });
  });

  test('goes where --repo says, and finds itself through links', async (t) => {
    const here = await place(t);
    const script = copied(here, true);
    symlinkSync(script, path.join(here.base, 'one'));
    symlinkSync('one', path.join(here.base, 'two'));
    const wanted = { docket: 'checkout', cwd: here.repo, args: ['work-on', 'FEAT-2'] };
    for (const args of [
      ['--repo', here.repo, 'FEAT-2'],
      ['FEAT-2', `--repo=${here.repo}`],
      ['FEAT-2', '--repo', "my repo's"],
    ])
      assert.deepEqual(said(run(path.join(here.base, 'two'), args, here, here.base)), wanted);
  });

  test('takes the docket of the primary checkout in a linked worktree, and the one in PATH last', async (t) => {
    const here = await place(t);
    const git = (...args: string[]): void =>
      void spawnSync('git', ['-C', here.repo, '-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args]);
    git('commit', '--quiet', '--allow-empty', '-m', 'one');
    const linked = path.join(here.base, 'linked');
    git('worktree', 'add', '--quiet', linked);
    const script = copied(here, false);
    fakeDocket(path.join(here.base, 'global', 'docket'), 'global');
    const global = { PATH: `${here.env['PATH'] ?? ''}:${path.join(here.base, 'global')}` };
    assert.deepEqual(said(run(script, ['FEAT-3'], here, linked, global)), { docket: 'global', cwd: linked, args: ['work-on', 'FEAT-3'] });
    fakeDocket(ownDocket(here), 'own');
    assert.deepEqual(said(run(script, ['FEAT-3'], here, linked, global)), { docket: 'own', cwd: linked, args: ['work-on', 'FEAT-3'] });
  });

  test('says what is missing, and how to get it', async (t) => {
    const here = await place(t);
    const script = copied(here, false);
    const failed = (args: readonly string[], cwd: string, code: number, words: RegExp, more: Record<string, string> = {}): void => {
      const { code: got, out, err } = run(script, args, here, cwd, more);
      assert.deepEqual([got, out], [code, ''], err);
      assert.match(err, words);
      assert.equal(err.trim().split('\n').length, 1, err);
    };
    failed(['FEAT-4'], here.repo, 3, /docket is neither in .*node_modules nor beside this script nor in PATH: npm install/);
    failed([], here.repo, 2, /say which feature/);
    failed(['--repo'], here.repo, 2, /--repo takes a folder/);
    failed(['FEAT-4', '--repo', 'nowhere'], here.repo, 2, /there is no folder nowhere/);
    failed(['FEAT-4'], here.base, 2, /lies in no git repository/);
    fakeDocket(ownDocket(here), 'own');
    failed(['FEAT-4'], here.repo, 3, /node is not in PATH, and .* needs it: Node\.js 24\.15/, { PATH: pathWith(here.base, PLAIN) });
    failed(['FEAT-4'], here.repo, 3, /git is not in PATH/, { PATH: pathWith(here.base, ['dirname', 'readlink', 'env', 'sh']) });
  });
});

describe('iterm_work_on_feature.py, against a recorded stand-in of the API', withPython, () => {
  type Call = { readonly on: string; readonly call: string; readonly [field: string]: unknown };
  const iterm = (
    here: Place,
    args: readonly string[],
    cwd: string,
    more: Record<string, string> = {},
  ): Ran & { readonly calls: readonly Call[] } => {
    const file = path.join(here.base, 'calls.jsonl');
    writeFileSync(file, '');
    const env = { PYTHONPATH: STAND_IN, PYTHONDONTWRITEBYTECODE: '1', ITERM2_STAND_IN: file, ...more };
    const program = spawnSync('/bin/sh', ['-c', 'command -v python3'], { encoding: 'utf8' }).stdout.trim();
    const ran = run(
      program,
      [ITERM, ...args],
      { ...here, env: { ...process.env, ...here.env, PATH: `${here.env['PATH'] ?? ''}:${process.env['PATH'] ?? ''}` } },
      cwd,
      env,
    );
    return {
      ...ran,
      calls: readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Call])),
    };
  };
  const sent = (calls: readonly Call[]): Map<string, string> =>
    new Map(calls.flatMap(({ on, call, text }) => (call === 'async_send_text' ? [[on, String(text)]] : [])));

  test('opens what docket plans: a window, its splits, names, and texts that a shell reads as they were meant', async (t) => {
    const here = await place(t);
    const roles = 'meta, architect, openapi, ui, integration, test-review';
    writeFileSync(path.join(here.repo, 'docket.yaml'), `runner: offline\npanes: { roles: [${roles}] }\n`);
    const { code, out, err, calls } = iterm(here, ['--panes-of', here.repo, '--interactive', 'ui'], here.base);
    assert.equal(code, 0, err);
    assert.match(out, /^6 panes in iTerm2: docket-my-repo-s-[0-9a-f]{6}\n$/);
    assert.deepEqual(
      calls.filter(({ call }) => call === 'async_split_pane').map(({ on, vertical, made }) => [on, vertical, made]),
      [
        ['session1', false, 'session2'],
        ['session2', false, 'session3'],
        ['session1', true, 'session4'],
        ['session2', true, 'session5'],
        ['session3', true, 'session6'],
      ],
    );
    const names = calls.filter(({ call }) => call === 'async_set_name').map(({ on, name }) => [on, name]);
    assert.deepEqual(names[0], ['session1', '00-meta: Meta agent']);
    assert.deepEqual(names[3], ['session5', '03-ui: User interface, your own session, not recorded']);
    const plan = spawnSync(
      process.execPath,
      [path.join(ROOT, 'bin/docket.js'), 'panes', '--print', '--json', '--root', here.repo, '--interactive', 'ui'],
      { encoding: 'utf8', env: here.env },
    );
    const { windows } = JSON.parse(plan.stdout) as { windows: readonly { panes: readonly { args: readonly string[] }[] }[] };
    const texts = sent(calls);
    assert.equal(texts.size, 6);
    for (const [index, session] of ['session1', 'session4', 'session2', 'session5', 'session3', 'session6'].entries())
      assert.deepEqual(parsePlanText(texts.get(session) ?? ''), { folder: here.repo, args: windows[0]?.panes[index]?.args });
    assert.deepEqual(
      calls.slice(-3).map(({ call }) => call),
      ['async_select', 'async_activate', 'async_activate'],
    );
  });

  test('makes the workspace first, with every option, and then opens a tab for each window of the plan', async (t) => {
    const here = await place(t);
    const folder = path.join(here.base, 'my repo-FEAT-9');
    mkdirSync(folder);
    spawnSync('git', ['init', '--quiet', folder]);
    const windows = ['a', 'b'].map((name) => ({ name, rows: [1], splits: [], panes: [pane(`00-${name}`)] }));
    const answers = {
      'work-on': { folder: here.repo, root: folder },
      panes: { v: 1, session: 's', owner: 'o', folder, feature: 'FEAT-9', windows },
    };
    fakeDocket(ownDocket(here), 'own', answers);
    const { code, err, calls } = iterm(here, ['FEAT-9', '--from', 'a b'], here.inner);
    assert.equal(code, 0, err);
    assert.deepEqual(
      err
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
      [
        { docket: 'own', cwd: here.inner, args: ['work-on', 'FEAT-9', '--from', 'a b', '--no-panes', '--json'] },
        { docket: 'own', cwd: folder, args: ['panes', '--print', '--root', folder, '--json'] },
      ],
    );
    assert.deepEqual(
      calls.map(({ on, call }) => `${on}.${call}`),
      ['iterm2.Window.async_create', 'tab1.async_set_title', 'session1.async_set_name', 'session1.async_send_text', 'window1.async_create_tab', 'tab2.async_set_title', 'session2.async_set_name', 'session2.async_send_text', 'tab1.async_select', 'window1.async_activate', 'app.async_activate'],
    ); // prettier-ignore
    const none = iterm(here, ['FEAT-9', '--no-panes'], here.inner);
    assert.deepEqual([none.code, none.out, none.calls], [0, `${folder}\n`, []]);
  });

  test('says what is missing', async (t) => {
    const here = await place(t);
    writeFileSync(path.join(here.repo, 'docket.yaml'), 'runner: offline\n');
    const failed = (args: readonly string[], cwd: string, code: number, words: RegExp, more: Record<string, string> = {}): void => {
      const ran = iterm(here, args, cwd, more);
      assert.deepEqual([ran.code, ran.out, ran.calls], [code, '', []], ran.err);
      assert.match(ran.err, words);
    };
    failed([], here.repo, 2, /say which feature/);
    failed(['FEAT-1'], here.base, 2, /lies in no git repository/);
    failed(['--panes-of', 'nowhere'], here.repo, 2, /there is no folder nowhere/);
    failed(['--panes-of', here.repo, '--role', 'nobody'], here.repo, 2, /there is no role "nobody"/);
    failed(['--panes-of', here.repo], here.repo, 3, /no Python package iterm2: pip3 install iterm2/, { PYTHONPATH: here.base });
    failed(['--panes-of', here.repo], here.repo, 3, /iTerm2 opened no window/, { ITERM2_STAND_IN_NO_WINDOW: '1' });
  });
});
