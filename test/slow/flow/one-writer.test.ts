/** Roles that write in one work tree: two real daemons over the same code, and what is found before and after their runs, with a real git. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { FeatureId } from '#core/names.ts';
import { makeFs } from '#platform/files.ts';
import { writeRecord } from '#worktrees/records.ts';
import { plainRole } from '#test/support/plain-contract.ts';
import { makeRig, promptText, type Rig } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';

const FAST = 'throttle: { shared_poll: 50ms, stagger: 0ms }\nslots: 4\n';
const BRANCH = 'feature/FEAT-1';

const git = (rig: Rig, at: string, ...args: string[]): void => {
  const done = spawnSync('git', ['-C', at, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { env: rig.env, encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
};

/** A rig whose roles 03 and 04 may write in this folder of code. */
function makeWriter(t: TestContext, code: (rig: Rig) => string, settings: readonly string[], more = ''): Rig {
  const rig = makeRig(t, settingsWith([]));
  rig.settings(settingsWith(settings, `code: ${JSON.stringify(code(rig))}\n${FAST}${more}`));
  for (const folder of ['03-ui', '04-integration']) {
    mkdirSync(path.join(rig.root, 'agents', folder), { recursive: true });
    writeFileSync(path.join(rig.root, 'agents', folder, 'role.yaml'), plainRole(folder).replace('access: read-only', 'access: worktree'));
  }
  return rig;
}

async function makeWorktree(rig: Rig): Promise<string> {
  const [primary, folder] = [path.join(rig.base, 'code'), path.join(rig.base, 'code-FEAT-1')];
  mkdirSync(primary);
  git(rig, primary, 'init', '-q', '-b', 'main');
  writeFileSync(path.join(primary, 'a.txt'), 'one\n');
  git(rig, primary, 'add', '.');
  git(rig, primary, 'commit', '-qm', 'first');
  git(rig, primary, 'worktree', 'add', '-q', '-b', BRANCH, folder);
  const record = { v: 1, id: 'FEAT-1' as FeatureId, slug: null, stream: 'feature', branch: BRANCH, folder, base: 'main', createdAt: '2026-11-20T12:00:00.000Z', createdBy: null, adopted: false, source: null } as const; // prettier-ignore
  await writeRecord(makeFs(), path.join(primary, '.git'), { ...record, baseCommit: '0'.repeat(40) });
  return folder;
}
const drop = (rig: Rig, stem: string, agent: string, folder: string, runner: string): void => {
  rig.drop(`${stem}.md`, promptText({ feature: `F-${stem}`, agent, extra: `runner: ${runner}\n` }), folder);
};

test('two daemons over one work tree: 03 and 04 of both never write at the same time', async (t) => {
  const first = makeRig(t, settingsWith([]));
  const folder = await makeWorktree(first);
  const book = path.join(first.base, 'book');
  const tool = shellRunner('tool', `echo start >> ${book}; cat > /dev/null; echo x >> a.txt; echo end >> ${book}; echo '# Done'`);
  const rigs = [makeWriter(t, () => folder, [tool]), makeWriter(t, () => folder, [tool])];
  const env = { XDG_STATE_HOME: path.join(first.base, 'state') };
  for (const rig of rigs) await rig.start(env);
  const jobs = rigs.flatMap((rig, n) => ['03-ui', '04-integration'].map((role) => ({ rig, role, stem: `p${String(n)}` })));
  for (const { rig, role, stem } of jobs) drop(rig, `${stem}-${role}`, role.slice(3), role, 'tool');
  for (const { rig, role, stem } of jobs) await rig.ended(`${stem}-${role}`, 'processed', role);
  assert.equal(readFileSync(book, 'utf8'), 'start\nend\n'.repeat(4));
});

test('a detached HEAD is waited for, with the mend, and spends no attempt; a commit of the tool is held, with from and to, and kept', async (t) => {
  const first = makeRig(t, settingsWith([]));
  const folder = await makeWorktree(first);
  const commits = shellRunner('commits', "echo x >> a.txt; git -c user.name=t -c user.email=t@t commit -qam 'by the tool'; echo '# Done'");
  const rig = makeWriter(t, () => folder, [shellRunner('fine', "echo y >> a.txt; echo '# Done'"), commits]);
  git(first, folder, 'checkout', '-q', '--detach');
  await rig.start();
  drop(rig, 'one', 'ui', '03-ui', 'fine');
  await rig.logged(/HEAD is detached at .*belongs there: git switch feature\/FEAT-1/);
  git(first, folder, 'switch', '-q', BRANCH);
  await rig.docket('resume', 'fine');
  await rig.ended('one', 'processed', '03-ui');
  const { attempts } = rig.evidence('one', '03-ui').predicate;
  assert.equal(attempts.length, 1);
  drop(rig, 'two', 'ui', '03-ui', 'commits');
  await rig.ended('two', 'held', '03-ui');
  const page = rig.read(path.join(rig.out('03-ui'), 'two_error.md'));
  assert.match(
    page,
    /refs\/heads\/feature\/FEAT-1 \(a commit was made, or a branch or tag was moved, from [0-9a-f]{12} to [0-9a-f]{12}, by commits\)/,
  );
  assert.ok(
    spawnSync('git', ['-C', folder, 'log', '-1', '--format=%s'], { env: rig.env, encoding: 'utf8' }).stdout.includes('by the tool'),
  );
});

test('with policy.git_change: tell a commit of the tool lets the answer through, and stands in the evidence', async (t) => {
  const first = makeRig(t, settingsWith([]));
  const folder = await makeWorktree(first);
  const commits = shellRunner('commits', "echo x >> a.txt; git -c user.name=t -c user.email=t@t commit -qam 'by the tool'; echo '# Done'");
  const rig = makeWriter(t, () => folder, [commits], 'policy: { git_change: tell }\n');
  await rig.start();
  drop(rig, 'one', 'ui', '03-ui', 'commits');
  await rig.ended('one', 'processed', '03-ui');
  const changed = rig.evidence('one', '03-ui').predicate.filesChanged.map(({ path: name }) => name);
  assert.ok(changed.includes(`.git: refs/heads/${BRANCH}`) && changed.includes('a.txt'), changed.join(' '));
});
