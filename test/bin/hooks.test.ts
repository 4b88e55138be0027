import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

let base = '';
const git = (...args: string[]): { status: number | null; stderr: string } =>
  spawnSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', '-C', path.join(base, 'history'), ...args], { encoding: 'utf8' });

before(() => {
  base = mkdtempSync(path.join(tmpdir(), 'docket-hooks-'));
  for (const name of ['allowed.git', 'other.git']) spawnSync('git', ['init', '--quiet', '--bare', path.join(base, name)]);
  spawnSync('git', ['init', '--quiet', path.join(base, 'history')]);
  copyFileSync(path.resolve(import.meta.dirname, '../../hooks/pre-push'), path.join(base, 'history', '.git', 'hooks', 'pre-push'));
  git('commit', '--quiet', '--allow-empty', '-m', 'first');
  git('remote', 'add', 'team', path.join(base, 'allowed.git'));
  git('remote', 'add', 'elsewhere', path.join(base, 'other.git'));
});
after(() => {
  rmSync(base, { recursive: true, force: true });
});

test('the pre-push hook refuses every remote until one is allowed, by name or by address', () => {
  const refused = git('push', 'team', 'HEAD');
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /may not be pushed to team.*\n.*policy\.push_remotes/);

  git('config', '--add', 'docket.pushRemote', 'team');
  assert.equal(git('push', 'team', 'HEAD').status, 0);
  assert.notEqual(git('push', 'elsewhere', 'HEAD').status, 0);
  assert.notEqual(git('push', path.join(base, 'other.git'), 'HEAD').status, 0);

  git('config', '--add', 'docket.pushRemote', path.join(base, 'other.git'));
  assert.equal(git('push', 'elsewhere', 'HEAD').status, 0);
});
