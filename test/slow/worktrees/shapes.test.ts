/** Repositories of all kinds, made with plain git: `docket work-on` makes a work tree in each, or says why it does not. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { makeCodeTree, withRemote, type CodeTree, type Shape } from '#test/support/worktrees.ts';

type Row = {
  readonly name: string;
  readonly shape?: Shape;
  /** Makes the shape. Answers the folder to call from; default: the primary checkout. */
  readonly make?: (code: CodeTree) => string | undefined;
  readonly args?: readonly string[];
  readonly code?: number;
  readonly says?: RegExp;
  /** @param folder the work tree */
  readonly holds?: (folder: string, code: CodeTree, data: Readonly<Record<string, unknown>>) => void;
};

const commitFile = (code: CodeTree, name: string, text: string, folder = code.app): void => {
  code.write(path.join(folder, name), text);
  code.git(folder, 'add', '--', name);
  code.git(folder, '-c', 'commit.gpgsign=false', 'commit', '-qm', `with ${JSON.stringify(name)}`);
};
const basedOn = (branch: string): Pick<Row, 'holds'> => ({
  holds: (_folder, _code, data) => {
    assert.equal(data['base'], branch);
  },
});

const ROWS: readonly Row[] = [
  ...['master', 'trunk', 'release/2.x'].map((branch): Row => ({ name: `default branch ${branch}`, shape: { branch }, ...basedOn(branch) })),
  {
    name: 'no commit yet',
    make: (code) => {
      rmSync(path.join(code.app, '.git'), { recursive: true });
      code.git(code.app, 'init', '-q');
      return undefined;
    },
    code: 1,
    says: /has no commit yet, so there is nothing to begin from/,
  },
  {
    name: 'no repository at all',
    make: (code) => {
      rmSync(path.join(code.app, '.git'), { recursive: true });
      return undefined;
    },
    code: 2,
    says: /is in no git repository that can be used/,
  },
  {
    name: 'a bare primary with linked work trees only',
    make: (code) => {
      code.git(code.beside, 'clone', '-q', '--bare', code.app, 'shop.git');
      code.git(path.join(code.beside, 'shop.git'), 'worktree', 'add', '-q', path.join(code.beside, 'shop-main'), 'main');
      return path.join(code.beside, 'shop-main');
    },
    holds: (folder, code) => {
      assert.equal(path.dirname(folder), code.beside);
      assert.equal(code.git(folder, 'rev-parse', '--git-common-dir').trim(), path.join(code.beside, 'shop.git'));
    },
  },
  {
    name: 'a detached HEAD in the primary checkout',
    make: (code) => {
      code.git(code.app, 'switch', '-q', '--detach');
      return undefined;
    },
    ...basedOn('main'),
  },
  {
    name: 'a shallow clone',
    make: (code) => {
      commitFile(code, 'second', '2');
      code.git(code.beside, 'clone', '-q', '--depth', '1', `file://${code.app}`, 'shallow');
      return path.join(code.beside, 'shallow');
    },
    says: /shallow clone/,
  },
  {
    name: 'a submodule, dirty in the primary checkout',
    make: (code) => {
      code.git(code.beside, 'init', '-q', '-b', 'main', 'part');
      const part = path.join(code.beside, 'part');
      code.git(part, 'commit', '-q', '--allow-empty', '-m', 'part');
      code.git(code.app, 'submodule', '--quiet', 'add', part, 'part');
      code.git(code.app, 'commit', '-qm', 'a submodule');
      code.write(path.join(code.app, 'part/dirty'), 'dirty');
      return undefined;
    },
    says: /submodules are not initialised: git -C .* submodule update --init/,
    holds: (folder) => {
      assert.equal(existsSync(path.join(folder, 'part/dirty')), false);
    },
  },
  {
    name: 'LFS pointers without LFS',
    make: (code) => {
      commitFile(code, '.gitattributes', '*.bin filter=lfs diff=lfs merge=lfs -text\n');
      commitFile(code, 'big.bin', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n');
      return undefined;
    },
    says: /Git LFS is not installed/,
    holds: (folder) => {
      assert.match(readFileSync(path.join(folder, 'big.bin'), 'utf8'), /^version https/);
    },
  },
  {
    name: 'a sparse checkout',
    make: (code) => {
      commitFile(code, 'in/file', 'in');
      commitFile(code, 'out/file', 'out');
      code.git(code.app, 'sparse-checkout', 'set', '--cone', 'in');
      return undefined;
    },
    says: /the sparse checkout of the primary checkout/,
    holds: (folder) => {
      assert.deepEqual([existsSync(path.join(folder, 'in/file')), existsSync(path.join(folder, 'out/file'))], [true, false]);
    },
  },
  ...['a b', 'nfc-\u00FC', 'nfd-u\u0308', '-dash', 'new\nline'].map((name): Row => ({
    name: `a folder called ${JSON.stringify(name)}`,
    shape: { name },
    make: (code) => {
      commitFile(code, `./${name}/${name}`, 'content');
      return undefined;
    },
    holds: (folder, code) => {
      assert.ok(existsSync(path.join(folder, name, name)));
      assert.equal(code.git(folder, 'status', '--porcelain'), '');
    },
  })),
  {
    name: 'hooks by core.hooksPath: post-checkout runs, and one that fails is told',
    make: (code) => {
      commitFile(code, '.hooks/post-checkout', `#!/bin/sh\necho "$1" > "$(git rev-parse --show-toplevel)/hooked"\nexit 7\n`);
      chmodSync(path.join(code.app, '.hooks/post-checkout'), 0o755);
      code.git(code.app, 'config', 'core.hooksPath', '.hooks');
      return undefined;
    },
    says: /git worktree add ended with code/,
    holds: (folder) => {
      assert.match(readFileSync(path.join(folder, 'hooked'), 'utf8'), /^0{40}/);
    },
  },
  {
    name: 'signing, line endings, an exclude file and a smudge filter of the user',
    shape: {
      config:
        '[commit]\n gpgsign = true\n[gpg]\n program = /nowhere\n[core]\n autocrlf = true\n[filter "up"]\n smudge = tr a-z A-Z\n clean = tr A-Z a-z\n',
    },
    make: (code) => {
      code.write(path.join(code.beside, 'home/ignored'), 'queues\n*.yaml\n');
      code.git(
        code.app,
        'config',
        '--file',
        path.join(code.beside, 'home/.gitconfig'),
        'core.excludesFile',
        path.join(code.beside, 'home/ignored'),
      );
      commitFile(code, '.gitattributes', '*.up filter=up\n');
      commitFile(code, 'word.up', 'word\n');
      return undefined;
    },
    holds: (folder, code) => {
      assert.equal(readFileSync(path.join(folder, 'word.up'), 'utf8'), 'WORD\r\n');
      assert.equal(code.git(folder, 'status', '--porcelain'), '');
    },
  },
  {
    name: 'a required filter that fails',
    shape: { config: '[filter "no"]\n smudge = false\n clean = cat\n required = true\n' },
    make: (code) => {
      commitFile(code, '.gitattributes', '*.no filter=no\n');
      commitFile(code, 'x.no', 'x\n');
      return undefined;
    },
    code: 1,
    says: /git worktree add .*: .*smudge filter no failed/,
  },
  {
    name: 'a repository inside another one',
    make: (code) => {
      code.git(code.beside, 'init', '-q');
      return undefined;
    },
    code: 1,
    says: /would lie inside the work tree of another repository.*worktrees\.folder/,
  },
  {
    name: 'a repository inside another one that ignores the place',
    make: (code) => {
      code.git(code.beside, 'init', '-q');
      code.write(path.join(code.beside, '.gitignore'), '/app*\n');
      return undefined;
    },
  },
  {
    name: 'work trees in a folder of the setting, and one history',
    shape: { settings: 'worktrees: { folder: ../trees }\nhistory: ../the-history\n' },
    holds: (folder, code) => {
      assert.equal(folder, path.join(code.beside, 'trees/app-FEAT-1'));
    },
  },
  {
    name: 'work trees that would lie inside the primary checkout',
    shape: { settings: 'worktrees: { folder: .trees }\n' },
    code: 1,
    says: /would lie inside .*app: set worktrees\.folder/,
  },
  {
    name: 'a git folder elsewhere',
    make: (code) => {
      renameSync(path.join(code.app, '.git'), path.join(code.beside, 'elsewhere'));
      code.write(path.join(code.app, '.git'), `gitdir: ${path.join(code.beside, 'elsewhere')}\n`);
      code.git(code.app, 'config', 'core.worktree', code.app);
      return undefined;
    },
    holds: (folder, code) => {
      assert.equal(folder, path.join(code.beside, 'app-FEAT-1'));
    },
  },
  {
    name: 'a submodule as the repository',
    make: (code) => {
      code.git(code.beside, 'init', '-q', '-b', 'main', 'outer');
      const outer = path.join(code.beside, 'outer');
      code.git(outer, 'submodule', '--quiet', 'add', code.app, 'part');
      return path.join(outer, 'part');
    },
    code: 1,
    says: /would lie inside the work tree of another repository/,
  },
  {
    name: 'a workspace below the top of its repository',
    shape: { settings: null },
    make: (code) => {
      commitFile(code, 'services/shop/docket.yaml', 'app: shop\nrunner: offline\ncode: ../..\n');
      return path.join(code.app, 'services/shop');
    },
    holds: (folder) => {
      assert.equal(path.basename(folder), 'shop-FEAT-1');
      assert.ok(existsSync(path.join(folder, 'services/shop/queues/01-architect/in')));
    },
  },
  {
    name: 'a clone whose base is on the remote only',
    make: (code) => {
      withRemote(code);
      code.git(code.app, 'push', '-q', 'origin', 'main:release/3');
      code.git(code.app, 'fetch', '-q');
      return undefined;
    },
    args: ['--from', 'release/3'],
    says: /begun from origin\/release\/3: there is no release\/3 here/,
    ...basedOn('release/3'),
  },
];

suite('docket work-on in a repository with', { concurrency: 2 }, () => {
  for (const row of ROWS)
    test(row.name, async (t) => {
      const code = await makeCodeTree(t, row.shape);
      const cwd = row.make?.(code) ?? code.app;
      mkdirSync(path.join(code.beside, 'unrelated'));
      const { code: exit, data, err } = await code.json(cwd, 'FEAT-1', ...(row.args ?? []));
      assert.equal(exit, row.code ?? 0, err);
      assert.match(err, row.says ?? /^/);
      if ((row.code ?? 0) !== 0) return;
      const folder = String(data['folder']);
      assert.ok(existsSync(path.join(folder, '.git')));
      assert.equal(code.git(folder, 'branch', '--show-current').trim(), 'feature/FEAT-1');
      row.holds?.(folder, code, data);
      assert.equal((await code.json(cwd, 'FEAT-1', '--no-fetch')).data['how'], 'reopened');
    });
});
