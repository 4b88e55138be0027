/** The work tree before a run that may write, and what of git is found after it: with a real git, in a worktree that docket has written down. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { scopeOf, type WorkspaceScope } from '#cli/scope.ts';
import { classOf, describe, type Failure } from '#core/failure.ts';
import type { FeatureId } from '#core/names.ts';
import { isSpentBy } from '#core/retry.ts';
import { SETTINGS, type Workspace } from '#core/settings.ts';
import { treeFailure } from '#daemon/tree-check.ts';
import { askProgram } from '#platform/ask.ts';
import { makeFs } from '#platform/files.ts';
import { treeFault } from '#policy/tree-state.ts';
import { writeRecord } from '#worktrees/records.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const BRANCH = 'feature/FEAT-1';
const ENV = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', LANG: 'C.UTF-8' };

const git = (at: string, ...args: string[]): string => {
  const done = spawnSync('git', ['-C', at, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { env: ENV, encoding: 'utf8' });
  if (done.status !== 0 && args[0] !== 'merge') assert.fail(done.stderr);
  return done.stdout.trim();
};

type Rig = {
  readonly primary: string;
  readonly folder: string;
  readonly workspace: Workspace;
  readonly scope: WorkspaceScope;
  readonly fault: (settings?: Readonly<Record<string, unknown>>) => Promise<Failure | null>;
};

async function makeWorktree(t: TestContext, isWritten = true): Promise<Rig> {
  const base = realpathSync(await temporaryFolder(t));
  const [primary, folder] = [path.join(base, 'app'), path.join(base, 'app of FEAT-1')];
  mkdirSync(primary);
  git(primary, 'init', '-q', '-b', 'main');
  writeFileSync(path.join(primary, 'a.txt'), 'one\n');
  git(primary, 'add', '.');
  git(primary, 'commit', '-qm', 'first');
  git(primary, 'worktree', 'add', '-q', '-b', BRANCH, folder);
  const commit = git(primary, 'rev-parse', 'HEAD');
  if (isWritten)
    await writeRecord(makeFs(), path.join(primary, '.git'), {
      v: 1,
      id: 'FEAT-1' as FeatureId,
      slug: null,
      stream: 'feature',
      branch: BRANCH,
      folder,
      base: 'main',
      baseCommit: commit,
      createdAt: '2026-11-20T12:00:00.000Z',
      createdBy: null,
      adopted: false,
      source: null,
    });
  const defaults = Object.fromEntries(Object.entries(SETTINGS).map(([key, { default: value }]) => [key, value]));
  const queues = path.join(folder, 'queues');
  const workspace = { settings: defaults, root: folder, code: folder, queues, history: path.join(base, 'history') } as unknown as Workspace;
  const scope = await scopeOf(workspace, askProgram, async (one) => makeFs().realPath(one));
  const fault: Rig['fault'] = async (settings = {}) =>
    treeFailure({ scope, workspace: { ...workspace, settings: { ...workspace.settings, ...settings } } }, folder);
  return { primary, folder, workspace, scope, fault };
}

const words = (failure: Failure | null): string => (failure === null ? '' : describe(failure));

test('a worktree on its branch may be written in, also with changes of the role before, unless a clean start is asked for', async (t) => {
  const { folder, fault } = await makeWorktree(t);
  assert.equal(await fault(), null);
  assert.equal(await fault({ 'worktrees.clean_start': true }), null);
  writeFileSync(path.join(folder, 'a.txt'), 'two\n');
  assert.equal(await fault(), null);
  assert.match(words(await fault({ 'worktrees.clean_start': true })), /changes that are not committed: commit them or put them away/);
});

test('a detached HEAD, another branch and a merge that is under way are faults of the environment, with the mend, and cost no attempt', async (t) => {
  const { folder, fault } = await makeWorktree(t);
  git(folder, 'checkout', '-q', '--detach');
  const detached = await fault();
  assert.ok(detached !== null && classOf(detached) === 'environment-fault' && !isSpentBy(detached));
  const commit = git(folder, 'rev-parse', 'HEAD').slice(0, 12);
  assert.ok(words(detached).includes(`HEAD is detached at ${commit} in ${folder}, and ${BRANCH} belongs there: git switch ${BRANCH}`));
  git(folder, 'switch', '-q', '-c', 'other');
  assert.match(words(await fault()), /the branch is other in .*: git switch feature\/FEAT-1/);
  writeFileSync(path.join(folder, 'a.txt'), 'other\n');
  git(folder, 'commit', '-qam', 'other');
  git(folder, 'switch', '-q', BRANCH);
  assert.equal(await fault(), null);
  writeFileSync(path.join(folder, 'a.txt'), 'two\n');
  git(folder, 'commit', '-qam', 'two');
  git(folder, 'merge', '-q', 'other');
  assert.match(words(await fault()), /a merge is under way in .*: git commit, or git merge --abort/);
  git(folder, 'merge', '--abort');
  assert.equal(await fault(), null);
});

test('a work tree that docket has not written down may be on any branch, and on none', async (t) => {
  const plain = await makeWorktree(t, false);
  git(plain.folder, 'checkout', '-q', '--detach');
  assert.equal(await plain.fault(), null);
  assert.match(treeFault(null, { branch: BRANCH, folder: '/w' }) ?? '', /git knows nothing of it any more: git worktree repair \/w/);
  assert.equal(treeFault({ HEAD: 'ref: refs/heads/.invalid' }, { branch: BRANCH, folder: '/w' }), null, 'of reftable nothing is known');
});

test('a commit and another branch are found, with who, from and to; those of another work tree are not this run’s', async (t) => {
  const { primary, folder, scope } = await makeWorktree(t);
  const rules = scope.rules('worktree', null, null);
  const before = await scope.watch.before(folder, rules, false);
  const run = scope.watch.begin(before, rules);
  const from = git(folder, 'rev-parse', 'HEAD').slice(0, 12);
  writeFileSync(path.join(primary, 'a.txt'), 'by a person\n');
  git(primary, 'commit', '-qam', 'by a person, on main');
  const person = await scope.watch.look(before, run);
  assert.deepEqual(person.findings.map(({ path: name }) => path.relative(primary, name)), ['a.txt']); // prettier-ignore
  git(folder, 'commit', '-q', '--allow-empty', '-m', 'by the tool');
  const to = git(folder, 'rev-parse', 'HEAD').slice(0, 12);
  const committed = await scope.watch.look(before, run);
  const ref = committed.findings.find(({ path: name }) => name === `.git: refs/heads/${BRANCH}`);
  assert.equal(ref?.words, `a commit was made, or a branch or tag was moved, from ${from} to ${to}`);
  git(folder, 'switch', '-q', '-c', 'elsewhere');
  const moved = await scope.watch.look(before, run);
  const head = moved.findings.find(({ path: name }) => name === '.git: HEAD');
  assert.equal(head?.words, `another branch or commit is checked out, from ${BRANCH} to elsewhere`);
});

test('the primary checkout is looked at always, a linked work tree only while it has no docket of its own', async (t) => {
  const { primary, folder, scope } = await makeWorktree(t);
  const other = path.join(path.dirname(folder), 'other');
  git(primary, 'worktree', 'add', '-q', '-b', 'other', other);
  const rules = scope.rules('worktree', null, null);
  const roots = async (): Promise<readonly string[]> => Object.keys((await scope.watch.before(folder, rules, false)).others).toSorted();
  assert.deepEqual(await roots(), [primary, other].toSorted());
  const docket = path.join(primary, '.git', 'worktrees', 'other', 'docket');
  mkdirSync(docket);
  writeFileSync(path.join(docket, 'writer-1.db'), '');
  assert.deepEqual(await roots(), [primary]);
  rmSync(docket, { recursive: true });
});
