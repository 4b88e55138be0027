import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import type { RepositoryFacts } from '#worktrees/repository.ts';
import { makeFs } from '#platform/files.ts';
import { makeGitWork } from '#platform/git-work.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { defaultBranch, readRepository, RepositoryBusy, withRepositoryLock } from '#worktrees/repository.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const work = makeGitWork({ PATH: process.env['PATH'], HOME: '/nowhere' });
const PERSON = ['-c', 'user.name=ada', '-c', 'user.email=ada@localhost'];

const git = (folder: string, ...args: string[]): string =>
  execFileSync('git', ['-C', folder, ...PERSON, ...args], { encoding: 'utf8', env: { PATH: process.env['PATH'], HOME: '/nowhere' } });

async function repository(t: TestContext, branch = 'main', name = 'app'): Promise<{ readonly folder: string; readonly beside: string }> {
  const beside = await temporaryFolder(t);
  const folder = path.join(beside, name);
  mkdirSync(folder);
  git(folder, 'init', '-q', '-b', branch);
  git(folder, 'commit', '-q', '--allow-empty', '-m', 'first');
  return { folder, beside };
}

async function read(folder: string): Promise<RepositoryFacts> {
  const facts = await readRepository(work, makeFs(), folder);
  assert.ok(facts.ok, facts.ok ? '' : facts.error);
  return facts.value;
}

suite('the facts of a repository', () => {
  test('are the same from each of its work trees, whatever their paths hold', async (t) => {
    const { folder, beside } = await repository(t, 'main', 'a pp\nü');
    const names = ['-dash', 'new\nline', 'nfd-u\u0308', 'locked', 'gone', 'detached'];
    for (const name of names)
      git(
        folder,
        'worktree',
        'add',
        '-q',
        ...(name === 'detached' ? ['--detach'] : ['-b', `b${String(names.indexOf(name))}`]),
        path.join(beside, name),
      );
    git(folder, 'worktree', 'lock', '--reason', 'on a stick', path.join(beside, 'locked'));
    execFileSync('rm', ['-r', path.join(beside, 'gone')]);
    const facts = await read(folder);
    assert.equal(facts.common, realpathSync(path.join(folder, '.git')));
    assert.equal(facts.primary.folder, folder);
    assert.equal(facts.primary.branch, 'main');
    assert.deepEqual(
      facts.worktrees
        .slice(1)
        .map((one) => path.basename(one.folder))
        .toSorted(),
      names.toSorted(),
    );
    const named = (name: string) => facts.worktrees.find((one) => path.basename(one.folder) === name);
    assert.equal(named('locked')?.locked, 'on a stick');
    assert.match(named('gone')?.prunable ?? '', /non-existent/);
    assert.deepEqual([named('detached')?.isDetached, named('detached')?.branch], [true, null]);
    assert.equal(named('-dash')?.branch, 'b0');
    assert.deepEqual(await read(path.join(beside, 'new\nline')), facts);
  });

  test('know a bare primary, an empty repository and a submodule', async (t) => {
    const { folder, beside } = await repository(t);
    const bare = path.join(beside, 'bare.git');
    git(beside, 'clone', '-q', '--bare', folder, bare);
    git(bare, 'worktree', 'add', '-q', path.join(beside, 'linked'), 'main');
    const facts = await read(path.join(beside, 'linked'));
    assert.deepEqual([facts.common, facts.primary.folder, facts.primary.isBare, facts.worktrees.length], [bare, bare, true, 2]);
    const empty = path.join(beside, 'empty');
    git(beside, 'init', '-q', '-b', 'main', empty);
    assert.equal((await read(empty)).primary.head, null);
    assert.equal(await defaultBranch(work, await read(empty)), null);
    git(folder, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', bare, 'part');
    assert.equal((await read(path.join(folder, 'part'))).primary.folder, path.join(folder, 'part'));
    assert.equal((await readRepository(work, makeFs(), beside)).ok, false);
  });

  test('name the default branch as the remote says, then the setting, then the usual names, then what is out', async (t) => {
    for (const name of ['master', 'trunk', 'release/2.x']) {
      const { folder } = await repository(t, name);
      assert.equal((await defaultBranch(work, await read(folder)))?.name, name);
    }
    const { folder, beside } = await repository(t, 'release/2.x');
    git(folder, 'branch', 'master');
    assert.deepEqual(await defaultBranch(work, await read(folder)), { name: 'master', why: 'it is there' });
    git(folder, 'config', 'init.defaultBranch', 'release/2.x');
    assert.deepEqual(await defaultBranch(work, await read(folder)), { name: 'release/2.x', why: 'init.defaultBranch names it' });
    git(beside, 'clone', '-q', folder, 'clone');
    git(path.join(beside, 'clone'), 'switch', '-q', 'master');
    assert.deepEqual(await defaultBranch(work, await read(path.join(beside, 'clone'))), { name: 'release/2.x', why: 'origin says so' });
  });
});

suite('the lock of a repository', () => {
  test('lets one command after the other change it', async (t) => {
    const common = await temporaryFolder(t);
    const ports = { fs: makeFs(), locks: makeKernelLocks(), waitMs: 10_000 };
    const order: string[] = [];
    const entered = Promise.withResolvers<null>();
    const leave = Promise.withResolvers<null>();
    const first = withRepositoryLock(ports, common, async () => {
      entered.resolve(null);
      await leave.promise;
      order.push('first');
    });
    await entered.promise;
    const second = withRepositoryLock(ports, common, async () => Promise.resolve(void order.push('second')));
    leave.resolve(null);
    await Promise.all([first, second]);
    assert.deepEqual(order, ['first', 'second']);
  });

  test('says who holds it when the wait is over, and is given back when an act fails', async (t) => {
    const common = await temporaryFolder(t);
    const ports = { fs: makeFs(), locks: makeKernelLocks(), waitMs: 1 };
    await assert.rejects(
      withRepositoryLock(ports, common, async () => withRepositoryLock(ports, common, async () => Promise.resolve())),
      (error) => error instanceof RepositoryBusy && /worktrees\.lock_wait/.test(error.message),
    );
    await withRepositoryLock(ports, common, async () => Promise.resolve());
  });
});
