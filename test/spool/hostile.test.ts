/** Names and things that nobody should drop: each is refused with words or handled, harms nothing, and stays. */

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Failure } from '#core/failure.ts';
import { printable } from '#core/names.ts';
import type { FilePath } from '#core/ports.ts';
import { makeFs } from '#platform/files.ts';
import { answer, complete, makeRig, names, processAll, refusal, ROLE, SETTINGS, settled, stem } from './rig.ts';

const raw = (folder: string): Buffer[] => readdirSync(folder, { encoding: 'buffer' });
const codes = (failure: Failure | null): string[] => (failure?.kind === 'prompt-invalid' ? failure.faults.map((fault) => fault.code) : []);

/** What becomes of one name. @returns codes of the faults, what lies in in/ and out/ afterwards */
async function fate(
  context: TestContext,
  name: Buffer,
  content = 'hello',
): Promise<{ codes: string[]; in: string[]; out: string[]; shown: string }> {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  writeFileSync(Buffer.concat([Buffer.from(`${rig.in}/`), name]), content);
  const found = await settled(rig, spool);
  let faults: string[] = [];
  for (const one of await spool.claim(found)) {
    const read = await spool.read(one.dir, one.id, one.waiting.folder);
    faults = codes(read.failure);
    assert.equal(read.claimed.job.originalNameHex, name.toString('hex'));
    await complete(spool, read.claimed, refusal(read) ?? answer());
  }
  assert.deepEqual(names(rig.work), []);
  const kept = names(rig.in).map((file) => readFileSync(path.join(rig.in, file), 'utf8'));
  assert.deepEqual(kept, [content], 'the bytes stay');
  return { codes: faults, in: names(rig.in), out: names(rig.out), shown: found[0]?.shownName ?? '' };
}

for (const name of [
  'a b.md',
  'it\'s "quoted".md',
  '-rf.md',
  '--output=x.md',
  '$(reboot).md',
  '`x`;&|<>*?.md',
  '__proto__.md',
  'toString.md',
  'constructor.md',
  'hasOwnProperty.md',
  '\u{1f469}\u200d\u{1f4bb}.md',
  '日本語.md',
  'e\u0301.md',
  'foo.processed.md',
  'foo_result.md',
  'x~.md',
  `${'n'.repeat(180)}.md`,
]) {
  test(`${printable(name, 40)} is a name like any other`, async (context) => {
    const is = await fate(context, Buffer.from(name));
    const own = name.slice(0, -3);
    assert.deepEqual(is.codes, []);
    assert.deepEqual(is.in, [`${own}.processed`]);
    assert.deepEqual(is.out, [`${own}_evidence.json`, `${own}_result.md`].toSorted());
  });
}

for (const [what, name] of [
  ['a newline', Buffer.from('two\nlines.md')],
  ['a terminal escape', Buffer.from('\u001b[2Jgone.md')],
  ['a carriage return', Buffer.from('ok\rhidden.md')],
  ['a change of direction', Buffer.from('safe\u202edm.exe.md')],
  ['a backslash', Buffer.from('a\\..\\x.md')],
  ['255 bytes', Buffer.from(`${'l'.repeat(252)}.md`)],
  ['bytes that are not UTF-8', Buffer.concat([Buffer.from('caf'), Buffer.from([0xe9, 0xff]), Buffer.from('.md')])],
] as const) {
  test(`a name with ${what} is refused with words under a safe stem, its bytes kept`, async (context) => {
    const is = await fate(context, name);
    assert.deepEqual(is.codes, ['file-name']);
    assert.match(is.in.join(), /^refused-[a-z2-7]{8}\.rejected$/);
    assert.match(is.out.join(), /^refused-[a-z2-7]{8}_error\.md$/);
    // eslint-disable-next-line no-control-regex -- these are what must not reach a terminal
    assert.doesNotMatch(is.shown, /[\u0000-\u001f\u007f-\u009f\u202e]/);
  });
}

test(
  'links, FIFOs and sockets are never opened, are refused with words and stay what they are',
  { skip: process.platform !== 'linux' },
  async (context) => {
    const rig = makeRig(context);
    const spool = rig.spool();
    await spool.prepare();
    symlinkSync('/dev/urandom', path.join(rig.in, 'random.md'));
    symlinkSync('/etc/passwd', path.join(rig.in, 'passwd.md'));
    symlinkSync('itself.md', path.join(rig.in, 'itself.md'));
    symlinkSync('/nowhere/at/all', path.join(rig.in, 'nowhere.md'));
    execFileSync('mkfifo', [path.join(rig.in, 'fifo.md')]);
    await spool.drop(ROLE.name, stem('good'), 'x');
    const found = await settled(rig, spool);
    assert.equal(found.filter((one) => one.kind === 'refused').length, 5);
    assert.match(found.find((one) => one.shownName === 'fifo.md')?.refusal ?? '', /FIFO/);
    assert.match(found.find((one) => one.shownName === 'passwd.md')?.refusal ?? '', /symbolic link/);
    for (const one of await spool.claim(found)) {
      const read = await spool.read(one.dir, one.id, one.waiting.folder);
      assert.equal(read.claimed.job.sha256 === null, one.waiting.kind === 'refused');
      assert.deepEqual(codes(read.failure), one.waiting.kind === 'refused' ? ['file-not-regular'] : []);
      await complete(spool, read.claimed, refusal(read) ?? answer());
    }
    assert.deepEqual(names(rig.in), [
      'fifo.rejected',
      'good.processed',
      'itself.rejected',
      'nowhere.rejected',
      'passwd.rejected',
      'random.rejected',
    ]);
    assert.ok(lstatSync(path.join(rig.in, 'passwd.rejected')).isSymbolicLink());
    assert.ok(lstatSync(path.join(rig.in, 'fifo.rejected')).isFIFO());
    assert.equal(lstatSync('/etc/passwd').mode & 0o777, 0o644);
    assert.ok(names(rig.out).includes('fifo_error.md'));
  },
);

test('a folder named x.md is left alone and shown as refused', async (context) => {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  mkdirSync(path.join(rig.in, 'x.md'));
  assert.deepEqual((await spool.scan()).waiting, []);
  const [view] = await spool.list({});
  assert.equal(view?.state, 'waiting-in');
  assert.match(view.why ?? '', /a folder/);
});

test('a file above the limit is refused unread, and one at the limit is taken', async (context) => {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  writeFileSync(path.join(rig.in, 'large.md'), '');
  truncateSync(path.join(rig.in, 'large.md'), 100_000_000_000);
  writeFileSync(path.join(rig.in, 'exact.md'), 'x'.repeat(SETTINGS.promptBytes));
  for (const one of await spool.claim(await settled(rig, spool))) {
    const read = await spool.read(one.dir, one.id, one.waiting.folder);
    if (one.waiting.shownName === 'exact.md') assert.equal(read.bytes?.length, SETTINGS.promptBytes);
    else {
      assert.deepEqual(codes(read.failure), ['file-too-large']);
      assert.equal(read.claimed.job.sha256, null);
      assert.equal(read.bytes, null);
      assert.match(JSON.stringify(read.failure), /100000000000 bytes/);
    }
    await complete(spool, read.claimed, refusal(read) ?? answer());
  }
  assert.deepEqual(names(rig.in), ['exact.processed', 'large.rejected']);
});

/** As the system answers a normal user; root may read everything. */
const forbid = (): Promise<never> => Promise.reject(Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }));

const isClaimed = (file: FilePath): boolean => String(file).endsWith('.claimed');

test('a file without read permission is refused with words', async (context) => {
  const real = makeFs();
  const rig = makeRig(context, {
    ...real,
    readHead: forbid,
    readBounded: async (file, maxBytes) => (isClaimed(file) ? forbid() : real.readBounded(file, maxBytes)),
  });
  const spool = rig.spool();
  await spool.prepare();
  writeFileSync(path.join(rig.in, 'secret.md'), 'x', { mode: 0 });
  const found = await settled(rig, spool);
  assert.equal((await spool.head(found[0] as (typeof found)[number]))?.length, 0);
  const [one] = await spool.claim(found);
  assert.ok(one !== undefined);
  const read = await spool.read(one.dir, one.id, one.waiting.folder);
  assert.deepEqual(codes(read.failure), ['file-unreadable']);
  await complete(spool, read.claimed, refusal(read) ?? answer());
  assert.deepEqual(names(rig.in), ['secret.rejected']);
});

test('names that differ only in case both survive, also when both are in flight', async (context) => {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  for (const name of ['Twin.md', 'twin.md', 'TWIN.md']) writeFileSync(path.join(rig.in, name), name);
  const reads = await Promise.all(
    (await spool.claim(await settled(rig, spool))).map((one) => spool.read(one.dir, one.id, one.waiting.folder)),
  );
  for (const read of reads) await complete(spool, read.claimed, answer());
  assert.equal(names(rig.in).length, 3);
  assert.equal(new Set(names(rig.in).map((name) => name.toLowerCase())).size, 3);
  assert.deepEqual(
    new Set(names(rig.in).map((name) => readFileSync(path.join(rig.in, name), 'utf8'))),
    new Set(['Twin.md', 'twin.md', 'TWIN.md']),
  );
});

test('empty bytes, NUL bytes and any encoding pass through byte for byte', async (context) => {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  const contents = [Buffer.alloc(0), Buffer.from([0, 1, 2]), Buffer.from([0xff, 0xfe, 0x41, 0]), Buffer.from('\ufeffa\r\nb')];
  for (const [index, bytes] of contents.entries()) writeFileSync(path.join(rig.in, `f${String(index)}.md`), bytes);
  await processAll(rig, spool);
  for (const [index, bytes] of contents.entries()) assert.deepEqual(readFileSync(path.join(rig.in, `f${String(index)}.processed`)), bytes);
});

test('a queue folder that is a symbolic link is refused at start, and its role waits', async (context) => {
  const rig = makeRig(context);
  await rig.spool().prepare();
  renameSync(rig.out, `${rig.out}-elsewhere`);
  symlinkSync(`${rig.out}-elsewhere`, rig.out);
  const spool = rig.spool();
  await spool.prepare();
  assert.deepEqual(spool.unready(), [ROLE.name]);
  assert.match(JSON.stringify((await spool.scan()).faults), /out is not a folder but a symbolic link/);
});

test('a raw name in in/ that changed nothing on disk is found by its bytes again', async (context) => {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  const name = Buffer.from([0x80, 0x2e, 0x6d, 0x64]);
  const file = Buffer.concat([Buffer.from(`${rig.in}/`), name]);
  writeFileSync(file, 'x');
  utimesSync(file, 1, 1);
  assert.equal((await spool.scan()).waiting[0]?.shownName, String.raw`\x80.md`);
  assert.equal(raw(rig.in)[0]?.equals(name), true);
});
