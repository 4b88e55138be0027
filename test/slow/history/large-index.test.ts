import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { History } from '#core/history.ts';
import { EMPTY_INDEX, encodeIndex } from '#history/index-file.ts';
import { answer, findings, listening, makeRig, submission, value, type Rig } from '#test/history/rig.ts';

suite('a large history', () => {
  let rig: Rig;
  let history: History;
  const { log, lines } = listening();
  const shared = (): string[] => readdirSync(path.join(rig.dir, '.git')).filter((name) => name.startsWith('sharedindex.'));
  const isSplit = (): boolean => readFileSync(path.join(rig.dir, '.git/index')).includes('link');
  const many = async (from: number, count: number): Promise<void> => {
    const prompts = Array.from({ length: count }, (_, n) => submission({ feature: `FEAT-${String(from + n)}` }));
    for (const outcome of await Promise.all(prompts.map((prompt) => history.submit(prompt)))) value(outcome);
  };
  const assertExact = (): void => {
    const staged = rig.git('ls-files', '-s').replaceAll(/ 0\t/g, '\t').replaceAll('100644 ', '');
    const recorded = rig.git('ls-tree', '-r', 'HEAD').replaceAll('100644 blob ', '');
    assert.equal(staged, recorded);
    rig.assertClean();
  };
  before(async () => {
    rig = makeRig();
    history = await rig.open({ log });
    await many(1_000, 700);
  });
  after(() => rig.end());

  test('has its index in two files, and git reads it as one', async () => {
    assert.ok(isSplit());
    value(await history.submit(submission({ feature: 'FEAT-5000' })));
    const first = shared();
    value(await history.submit(submission({ feature: 'FEAT-5001' })));
    assert.deepEqual(shared(), first, 'a single prompt writes the small file only');
    assert.ok(statSync(path.join(rig.dir, '.git/index')).size < 100_000);
    assertExact();
  });

  test('keeps few shared files, however often it is written anew', async () => {
    for (let n = 0; n < 4; n++) await many(10_000 + n * 1_000, 200);
    assert.ok(shared().length <= 3, String(shared().length));
    assertExact();
  });

  test('an answer that takes the place of a brief leaves one entry for each path', async () => {
    const prompt = submission({ feature: 'FEAT-1000', revision: 7 });
    value(await history.submit(prompt));
    value(await history.record(answer(prompt, { status: 'briefed' })));
    await many(20_000, 200);
    value(await history.record(answer(prompt, { runId: 'run-2' })));
    assertExact();
  });

  test('what a person stages, edits and commits stays, whether their git writes the index in one, in two, or in two of its own', async () => {
    const ways: string[][] = [
      [],
      ['-c', 'core.splitIndex=true', '-c', 'splitIndex.maxPercentChange=100'],
      ['-c', 'core.splitIndex=true', '-c', 'splitIndex.maxPercentChange=0'],
      ['-c', 'core.splitIndex=false'],
    ];
    for (const [n, way] of ways.entries()) {
      const note = `notes/${String(n)}.md`;
      mkdirSync(path.join(rig.dir, 'notes'), { recursive: true });
      writeFileSync(path.join(rig.dir, note), `note ${String(n)}\n`);
      rig.git(...way, 'add', note);
      writeFileSync(path.join(rig.dir, 'README.md'), `my words ${String(n)}\n`);
      rig.git(...way, 'add', 'README.md');
      rig.git(...way, 'rm', '-q', '--cached', `FEAT-${String(1_010 + n)}-user-filters/feature.json`);
      value(await history.submit(submission({ feature: `MINE-${String(n)}` })));
      const expected = ['A  ' + note, `D  FEAT-${String(1_010 + n)}-user-filters/feature.json`, 'M  README.md'];
      const shown = rig.git('status', '--porcelain', '--untracked-files=no').trimEnd().split('\n');
      assert.deepEqual(shown.toSorted(), expected.toSorted());
      rig.git(...way, 'commit', '-q', '-m', `mine ${String(n)}`);
      rig.git(...way, 'add', '.');
      rig.git(...way, 'commit', '-q', '-m', `back ${String(n)}`);
      value(await history.submit(submission({ feature: `MINE-${String(n)}`, revision: 2 })));
      assertExact();
    }
  });

  test('made anew when its shared file is gone, torn, or another one, and a person is told', async () => {
    const spoil: ((file: string) => void)[] = [
      (file) => {
        rmSync(file);
      },
      (file) => {
        writeFileSync(file, readFileSync(file).subarray(0, 5_000));
      },
      (file) => {
        writeFileSync(file, encodeIndex(EMPTY_INDEX));
      },
    ];
    for (const act of spoil) {
      assert.ok(isSplit());
      for (const name of shared()) act(path.join(rig.dir, '.git', name));
      await history.close();
      // As after a loss of power: the machine was started again.
      writeFileSync(path.join(rig.dir, '.git/docket/checked'), 'another start\n');
      lines.length = 0;
      history = await rig.open({ log });
      assert.match(lines.join('\n'), /index is damaged/);
      assertExact();
    }
    assert.deepEqual(await findings(history), []);
  });

  test('made anew by a history that runs when its shared file is torn under it, and nothing of it goes into the next one', async () => {
    assert.ok(isSplit());
    for (const name of shared()) {
      const file = path.join(rig.dir, '.git', name);
      writeFileSync(file, readFileSync(file).subarray(0, 5_000));
    }
    lines.length = 0;
    const isTold = (): boolean => lines.some((line) => line.includes('index is damaged'));
    // The small file grows until it is time for a new shared one.
    for (let n = 0; n < 20 && !isTold(); n++) await many(40_000 + n * 1_000, 200);
    assert.ok(isTold(), lines.join('\n'));
    value(await history.submit(submission({ feature: 'FEAT-9999' })));
    assertExact();
  });
});

test('killed before each change of a large index, the next start is clean and nothing that was acknowledged is lost', async () => {
  const rig = makeRig();
  try {
    let history = await rig.open();
    const prompts = Array.from({ length: 600 }, (_, n) => submission({ feature: `FIRST-${String(n)}` }));
    for (const outcome of await Promise.all(prompts.map((prompt) => history.submit(prompt)))) value(outcome);
    await history.close();
    let step = 1;
    for (; step < 40; step++) {
      const child = spawnSync(
        process.execPath,
        [path.join(import.meta.dirname, 'burst-child.ts'), rig.dir, `S${String(step)}`, '500', String(step)],
        {
          encoding: 'utf8',
        },
      );
      assert.ok(child.signal === 'SIGKILL' || child.status === 0, child.stderr);
      history = await rig.open();
      assert.equal(rig.git('status', '--porcelain'), '', `status after step ${String(step)}`);
      const commits = new Set(rig.git('rev-list', 'main').trim().split('\n'));
      for (const commit of child.stdout.split('\n').filter((line) => line !== '')) assert.ok(commits.has(commit), commit);
      value(await history.submit(submission({ feature: `AFTER-${String(step)}` })));
      rig.assertClean();
      await history.close();
      if (child.status === 0) break;
    }
    assert.ok(step > 8 && step < 40, `${String(step)} steps`);
  } finally {
    await rig.end();
  }
});
