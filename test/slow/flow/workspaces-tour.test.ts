/** Three features and two fixes of one repository, worked on at once by five daemons into one history; one work tree is deleted by hand, one is cleaned up. Real git, real processes. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeCodeTree } from '#test/support/worktrees.ts';

const DOCKET = path.resolve(import.meta.dirname, '../../../bin/docket.js');
const LOG = '# Issues\n\n| # | Title | Severity | Status |\n|-|-|-|-|\n| 7 | Totals are wrong | P1 | open |\n| 9 | Typo | low | open |\n';
type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

test('three features and two fixes at once: made, answered, lost and mended, cleaned up and brought back', async (t) => {
  const code = await makeCodeTree(t, { settings: '' });
  const { app, beside } = code;
  code.write(path.join(app, 'docs/issues.md'), LOG);
  code.git(app, 'add', '.');
  code.git(app, 'commit', '-qm', 'the issue log');
  const env = { ...code.env, XDG_STATE_HOME: path.join(beside, 'state') };
  const docket = (cwd: string, args: readonly string[], input = ''): Ran => {
    const ran = spawnSync(process.execPath, [DOCKET, ...args], { cwd, env, input, encoding: 'utf8', timeout: 120_000 });
    return { code: ran.status, out: ran.stdout, err: ran.stderr };
  };
  const done = (cwd: string, ...args: string[]): string => {
    const { code: exit, out, err } = docket(cwd, args);
    assert.equal(exit, 0, `${args.join(' ')}: ${err}${out}`);
    return out;
  };
  t.after(() => docket(app, ['down', '--all']));

  for (const name of ['FEAT-1-filters', 'FEAT-2', 'FEAT-3']) done(app, 'work-on', name, '--no-panes');
  const first = JSON.parse(done(app, 'fix', '--no-panes', '--json')) as { issue: number };
  const second = JSON.parse(done(app, 'fix', '--no-panes', '--json')) as { issue: number };
  assert.deepEqual([first.issue, second.issue], [7, 9], 'the most severe first, none twice');
  const ids = ['FEAT-1', 'FEAT-2', 'FEAT-3', 'ISSUE-7', 'ISSUE-9'];
  const folder = (id: string): string => path.join(beside, `app-${id}`);
  const states = (): readonly string[] =>
    (JSON.parse(done(app, 'status', '--all', '--json')) as { daemons: { root: string; state: string }[] }).daemons
      .map(({ root, state }) => `${path.basename(root)} ${state}`)
      .toSorted();
  assert.deepEqual(states(), ids.map((id) => `app-${id} up`).toSorted());
  for (const id of ids)
    assert.equal(docket(folder(id), ['add', 'architect', '-', '--feature', id, '--title', 'x', '--stem', 'tour'], 'What now?').code, 0, id);
  for (const id of ids) assert.match(done(folder(id), 'wait', 'architect/tour'), /briefed/);

  // By hand, with its daemon at work: what it makes again in there is not taken for the work tree.
  rmSync(folder('FEAT-2'), { recursive: true, force: true });
  const mended = JSON.parse(done(app, 'work-on', 'FEAT-2', '--no-panes', '--no-daemon', '--json')) as { how: string };
  assert.equal(mended.how, 'mended');
  assert.equal(code.git(folder('FEAT-2'), 'status', '--porcelain'), '');
  assert.ok(existsSync(path.join(folder('FEAT-2'), 'docs/issues.md')));

  const refused = (reason: RegExp, ...args: string[]): void => {
    const { code: exit, out, err } = docket(app, ['worktree', 'cleanup', 'FEAT-1', ...args]);
    assert.equal(exit, 1, err);
    assert.match(out + err, reason);
    assert.ok(existsSync(folder('FEAT-1')));
  };
  refused(/daemon-up/);
  done(folder('FEAT-1'), 'down');
  writeFileSync(path.join(folder('FEAT-1'), 'new.ts'), 'export {};\n');
  refused(/untracked/);
  code.git(folder('FEAT-1'), 'add', '.');
  refused(/uncommitted/);
  code.git(folder('FEAT-1'), 'commit', '-qm', 'new');
  refused(/unmerged/);
  // A squash: other commits, the same change.
  code.git(app, 'merge', '-q', '--squash', 'feature/FEAT-1-filters');
  code.git(app, 'commit', '-qm', 'FEAT-1 (squashed)');
  assert.match(done(app, 'worktree', 'cleanup', 'FEAT-1'), /cleaned up/);
  assert.equal(existsSync(folder('FEAT-1')), false);
  assert.match(done(app, 'worktree', 'restore', 'FEAT-1'), /is back/);
  assert.ok(existsSync(path.join(folder('FEAT-1'), 'new.ts')));
  assert.ok(existsSync(path.join(folder('FEAT-1'), 'queues/01-architect/in/tour.processed')), 'its queues came back');

  appendFileSync(path.join(app, 'docs/issues.md'), '\n');
  done(app, 'down', '--all');
  assert.match(done(folder('FEAT-1'), 'verify'), /verified: nothing differs/);
  const history = path.join(beside, 'app-ai-history');
  assert.equal(code.git(history, 'status', '--porcelain'), '');
  code.git(history, 'fsck', '--full', '--strict');
  // Two records each, and those of the prompts that the fixes were begun with.
  for (const id of ids) {
    const records = code.git(history, 'log', '--format=%H', `--grep=^Docket-Feature: ${id}`).trim().split('\n');
    assert.equal(records.length, id.startsWith('ISSUE') ? 4 : 2, id);
  }
});
