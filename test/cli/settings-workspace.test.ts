import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Workspace } from '#core/settings.ts';
import { describeSettingsFaults } from '#cli/settings.ts';
import { packageRoot } from '#cli/package.ts';
import { findRepository, isInside, loadWorkspace } from '#cli/workspace.ts';
import { makeFs } from '#platform/files.ts';

const fs = makeFs();
const repositoryRoot = path.resolve(import.meta.dirname, '../..');
let base = '';

beforeEach(() => {
  base = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-workspace-')));
});
afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

const at = (...parts: string[]): string => path.join(base, ...parts);
const write = (text: string, ...parts: string[]): void => {
  mkdirSync(path.dirname(at(...parts)), { recursive: true });
  writeFileSync(at(...parts), text);
};
const load = async (cwd: string, rootFlag: string | null = null, env = {}): ReturnType<typeof loadWorkspace> =>
  loadWorkspace({ cwd, rootFlag, env, flags: {}, fs });
const good = async (cwd: string, rootFlag: string | null = null): Promise<Workspace> => {
  const loaded = await load(cwd, rootFlag);
  assert.ok(loaded.ok, loaded.ok ? '' : describeSettingsFaults(loaded.error));
  return loaded.value;
};
const bad = async (cwd: string, rootFlag: string | null = null): Promise<string[]> => {
  const loaded = await load(cwd, rootFlag);
  assert.ok(!loaded.ok, 'it was taken');
  assert.ok(describeSettingsFaults(loaded.error).includes('mend:'));
  return loaded.error.map((one) => `${one.code} ${one.field}`);
};
const git = (cwd: string, ...args: string[]): void => {
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'init.defaultBranch=main', ...args], { cwd, stdio: 'ignore' });
};

describe('finding the workspace', () => {
  test('the nearest docket.yaml at or above wins', async () => {
    write('app: outer\n', 'outer', 'docket.yaml');
    write('app: inner\n', 'outer', 'a', 'inner', 'docket.yaml');
    mkdirSync(at('outer', 'a', 'inner', 'x', 'y'), { recursive: true });
    assert.equal((await good(at('outer', 'a', 'inner', 'x', 'y'))).app, 'inner');
    assert.equal((await good(at('outer', 'a'))).root, at('outer'));
  });

  test('--root wins over the search, and must be a workspace', async () => {
    write('', 'one', 'docket.yaml');
    write('', 'two', 'docket.yaml');
    assert.equal((await good(at('one'), '../two')).root, at('two'));
    assert.deepEqual(await bad(at('one'), '../three'), ['no-workspace root']);
  });

  test('none above is told with what to do', async () => {
    const loaded = await load(base);
    assert.ok(!loaded.ok);
    assert.match(describeSettingsFaults(loaded.error), /docket init/);
  });

  test('links to the folder are resolved; a docket.yaml that is a link, too long or not UTF-8 is refused', async () => {
    write('', 'real', 'docket.yaml');
    symlinkSync(at('real'), at('link'));
    assert.equal((await good(at('link'))).root, at('real'));

    mkdirSync(at('linked'));
    symlinkSync(at('real', 'docket.yaml'), at('linked', 'docket.yaml'));
    assert.deepEqual(await bad(at('linked')), ['settings-not-a-file file']);
    write(`# ${'x'.repeat(70_000)}\n`, 'long', 'docket.yaml');
    assert.deepEqual(await bad(at('long')), ['settings-too-long file']);
    mkdirSync(at('latin'));
    writeFileSync(at('latin', 'docket.yaml'), Buffer.from([0x61, 0x70, 0x70, 0x3a, 0x20, 0xe4, 0x0a]));
    assert.deepEqual(await bad(at('latin')), ['settings-not-utf8 file']);
  });
});

describe('paths', () => {
  test('are absolute, with the history beside the code', async () => {
    write('', 'My Shop', 'docket.yaml');
    const workspace = await good(at('My Shop'));
    assert.equal(workspace.app, 'My-Shop');
    assert.equal(workspace.code, at('My Shop'));
    assert.equal(workspace.queues, at('My Shop', 'queues'));
    assert.equal(workspace.state, at('My Shop', 'queues', '.docket'));
    assert.equal(workspace.history, at('My-Shop-ai-history'));
    assert.deepEqual(workspace.roleFolders, [at('My Shop', 'agents'), path.join(repositoryRoot, 'agents')]);
    assert.deepEqual(workspace.specFolders, [at('My Shop', 'prompt-spec'), path.join(repositoryRoot, 'prompt-spec')]);
  });

  test('docket.yaml may name them, and docket.local.yaml overrides it', async () => {
    write('app: shop\ncode: ../code\nqueues: ../q\nhistory: ../records\n', 'w', 'docket.yaml');
    write('queues: ../mine\n', 'w', 'docket.local.yaml');
    const workspace = await good(at('w'));
    assert.deepEqual([workspace.code, workspace.queues, workspace.history], [at('code'), at('mine'), at('records')]);
    assert.equal(workspace.sources.queues, 'docket.local.yaml');
  });

  test('a history inside the code, or round it, is refused, also by way of a link', async () => {
    for (const history of ['.', 'records', 'a/../b', '..', '../link/x']) {
      write(`app: shop\nhistory: ${history}\n`, 'code', 'docket.yaml');
      rmSync(at('link'), { force: true });
      symlinkSync(at('code'), at('link'));
      assert.deepEqual(await bad(at('code')), ['setting-path history'], history);
    }
  });

  test('system folders and the root are refused, names that are no folder names too', async () => {
    write('app: a/b\nqueues: /proc/x/y\nhistory: /\ncode: /dev/shm\n', 'w', 'docket.yaml');
    assert.deepEqual((await bad(at('w'))).slice(0, 4), [
      'setting-path app',
      'setting-path code',
      'setting-path queues',
      'setting-path history',
    ]);
  });
});

describe('git', () => {
  test('a workspace in a sub-folder keeps its history outside the repository that holds it', async () => {
    mkdirSync(at('mono'));
    git(at('mono'), 'init');
    write('', 'mono', 'apps', 'shop', 'docket.yaml');
    assert.equal((await good(at('mono', 'apps', 'shop'))).history, at('shop-ai-history'));
    write('history: ../../records\n', 'mono', 'apps', 'shop', 'docket.yaml');
    assert.deepEqual(await bad(at('mono', 'apps', 'shop')), ['setting-path history']);
  });

  test('a linked work tree finds the app and the history of the main one', async () => {
    write('', 'shop', 'docket.yaml');
    git(at('shop'), 'init');
    git(at('shop'), 'add', '.');
    git(at('shop'), 'commit', '-m', 'first');
    git(at('shop'), 'worktree', 'add', at('trees', 'feature-7'));
    assert.deepEqual(await findRepository(fs, at('trees', 'feature-7')), {
      top: at('trees', 'feature-7'),
      main: at('shop'),
      common: at('shop', '.git'),
    });
    const linked = await good(at('trees', 'feature-7'));
    const main = await good(at('shop'));
    assert.equal(linked.history, main.history);
    assert.equal(linked.app, 'shop');
    assert.equal(linked.queues, at('trees', 'feature-7', 'queues'));
  });

  test('no repository is fine', async () => {
    assert.equal(await findRepository(fs, at('nowhere')), null);
  });
});

test('docket finds its own folder, and its clone has one folder of roles and specs', async () => {
  assert.equal(packageRoot(), repositoryRoot);
  const workspace = await good(repositoryRoot);
  assert.equal(workspace.app, 'docket');
  assert.equal(workspace.settings.runner, 'offline');
  assert.deepEqual(workspace.roleFolders, [path.join(repositoryRoot, 'agents')]);
});

test('inside means the folder itself and what is below it, not a longer name', () => {
  assert.deepEqual(
    [isInside('/a', '/a'), isInside('/a', '/a/b'), isInside('/a', '/ab'), isInside('/a/b', '/a'), isInside('/a', '/a/..b')],
    [true, true, false, false, true],
  );
});
