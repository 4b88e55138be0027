import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { FilePath, Fs, Log } from '#core/ports.ts';
import type { History } from '#core/history.ts';
import { choosePacks } from '#history/tend.ts';
import { makeFs } from '#platform/files.ts';
import { makeHistoryGit } from '#platform/git-repository.ts';
import { makeClock } from '#platform/clock.ts';
import { answer, collect, listening, makeRig, submission, value, type Rig } from './rig.ts';

const sizes = (...all: number[]): { name: string; sizeBytes: number }[] =>
  all.toSorted((a, b) => a - b).map((sizeBytes, n) => ({ name: `p${String(n)}`, sizeBytes }));

test('packs are made one when there are too many, the small ones first, and a large one waits until it is worth it', () => {
  assert.deepEqual(choosePacks(sizes(1, 1, 1), 3), []);
  assert.deepEqual(choosePacks(sizes(1, 1, 1, 1), 0), [], '0: never');
  assert.equal(choosePacks(sizes(1, 1, 1, 1), 3).length, 4);
  assert.equal(choosePacks(sizes(1, 1, 1, 1, 1_000), 3).length, 4);
  assert.equal(choosePacks(sizes(1, 1, 1, 300, 500, 5_000), 3).length, 5);
  assert.equal(choosePacks(sizes(1, 2, 6, 18, 54, 162), 3).length, 3, 'none is small beside the others: the smaller half');
  const mega = 1024 * 1024;
  assert.equal(choosePacks(sizes(...Array.from({ length: 40 }, () => 7 * mega)), 50).length, 40, 'few, but each with much in it');
});

/** A log, and a promise of the line that is waited for. */
function awaiting(pattern: RegExp): { log: Log; line: Promise<string> } {
  const { promise, resolve } = Promise.withResolvers<string>();
  const { log } = listening((line) => {
    if (pattern.test(line)) resolve(line);
  });
  return { log, line: promise };
}

async function recordAlone(history: History, from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n++) {
    const prompt = submission({ feature: `FEAT-${String(n)}` });
    value(await history.submit(prompt));
    value(await history.record(answer(prompt)));
  }
}

/** Far more than is needed: the test is then lost. */
const STREAM_MAX = 2_000;

/** Four at a time, so that something always waits for the writer. @returns how many were recorded */
async function recordWithoutPause(history: History, isEnough: () => boolean): Promise<number> {
  let count = 0;
  const stream = async (): Promise<void> => {
    while (!isEnough() && count < STREAM_MAX) value(await history.submit(submission({ feature: `BUSY-${String(count++)}` })));
  };
  await Promise.all([stream(), stream(), stream(), stream()]);
  return count;
}

suite('tending', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = makeRig();
  });
  afterEach(() => rig.end());
  const packs = (): string[] => readdirSync(path.join(rig.dir, '.git/objects/pack')).filter((name) => name.endsWith('.pack'));
  const objects = (): Set<string> => new Set(rig.git('rev-list', '--objects', '--all').match(/^[0-9a-f]{40}/gm));
  const tend = { packsMax: 5, idleMs: 0 };

  test('many small packs become few while prompts are recorded, every object stays, and an open reader reads on', async () => {
    const { log, lines } = listening();
    const reader = await rig.open();
    const history = await rig.open({ tend, log });
    await recordAlone(history, 0, 12);
    assert.ok(await reader.find(submission({ feature: 'FEAT-3' }).identity));
    const before = objects();
    await recordAlone(history, 12, 12);
    await history.close();
    assert.ok(
      lines.some((line) => line.includes('are one now')),
      lines.join('\n'),
    );
    assert.ok(packs().length < 48, String(packs().length));
    const after = objects();
    for (const line of before) assert.ok(after.has(line), line);
    for (let n = 0; n < 24; n++)
      assert.equal((await reader.find(submission({ feature: `FEAT-${String(n)}` }).identity))?.status, 'answered');
    rig.assertClean();
    assert.deepEqual(await collect(reader.verify()), []);
  });

  test('a writer that never rests leaves room for the packs to be made one', async () => {
    const { log, lines } = listening();
    const history = await rig.open({ tend, log });
    const count = await recordWithoutPause(history, () => lines.some((line) => line.includes('are one now')));
    assert.ok(count < STREAM_MAX, 'the old packs were never removed while it wrote');
    await history.close();
    rig.assertClean();
  });

  test('a writer that never rests gives way to another docket now and then', async () => {
    let nowMs = 0;
    // A second passes with each look.
    const busy = await rig.open({ clock: { ...makeClock(), monotonicMs: () => (nowMs += 1_000) } });
    const other = await rig.open();
    let isIn = false;
    const one = async (): Promise<void> => {
      value(await busy.submit(submission({ feature: 'FEAT-1' })));
      // Now it is at work.
      value(await other.submit(submission({ feature: 'FEAT-2' })));
      isIn = true;
    };
    const [count] = await Promise.all([recordWithoutPause(busy, () => isIn), one()]);
    assert.ok(count < STREAM_MAX, 'it had to wait until all was written');
    rig.assertClean();
  });

  test('what no commit needs stays, and so does a pack that somebody keeps', async () => {
    const history = await rig.open();
    await recordAlone(history, 0, 6);
    const [kept = ''] = packs();
    writeFileSync(path.join(rig.dir, '.git/objects/pack', kept.replace('.pack', '.keep')), '');
    writeFileSync(path.join(rig.root, 'loose.txt'), 'nobody needs this\n');
    const alone = rig.git('hash-object', '-w', path.join(rig.root, 'loose.txt')).trim();
    rig.git('repack', '-q', '-a', '-d', '-k');
    await history.close();
    const { log, line } = awaiting(/are one now/);
    const tending = await rig.open({ tend, log });
    await recordAlone(tending, 6, 5);
    await line;
    await tending.close();
    assert.ok(packs().includes(kept));
    assert.equal(rig.git('cat-file', '-p', alone), 'nobody needs this\n');
    rig.assertClean();
  });

  test('an index over all packs that a person made does not survive the packs it names', async () => {
    const history = await rig.open();
    await recordAlone(history, 0, 5);
    rig.git('multi-pack-index', 'write');
    await history.close();
    const { log, line } = awaiting(/are one now/);
    const tending = await rig.open({ tend, log });
    await recordAlone(tending, 5, 5);
    await line;
    await tending.close();
    assert.equal(existsSync(path.join(rig.dir, '.git/objects/pack/multi-pack-index')), false);
    rig.assertClean();
  });

  test('without a git program, or when it makes nothing of use, all packs stay and recording goes on', async () => {
    const git = makeHistoryGit();
    const { log, line } = awaiting(/lacks the object/);
    const without = await rig.open({ tend, log, git: { ...git, packTogether: () => Promise.resolve(null) } });
    await recordAlone(without, 0, 6);
    await without.close();
    assert.equal(packs().length, 13);
    // A pack that has only the objects of one of those it should stand for.
    const poor = await rig.open({
      tend,
      log,
      git: {
        ...git,
        packTogether: (gitDir, into, include, exclude, signal) => git.packTogether(gitDir, into, include.slice(0, 1), exclude, signal),
      },
    });
    await recordAlone(poor, 6, 1);
    await line;
    await poor.close();
    assert.equal(packs().length, 15);
    rig.assertClean();
  });

  test('closing while the git program works ends it, and the next one begins anew', async () => {
    const git = makeHistoryGit();
    const { promise: began, resolve: begin } = Promise.withResolvers<void>();
    let wasStopped = false;
    const history = await rig.open({
      tend,
      git: {
        ...git,
        packTogether: async (gitDir, into, include, exclude, signal) => {
          begin();
          await makeClock().sleep(60_000, signal);
          wasStopped = signal.aborted;
          return git.packTogether(gitDir, into, include, exclude, signal);
        },
      },
    });
    await recordAlone(history, 0, 6);
    await began;
    await history.close();
    assert.ok(wasStopped);
    assert.equal(packs().length, 13);
    mkdirSync(path.join(rig.dir, '.git/docket/fold'), { recursive: true });
    writeFileSync(path.join(rig.dir, '.git/docket/fold/pack-left.pack'), 'torn');
    const stale = path.join(rig.dir, '.git/objects/pack/tmp_pack_abcDEF');
    writeFileSync(stale, 'torn');
    utimesSync(stale, 1, 1);
    const { log, line } = awaiting(/are one now/);
    const again = await rig.open({ tend, log });
    await recordAlone(again, 6, 1);
    await line;
    await again.close();
    assert.ok(packs().length < 15, String(packs().length));
    assert.equal(existsSync(stale), false);
    rig.assertClean();
  });

  test('a fault at any step of it loses nothing: the packs of before are there, or the new one is', async () => {
    const real = makeFs();
    let left = Number.POSITIVE_INFINITY;
    const guard =
      <A extends readonly FilePath[]>(call: (...all: A) => Promise<void>) =>
      async (...all: A): Promise<void> => {
        const file = String(all[0]);
        const isTending = file.includes('/fold/') || (/pack-[0-9a-f]{40}\.(?:idx|pack)$/.test(file) && !file.includes('tmp_'));
        if (isTending && left-- <= 0) throw Object.assign(new Error('EIO: injected'), { code: 'EIO' });
        return call(...all);
      };
    const fs: Fs = {
      ...real,
      rename: guard((from, to) => real.rename(from, to)),
      unlink: guard((file) => real.unlink(file)),
      syncFile: guard((file, why) => real.syncFile(file, why)),
    };
    const clock = { ...makeClock(), sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) };
    const base = await rig.open();
    await recordAlone(base, 0, 6);
    for (let step = 0; step < 12; step++) {
      const { log, line } = awaiting(/are one now|could not be tended/);
      left = step;
      const history = await rig.open({ fs, clock, tend, log });
      left = step;
      await recordAlone(await rig.open(), 100 + step, 1);
      value(await history.submit(submission({ feature: `STEP-${String(step)}` })).catch(() => ({ ok: true as const, value: null })));
      await line;
      await history.close();
      left = Number.POSITIVE_INFINITY;
      assert.equal(rig.git('fsck', '--full', '--strict', '--no-progress', '--no-dangling'), '', `step ${String(step)}`);
    }
    assert.deepEqual(await collect(base.verify()), []);
    assert.match(readFileSync(path.join(rig.dir, '.git/HEAD'), 'utf8'), /main/);
  });
});
