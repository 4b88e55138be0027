import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { needWritable, safeName } from '#cli/init-place.ts';
import { settingsText } from '#cli/init-settings.ts';
import { CliError } from '#cli/io.ts';
import { askRunner, type Question, type Tool } from '#cli/offer.ts';
import { loadSettings } from '#cli/settings.ts';
import { makeFs, systemError } from '#platform/files.ts';
import { runCli, type CliAnswer } from '#test/support/cli.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'init.defaultBranch=main', ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });

type App = { readonly base: string; readonly root: string };
async function makeApp(t: TestContext, name = 'shop'): Promise<App> {
  const base = await temporaryFolder(t);
  const root = path.join(base, name);
  mkdirSync(root);
  return { base, root };
}
async function makeRepository(t: TestContext, name = 'shop'): Promise<App> {
  const app = await makeApp(t, name);
  git(app.root, 'init', '-q');
  writeFileSync(path.join(app.root, 'README.md'), '# shop\n');
  git(app.root, 'add', '.');
  git(app.root, 'commit', '-qm', 'first');
  return app;
}
const init = async (cwd: string, ...args: string[]): Promise<CliAnswer> => runCli(['init', ...args], { cwd });
/** All that lies in a folder, to see that nothing was changed. */
const everything = (folder: string): readonly string[] => (readdirSync(folder, { recursive: true }) as string[]).toSorted();

describe('docket init in a git repository', { concurrency: 4 }, () => {
  test('makes docket.yaml, the queues and the history, and leaves git with one new file', async (t) => {
    const { base, root } = await makeRepository(t);
    const { code, out, err } = await init(root);
    assert.equal(code, 0, err);
    assert.equal(git(root, 'status', '--porcelain'), '?? docket.yaml\n');
    const { queues, roles } = {
      queues: path.join(root, 'queues'),
      roles: ['00-meta', '01-architect', '02-openapi', '03-ui', '04-integration', '05-test-review'],
    };
    for (const role of roles) for (const folder of ['in', 'out']) assert.ok(statSync(path.join(queues, role, folder)).isDirectory());
    assert.equal(statSync(path.join(queues, '.docket')).mode & 0o777, 0o700);
    const history = path.join(base, 'shop-ai-history');
    assert.match(git(history, 'log', '--format=%s'), /a history begins/);
    assert.equal(git(history, 'status', '--porcelain'), '');
    assert.match(out, /docket\.yaml +made \(runner: offline, no AI is called\); commit it/);
    assert.match(out, /`git status` shows only docket\.yaml as new/);
    assert.deepEqual(out.split('\n').slice(-2), ['  docket up --detach', '  docket ask architect --feature FEAT-1 your-prompt.md']);
  });

  test('said again changes nothing, adds no line twice, and ends well', async (t) => {
    const { root } = await makeRepository(t);
    await init(root);
    const exclude = path.join(root, '.git', 'info', 'exclude');
    const before = [readFileSync(exclude, 'utf8'), readFileSync(path.join(root, 'docket.yaml'), 'utf8')];
    const again = await init(root);
    assert.equal(again.code, 0);
    assert.match(again.out, /is a workspace already \(shop\): nothing is missing/);
    assert.deepEqual([readFileSync(exclude, 'utf8'), readFileSync(path.join(root, 'docket.yaml'), 'utf8')], before);
    assert.equal(before[0]?.match(/^\/queues\/$/gm)?.length, 1);
    assert.equal(before[0].match(/^\/docket\.local\.yaml$/gm)?.length, 1);
  });

  test('never changes a docket.yaml that is there, and mends what is missing around it', async (t) => {
    const { base, root } = await makeRepository(t);
    const text = '# mine\napp: till\nrunner: offline\nqueues: inbox\n';
    writeFileSync(path.join(root, 'docket.yaml'), text);
    const { code, out, err } = await init(root, '--runner', 'claude', '--app', 'till');
    assert.equal(code, 0, err);
    assert.equal(readFileSync(path.join(root, 'docket.yaml'), 'utf8'), text);
    assert.ok(existsSync(path.join(root, 'inbox', '03-ui', 'out')));
    assert.ok(existsSync(path.join(base, 'till-ai-history', '.git')));
    assert.match(out, /what was missing is mended/);
    assert.match(err, /kept as it is, so --runner changed nothing/);
    assert.equal(git(root, 'status', '--porcelain'), '?? docket.yaml\n');

    rmSync(path.join(root, 'inbox', '03-ui'), { recursive: true });
    assert.match((await init(root)).out, /made for 03-ui/);
    assert.ok(existsSync(path.join(root, 'inbox', '03-ui', 'in')));
  });

  test('writes no line twice when a person has one already, and adds to a last line without an end', async (t) => {
    const { root } = await makeRepository(t);
    const exclude = path.join(root, '.git', 'info', 'exclude');
    writeFileSync(exclude, '*.log\r\n/queues/\r\nlast');
    await init(root);
    assert.equal(
      readFileSync(exclude, 'utf8'),
      "*.log\r\n/queues/\r\nlast\n# docket's queues and your own docket settings (written by `docket init`)\n/docket.local.yaml\n",
    );
  });

  test('does not follow an exclude file that is a link: it says which lines to add', async (t) => {
    const { base, root } = await makeRepository(t);
    const exclude = path.join(root, '.git', 'info', 'exclude');
    rmSync(exclude);
    writeFileSync(path.join(base, 'elsewhere'), 'mine\n');
    symlinkSync(path.join(base, 'elsewhere'), exclude);
    const { code, out } = await init(root);
    assert.equal(code, 0);
    assert.equal(readFileSync(path.join(base, 'elsewhere'), 'utf8'), 'mine\n');
    assert.match(out, /clean +NOT: add these lines to .*exclude yourself: \/queues\/ \/docket\.local\.yaml/);
  });

  test('tells when a rule of the repository shows the queues all the same', async (t) => {
    const { root } = await makeRepository(t);
    writeFileSync(path.join(root, '.gitignore'), '!/queues/\n');
    mkdirSync(path.join(root, 'queues', '01-architect', 'in'), { recursive: true });
    writeFileSync(path.join(root, 'queues', '01-architect', 'in', 'mine.md'), 'x');
    const { code, out } = await init(root);
    assert.equal(code, 0);
    assert.match(out, /but `git status` shows queues\/01-architect\/in\/mine\.md: look for a rule that says !/);
  });

  test('in a linked worktree uses the exclude file that all worktrees share, and the main one’s history', async (t) => {
    const { base, root } = await makeRepository(t);
    const linked = path.join(base, 'elsewhere', 'fix');
    mkdirSync(path.dirname(linked));
    git(root, 'worktree', 'add', '-q', linked);
    const { code, err } = await init(linked);
    assert.equal(code, 0, err);
    assert.match(readFileSync(path.join(root, '.git', 'info', 'exclude'), 'utf8'), /^\/queues\/$/m);
    assert.equal(git(linked, 'status', '--porcelain'), '?? docket.yaml\n');
    assert.equal(git(root, 'status', '--porcelain'), '');
    assert.ok(existsSync(path.join(base, 'shop-ai-history', '.git')), 'named and placed by the main work tree');
  });

  test('in a folder of the repository, even one with a strange name, excludes only what is its own', async (t) => {
    const { root } = await makeRepository(t);
    const inner = path.join(root, 'pack[1] *x ');
    mkdirSync(inner);
    mkdirSync(path.join(root, 'pack1 x', 'queues'), { recursive: true });
    writeFileSync(path.join(root, 'pack1 x', 'queues', 'kept.md'), 'x');
    const { code, err } = await init(inner);
    assert.equal(code, 0, err);
    assert.equal(git(root, 'status', '--porcelain', '-uall', '-z'), '?? pack1 x/queues/kept.md\0?? pack[1] *x /docket.yaml\0');
  });
});

describe('docket init elsewhere', { concurrency: 4 }, () => {
  test('in a plain folder makes the same without git', async (t) => {
    const { base, root } = await makeApp(t, 'My Shop');
    const { code, out } = await init(base, 'My Shop', '--yes');
    assert.equal(code, 0);
    assert.ok(existsSync(path.join(root, 'queues', '01-architect', 'in')));
    assert.ok(existsSync(path.join(base, 'my-shop-ai-history', '.git')));
    assert.doesNotMatch(out, /exclude/);
    assert.match(out, /docket --root '.*\/My Shop' up --detach/);
  });

  test('takes the name from package.json, then the remote, then the folder; --app wins', async (t) => {
    const { root } = await makeRepository(t, 'Folder');
    const nameOf = async (...args: string[]): Promise<unknown> => {
      const { out } = await init(root, '--json', ...args);
      rmSync(path.join(root, 'docket.yaml'));
      const { app, app_from: from } = JSON.parse(out) as { app: string; app_from: string };
      return [app, from];
    };
    assert.deepEqual(await nameOf(), ['folder', "the folder's name"]);
    git(root, 'remote', 'add', 'origin', 'git@example.org:acme/The_Till.git');
    assert.deepEqual(await nameOf(), ['the-till', 'the remote origin']);
    writeFileSync(path.join(root, 'package.json'), '{"name": "@acme/storefront"}');
    assert.deepEqual(await nameOf(), ['storefront', 'package.json']);
    assert.deepEqual(await nameOf('--app', 'chosen'), ['chosen', '--app']);
  });

  test('--json prints what was made, and nothing else', async (t) => {
    const { base, root } = await makeRepository(t);
    const { code, out, err } = await init(root, '--json', '--app', 'till', '--history', '../records', '--queues', '.queues');
    assert.equal(code, 0, err);
    const data = JSON.parse(out) as Record<string, unknown>;
    assert.deepEqual(
      [data['root'], data['app'], data['runner'], data['settings'], data['untracked']],
      [root, 'till', 'offline', 'made', ['docket.yaml']],
    );
    assert.deepEqual(data['history'], { path: path.join(base, 'records'), made: true });
    assert.deepEqual(data['exclude'], {
      path: path.join(root, '.git', 'info', 'exclude'),
      added: ['/.queues/', '/docket.local.yaml'],
      problem: null,
    });
    assert.ok(existsSync(path.join(root, '.queues', '01-architect', 'in')));
  });
});

const refused = async (base: string, cwd: string, args: readonly string[], words: RegExp, env?: Record<string, string>): Promise<void> => {
  const before = everything(base);
  const { code, err } = await runCli(['init', ...args], { cwd, ...(env === undefined ? {} : { env }) });
  assert.equal(code, 2, err);
  assert.match(err, words);
  assert.deepEqual(everything(base), before);
};

describe('docket init refuses with words, and makes nothing', { concurrency: 4 }, () => {
  test('the root of the file system, the home folder, no folder, a file', async (t) => {
    const { base, root } = await makeApp(t);
    writeFileSync(path.join(base, 'file'), '');
    await refused(base, root, ['/'], /is the root of the file system/);
    await refused(base, root, [], /is your home folder/, { HOME: root, PATH: '/usr/bin:/bin' });
    await refused(base, root, ['../nowhere'], /there is no folder .*nowhere/);
    await refused(base, root, ['../file'], /file is not a folder/);
  });

  test('and not a code repository in which docket keeps something in its git folder: work trees, hooks', async (t) => {
    const { root } = await makeRepository(t);
    mkdirSync(path.join(root, '.git', 'docket', 'worktrees'), { recursive: true });
    assert.equal((await init(root)).code, 0);
    assert.equal((await init(root)).code, 0);
  });

  test('the queues, the history, a .git folder and a bare repository', async (t) => {
    const { base, root } = await makeRepository(t);
    await init(root);
    git(base, 'init', '-q', '--bare', 'bare.git');
    await refused(base, path.join(root, 'queues'), [], /inside the queues folder/);
    await refused(base, path.join(root, 'queues', '01-architect', 'in'), ['.'], /inside the queues folder/);
    await refused(base, path.join(base, 'shop-ai-history'), ['.'], /inside the history repository/);
    await refused(base, path.join(root, '.git', 'info'), ['.'], /inside a \.git folder/);
    await refused(base, path.join(base, 'bare.git'), [], /bare git repository/);
  });

  test('a folder inside a workspace, unless it is named', async (t) => {
    const { base, root } = await makeRepository(t);
    await init(root);
    mkdirSync(path.join(root, 'part'));
    await refused(base, path.join(root, 'part'), [], /belongs to the workspace .*shop already/);
    assert.equal((await init(path.join(root, 'part'), '.')).code, 0);
  });

  test('a queues folder of somebody else', async (t) => {
    const { base, root } = await makeRepository(t);
    mkdirSync(path.join(root, 'queues'));
    writeFileSync(path.join(root, 'queues', 'consumer.ts'), '');
    await refused(base, root, [], /queues holds other things already \(consumer\.ts\): name another one with --queues/);
    assert.equal((await init(root, '--queues', 'prompts')).code, 0);
  });

  test('a history inside the code, a wrong name, a wrong runner, two folders, a docket.yaml with faults', async (t) => {
    const { base, root } = await makeRepository(t);
    await refused(base, root, ['--history', 'records'], /the history would lie inside the code repository/);
    await refused(base, root, ['--app', '../x Y'], /--app takes lower-case letters.*x-y would do/);
    await refused(base, root, ['--runner', 'cloude'], /there is no runner "cloude"; there are: offline, claude, codex, .*, auto/);
    await refused(base, root, ['--root', '.', 'x'], /two folders are named/);
    await refused(base, root, ['a', 'b'], /too many arguments/);
    writeFileSync(path.join(root, 'docket.yaml'), 'runner: offline\nslots: many\nfoo: 1\n');
    await refused(base, root, [], /slots[^]*foo/);
  });

  test('a place that cannot be written, with the reason of the system', async (t) => {
    const { base } = await makeApp(t);
    const readOnly = { ...makeFs(), writeDerived: async () => Promise.reject(systemError('EROFS', 'read-only file system')) };
    await assert.rejects(
      needWritable(readOnly, path.join(base, 'not', 'there'), 'the history repository', 'choose another', 'x'),
      (error) =>
        error instanceof CliError &&
        error.exitCode === 3 &&
        error.message === `the history repository cannot be written: ${base} [EROFS] (choose another); nothing was made`,
    );
    await needWritable(makeFs(), path.join(base, 'not', 'there'), 'x', 'y', 'z');
    assert.deepEqual(readdirSync(base), ['shop']);
  });

  test('a history folder that is something else; what was made stays mendable', async (t) => {
    const { base, root } = await makeRepository(t);
    mkdirSync(path.join(base, 'shop-ai-history'));
    writeFileSync(path.join(base, 'shop-ai-history', 'notes.txt'), 'mine');
    const { code, err } = await init(root);
    assert.equal(code, 3);
    assert.match(err, /not empty and no history of docket/);
    assert.ok(!existsSync(path.join(root, 'docket.yaml')));
    assert.equal(git(root, 'status', '--porcelain'), '');
  });
});

const fakeClaude = (t: TestContext, base: string, isLoggedIn: boolean): string => {
  const bin = path.join(base, 'bin');
  mkdirSync(bin, { recursive: true });
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo '2.1.300 (Claude Code)'; else echo '{"loggedIn": ${String(isLoggedIn)}}'; fi\n`;
  writeFileSync(path.join(bin, 'claude'), script);
  chmodSync(path.join(bin, 'claude'), 0o755);
  t.after(() => rmSync(bin, { recursive: true, force: true }));
  return bin;
};

const tool = (name: string, isReady: boolean): Tool => ({ name, version: '1.2.3', program: `/opt/${name}`, isReady, reason: null });

describe('the offer of tools', () => {
  test('without a terminal stays offline, says which tool it found, and leaves no trace of looking', async (t) => {
    const { base, root } = await makeRepository(t);
    const env = { PATH: `${fakeClaude(t, base, true)}:/usr/bin:/bin`, ANTHROPIC_API_KEY: 'not-a-key' };
    const { code, err, out } = await runCli(['init', '--json'], { cwd: root, env });
    assert.equal(code, 0, err);
    const { runner, tools } = JSON.parse(out) as { runner: string; tools: unknown[] };
    assert.equal(runner, 'offline');
    assert.deepEqual(tools, [{ name: 'claude', version: '2.1.300', program: path.join(base, 'bin', 'claude'), ready: true, reason: null }]);
    assert.match(err, /claude 2\.1\.300 is installed: `runner: claude` in docket\.yaml lets it answer/);
    assert.deepEqual(readdirSync(path.join(root, 'queues', '.docket')), []);
  });

  test('--runner is taken also when the tool is missing or not logged in, with a note', async (t) => {
    const { base, root } = await makeRepository(t);
    const missing = await init(root, '--runner', 'claude');
    assert.equal(missing.code, 0);
    assert.match(missing.err, /runner claude is not ready, so prompts wait until it is: it was not found in PATH/);
    assert.match(readFileSync(path.join(root, 'docket.yaml'), 'utf8'), /^runner: claude$/m);
    rmSync(path.join(root, 'docket.yaml'));
    const env = { PATH: `${fakeClaude(t, base, false)}:/usr/bin:/bin` };
    assert.match((await runCli(['init', '--runner', 'claude'], { cwd: root, env })).err, /not ready.*not logged in/);
  });

  test('on a terminal lists each tool with its version, the ready one first, and takes the answer', async () => {
    const asked: Question[] = [];
    const answer = await askRunner([tool('claude', true), tool('other', false)], async (question) => {
      asked.push(question);
      return Promise.resolve('auto');
    });
    assert.equal(answer, 'auto');
    assert.deepEqual(
      asked[0]?.options.map(({ value, label }) => [value, label]),
      [
        ['claude', 'claude 1.2.3'],
        ['other', 'other 1.2.3'],
        ['offline', 'offline'],
        ['auto', 'auto'],
      ],
    );
    assert.equal(asked[0].initialValue, 'claude');
    await askRunner([], async (question) => {
      asked.push(question);
      return Promise.resolve('offline');
    });
    assert.deepEqual(
      asked[1]?.options.map(({ value }) => value),
      ['offline'],
    );
    await assert.rejects(
      askRunner([], async () => Promise.resolve(null)),
      (error) => error instanceof CliError && error.exitCode === 130,
    );
  });
});

describe('what is written', () => {
  test('reads back as it was meant, whatever the name looks like', () => {
    for (const app of ['shop', '2048', '1e5', 'true', 'null', '0x1f', 'no', '2026-11-20', 'a']) {
      const text = settingsText({ app, runner: 'auto', history: '../a b #1', queues: null });
      const loaded = loadSettings({ docketYaml: text, localYaml: null, env: {}, flags: {} });
      assert.ok(loaded.ok, text);
      const { settings } = loaded.value;
      assert.deepEqual([settings.app, settings.runner, settings.history, settings.queues], [app, 'auto', '../a b #1', 'queues']);
    }
  });

  test('a safe name is lower-case letters, digits and inner hyphens', () => {
    assert.deepEqual(['My Shop', '@acme/x', '--a__b--', 'Ünï', '../..', 'x'.repeat(80)].map(safeName), [
      'my-shop',
      'acme-x',
      'a-b',
      'n',
      '',
      'x'.repeat(64),
    ]);
  });
});
