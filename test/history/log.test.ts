import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { readLog, type LogFilter } from '#history/log.ts';
import { openObjects } from '#history/read-objects.ts';
import { readTip } from '#history/ref.ts';
import type { History, LogEntry } from '#core/history.ts';
import { makeFs } from '#platform/files.ts';
import { answer, collect, makeRig, submission, value, type Rig, type Wanted } from './rig.ts';

const fs = makeFs();

async function record(history: History, wanted: Wanted): Promise<string> {
  const asked = submission(wanted);
  value(await history.submit(asked));
  value(await history.record(answer(asked)));
  return asked.job;
}

async function seeded(t: TestContext): Promise<{ rig: Rig; history: History; jobs: string[]; file: string }> {
  const rig = makeRig();
  t.after(() => rig.end());
  const history = await rig.open();
  const jobs: string[] = [];
  for (const feature of ['FEAT-1', 'FEAT-2', 'FEAT-10'])
    for (const role of ['architect', 'ui'])
      jobs.push(await record(history, { feature, role, folder: role === 'ui' ? '03-ui' : '01-architect' }));
  return { rig, history, jobs, file: path.join(rig.dir, '.git/docket/log-index') };
}

/** What the log says by the index is what the whole walk says, for every kind of filter. @param newRows see LogPlace */
async function assertSame(rig: Rig, jobs: readonly string[], newRows = 2_000): Promise<LogEntry[]> {
  const gitDir = path.join(rig.dir, '.git');
  const store = openObjects(fs, gitDir);
  const tip = (await readTip(fs, gitDir)) ?? '';
  const filters: LogFilter[] = [
    {},
    { feature: 'FEAT-1' },
    { feature: 'feat-1-any-slug', role: '03-ui' },
    { feature: 'FEAT-2', limit: 3 },
    { feature: 'FEAT-99' },
    { feature: '' },
    { role: 'ui' },
    { limit: 2 },
    ...jobs.map((job) => ({ job })),
  ];
  try {
    for (const filter of filters)
      assert.deepEqual(await collect(readLog(store, tip, filter, { fs, stateDir: `${gitDir}/docket`, newRows })), await collect(readLog(store, tip, filter)), JSON.stringify(filter)); // prettier-ignore
    return await collect(readLog(store, tip, {}));
  } finally {
    await store.close();
  }
}

describe('the log of one feature, by its index', () => {
  test('is the same as by the whole walk: without an index, with one, and with newer commits on top', async (t) => {
    const { rig, history, jobs, file } = await seeded(t);
    assert.ok(!existsSync(file));
    await assertSame(rig, jobs);
    const first = readFileSync(file);
    jobs.push(await record(history, { feature: 'FEAT-1', revision: 2 }));
    rig.git('commit', '-q', '--allow-empty', '-m', 'by hand\n\nDocket-Feature: feat-1');
    await assertSame(rig, jobs);
    assert.deepEqual(readFileSync(file), first);
    await assertSame(rig, jobs, 1);
    const second = readFileSync(file);
    assert.equal((second.length - first.length) / 32, 3);
    assert.deepEqual(second.subarray(36, first.length), first.subarray(36));
    await assertSame(rig, jobs);
  });

  test('is the same through the history itself, which reads few commits', async (t) => {
    const { rig, history, jobs } = await seeded(t);
    const before = await collect(history.log({ feature: 'FEAT-1' }));
    assert.equal(before.length, 4);
    assert.deepEqual(await collect(history.log({ feature: 'FEAT-1' })), before);
    assert.deepEqual(before.map(({ trailers }) => trailers['Docket-Job']), [jobs[1], jobs[1], jobs[0], jobs[0]]); // prettier-ignore
    rig.assertClean();
  });

  test('a torn, foreign or forged index is not believed, or shows nothing that is not so', async (t) => {
    const { rig, jobs, file } = await seeded(t);
    await assertSame(rig, jobs);
    const right = readFileSync(file);
    const wrong = [
      right.subarray(0, -1),
      right.subarray(0, 20),
      Buffer.alloc(0),
      Buffer.concat([right, right]),
      Buffer.alloc(right.length),
    ];
    for (const at of [0, 8, 12, 20, 40, right.length - 1]) {
      const flipped = Buffer.from(right);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      wrong.push(flipped);
    }
    for (const bytes of wrong) {
      writeFileSync(file, bytes);
      await assertSame(rig, jobs);
      assert.deepEqual(readFileSync(file), right);
    }
  });

  test('a branch that was rewritten or merged is walked anew', async (t) => {
    const { rig, jobs, file } = await seeded(t);
    const other = path.join(rig.root, 'other');
    execFileSync('git', ['clone', '-q', rig.dir, other]);
    await assertSame(rig, jobs);
    const before = readFileSync(file);
    rig.git('reset', '-q', '--hard', 'HEAD~3');
    await assertSame(rig, jobs);
    const shorter = readFileSync(file);
    assert.ok(shorter.length < before.length);
    rig.git('commit', '-q', '--allow-empty', '-m', 'on this side\n\nDocket-Feature: FEAT-2');
    rig.git('fetch', '-q', other, 'main');
    rig.git('merge', '-q', '--no-edit', 'FETCH_HEAD');
    const all = await assertSame(rig, jobs);
    assert.ok(all.length > 13);
    assert.ok(readFileSync(file).length > before.length);
    rig.git('commit', '-q', '--allow-empty', '-m', 'above the merge\n\nDocket-Feature: FEAT-1');
    await assertSame(rig, jobs);
    await assertSame(rig, jobs, 1);
    await assertSame(rig, jobs);
  });

  test('where it cannot be written, or a crash left half of it, the log is read all the same', async (t) => {
    const { rig, jobs, file } = await seeded(t);
    writeFileSync(`${file}.new`, 'half');
    await assertSame(rig, jobs);
    assert.ok(!existsSync(`${file}.new`));
    await assertSame(rig, jobs);
    assert.ok(existsSync(file));
    rmSync(path.join(rig.dir, '.git/docket'), { recursive: true });
    await assertSame(rig, jobs);
  });
});
