import assert from 'node:assert/strict';
import { openSync, closeSync, readdirSync, readFileSync, truncateSync, utimesSync, writeFileSync, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { History } from '#core/history.ts';
import type { Clock, Fs } from '#core/ports.ts';
import { makeFs } from '#platform/files.ts';
import { faultyFs } from './faulty-fs.ts';
import { fillDiskAtEach } from './full-disk.ts';
import { collect, listening, makeRig, submission, value, type Rig } from './rig.ts';

/** Waits take no time: a fake clock that jumps. */
function jumpingClock(): Clock {
  let nowMs = 0;
  return {
    now: () => new Date(),
    monotonicMs: () => nowMs,
    sleep: (ms) => {
      nowMs += ms;
      return new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const refused = (): Promise<never> => Promise.reject(Object.assign(new Error('no hard links here'), { code: 'EPERM' }));

function age(file: string, seconds: number): void {
  const at = Date.now() / 1000 - seconds;
  utimesSync(file, at, at);
}

suite('faults', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = makeRig();
  });
  afterEach(() => rig.end());
  /** As after a loss of power: the system tells another start than the one that docket noted. */
  const startMachine = (): void => {
    writeFileSync(gitPath('docket/checked'), 'another start\n');
  };
  const gitPath = (name: string): string => path.join(rig.dir, '.git', name);

  test('a disk that is full at some step loses nothing that was acknowledged, and the next write mends the rest', () =>
    fillDiskAtEach(9, true));

  test('a lock that a killed git left is removed when it is old and nobody has it open', async () => {
    const { log, lines } = listening();
    const history = await rig.open({ log });
    for (const name of ['index.lock', 'refs/heads/main.lock']) {
      writeFileSync(gitPath(name), '');
      age(gitPath(name), 60);
    }
    value(await history.submit(submission()));
    assert.equal(lines.filter((line) => line.includes('a killed git left')).length, 2);
    rig.assertClean();
  });

  test('a lock that a killed git left is removed though the clock was set back behind its time', async () => {
    const { log, lines } = listening();
    const history = await rig.open({ log, clock: jumpingClock() });
    for (const name of ['index.lock', 'refs/heads/main.lock']) {
      writeFileSync(gitPath(name), '');
      age(gitPath(name), -3600);
    }
    value(await history.submit(submission()));
    assert.equal(lines.filter((line) => line.includes('a killed git left')).length, 2);
    rig.assertClean();
  });

  test('a docket that dies between the making of its lock file and the first byte of it leaves nothing in the way', async () => {
    const fs = makeFs();
    let isDead = false;
    const dying: Fs = {
      ...fs,
      async writeDerived(file, bytes, mode) {
        if (!String(bytes).startsWith('docket ')) return fs.writeDerived(file, bytes, mode);
        isDead = true;
        await fs.writeDerived(file, '', mode);
        throw new Error('killed');
      },
      async unlink(file) {
        if (isDead) throw new Error('killed');
        return fs.unlink(file);
      },
    };
    await rig.open();
    const history = await rig.open({ fs: dying });
    await assert.rejects(history.submit(submission()), /killed/);
    assert.ok(isDead);
    assert.equal(existsSync(gitPath('index.lock')), false);
    const clock = jumpingClock();
    const next = await rig.open({ clock });
    value(await next.submit(submission()));
    assert.equal(clock.monotonicMs(), 0, 'it waited');
    rig.assertClean();
  });

  test('where hard links do not exist, docket takes its lock all the same', async () => {
    const history = await rig.open({ fs: { ...makeFs(), link: refused } });
    value(await history.submit(submission()));
    assert.equal(existsSync(gitPath('docket/index-lock.new')), false);
    rig.assertClean();
  });

  test('a lock that somebody holds is waited for, then told in words, and nothing is changed', async () => {
    const history = await rig.open({ clock: jumpingClock() });
    const before = rig.git('rev-parse', 'main');
    writeFileSync(gitPath('index.lock'), '');
    age(gitPath('index.lock'), 60);
    const held = openSync(gitPath('index.lock'), 'r+');
    await assert.rejects(
      history.submit(submission()),
      (error: NodeJS.ErrnoException) => error.code === 'ELOCKED' && /another git holds/.test(error.message),
    );
    closeSync(held);
    assert.equal(rig.git('rev-parse', 'main'), before);
    assert.ok(existsSync(gitPath('index.lock')));
    value(await history.submit(submission()));
    rig.assertClean();
  });

  test('a fresh lock is waited for until its git is done', async () => {
    let waits = 0;
    const clock = jumpingClock();
    const history = await rig.open({
      clock: {
        ...clock,
        sleep: async (ms) => {
          await clock.sleep(ms);
          waits++;
          if (waits === 4) (await import('node:fs')).unlinkSync(gitPath('refs/heads/main.lock'));
        },
      },
    });
    writeFileSync(gitPath('refs/heads/main.lock'), '');
    value(await history.submit(submission()));
    assert.equal(waits, 4);
    rig.assertClean();
  });

  test('what a docket that was killed between ref and index left is brought to its end by the next one', async () => {
    const history = await rig.open();
    value(await history.submit(submission()));
    const behind = readFileSync(gitPath('index'));
    const tip = readFileSync(gitPath('docket/index-tip'));
    const prompt = submission({ revision: 2 });
    const { commit } = value(await history.submit(prompt));
    await history.close();
    // As after a kill: the ref is new, index and files are old, one file is torn, the locks and a temporary pack are still there.
    writeFileSync(gitPath('index'), behind);
    writeFileSync(gitPath('docket/index-tip'), tip);
    writeFileSync(gitPath('index.lock'), `docket ${commit}\n`);
    writeFileSync(gitPath('refs/heads/main.lock'), `${commit}\n`);
    writeFileSync(gitPath(`objects/pack/tmp_docket_${'a'.repeat(40)}.pack`), 'PA');
    truncateSync(path.join(rig.dir, 'FEAT-1-user-filters/01-architect/prompt_v2.md'), 5);
    startMachine();
    const again = await rig.open();
    rig.assertClean();
    assert.equal(existsSync(gitPath('index.lock')) || existsSync(gitPath('refs/heads/main.lock')), false);
    assert.deepEqual(
      readdirSync(gitPath('objects/pack')).filter((name) => name.startsWith('tmp_')),
      [],
    );
    assert.deepEqual(await collect(again.verify()), []);
  });

  test('the same leftovers are mended by the next write of a docket that is already running', async () => {
    const history = await rig.open();
    value(await history.submit(submission()));
    const behind = readFileSync(gitPath('index'));
    const tip = readFileSync(gitPath('docket/index-tip'));
    const { commit } = value(await history.submit(submission({ revision: 2 })));
    writeFileSync(gitPath('index'), behind);
    writeFileSync(gitPath('docket/index-tip'), tip);
    writeFileSync(gitPath('index.lock'), `docket ${commit}\n`);
    value(await history.submit(submission({ revision: 3 })));
    rig.assertClean();
  });

  test('an index torn by a loss of power is set aside and made anew', async () => {
    const { log, lines } = listening();
    const history = await rig.open();
    value(await history.submit(submission()));
    await history.close();
    truncateSync(gitPath('index'), 90);
    startMachine();
    await rig.open({ log });
    rig.assertClean();
    assert.match(lines.join('\n'), /index is damaged/);
    assert.equal(readdirSync(gitPath('docket')).filter((name) => name.startsWith('index.damaged-')).length, 1);
  });

  test('a work-tree file that a loss of power emptied is written again; one that a person emptied is not', async () => {
    const history = await rig.open();
    value(await history.submit(submission()));
    await history.close();
    const file = path.join(rig.dir, 'FEAT-1-user-filters/01-architect/prompt_v1.md');
    truncateSync(file, 0);
    startMachine();
    await rig.open();
    assert.equal(statSync(file).size, 0, 'a person did that: the times of the file are newer than the index says');
    // After a loss of power the times are those of the index: made so here by writing the new times into the index.
    rig.git('checkout', '-q', '--', '.');
    truncateSync(file, 0);
    const now = statSync(file, { bigint: true });
    const index = readFileSync(gitPath('index'));
    const at = index.indexOf('FEAT-1-user-filters/01-architect/prompt_v1.md') - 62;
    for (const [offset, ns] of [
      [0, now.ctimeNs],
      [8, now.mtimeNs],
    ] as const) {
      index.writeUInt32BE(Number(ns / 1_000_000_000n), at + offset);
      index.writeUInt32BE(Number(ns % 1_000_000_000n), at + offset + 4);
    }
    index.fill(0, index.length - 20);
    writeFileSync(gitPath('index'), index);
    startMachine();
    await rig.open();
    assert.match(readFileSync(file, 'utf8'), /What is to be done/);
  });

  test('a commit of somebody between look and move makes the group go on top of it', async () => {
    const real = makeFs();
    let isDone = false;
    const fs: Fs = {
      ...real,
      link: async (from, to) => {
        // The moment before index.lock is taken.
        if (!isDone && String(to).endsWith('index.lock')) {
          isDone = true;
          rig.git('commit', '-q', '--allow-empty', '-m', 'in between');
        }
        return real.link(from, to);
      },
    };
    await rig.open();
    const history: History = await rig.open({ fs });
    const filed = value(await history.submit(submission()));
    assert.equal(rig.git('log', '-1', '--format=%s', `${filed.commit}~1`).trim(), 'in between');
    rig.assertClean();
  });

  test('a writer that cannot sync the ref reports it, and asking again finds what is there', async () => {
    const faulty = faultyFs('EIO');
    const history = await rig.open({ fs: { ...faulty.fs } });
    const prompt = submission();
    faulty.arm(1, false, (file) => file.endsWith('refs/heads'));
    await assert.rejects(history.submit(prompt), /EIO/);
    assert.equal(value(await history.submit(prompt)).job, prompt.job);
    assert.equal(rig.git('log', '--format=%s', '--grep', prompt.job).trim().split('\n').length, 1);
    rig.assertClean();
  });

  test('two hundred calls at once are a few packs and keep their order', async () => {
    const history = await rig.open();
    const prompts = Array.from({ length: 200 }, (_, index) => submission({ revision: index + 1, feature: `FEAT-${String(index % 7)}` }));
    for (const outcome of await Promise.all(prompts.map((prompt) => history.submit(prompt)))) value(outcome);
    const jobs = rig.git('log', '--reverse', '--format=%(trailers:key=Docket-Job,valueonly,separator=)').trim().split('\n');
    assert.deepEqual(
      jobs,
      prompts.map(({ job }) => job),
    );
    assert.ok(readdirSync(gitPath('objects/pack')).filter((name) => name.endsWith('.pack')).length <= 4);
    rig.assertClean();
  });
});
