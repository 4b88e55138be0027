/** The ways git and people come to a commit: worktrees, submodules, rebase, merge, cherry-pick, odd names, empty commits, a docket that is not there. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeCodeRepository, type CodeRepository } from '#test/support/code-repository.ts';

const secret = (): string => ['gh', 'p_', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'].join('');
const BLOCK = 'export const produced = "by a recorded answer";\n';
const skips = (code: CodeRepository): string => {
  const file = path.join(code.root, '.git/docket/skips.tsv');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};

async function ready(t: Parameters<typeof makeCodeRepository>[0]): Promise<CodeRepository> {
  const code = await makeCodeRepository(t);
  await code.answer('panel', `\`\`\`ts\n${BLOCK}\`\`\`\n`);
  assert.equal((await code.hooks('install')).code, 0);
  code.git(['add', '.']);
  assert.equal(code.git(['commit', '-qm', 'first']).code, 0);
  return code;
}

test('an initial commit, an empty one, one of some files only, and an emptied message do what git does', async (t) => {
  const code = await ready(t);
  assert.equal(code.git(['commit', '-q', '--allow-empty', '-m', 'empty']).code, 0);
  code.write('b.ts', BLOCK);
  code.write('key.txt', `token = ${secret()}\n`);
  code.git(['add', '-A']);
  // Only a.txt is in the index of this commit.
  code.write('a.txt', 'a\n');
  code.git(['add', 'a.txt']);
  assert.equal(code.git(['commit', '-qm', 'a only', '--', 'a.txt']).code, 0);
  assert.doesNotMatch(code.message(), /Docket-Record/);
  assert.match(code.git(['status', '--porcelain']).out, /A {2}key\.txt/, 'the index is as it was');
  code.git(['rm', '-q', '-f', '--cached', 'key.txt']);
  const emptied = code.git(['commit', '-q', '--cleanup=strip', '-e'], { env: { GIT_EDITOR: 'true' } });
  assert.notEqual(emptied.code, 0, 'a trailer makes no message');
  assert.equal(code.git(['commit', '-q', '-v'], { env: { GIT_EDITOR: 'sed -i "1i subject"' } }).code, 0);
  assert.match(code.message(), /^subject\n\nDocket-Record: FEAT-1\/architect\/panel@1 [0-9a-f]{64}\n/);
  assert.equal(skips(code), '');
});

test('names with newlines, quotes and spaces are looked at like any other', async (t) => {
  const code = await ready(t);
  for (const name of ['line\nbreak.ts', 'quo"te\'s.ts', ' -x $(touch boom) `y`;.ts', 'ümläut.ts']) {
    code.write(name, `token = ${secret()}\n`);
    code.git(['add', '-A']);
    assert.equal(code.git(['commit', '-qm', 'no']).code, 1, name);
    code.write(name, BLOCK);
    code.git(['add', '-A']);
    assert.equal(code.git(['commit', '-qm', 'yes']).code, 0, name);
    assert.match(code.message(), /Docket-Record/);
    code.git(['rm', '-q', '--', name]);
    code.git(['commit', '-qm', 'gone']);
  }
  assert.ok(!existsSync(path.join(code.root, 'boom')));
});

test('linked worktrees share the hooks, and a worktree without docket.yaml takes the settings of the main one', async (t) => {
  const code = await ready(t);
  code.git(['worktree', 'add', '-q', '../linked', '-b', 'other']);
  const cwd = path.join(path.dirname(code.root), 'linked');
  code.git(['rm', '-q', 'docket.yaml'], { cwd });
  assert.equal(code.git(['commit', '-qm', 'no settings here'], { cwd }).code, 0);
  code.write('b.ts', BLOCK, cwd);
  code.git(['add', '.'], { cwd });
  const { code: exit, err } = code.git(['commit', '-qm', 'theirs'], { cwd });
  assert.equal(exit, 0, err);
  assert.match(code.message('HEAD', cwd), /Docket-Record: FEAT-1\/architect\/panel@1 /);
  code.write('key.txt', `token = ${secret()}\n`, cwd);
  code.git(['add', '.'], { cwd });
  assert.equal(code.git(['commit', '-qm', 'no'], { cwd }).code, 1);
  assert.equal(code.git(['commit', '-qm', 'unseen', '--no-verify'], { cwd }).code, 0);
  assert.match(skips(code), /\tno-verify\t/, 'noted in the folder that all worktrees share');
});

test('a submodule can have them too, with the workspace above', async (t) => {
  const code = await ready(t);
  const other = path.join(path.dirname(code.root), 'other');
  mkdirSync(other);
  code.git(['init', '-q'], { cwd: other });
  code.git(['commit', '-q', '--allow-empty', '-m', 'x'], { cwd: other });
  assert.equal(code.git(['submodule', '--quiet', 'add', '../other', 'lib']).code, 0);
  const cwd = path.join(code.root, 'lib');
  assert.equal((await code.hooks('install', '--repository', 'lib')).code, 0);
  code.write('b.ts', BLOCK, cwd);
  code.git(['add', '.'], { cwd });
  assert.equal(code.git(['commit', '-qm', 'theirs'], { cwd }).code, 0);
  assert.match(code.message('HEAD', cwd), /Docket-Record/);
  code.git(['add', 'lib']);
  assert.equal(code.git(['commit', '-qm', 'a submodule has no bytes to scan']).code, 0);
  assert.equal(skips(code), '');
});

test('rebase, merge, cherry-pick and revert go through, keep trailers, and count as no skip', async (t) => {
  const code = await ready(t);
  code.git(['checkout', '-q', '-b', 'side']);
  code.write('b.ts', BLOCK);
  code.git(['add', '.']);
  code.git(['commit', '-qm', 'theirs']);
  code.write('d.ts', 'const d = 1;\n');
  code.git(['add', '.']);
  code.git(['commit', '-qm', 'more']);
  code.git(['checkout', '-q', 'main']);
  code.write('c.ts', 'const c = 1;\n');
  code.git(['add', '.']);
  code.git(['commit', '-qm', 'c']);
  for (const args of [
    ['checkout', '-q', 'side'],
    ['rebase', '-q', 'main'],
    ['checkout', '-q', 'main'],
    ['cherry-pick', 'side~1'],
    ['revert', '--no-edit', 'HEAD'],
    ['merge', '-q', '--no-ff', '-m', 'merged', 'side'],
  ])
    assert.equal(code.git(args).code, 0, `${args.join(' ')}: ${code.git(['status']).out}`);
  assert.match(code.git(['log', '--format=%B', 'side']).out, /Docket-Record/);
  assert.equal(skips(code), '');
  assert.equal(code.git(['status', '--porcelain']).out, '');
});

test('without docket a commit is refused in words and can be made all the same; a message and a push go on, and that is noted', async (t) => {
  const code = await ready(t);
  for (const hook of ['pre-commit', 'commit-msg', 'pre-push']) {
    const file = path.join(code.root, '.git/hooks', hook);
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^run=.*$/m, "run='/nowhere/hooks/run.js'"));
  }
  code.write('a.txt', 'a\n');
  code.git(['add', '.']);
  const refused = code.git(['commit', '-qm', 'a']);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /npm ci/);
  assert.doesNotMatch(refused.err, / {4}at /);
  assert.equal(code.git(['commit', '-qm', 'a'], { env: { DOCKET_SKIP: 'pre-commit', DOCKET_SKIP_REASON: 'docket is away' } }).code, 0);
  code.git(['init', '-q', '--bare', '../elsewhere.git']);
  assert.equal(code.git(['push', '-q', '../elsewhere.git', 'HEAD:main']).code, 0);
  assert.match(skips(code), /\tcommit-msg\tnot-run\t[\s\S]*\tpre-push\tnot-run\t/);
});

test('a GUI client with a bare PATH finds everything', async (t) => {
  const code = await ready(t);
  code.write('b.ts', BLOCK);
  code.git(['add', '.']);
  assert.equal(code.git(['commit', '-qm', 'theirs'], { env: { PATH: '/usr/bin:/bin' } }).code, 0);
  assert.match(code.message(), /Docket-Record/);
});

test('binary and too large files are told about, not passed over in silence', async (t) => {
  const code = await makeCodeRepository(t, 'hooks: { scan_bytes: 1k, scan_total_bytes: 10k }\n');
  await code.hooks('install');
  code.write('picture.bin', Buffer.from([0, 1, 2, 3]));
  code.write('long.txt', 'words and words\n'.repeat(100));
  code.write('huge.txt', 'words and words\n'.repeat(1_000));
  code.git(['add', '.']);
  const { code: exit, err } = code.git(['commit', '-qm', 'x']);
  assert.equal(exit, 0, err);
  assert.match(err, /because binary: picture\.bin/);
  assert.match(err, /first 1000 bytes[^\n]*long\.txt/);
  assert.match(err, /more than 10000 bytes: huge\.txt/);
});

test('the folder of a framework is not written to: its programs lie beside, and the words say how to call them', async (t) => {
  const code = await makeCodeRepository(t);
  await code.answer('panel', `\`\`\`ts\n${BLOCK}\`\`\`\n`);
  code.git(['config', 'core.hooksPath', '.husky/_']);
  mkdirSync(path.join(code.root, '.husky/_'), { recursive: true });
  const { out } = await code.hooks('install');
  assert.match(out, /husky owns[\s\S]*\.husky\/pre-commit: {2}"\$\(git rev-parse --git-common-dir\)\/docket\/hooks\/pre-commit" "\$@"/);
  assert.deepEqual(readdirSync(path.join(code.root, '.husky/_')), []);
  // As husky calls what a person wrote: each by a shell of its own.
  for (const hook of ['pre-commit', 'commit-msg', 'post-commit', 'pre-push']) {
    const file = code.write(`.husky/_/${hook}`, `#!/bin/sh\n"$(git rev-parse --git-common-dir)/docket/hooks/${hook}" "$@"\nexit $?\n`);
    chmodSync(file, 0o755);
  }
  code.write('b.ts', BLOCK);
  code.git(['add', 'b.ts']);
  const made = code.git(['commit', '-qm', 'theirs']);
  assert.equal(made.code, 0, made.err);
  assert.match(code.message(), /Docket-Record/);
  assert.equal(skips(code), '');
  code.git(['commit', '-q', '--allow-empty', '--no-verify', '-m', 'unseen']);
  assert.match(skips(code), /no-verify/);
  for (const [name, words] of [
    ['lefthook.yml', /lefthook\.yml/],
    ['.pre-commit-config.yaml', /repo: local/],
  ] as const) {
    code.git(['config', '--unset', 'core.hooksPath']);
    const file = code.write(name, '');
    assert.match((await code.hooks('install')).out, words);
    renameSync(file, `${file}.away`);
  }
});

test('hooks of all repositories are not touched, and a link that is a hook stays a link', async (t) => {
  const code = await makeCodeRepository(t);
  const target = code.write('scripts/hook', '#!/bin/sh\nexit 0\n');
  chmodSync(target, 0o755);
  const file = path.join(code.root, '.git/hooks/commit-msg');
  mkdirSync(path.dirname(file), { recursive: true });
  symlinkSync('../../scripts/hook', file);
  assert.equal((await code.hooks('install')).code, 0);
  code.write('a.txt', 'a\n');
  code.git(['add', 'a.txt']);
  assert.equal(code.git(['commit', '-qm', 'a']).code, 0);
  assert.equal((await code.hooks('remove')).code, 0);
  assert.equal(readlinkSync(file), '../../scripts/hook');
});
