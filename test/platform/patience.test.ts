import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { mock, test, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { foreignAmong, mountsIn } from '#platform/foreign-mounts.ts';
import { makeFs } from '#platform/files.ts';
import { makePatience } from '#platform/patience.ts';
import {
  factsLater,
  listLater,
  makeFoldersLater,
  removeTreeLater,
  syncFileLater,
  syncFolderLater,
  walkLater,
} from '#platform/pooled-files.ts';

const INFO = [
  '21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw',
  '42 21 0:39 / /srv/my\\040queues rw,nosuid - fuse.sshfs me@there:/q rw,user_id=0',
  '43 42 0:40 / /srv/my\\040queues/local rw - tmpfs none rw',
  '44 21 0:41 / /home/me rw shared:1 - nfs4 there:/home rw',
  '45 44 0:42 / /home/me rw - ext4 /dev/sdb1 rw',
].join('\n');

test('what lies on a file system of a server is told by the mounts, the last and nearest one', () => {
  const mounts = mountsIn(INFO);
  assert.equal(foreignAmong(mounts, '/srv/my queues/in/foo.md'), '/srv/my queues');
  assert.equal(foreignAmong(mounts, '/srv/my queues'), '/srv/my queues');
  assert.equal(foreignAmong(mounts, '/srv/my queues/local/foo'), null);
  assert.equal(foreignAmong(mounts, '/srv/my queues-2'), null);
  assert.equal(foreignAmong(mounts, '/home/me/x'), null);
  assert.equal(foreignAmong(mounts, '/etc/passwd'), null);
});

test('a machine without such mounts, and a root that is one, are not asked about', () => {
  assert.deepEqual(mountsIn('21 1 0:5 / / rw - 9p none rw\n22 21 0:6 / /tmp rw - tmpfs none rw'), []);
});

type Call = { readonly act: () => Promise<string>; readonly end: (word: string) => void; readonly begun: () => boolean };
function call(): Call {
  const { promise, resolve } = Promise.withResolvers<string>();
  let isBegun = false;
  return {
    act: () => {
      isBegun = true;
      return promise;
    },
    end: resolve,
    begun: () => isBegun,
  };
}

/** Until nothing more happens without the clock. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await nextTurn();
}

const answers = async (): Promise<never> => Promise.reject(Object.assign(new Error('not there'), { code: 'ENOENT' }));
const failing = (code: string) => async (): Promise<never> => Promise.reject(Object.assign(new Error(code), { code }));

test('one call at a time for each mount, in order, and another mount does not wait', async () => {
  const { patiently } = makePatience(answers, () => true);
  const [first, second, other] = [call(), call(), call()];
  const one = patiently('/a', 'lstat', '/a/x', first.act);
  const two = patiently('/a', 'lstat', '/a/y', second.act);
  const far = patiently('/b', 'lstat', '/b/x', other.act);
  await quiet();
  assert.deepEqual([first.begun(), second.begun(), other.begun()], [true, false, true]);
  other.end('far');
  assert.equal(await far, 'far');
  first.end('one');
  assert.equal(await one, 'one');
  await quiet();
  assert.ok(second.begun());
  second.end('two');
  assert.equal(await two, 'two');
});

/** Time passes only here. */
function stopTime(t: TestContext): () => Promise<void> {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => {
    mock.timers.reset();
  });
  return async () => {
    mock.timers.tick(5_000);
    await quiet();
  };
}

test('a call that is late while its mount answers is waited for', async (t) => {
  const later = stopTime(t);
  const { patiently } = makePatience(answers, () => true);
  const slow = call();
  const one = patiently('/a', 'fsync', '/a/x', slow.act);
  for (let n = 0; n < 20; n++) await later();
  slow.end('done');
  assert.equal(await one, 'done');
});

test('a mount that answers no look either is silent: all is refused at once, until the late call has ended', async (t) => {
  const later = stopTime(t);
  const looking = call();
  const { patiently } = makePatience(looking.act, () => true);
  const [late, waits, next] = [call(), call(), call()];
  const refused = { code: 'ETIMEDOUT', message: /^ETIMEDOUT: \/a does not answer, / };
  const one = assert.rejects(patiently('/a', 'rename', '/a/x', late.act), refused);
  const two = assert.rejects(patiently('/a', 'lstat', '/a/y', waits.act), refused);
  await later();
  await later();
  await one;
  await two;
  await assert.rejects(patiently('/a', 'lstat', '/a/z', waits.act), refused);
  assert.equal(waits.begun(), false);
  late.end('it had its effect all the same');
  looking.end('an answer');
  await quiet();
  const again = patiently('/a', 'lstat', '/a/x', next.act);
  next.end('there');
  assert.equal(await again, 'there');
});

test('a call to a mount that was taken away is not waited for, though its place answers', async (t) => {
  const later = stopTime(t);
  const { patiently } = makePatience(answers, () => false);
  const refused = assert.rejects(patiently('/a', 'lstat', '/a/x', call().act), { code: 'ETIMEDOUT' });
  await later();
  await refused;
});

test('of three mounts that do not answer the third is not asked, so that the pool has threads for the others', async (t) => {
  const later = stopTime(t);
  const { patiently } = makePatience(call().act, () => true);
  const calls = ['/a', '/b'].map((at) => assert.rejects(patiently(at, 'lstat', at, call().act), { code: 'ETIMEDOUT' }));
  await later();
  await later();
  await Promise.all(calls);
  const third = call();
  await assert.rejects(patiently('/c', 'lstat', '/c/x', third.act), /too many other file systems do not answer for \/c to be asked/);
  assert.equal(third.begun(), false);
});

test('a mount that somebody else knows not to answer is not asked', async () => {
  const { patiently, passOver } = makePatience(answers, () => true);
  passOver('/a');
  const asked = call();
  await assert.rejects(patiently('/a', 'lstat', '/a/x', asked.act), { code: 'ETIMEDOUT' });
  assert.equal(asked.begun(), false);
});

test('EIO of a call whose server has gone is no damage of the disk; while the mount answers it is', async () => {
  const eio = failing('EIO');
  await assert.rejects(makePatience(answers, () => true).patiently('/a', 'fsync', '/a/x', eio), { code: 'EIO' });
  await assert.rejects(makePatience(failing('ENOTCONN'), () => true).patiently('/a', 'fsync', '/a/x', eio), { code: 'ENOTCONN' });
  await assert.rejects(makePatience(answers, () => false).patiently('/a', 'fsync', '/a/x', eio), { code: 'ENOTCONN' });
  await assert.rejects(makePatience(failing('EIO'), () => true).patiently('/a', 'fsync', '/a/x', failing('ENOSPC')), { code: 'ENOSPC' });
});

test('in the pool everything is as it is in this thread', async (t) => {
  const base = mkdtempSync(path.join(tmpdir(), 'docket-pooled-'));
  t.after(() => {
    rmSync(base, { recursive: true, force: true });
  });
  const fs = makeFs();
  const deep = path.join(base, 'a', 'b');
  await makeFoldersLater(deep, 0o700);
  const file = path.join(deep, 'file');
  await fs.writeNew(file, 'words', 'safety');
  assert.deepEqual(await factsLater(file), await fs.facts(file));
  assert.equal(await factsLater(path.join(file, 'below')), null);
  assert.deepEqual(
    (await listLater(deep)).map(({ name, kind }) => [name, kind]),
    [['file', 'file']],
  );
  const seen: string[] = [];
  await walkLater(deep, (name, kind) => seen.push(`${name} ${kind}`));
  assert.deepEqual(seen, ['file file']);
  let syncs = 0;
  const count = (): void => void (syncs += 1);
  await syncFileLater(file, count);
  await syncFolderLater(deep, count);
  assert.equal(syncs, 2);
  await assert.rejects(syncFileLater(deep, count), { code: 'EINVAL' });
  await assert.rejects(
    walkLater(file, () => undefined),
    { code: 'ENOTDIR' },
  );
  await removeTreeLater(path.join(base, 'a'));
  await removeTreeLater(path.join(base, 'a'));
  assert.deepEqual(await listLater(base), []);
});
