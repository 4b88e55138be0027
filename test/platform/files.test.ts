import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { mkdtemp, open, readdir, realpath, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { SyncWhy } from '#core/ports.ts';
import { makeFs } from '#platform/files.ts';
import { fileSystemOf } from '#platform/filesystems.ts';
import { fsContract } from '#test/contracts/fs.ts';
import { temporaryFolder, withCode } from '#test/support/temp-folder.ts';

fsContract('the real file system', async () => {
  const folder = await mkdtemp(path.join(await realpath(tmpdir()), 'docket-test-'));
  return { fs: makeFs(), folder, close: () => rm(folder, { recursive: true, force: true }) };
});

const fs = makeFs();

test('a FIFO without a writer is refused at once instead of blocking', async (t) => {
  const folder = await temporaryFolder(t);
  const pipes = Array.from({ length: 8 }, (_, index) => `${folder}/p${String(index)}.md`);
  execFileSync('mkfifo', pipes);
  // Eight blocked opens would use up the four threads that all file work shares.
  await Promise.all(pipes.map((file) => assert.rejects(fs.readHead(file, 10), withCode('EINVAL'))));
  assert.equal((await fs.facts(pipes[0] ?? ''))?.kind, 'other');
});

test('a symbolic link is never followed, to a file, a device or a folder', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(`${folder}/file`, 'secret');
  for (const [name, target] of [
    ['to-file', `${folder}/file`],
    ['to-zero', '/dev/zero'],
    ['to-itself', `${folder}/to-itself`],
  ] as const) {
    await symlink(target, `${folder}/${name}`);
    await assert.rejects(fs.readBounded(`${folder}/${name}`, 100), withCode('EINVAL'));
    await assert.rejects(fs.writeNew(`${folder}/${name}`, 'x', 'safety'), withCode('EEXIST'));
    await assert.rejects(fs.append(`${folder}/${name}`, 'x'), withCode('ELOOP'));
    await assert.rejects(fs.chmod(`${folder}/${name}`, 0o777), withCode('ELOOP'));
    assert.equal((await fs.facts(`${folder}/${name}`))?.kind, 'link');
  }
  await symlink(folder, `${folder}/to-folder`);
  await assert.rejects(fs.list(`${folder}/to-folder`), withCode('ENOTDIR'));
  await assert.rejects(fs.makeFolders(`${folder}/to-folder`), withCode('ENOTDIR'));
  await assert.rejects(fs.syncFolder(`${folder}/to-folder`, 'safety'));
});

test('a device is refused', async () => {
  await assert.rejects(fs.readBounded('/dev/zero', 100), withCode('EINVAL'));
});

test('a file that claims a terabyte is refused without being read', async (t) => {
  const file = `${await temporaryFolder(t)}/sparse`;
  await writeFile(file, 'x');
  await truncate(file, 2 ** 40);
  await assert.rejects(fs.readBounded(file, 1024), withCode('EFBIG'));
  assert.equal((await fs.readHead(file, 16)).bytes.length, 16);
});

test('a file whose size is not known beforehand is read to its end, within the limit', { skip: process.platform !== 'linux' }, async () => {
  const { bytes, facts } = await fs.readBounded('/proc/self/status', 100_000);
  assert.equal(facts.sizeBytes, 0);
  assert.match(Buffer.from(bytes).toString(), /^Name:/);
  await assert.rejects(fs.readBounded('/proc/self/status', 10), withCode('EFBIG'));
});

test('a name that is not UTF-8 has no text and is reached by its bytes', { skip: process.platform !== 'linux' }, async (t) => {
  const folder = await temporaryFolder(t);
  const raw = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x61, 0xff, 0x62])]);
  await writeFile(raw, 'x');
  const [entry] = await fs.list(folder);
  assert.equal(entry?.name, null);
  assert.deepEqual(Buffer.from(entry.raw), Buffer.from([0x61, 0xff, 0x62]));
  assert.equal((await fs.readBounded(raw, 10)).bytes.length, 1);
});

test('a write that the disk refuses leaves no file behind, and says which', { skip: process.platform !== 'linux' }, async (t) => {
  const folder = await temporaryFolder(t);
  // RLIMIT_FSIZE makes a short write and then EFBIG, like a disk that fills up in the middle.
  const script = `const { makeFs } = await import(${JSON.stringify(import.meta.resolve('#platform/files.ts'))});
    process.on('SIGXFSZ', () => {});
    const error = await makeFs().writeNew(${JSON.stringify(`${folder}/big`)}, new Uint8Array(3_000_000), 'safety').catch((e) => e);
    process.stdout.write(error.code + ' ' + error.message);`;
  const command = 'ulimit -f 1024; exec "$@"';
  const said = execFileSync('/bin/sh', ['-c', command, 'sh', process.execPath, '--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.match(said, /^EFBIG /);
  assert.ok(said.includes(`${folder}/big`));
  assert.deepEqual(await readdir(folder), []);
});

test('each sync says why it is there', async (t) => {
  const folder = await temporaryFolder(t);
  const seen: SyncWhy[] = [];
  const counted = makeFs({ onSync: (why) => seen.push(why) });
  await counted.writeNew(`${folder}/a`, 'x', 'safety');
  await counted.syncFolder(folder, 'no-second-run');
  assert.deepEqual(seen, ['safety', 'no-second-run']);
});

test('a file held open for writing is found, one held for reading is not', { skip: process.platform !== 'linux' }, async (t) => {
  const folder = await temporaryFolder(t);
  for (const name of ['writing', 'reading', 'linked']) await writeFile(`${folder}/${name}`, 'x');
  await fs.link(`${folder}/linked`, `${folder}/other-name`);
  const handles = [await open(`${folder}/writing`, 'a'), await open(`${folder}/reading`, 'r'), await open(`${folder}/other-name`, 'r+')];
  const paths = ['writing', 'reading', 'linked', 'none'].map((name) => `${folder}/${name}`);
  assert.deepEqual(await fs.openForWriting(paths), new Set([`${folder}/writing`, `${folder}/linked`]));
  for (const handle of handles) await handle.close();
  assert.deepEqual(await fs.openForWriting(paths), new Set());
});

test('small files that are begun together are all written before one of them is synced', async (t) => {
  const folder = await temporaryFolder(t);
  const names = ['a', 'b', 'c'];
  const sizes: number[][] = [];
  const watched = makeFs({ onSync: () => sizes.push(names.map((name) => statSync(`${folder}/${name}`).size)) });
  await Promise.all(names.map((name) => watched.writeNew(`${folder}/${name}`, 'bytes', 'safety')));
  assert.deepEqual(sizes, [
    [5, 5, 5],
    [5, 5, 5],
    [5, 5, 5],
  ]);
});

test('a name is taken once, whether the second one comes while the first is synced or after it', async (t) => {
  const folder = await temporaryFolder(t);
  const file = `${folder}/a`;
  const { promise: underWay, resolve } = Promise.withResolvers<undefined>();
  const begun = fs.writeNew(file, 'bytes', 'safety');
  const watched = makeFs({
    onSync: () => {
      // Its sync is under way in a moment.
      queueMicrotask(() => {
        resolve(undefined);
      });
    },
  });
  const other = watched.writeNew(`${folder}/b`, 'bytes', 'safety');
  await underWay;
  const [refused, made] = await Promise.allSettled([fs.writeNew(file, 'other', 'safety'), fs.writeDerived(`${folder}/c`, 'new')]);
  await Promise.all([begun, other]);
  assert.deepEqual([refused.status, made.status], ['rejected', 'fulfilled']);
  await assert.rejects(fs.writeNew(file, 'third', 'safety'), withCode('EEXIST'));
  assert.equal(Buffer.from((await fs.readBounded(file, 10)).bytes).toString(), 'bytes');
});

test('a path through a linked folder is recognised as the same file', { skip: process.platform !== 'linux' }, async (t) => {
  const folder = await temporaryFolder(t);
  await fs.makeFolder(`${folder}/real`);
  await symlink(`${folder}/real`, `${folder}/link`);
  const handle = await open(`${folder}/real/a`, 'w');
  assert.deepEqual(await fs.openForWriting([`${folder}/link/a`]), new Set([`${folder}/link/a`]));
  await handle.close();
});

test('folders below a place that takes none are refused, not tried for ever', { skip: process.platform !== 'linux' }, async () => {
  await assert.rejects(fs.makeFolders('/proc/docket/queues'), withCode('ENOENT'));
});

test('network file systems are known by their magic numbers, also sign-extended ones', () => {
  assert.deepEqual(fileSystemOf(0x6969n), { type: 'nfs', network: true });
  assert.deepEqual(fileSystemOf(BigInt.asIntN(32, 0xff534d42n)), { type: 'cifs', network: true });
  assert.deepEqual(fileSystemOf(0xef53n), { type: 'ext4', network: false });
  assert.deepEqual(fileSystemOf(0x1234n), { type: '0x1234', network: false });
});
