/** `docket work-on` as processes: killed with SIGKILL inside git, inside a hook and inside setup; three at once. */

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { makeCodeTree, type CodeTree } from '#test/support/worktrees.ts';

const DOCKET = path.resolve(import.meta.dirname, '../../../bin/docket.js');

type Ended = { readonly code: number | null; readonly signal: string | null; readonly out: string; readonly err: string };

function docket(code: CodeTree, cwd: string, ...args: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, [DOCKET, ...args], { cwd, env: { ...code.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()));
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (exit, signal) => {
      resolve({ code: exit, signal, ...said });
    });
  });
  return { child, ended };
}

const quiet = ['--no-daemon', '--no-panes', '--no-fetch', '--json'];
const dataOf = ({ out, err }: Ended): Record<string, unknown> => {
  assert.notEqual(out, '', err);
  return JSON.parse(out) as Record<string, unknown>;
};

/** A script that ends docket, by its id in a file, and what else the line names; once. */
function killer(code: CodeTree, name: string, also: string): string {
  const file = path.join(code.beside, name);
  writeFileSync(
    file,
    `#!/bin/sh\nif [ -e "${code.beside}/armed" ]; then\n rm "${code.beside}/armed"\n kill -9 "$(cat "${code.beside}/pid")"\n ${also}\nfi\n[ "$1" = cat ] && exec cat\nexit 0\n`,
  );
  chmodSync(file, 0o755);
  return file;
}

async function killedThenAgain(code: CodeTree, name: string): Promise<Record<string, unknown>> {
  writeFileSync(path.join(code.beside, 'armed'), '');
  const first = docket(code, code.app, 'work-on', name, ...quiet);
  writeFileSync(path.join(code.beside, 'pid'), String(first.child.pid));
  assert.equal((await first.ended).signal, 'SIGKILL');
  const again = await docket(code, code.app, 'work-on', name, ...quiet).ended;
  assert.equal(again.code, 0, again.err);
  const data = dataOf(again);
  const folder = String(data['folder']);
  assert.equal(code.git(folder, 'status', '--porcelain'), '');
  assert.equal(code.git(folder, 'ls-files', '--deleted'), '');
  assert.ok(existsSync(path.join(folder, 'queues/01-architect/in')));
  assert.equal(existsSync(path.join(code.app, `.git/docket/worktrees/${name.toLowerCase()}.todo`)), false);
  return data;
}

suite('docket work-on', () => {
  test('killed inside git, with git, in a hook and in setup is brought to its end by the next call', async (t) => {
    const code = await makeCodeTree(t, { settings: '' });
    const { app, beside } = code;
    const inSetup = killer(code, 'in-setup', ':');
    for (let number = 0; number < 40; number++) code.write(path.join(app, `file-${String(number)}.txt`), `${String(number)}\n`);
    code.write(path.join(app, '.gitattributes'), 'file-20.txt filter=slow\n');
    code.write(path.join(app, 'docket.yaml'), `app: app\nrunner: offline\nworktrees: { setup: ["${inSetup}"] }\n`);
    code.git(app, 'add', '.');
    code.git(app, 'commit', '-qm', 'files');

    assert.equal((await killedThenAgain(code, 'FEAT-1'))['how'], 'reopened');

    const alone = killer(code, 'filter', 'sleep 0.2');
    code.git(app, 'config', 'filter.slow.smudge', `${alone} cat`);
    assert.equal((await killedThenAgain(code, 'FEAT-2'))['how'], 'mended');

    // git reset below git worktree add, and both with it.
    const withGit = killer(code, 'filter-all', 'up=$PPID; top=$(sed -n "s/^PPid:[^0-9]*//p" /proc/$up/status); kill -9 $top $up');
    code.git(app, 'config', 'filter.slow.smudge', `${withGit} cat`);
    assert.equal((await killedThenAgain(code, 'FEAT-3'))['how'], 'mended');
    code.git(app, 'config', '--unset', 'filter.slow.smudge');

    const hook = killer(code, 'post-checkout', ':');
    code.git(app, 'config', 'core.hooksPath', beside);
    assert.equal((await killedThenAgain(code, 'FEAT-4'))['how'], 'mended');
    rmSync(hook);
    assert.equal(
      code
        .git(app, 'worktree', 'list', '--porcelain')
        .split('\n')
        .filter((line) => line.startsWith('locked')).length,
      0,
    );
  });

  test('asked for twice at once makes one work tree, and the other one opens it', async (t) => {
    const code = await makeCodeTree(t);
    const both = [1, 2, 3].map(async () => docket(code, code.app, 'work-on', 'FEAT-1', ...quiet).ended);
    const ends = await Promise.all(both);
    assert.deepEqual(
      ends.map((end) => end.code),
      [0, 0, 0],
      ends.map((end) => end.err).join('\n'),
    );
    assert.deepEqual(ends.map((end) => String(dataOf(end)['how'])).toSorted(), ['made', 'reopened', 'reopened']);
    assert.equal(code.git(code.app, 'worktree', 'list').trim().split('\n').length, 2);
  });
});
