/** The making of a work tree, stopped before and after each thing that it does to the disk: the next call brings it to its end, with one branch and one registration. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { parseFeature } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import { makeFs } from '#platform/files.ts';
import { makeGitWork } from '#platform/git-work.ts';
import { makeWorktree, type Made, type MakePorts } from '#worktrees/make.ts';
import { readRepository } from '#worktrees/repository.ts';
import { readTodo } from '#worktrees/todo.ts';
import { makeCodeTree, type CodeTree } from '#test/support/worktrees.ts';

class Stopped extends Error {}
type At = { readonly step: number; readonly when: 'before' | 'after' };

const CHANGES = ['makeFolders', 'replace', 'syncFolder', 'unlink', 'removeFolder'] as const;

/** Ports that stop at one of their changes; `count` says how many there were. */
function stopping(code: CodeTree, at: At | null): { readonly ports: MakePorts; readonly count: () => number } {
  let steps = 0;
  const counted = async <T>(act: () => Promise<T>): Promise<T> => {
    steps++;
    if (at?.step === steps && at.when === 'before') throw new Stopped();
    const answer = await act();
    if (at?.step === steps && at.when === 'after') throw new Stopped();
    return answer;
  };
  const git = makeGitWork(code.env);
  const plain = makeFs();
  const fs: Fs = { ...plain };
  for (const name of CHANGES) {
    const act = plain[name] as (...args: unknown[]) => Promise<unknown>;
    Object.assign(fs, { [name]: async (...args: unknown[]) => counted(async () => act(...args)) });
  }
  return {
    ports: {
      git: async (folder, args, call) => (args[0] === 'worktree' ? counted(async () => git(folder, args, call)) : git(folder, args, call)),
      fs,
      isAtWork: async () => Promise.resolve(false),
      checkoutMs: 60_000,
    },
    count: () => steps,
  };
}

async function make(code: CodeTree, ports: MakePorts, name: string): Promise<Made> {
  const facts = await readRepository(ports.git, ports.fs, code.app);
  const feature = parseFeature(name);
  assert.ok(facts.ok && feature.ok);
  const made = await makeWorktree(ports, facts.value, {
    feature: feature.value,
    stream: 'feature',
    branch: null,
    from: null,
    source: null,
    app: 'app',
    folder: '',
    history: path.join(code.beside, 'app-ai-history'),
    by: null,
    at: '2026-11-21T12:00:00.000Z',
  });
  assert.ok(made.ok, made.ok ? '' : made.error.words);
  return made.value;
}

suite('a work tree whose making was stopped', () => {
  test('at any step is brought to its end by the next call', async (t) => {
    const code = await makeCodeTree(t);
    code.write(path.join(code.app, 'file'), 'content');
    code.git(code.app, 'add', 'file');
    code.git(code.app, 'commit', '-qm', 'a file');
    const whole = stopping(code, null);
    await make(code, whole.ports, 'FEAT-1');
    assert.ok(whole.count() >= 8, String(whole.count()));
    let number = 1;
    for (let step = 1; step <= whole.count(); step++)
      for (const when of ['before', 'after'] as const) {
        const name = `FEAT-${String(++number)}`;
        const where = `${when} step ${String(step)}`;
        await assert.rejects(make(code, stopping(code, { step, when }).ports, name), Stopped, where);
        const { ports } = stopping(code, null);
        const { record } = await make(code, ports, name);
        assert.deepEqual([record.branch, record.folder], [`feature/${name}`, path.join(code.beside, `app-${name}`)], where);
        assert.equal(readFileSync(path.join(record.folder, 'file'), 'utf8'), 'content', where);
        assert.equal(code.git(record.folder, 'status', '--porcelain'), '', where);
        assert.equal((await readTodo(ports.fs, path.join(code.app, '.git'), record.id))?.step, 'preparing', where);
        assert.equal(code.git(code.app, 'worktree', 'list', '--porcelain').split(`branch refs/heads/feature/${name}\n`).length, 2, where);
      }
  });

  test('inside of git worktree add is completed: nothing in it yet, no branch, no index, a lock left behind', async (t) => {
    const code = await makeCodeTree(t);
    code.write(path.join(code.app, 'file'), 'content');
    code.git(code.app, 'add', 'file');
    code.git(code.app, 'commit', '-qm', 'a file');
    const admin = (name: string): string => path.join(code.app, '.git/worktrees', `app-${name}`);
    const leave: Readonly<Record<string, (folder: string, name: string) => void>> = {
      'FEAT-11': (folder, name) => {
        code.write(path.join(admin(name), 'locked'), 'initializing');
        code.write(path.join(admin(name), 'index.lock'), '');
        code.write(path.join(folder, 'file'), 'con');
      },
      'FEAT-12': (folder, name) => {
        code.write(path.join(admin(name), 'locked'), 'initializing');
        for (const file of [path.join(admin(name), 'index'), path.join(folder, 'file'), path.join(folder, 'docket.yaml')]) rmSync(file);
      },
    };
    for (const [name, damage] of Object.entries(leave)) {
      // Stopped right after git worktree add: the todo still says adding.
      const whole = stopping(code, null);
      await make(code, whole.ports, `${name}0`);
      for (let step = 1; step <= whole.count(); step++) {
        const { ports } = stopping(code, { step, when: 'after' });
        const folder = path.join(code.beside, `app-${name}`);
        await make(code, ports, name).catch(() => undefined);
        if (existsSync(path.join(folder, 'file'))) break;
      }
      damage(path.join(code.beside, `app-${name}`), name);
      const { ports } = stopping(code, null);
      const made = await make(code, ports, name);
      assert.equal(made.how, 'mended', name);
      assert.equal(readFileSync(path.join(made.record.folder, 'file'), 'utf8'), 'content', name);
      assert.equal(code.git(made.record.folder, 'status', '--porcelain'), '', name);
      assert.equal(existsSync(path.join(admin(name), 'locked')), false, name);
    }
  });
});
