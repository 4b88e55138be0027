import assert from 'node:assert/strict';
import { chmodSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { Fs, KernelLock } from '#core/ports.ts';
import { isEpoch, takeEpoch } from '#platform/epoch.ts';
import { fencedFs } from '#platform/fenced-fs.ts';
import { makeFs } from '#platform/files.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { fsContract } from '#test/contracts/fs.ts';
import { temporaryFolder, withCode } from '#test/support/temp-folder.ts';

const fs = makeFs();
/** A lock that the kernel dropped without telling: nothing about its file is wrong. */
const blind: KernelLock = { check() {}, release() {} };

test('each daemon begins an epoch of its own, one higher, and the one before is out of turn from then on, for ever', async (t) => {
  const file = `${await temporaryFolder(t)}/epoch`;
  const first = await takeEpoch(file, blind, 'a', fs);
  first.check();
  assert.equal(first.number, 1);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const second = await takeEpoch(file, blind, 'b', fs);
  assert.equal(second.number, 2);
  assert.throws(() => {
    first.check();
  }, withCode('ESTALE'));
  second.check();
  await writeFile(file, first.text);
  assert.throws(() => {
    first.check();
  }, withCode('ESTALE'));
  assert.throws(() => {
    second.check();
  }, withCode('ESTALE'));
});

test('an epoch file that was touched or copied back is still ours, one that is gone is not, and the same number by another is another', async (t) => {
  const file = `${await temporaryFolder(t)}/epoch`;
  const first = await takeEpoch(file, blind, 'a', fs);
  chmodSync(file, 0o640);
  first.check();
  const text = readFileSync(file);
  rmSync(file);
  await writeFile(file, text);
  first.check();
  rmSync(file);
  const again = await takeEpoch(file, blind, 'b', fs);
  assert.equal(again.number, 1);
  assert.throws(() => {
    first.check();
  }, withCode('ESTALE'));
  assert.ok(isEpoch(file, again.text));
  assert.ok(!isEpoch(file, first.text));
  rmSync(file);
  assert.throws(() => {
    again.check();
  }, withCode('ESTALE'));
});

test('a lock file that was moved away is noticed, and putting it back does not bring the turn back', async (t) => {
  const folder = await temporaryFolder(t);
  const lock = makeKernelLocks().tryAcquire(`${folder}/lock.db`);
  assert.ok(lock !== null);
  const epoch = await takeEpoch(`${folder}/epoch`, lock, 'a', fs);
  epoch.check();
  renameSync(`${folder}/lock.db`, `${folder}/moved`);
  assert.throws(() => {
    epoch.check();
  }, withCode('ESTALE'));
  renameSync(`${folder}/moved`, `${folder}/lock.db`);
  lock.check();
  assert.throws(() => {
    epoch.check();
  }, withCode('ESTALE'));
  lock.release();
});

test('what is no epoch file of ours counts as none', async (t) => {
  const file = `${await temporaryFolder(t)}/epoch`;
  for (const text of ['', 'x', '7', '{"epoch":"7"}', '{"epoch":-1}', '{"epoch":1e300}']) {
    await writeFile(file, text);
    assert.equal((await takeEpoch(file, blind, 'a', fs)).number, 1, text);
  }
});

fsContract('a fenced file system whose turn it is', async () => {
  const folder = await mkdtemp(path.join(await realpath(tmpdir()), 'docket-test-'));
  return { fs: fencedFs(() => undefined), folder, close: () => rm(folder, { recursive: true, force: true }) };
});

test('out of turn every change is refused and nothing changes; reading goes on', async (t) => {
  const folder = await temporaryFolder(t);
  await fs.writeNew(`${folder}/there`, 'bytes', 'safety');
  await fs.makeFolder(`${folder}/sub`);
  const before = statSync(`${folder}/there`, { bigint: true });
  const out = fencedFs(() => {
    throw Object.assign(new Error('out of turn'), { code: 'ESTALE' });
  });
  const changes: ((file: Fs) => Promise<unknown>)[] = [
    (to) => to.writeNew(`${folder}/new`, 'x', 'safety'),
    (to) => to.replace(`${folder}/there`, 'x', 'safety'),
    (to) => to.writeDerived(`${folder}/new`, 'x'),
    (to) => to.append(`${folder}/there`, 'x'),
    (to) => to.rename(`${folder}/there`, `${folder}/new`),
    (to) => to.link(`${folder}/there`, `${folder}/new`),
    (to) => to.unlink(`${folder}/there`),
    (to) => to.chmod(`${folder}/there`, 0o400),
    (to) => to.makeFolder(`${folder}/new`),
    (to) => to.makeFolders(`${folder}/new/deep`),
    (to) => to.removeFolder(`${folder}/sub`),
    (to) => to.removeTree(`${folder}/sub`),
  ];
  for (const change of changes) await assert.rejects(change(out), withCode('ESTALE'));
  assert.deepEqual((await readdir(folder)).toSorted(), ['sub', 'there']);
  assert.equal(statSync(`${folder}/there`, { bigint: true }).ctimeNs, before.ctimeNs);
  assert.equal(new TextDecoder().decode((await out.readBounded(`${folder}/there`, 10)).bytes), 'bytes');
  // A port that grows a new way to change something must be fenced too, or be named here.
  const free = [
    'list',
    'walk',
    'facts',
    'readBounded',
    'readHead',
    'openRead',
    'syncFile',
    'syncFolder',
    'realPath',
    'fileSystem',
    'openForWriting',
  ];
  assert.equal(Object.keys(fs).length, changes.length + free.length, Object.keys(fs).join(' '));
});

for (const [what, act, left] of [
  ['a replace', (to: Fs, file: string) => to.replace(file, 'new', 'safety'), 'old'],
  ['an append', (to: Fs, file: string) => to.append(file, 'new'), 'old'],
] as const)
  test(`a turn that is lost in the middle of ${what} leaves the old content, and no temporary file`, async (t) => {
    const folder = await temporaryFolder(t);
    await fs.writeNew(`${folder}/there`, 'old', 'safety');
    let questions = 0;
    const out = fencedFs(() => {
      questions += 1;
      if (questions > 1) throw Object.assign(new Error('out of turn'), { code: 'ESTALE' });
    });
    await assert.rejects(act(out, `${folder}/there`), withCode('ESTALE'));
    assert.equal(questions, 2);
    assert.equal(readFileSync(`${folder}/there`, 'utf8'), left);
    assert.deepEqual(await readdir(folder), ['there']);
  });
