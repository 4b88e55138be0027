/** `docket work-on` as a person sees it: what is made, what is adopted, what a second call does. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, renameSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { workOnSchema } from '#cli/schema-work-on.ts';
import { makeCodeTree, withRemote } from '#test/support/worktrees.ts';

suite('docket work-on', () => {
  test('makes branch, work tree, queues and record, and opens them the second time', async (t) => {
    const code = await makeCodeTree(t);
    const first = await code.json(code.app, 'FEAT-123-user-filters');
    assert.equal(first.code, 0, first.err);
    const folder = path.join(code.beside, 'app-FEAT-123');
    assert.deepEqual(
      [first.data['how'], first.data['branch'], first.data['folder'], first.data['base'], first.data['adopted'], first.data['createdBy']],
      ['made', 'feature/FEAT-123-user-filters', folder, 'main', false, 'Ada <ada@localhost>'],
    );
    assert.ok(existsSync(path.join(folder, 'queues/01-architect/in')));
    assert.equal(code.git(folder, 'status', '--porcelain'), '');
    assert.equal(code.git(code.app, 'status', '--porcelain'), '');
    assert.equal(code.git(folder, 'branch', '--show-current').trim(), 'feature/FEAT-123-user-filters');
    assert.deepEqual(
      readdirSync(path.join(code.app, '.git/docket/worktrees')).filter((name) => !name.endsWith('.lock')),
      ['feat-123.json'],
    );
    const again = await code.json(folder, 'feat-123');
    assert.deepEqual(
      [again.code, again.data['how'], again.data['isNew'], again.data['createdAt']],
      [0, 'reopened', false, first.data['createdAt']],
    );
  });

  test('begins from the remote where that is ahead, says so, and goes on without one that does not answer', async (t) => {
    const code = await makeCodeTree(t, { settings: 'worktrees: { fetch_timeout: 500ms }\n' });
    const remote = withRemote(code);
    code.git(code.beside, 'clone', '-q', remote, 'other');
    const other = path.join(code.beside, 'other');
    code.git(other, 'commit', '-q', '--allow-empty', '-m', 'ahead');
    code.git(other, 'push', '-q');
    const made = await code.json(code.app, 'FEAT-1');
    assert.equal(made.data['baseCommit'], code.git(other, 'rev-parse', 'HEAD').trim());
    assert.match(made.err, /begun from origin\/main, which is ahead of main/);
    code.git(code.app, 'remote', 'set-url', 'origin', path.join(code.beside, 'nowhere.git'));
    const offline = await code.json(code.app, 'FEAT-2');
    assert.equal(offline.code, 0);
    assert.match(offline.err, /origin could not be asked .*going on with what is here/);
    code.git(code.app, 'remote', 'set-url', 'origin', 'ext::sleep 60');
    code.git(code.app, 'config', 'protocol.ext.allow', 'always');
    const silent = await code.json(code.app, 'FEAT-3');
    assert.equal(silent.code, 0);
    assert.match(silent.err, /no answer within 500 ms, worktrees\.fetch_timeout/);
    assert.doesNotMatch((await code.json(code.app, 'FEAT-4', '--no-fetch')).err, /could not be asked/);
    const other2 = await code.json(code.app, 'FEAT-5', '--from', 'nothing', '--no-fetch');
    assert.equal(other2.code, 2);
    assert.match(other2.err, /there is no "nothing".*git branch --all/);
    const fix = await code.json(code.app, 'BUG-6-x', '--stream', 'fix', '--from', 'HEAD', '--no-fetch');
    assert.deepEqual([fix.data['branch'], fix.data['base'], fix.data['stream']], ['fix/BUG-6-x', null, 'fix']);
  });

  test('adopts branches and work trees that others made, local and on the remote', async (t) => {
    const code = await makeCodeTree(t);
    withRemote(code);
    const { git, app, beside } = code;
    git(app, 'branch', 'FEAT-1');
    git(app, 'branch', 'feature/FEAT-2-other-slug');
    git(app, 'worktree', 'add', '-q', '-b', 'FEAT-3', path.join(beside, 'app-FEAT-3'));
    git(app, 'worktree', 'add', '-q', '-b', 'feature/FEAT-4-x', path.join(beside, 'any where'));
    git(app, 'push', '-q', 'origin', 'main:refs/heads/feature/FEAT-5-far');
    git(app, 'branch', 'feature/FEAT-11');
    const seen = [];
    for (const name of ['FEAT-1-mine', 'FEAT-2-mine', 'FEAT-3', 'FEAT-4', 'FEAT-5', 'FEAT-1111']) {
      const { code: exit, data, err } = await code.json(app, name);
      assert.equal(exit, 0, err);
      seen.push([data['how'], data['branch'], data['adopted'], path.basename(String(data['folder']))]);
    }
    assert.deepEqual(seen, [
      ['adopted', 'FEAT-1', true, 'app-FEAT-1'],
      ['adopted', 'feature/FEAT-2-other-slug', true, 'app-FEAT-2'],
      ['adopted', 'FEAT-3', true, 'app-FEAT-3'],
      ['adopted', 'feature/FEAT-4-x', true, 'any where'],
      ['adopted', 'feature/FEAT-5-far', true, 'app-FEAT-5'],
      ['made', 'feature/FEAT-1111', false, 'app-FEAT-1111'],
    ]);
    assert.equal(git(path.join(beside, 'app-FEAT-5'), 'rev-parse', '--abbrev-ref', '@{upstream}').trim(), 'origin/feature/FEAT-5-far');
  });

  test('mends what was lost: the folder, the registration, the record', async (t) => {
    const code = await makeCodeTree(t);
    const folder = path.join(code.beside, 'app-FEAT-1');
    const made = await code.json(code.app, 'FEAT-1');
    assert.equal(workOnSchema.safeParse(made.data).error, undefined);
    code.git(folder, 'commit', '-q', '--allow-empty', '-m', 'work');
    const tip = code.git(folder, 'rev-parse', 'HEAD');
    rmSync(folder, { recursive: true });
    const gone = await code.json(code.app, 'FEAT-1');
    assert.deepEqual([gone.code, gone.data['how']], [0, 'mended'], gone.err);
    assert.match(gone.err, /was gone/);
    assert.equal(code.git(folder, 'rev-parse', 'HEAD'), tip);
    assert.ok(existsSync(path.join(folder, 'queues/01-architect/in')));

    renameSync(path.join(code.app, '.git/worktrees/app-FEAT-1'), path.join(code.app, '.git/away'));
    const lost = await code.json(code.app, 'FEAT-1');
    assert.equal(lost.code, 1);
    assert.match(lost.err, /is there, but it is no work tree/);
    renameSync(path.join(code.app, '.git/away'), path.join(code.app, '.git/worktrees/app-FEAT-1'));

    code.write(path.join(folder, '.git'), 'gitdir: /nowhere\n');
    const mended = await code.json(code.app, 'FEAT-1');
    assert.deepEqual([mended.code, mended.data['how']], [0, 'mended'], mended.err);
    assert.equal(code.git(folder, 'rev-parse', 'HEAD'), tip);

    // A daemon that was still up has made its queues again in a folder that somebody deleted.
    rmSync(folder, { recursive: true });
    code.write(path.join(folder, 'queues/01-architect/in/x.md'), 'x');
    const filled = await code.json(code.app, 'FEAT-1');
    assert.deepEqual([filled.code, filled.data['how']], [0, 'mended'], filled.err);
    assert.equal(code.git(folder, 'status', '--porcelain'), '');
    assert.ok(existsSync(path.join(folder, 'docket.yaml')));
    assert.ok(existsSync(path.join(folder, 'queues/01-architect/in/x.md')));

    rmSync(path.join(code.app, '.git/docket/worktrees/feat-1.json'));
    const adopted = await code.json(code.app, 'FEAT-1');
    assert.deepEqual([adopted.data['how'], adopted.data['adopted']], ['adopted', true]);

    code.git(code.app, 'worktree', 'lock', '--reason', 'stick', folder);
    assert.match((await code.json(code.app, 'FEAT-1')).err, /it is locked: stick/);
    renameSync(folder, `${folder}.away`);
    const locked = await code.json(code.app, 'FEAT-1');
    assert.equal(locked.code, 1);
    assert.match(locked.err, /is locked \(stick\) and its folder is not there.*git worktree unlock/);
  });

  test('refuses with words what it cannot do', async (t) => {
    const code = await makeCodeTree(t);
    const { git, app, beside } = code;
    mkdirSync(path.join(beside, 'app-FEAT-1'));
    code.write(path.join(beside, 'app-FEAT-1/file'), 'mine');
    assert.match((await code.workOn(app, 'FEAT-1')).err, /is there already and is no work tree/);
    assert.equal(readFileSync(path.join(beside, 'app-FEAT-1/file'), 'utf8'), 'mine');
    git(app, 'branch', 'feature');
    const inWay = await code.workOn(app, 'FEAT-2');
    assert.equal(inWay.code, 1);
    assert.match(inWay.err, /the branch feature is in the way/);
    git(app, 'branch', '-m', 'feature', 'feature/FEAT-3/sub');
    assert.match((await code.workOn(app, 'FEAT-3')).err, /feature\/FEAT-3\/sub is in the way/);
    git(app, 'switch', '-q', '-c', 'feature/FEAT-4');
    assert.match((await code.workOn(app, 'FEAT-4')).err, /primary checkout .* has feature\/FEAT-4 out/);
    assert.equal((await code.workOn(app, '../x')).code, 2);
    code.write(path.join(app, '.git/docket/worktrees/feat-5.json'), '{');
    assert.match((await code.workOn(app, 'FEAT-5')).err, /feat-5\.json is no record of a work tree/);
  });
});
