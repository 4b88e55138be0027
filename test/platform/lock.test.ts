import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { writerIn } from '#platform/lock-holder.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { takeVisibleLock } from '#platform/visible-lock.ts';
import { memoryLog, silentLog } from '#platform/log.ts';
import { startChild } from '#test/support/temp-child.ts';
import { temporaryFolder, withCode } from '#test/support/temp-folder.ts';

const HOLDER = fileURLToPath(import.meta.resolve('#test/support/temp-lock-holder.ts'));
const locks = makeKernelLocks();

/** Names of the files in a folder that this process has open. */
const filesOpen = (folder: string): string[] =>
  readdirSync('/proc/self/fd')
    .flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)];
      } catch {
        return [];
      }
    })
    .filter((file) => path.dirname(file) === folder)
    .map((file) => path.basename(file))
    .toSorted();

/** A signal is delivered a moment after it was sent. */
async function isStoppedHolder(file: string, pid: number | undefined): Promise<void> {
  for (;;) {
    const holder = locks.holderOf(file);
    assert.equal(holder?.pid, pid);
    if (holder?.isStopped === true) return;
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

test('a second holder in the same process is refused until the first lets go', async (t) => {
  const file = `${await temporaryFolder(t)}/lock.db`;
  const first = locks.tryAcquire(file);
  assert.notEqual(first, null);
  assert.equal(locks.tryAcquire(file), null);
  assert.equal(makeKernelLocks().tryAcquire(file), null);
  first?.release();
  first?.release();
  const second = locks.tryAcquire(file);
  assert.notEqual(second, null);
  // Giving back an old lock twice does not take the new holder's.
  first?.release();
  second?.check();
  second?.release();
});

// SQLite opens such a file for reading, where an exclusive transaction excludes nobody.
test('a lock file that may not be written is no lock: the system says why', { skip: process.platform === 'win32' }, async (t) => {
  const folder = await temporaryFolder(t);
  const file = `${folder}/lock.db`;
  locks.tryAcquire(file)?.release();
  chmodSync(folder, 0o755);
  chmodSync(file, 0o444);
  const script = `const { makeKernelLocks } = await import(${JSON.stringify(import.meta.resolve('#platform/lock.ts'))});
    if (process.getuid() === 0) process.setuid(65534);
    try { process.stdout.write(makeKernelLocks().tryAcquire(${JSON.stringify(file)}) === null ? 'held' : 'taken'); }
    catch (error) { process.stdout.write(error.code); }`;
  assert.equal(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }), 'EACCES');
});

test('the lock file is private and stays', async (t) => {
  const file = `${await temporaryFolder(t)}/lock.db`;
  locks.tryAcquire(file)?.release();
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('waiting for a lock that is held ends with ELOCKED', async (t) => {
  const file = `${await temporaryFolder(t)}/lock.db`;
  const lock = await locks.acquire(file, 0);
  await assert.rejects(locks.acquire(file, 20), withCode('ELOCKED'));
  lock.release();
});

test('whoever waits gets the lock when it is given back', async (t) => {
  const file = `${await temporaryFolder(t)}/lock.db`;
  const first = await locks.acquire(file, 0);
  const waiting = locks.acquire(file, 5000);
  setImmediate(() => {
    first.release();
  });
  const second = await waiting;
  second.check();
  second.release();
});

test('another process that holds the lock keeps us out, and its kill -9 lets us in at once', async (t) => {
  const file = `${await temporaryFolder(t)}/lock.db`;
  const holder = startChild(t, HOLDER, ['hold', file]);
  assert.equal(await holder.next(), 'held');
  assert.equal(locks.tryAcquire(file), null);
  const waiting = locks.acquire(file, 5000);
  await holder.kill();
  const lock = await waiting;
  lock.check();
  lock.release();
});

test('a process that is stopped, as in a laptop asleep, keeps its lock', { skip: process.platform === 'win32' }, async (t) => {
  const file = `${await temporaryFolder(t)}/lock.db`;
  const holder = startChild(t, HOLDER, ['hold', file]);
  assert.equal(await holder.next(), 'held');
  holder.process.kill('SIGSTOP');
  assert.equal(locks.tryAcquire(file), null);
  if (process.platform === 'linux') await isStoppedHolder(file, holder.process.pid);
  holder.process.kill('SIGCONT');
  holder.process.send('check');
  assert.equal(await holder.next(), 'mine');
});

test('of eight processes that want one lock, never two have it', async (t) => {
  const file = `${await temporaryFolder(t)}/lock.db`;
  // Half of them keep its file open.
  const contenders = Array.from({ length: 8 }, (_, n) => startChild(t, HOLDER, [n % 2 === 0 ? 'contend' : 'contend-kept', file, '12']));
  for (const contender of contenders) assert.equal(await contender.next(), 'ready');
  for (const contender of contenders) contender.process.send('go');
  const said = await Promise.all(contenders.map((contender) => contender.next()));
  assert.deepEqual(
    said,
    contenders.map(() => ({ rounds: 12, notAlone: 0 })),
  );
});

test('the holder of a lock is told by the system, and nobody when it is free', { skip: process.platform !== 'linux' }, async (t) => {
  const file = `${await temporaryFolder(t)}/lock.db`;
  assert.equal(locks.holderOf(file), null);
  const lock = locks.tryAcquire(file);
  assert.deepEqual(locks.holderOf(file), { pid: process.pid, isStopped: false });
  lock?.release();
  assert.equal(locks.holderOf(file), null);
});

test('in the list of locks, whoever waits, only reads, or is in another namespace is not the holder', () => {
  const lines = [
    '1: POSIX  ADVISORY  READ 11 fe:00:77 128 128',
    '2: FLOCK  ADVISORY  WRITE 12 fe:00:77 0 EOF',
    '3: POSIX  ADVISORY  WRITE 0 fe:00:77 0 EOF',
    '4: POSIX  ADVISORY  WRITE 13 fe:01:77 0 EOF',
    '4: -> POSIX  ADVISORY  WRITE 14 fe:00:77 0 EOF',
  ];
  assert.equal(writerIn(lines.join('\n'), 'fe:00', 77n), null);
  assert.equal(writerIn([...lines, '5: POSIX  ADVISORY  WRITE 15 fe:00:77 0 EOF'].join('\n'), 'fe:00', 77n), 15);
});

test('a lock file that was removed or replaced is noticed by its holder', async (t) => {
  const folder = await temporaryFolder(t);
  const lock = locks.tryAcquire(`${folder}/lock.db`);
  lock?.check();
  renameSync(`${folder}/lock.db`, `${folder}/moved`);
  assert.throws(() => lock?.check(), withCode('ESTALE'));
  writeFileSync(`${folder}/lock.db`, '');
  assert.throws(() => lock?.check(), withCode('ESTALE'));
  unlinkSync(`${folder}/lock.db`);
  renameSync(`${folder}/moved`, `${folder}/lock.db`);
  lock?.check();
  lock?.release();
  assert.throws(() => lock?.check(), withCode('ESTALE'));
});

test('a lock whose file stays open is the same lock: kept out by the others, and keeping them out only while it is held', async (t) => {
  const folder = await temporaryFolder(t);
  const file = `${folder}/lock.db`;
  const kept = locks.keepOpen();
  t.after(() => {
    kept.close();
  });
  for (let times = 0; times < 3; times++) {
    const held = kept.tryAcquire(file);
    held?.check();
    assert.equal(locks.tryAcquire(file), null);
    assert.equal(kept.tryAcquire(file), null);
    held?.release();
    assert.throws(() => held?.check(), withCode('ESTALE'));
    const other = locks.tryAcquire(file);
    assert.notEqual(other, null);
    assert.equal(kept.tryAcquire(file), null);
    // The time before is over, though its connection is the one of the next time.
    held?.release();
    other?.check();
    other?.release();
  }
});

test('another process takes a lock whose file we keep open, keeps us out, and its kill -9 lets us in at once', async (t) => {
  const file = `${await temporaryFolder(t)}/lock.db`;
  const kept = locks.keepOpen();
  t.after(() => {
    kept.close();
  });
  kept.tryAcquire(file)?.release();
  const holder = startChild(t, HOLDER, ['hold', file]);
  assert.equal(await holder.next(), 'held');
  assert.equal(kept.tryAcquire(file), null);
  assert.equal(kept.tryAcquire(file), null);
  const waiting = kept.acquire(file, 10_000);
  await holder.kill();
  const lock = await waiting;
  lock.check();
  assert.equal(locks.tryAcquire(file), null);
  lock.release();
});

test('a lock file that was removed or replaced while it was kept open is opened anew', async (t) => {
  const folder = await temporaryFolder(t);
  const file = `${folder}/lock.db`;
  const kept = locks.keepOpen();
  t.after(() => {
    kept.close();
  });
  kept.tryAcquire(file)?.release();
  unlinkSync(file);
  const again = kept.tryAcquire(file);
  again?.check();
  assert.equal(locks.tryAcquire(file), null, 'it is the lock of the file that everybody sees');
  again?.release();
  renameSync(file, `${folder}/moved`);
  writeFileSync(file, '');
  const replaced = kept.tryAcquire(file);
  replaced?.check();
  assert.equal(locks.tryAcquire(file), null);
  assert.notEqual(locks.tryAcquire(`${folder}/moved`), null, 'nothing of ours is left in the one that is elsewhere now');
  replaced?.release();
});

test(
  'locks that end close the files they kept open, and what is held stays held until it is given back',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const folder = await temporaryFolder(t);
    const openFiles = (): string[] => filesOpen(folder);
    const kept = locks.keepOpen();
    kept.tryAcquire(`${folder}/one.db`)?.release();
    const held = kept.tryAcquire(`${folder}/two.db`);
    assert.deepEqual(openFiles(), ['one.db', 'two.db']);
    kept.close();
    assert.deepEqual(openFiles(), ['two.db']);
    held?.check();
    assert.equal(locks.tryAcquire(`${folder}/two.db`), null);
    held?.release();
    assert.deepEqual(openFiles(), []);
  },
);

test('one lock reached through two paths is one lock', async (t) => {
  const folder = await temporaryFolder(t);
  mkdirSync(`${folder}/real`);
  symlinkSync(`${folder}/real`, `${folder}/link`);
  const lock = locks.tryAcquire(`${folder}/real/lock.db`);
  assert.equal(locks.tryAcquire(`${folder}/link/lock.db`), null);
  lock?.release();
});

test('trouble that is not "somebody holds it" is told, not taken for a held lock', async (t) => {
  const folder = await temporaryFolder(t);
  assert.throws(() => locks.tryAcquire(`${folder}/none/lock.db`), withCode('ENOENT'));
  writeFileSync(`${folder}/lock.db`, 'this is no database, and long enough to be looked at'.repeat(20));
  assert.throws(() => locks.tryAcquire(`${folder}/lock.db`), withCode('SQLITE_NOTADB'));
  symlinkSync('/dev/null', `${folder}/link.db`);
  assert.throws(() => locks.tryAcquire(`${folder}/link.db`), withCode('ELOOP'));
});

test('the visible lock is taken over from the dead at once, and given back', async (t) => {
  const root = await temporaryFolder(t);
  mkdirSync(`${root}/daemon.lock`);
  const release = await takeVisibleLock(root, `${root}/daemon.lock`, silentLog(), () => true);
  assert.ok(statSync(`${root}/daemon.lock`).isDirectory());
  await release();
  assert.equal(statSync(`${root}/daemon.lock`, { throwIfNoEntry: false }), undefined);
});

for (const isOurs of [true, false]) {
  test(`a visible lock that somebody removed is ${isOurs ? 'made again and logged' : 'left alone when the kernel lock is gone too'}`, async (t) => {
    const root = await temporaryFolder(t);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const log = memoryLog();
    const lost = Promise.withResolvers<Error>();
    const release = await takeVisibleLock(root, `${root}/daemon.lock`, log, (error) => {
      lost.resolve(error);
      return isOurs;
    });
    rmdirSync(`${root}/daemon.lock`);
    t.mock.timers.tick(5000);
    assert.equal(((await lost.promise) as NodeJS.ErrnoException).code, 'ECOMPROMISED');
    if (isOurs) {
      assert.match(log.entries[0]?.message ?? '', /lost and is made again/);
      await release();
      assert.equal(log.entries.length, 1, 'what was made again was there to be given back');
    } else {
      assert.equal(statSync(`${root}/daemon.lock`, { throwIfNoEntry: false }), undefined);
      assert.equal(log.entries.length, 0);
      await release();
    }
  });
}
