/** Index and branch move together for everybody who looks, and what a crash leaves in between is taken back. */

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { Fs } from '#core/ports.ts';
import { makeFs } from '#platform/files.ts';
import { dieAtEach } from './die-at-each.ts';
import { faultyFs } from './faulty-fs.ts';
import { answer, makeRig, submission, value, type Rig } from './rig.ts';

/** Calls `see` before each change of a file that a record makes. */
function seeing(see: (what: string) => void): Fs {
  const real = makeFs();
  return {
    ...real,
    rename: (from, to) => {
      see(`before the rename of ${String(from)}`);
      return real.rename(from, to);
    },
    unlink: (file) => {
      see(`before the removal of ${String(file)}`);
      return real.unlink(file);
    },
    append: (file, bytes, mode) => {
      see(`before the line in ${file}`);
      return real.append(file, bytes, mode);
    },
    writeDerived: (file, bytes, mode) => {
      see(`before the file ${file}`);
      return real.writeDerived(file, bytes, mode);
    },
  };
}

suite('between index and branch', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = makeRig();
  });
  afterEach(() => rig.end());
  const inGit = (name: string): string => path.join(rig.dir, '.git', name);

  test('whenever a git reads the branch and then the index, it refuses to commit, or it commits what the branch holds', async () => {
    const history = await rig.open();
    const first = submission();
    value(await history.submit(first));
    // What `git commit` does: it reads HEAD, then the index; later it takes the index's lock, writes the tree, and moves HEAD if it is what it read.
    const seen: { readonly head: string; readonly tree: string; readonly call: string }[] = [];
    const look = (call: string): void => {
      const head = rig.git('rev-parse', 'HEAD').trim();
      copyFileSync(inGit('index'), inGit('copy'));
      seen.push({ head, tree: rig.gitWith({ GIT_INDEX_FILE: inGit('copy') }, 'write-tree').trim(), call });
    };
    const writer = await rig.open({ fs: seeing(look) });
    const { commit } = value(await writer.record(answer(first)));
    look('at the end');
    const tip = rig.git('rev-parse', 'main').trim();
    assert.equal(tip, commit);
    const whole = rig.git('rev-parse', 'main^{tree}').trim();
    assert.ok(seen.length > 8 && new Set(seen.map(({ tree }) => tree)).size === 2, String(seen.length));
    for (const [at, { head, call }] of seen.entries())
      for (const later of seen.slice(at)) if (head === tip) assert.equal(later.tree, whole, `HEAD read ${call}, the index ${later.call}`);
    rmSync(inGit('copy'));
    rig.assertClean();
  });

  test('a git commit at any moment of a record fails, or nothing that was recorded is missing in it', async () => {
    await rig.open();
    let n = 0;
    const commit = (what: string): void => {
      // Before that the group goes on top of the commit, as often as it may.
      if (/index[.-]lock/.test(what)) return;
      try {
        rig.git('commit', '-q', '--allow-empty', '-m', `mine ${String(n++)}`);
      } catch {
        // docket holds a lock.
      }
    };
    const history = await rig.open({ fs: seeing(commit) });
    for (let revision = 1; revision <= 4; revision++) value(await history.submit(submission({ revision })));
    assert.ok(n > 10, String(n));
    assert.equal(
      rig
        .git('ls-files')
        .split('\n')
        .filter((file) => file.endsWith('.md') && file.includes('FEAT-1')).length,
      4,
    );
    rig.assertClean();
  });

  for (const isPowerLost of [false, true])
    test(`${isPowerLost ? 'a loss of power' : 'a kill'} before a step of a record leaves nothing beside the tip after the next start`, () =>
      dieAtEach(rig, 5, isPowerLost));

  test('what is not docket\u2019s is never taken back: a file of a person in the same place, and what a person staged', async () => {
    const frozen = faultyFs('KILL', () => {
      throw Object.assign(new Error('dead'), { code: 'EDEAD' });
    });
    const history = await rig.open({ fs: frozen.fs });
    const prompt = submission();
    value(await history.submit(prompt));
    // Dead when the branch's lock is to become the branch.
    let isDead = false;
    frozen.arm(1, true, (file) => (isDead ||= file.endsWith('main.lock') && existsSync(file)));
    await assert.rejects(history.record(answer(prompt)), { code: 'EDEAD' });
    assert.notEqual(rig.git('status', '--porcelain', '--untracked-files=all'), '');
    const folder = path.join(rig.dir, 'FEAT-1-user-filters/01-architect');
    writeFileSync(path.join(folder, 'result_v1.md'), 'A person wrote this.\n');
    writeFileSync(path.join(folder, 'mine.md'), 'And this.\n');
    await rig.open();
    assert.deepEqual(readdirSync(folder).toSorted(), ['mine.md', 'prompt_v1.md', 'result_v1.md']);
  });
});
