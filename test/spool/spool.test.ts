/** The names and bytes people see: one job after another on real folders. */

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { crc32 } from 'node:zlib';
import { jobIdFrom, type JobId } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import type { Claimed, Decided, Spool } from '#core/spool.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeUnsyncedFs } from '#test/support/faulty-fs.ts';
import { answer, complete, makeRig, names, processAll, recover, ROLE, settled, stem, type Rig } from './rig.ts';

async function prepared(context: TestContext, fs?: Fs): Promise<{ rig: Rig; spool: Spool }> {
  const rig = makeRig(context, fs);
  const spool = rig.spool();
  await spool.prepare();
  return { rig, spool };
}
async function taken(rig: Rig, spool: Spool, text = 'hello'): Promise<Claimed> {
  await spool.drop(ROLE.name, stem('foo'), text);
  const [one] = await spool.claim(await settled(rig, spool));
  assert.ok(one !== undefined);
  const { claimed, failure } = await spool.read(one.dir, one.id, one.waiting.folder);
  assert.equal(failure, null);
  return claimed;
}
const bad = (outcome: Decided['outcome'], failure: Decided['failure'] = null): Decided => ({
  outcome,
  failure,
  files: [{ as: '_error.md', bytes: `why: ${outcome}` }],
});
const text = (...parts: string[]): string => readFileSync(path.join(...parts), 'utf8');

test('a job leaves its input read-only, its evidence and its result, private, and nothing in work/', async (context) => {
  const { rig, spool } = await prepared(context);
  await complete(spool, await taken(rig, spool), answer());
  assert.deepEqual(names(rig.in), ['foo.processed']);
  assert.deepEqual(names(rig.out), ['foo_evidence.json', 'foo_result.md']);
  assert.deepEqual(names(rig.work), []);
  assert.equal(statSync(path.join(rig.in, 'foo.processed')).mode & 0o777, 0o400);
  assert.equal(statSync(path.join(rig.out, 'foo_result.md')).mode & 0o777, 0o600);
  assert.equal(statSync(rig.work).mode & 0o777, 0o700);
});

test('the same name a hundred times gives a hundred inputs and results, none over another', async (context) => {
  const { rig, spool } = await prepared(context, makeUnsyncedFs(makeFs()));
  for (let round = 1; round <= 100; round++) {
    writeFileSync(path.join(rig.archive, 'next'), `prompt ${String(round)}`);
    utimesSync(path.join(rig.archive, 'next'), 1, 1);
    renameSync(path.join(rig.archive, 'next'), path.join(rig.in, 'todo.md'));
    await processAll(rig, spool, () => ({ ...answer(), files: [{ as: '_result.md', bytes: `answer ${String(round)}` }] }));
  }
  assert.equal(names(rig.in).length, 100);
  for (let round = 1; round <= 100; round++) {
    const own = round === 1 ? 'todo' : `todo~${String(round)}`;
    assert.equal(text(rig.in, `${own}.processed`), `prompt ${String(round)}`);
    assert.equal(text(rig.out, `${own}_result.md`), `answer ${String(round)}`);
  }
});

test('a hundred drops of one name at once give a hundred files', async (context) => {
  const { rig, spool } = await prepared(context, makeUnsyncedFs(makeFs()));
  const dropped = await Promise.all(Array.from({ length: 100 }, (_, index) => spool.drop(ROLE.name, stem('foo'), String(index))));
  assert.equal(new Set(dropped.map((one) => one.name)).size, 100);
  assert.equal(names(rig.in).length, 100);
  assert.equal(new Set(dropped.map((one) => text(one.path))).size, 100);
});

test('a drop goes on when somebody removes its temporary file, and refuses a name that would never be seen', async (context) => {
  const { rig } = await prepared(context);
  const real = makeFs();
  let removed = 0;
  const spool = rig.spool({
    ...real,
    link: async (from, to) => {
      if (removed++ < 2) await real.unlink(from);
      await real.link(from, to);
    },
  });
  await spool.drop(ROLE.name, stem('foo'), 'x');
  assert.deepEqual(names(rig.in), ['foo.md']);
  await assert.rejects(spool.drop(ROLE.name, stem('~$foo'), 'x'), /never looks at/);
});

test('what was written after the claim is kept in archive/ and told, and the earlier content stays what was answered', async (context) => {
  const { rig, spool } = await prepared(context);
  const claimed = await taken(rig, spool, 'first');
  const writer = openSync(`${claimed.dir}.claimed`, 'a');
  writeSync(writer, ' and late');
  const { late } = await complete(spool, claimed, answer());
  writeSync(writer, ' and later');
  closeSync(writer);
  assert.equal(text(rig.in, 'foo.processed'), 'first');
  assert.ok(late !== null);
  assert.equal(text(late), 'first and late and later');
  assert.ok(rig.lines.some((line) => line.level === 'warn' && line.message.includes('after it was claimed')));
});

test('a late writer is found after a crash too, and recovery reads the private copy, not the changed file', async (context) => {
  const { rig, spool } = await prepared(context);
  const claimed = await taken(rig, spool, 'first');
  appendFileSync(`${claimed.dir}.claimed`, ' and late');
  const next = rig.spool();
  const again = await next.read(claimed.dir, claimed.job.id, claimed.job.folder);
  assert.equal(Buffer.from(again.bytes ?? []).toString(), 'first');
  assert.equal(again.claimed.job.sha256, claimed.job.sha256);
  assert.notEqual((await complete(next, again.claimed, answer())).late, null);
  assert.equal(text(rig.in, 'foo.processed'), 'first');
});

test('a damaged private copy is made again from the claimed file', async (context) => {
  const { rig } = await prepared(context);
  const long = 'x'.repeat(9_000);
  for (const [content, settings] of [
    ['whole', {}],
    [long.repeat(8), { promptBytes: 100_000 }],
  ] as const) {
    const here = rig.spool(rig.fs, settings);
    const claimed = await taken(rig, here, content);
    const isLong = existsSync(`${claimed.dir}.prompt`);
    assert.equal(isLong, content.length > 65_536);
    const file = isLong ? `${claimed.dir}.prompt` : rig.ledger;
    if (isLong) chmodSync(file, 0o600);
    const damaged = readFileSync(file);
    damaged.write(isLong ? 'y' : 'X', isLong ? 100 : damaged.indexOf('whole'));
    writeFileSync(file, damaged);
    const next = rig.spool(rig.fs, settings);
    assert.equal(await next.prompt(claimed), null);
    const again = await next.read(claimed.dir, claimed.job.id, claimed.job.folder);
    assert.equal(Buffer.from(again.bytes ?? []).toString(), content);
    assert.equal(again.claimed.job.stem, 'foo');
    await complete(next, again.claimed, answer());
    assert.equal(text(rig.in, 'foo.processed'), content);
    unlinkSync(path.join(rig.in, 'foo.processed'));
    for (const name of names(rig.out)) unlinkSync(path.join(rig.out, name));
    assert.deepEqual(names(rig.work), []);
  }
});

test('another name of the dropped file cannot change what was answered', async (context) => {
  const { rig, spool } = await prepared(context);
  const notes = path.join(rig.archive, 'notes.txt');
  writeFileSync(notes, 'kept elsewhere', { mode: 0o640 });
  linkSync(notes, path.join(rig.in, 'foo.md'));
  await processAll(rig, spool);
  writeFileSync(notes, 'edited');
  assert.equal(text(rig.in, 'foo.processed'), 'kept elsewhere');
  assert.equal(statSync(notes).mode & 0o777, 0o640);
});

test('a name in out/ that appeared in the meantime is not replaced: what is not yet published gets the next stem', async (context) => {
  const { rig, spool } = await prepared(context);
  const claimed = await taken(rig, spool);
  const decided = await spool.decide(claimed, answer());
  writeFileSync(path.join(rig.out, 'foo_result.md'), "somebody else's");
  const final = await spool.publish(claimed, decided);
  await spool.finish(claimed, final);
  assert.equal(text(rig.out, 'foo_result.md'), "somebody else's");
  assert.deepEqual(names(rig.out), ['foo_evidence.json', 'foo_result.md', 'foo~2_result.md']);
  assert.deepEqual(names(rig.in), ['foo~2.processed']);
  assert.equal(final.stem, 'foo~2');
});

test('a name in in/ that appeared in the meantime is not replaced either', async (context) => {
  const { rig, spool } = await prepared(context);
  const claimed = await taken(rig, spool);
  writeFileSync(path.join(rig.in, 'foo.processed'), 'mine');
  await complete(spool, claimed, answer());
  assert.equal(text(rig.in, 'foo.processed'), 'mine');
  assert.equal(text(rig.in, 'foo~2.processed'), 'hello');
});

test('publishing again, finishing again and cleaning again change nothing', async (context) => {
  const { rig, spool } = await prepared(context);
  const claimed = await taken(rig, spool);
  const decided = await spool.decide(claimed, answer());
  for (let round = 0; round < 3; round++) {
    await spool.publish(claimed, decided);
    unlinkSync(path.join(rig.out, 'foo_result.md'));
    writeFileSync(path.join(rig.out, 'foo_result.md'), 'taken and marked');
  }
  for (let round = 0; round < 3; round++) await spool.finish(claimed, decided);
  for (let round = 0; round < 3; round++) await spool.clean(claimed);
  assert.deepEqual(names(rig.out), ['foo_evidence.json', 'foo_result.md']);
  assert.equal(text(rig.out, 'foo_result.md'), 'taken and marked');
  assert.deepEqual(names(rig.in), ['foo.processed']);
});

test('the end is decided once, except that it may still be held while nothing is public', async (context) => {
  const { rig, spool } = await prepared(context);
  const claimed = await taken(rig, spool);
  const first = await spool.decide(claimed, answer());
  assert.deepEqual(await spool.decide(claimed, answer(true)), first);
  const held = await spool.decide(claimed, bad('held'));
  assert.equal(held.outcome, 'held');
  assert.deepEqual(await spool.decide(claimed, answer()), held);
  await complete(spool, claimed, answer());
  assert.deepEqual(names(rig.in), ['foo.held']);
  assert.deepEqual(names(rig.out), ['foo_error.md']);
  const other = await taken(rig, spool);
  await spool.publish(other, await spool.decide(other, answer()));
  assert.equal((await spool.decide(other, bad('held'))).outcome, 'answered');
});

test('what the tool said of a held or failed job is kept in archive/', async (context) => {
  const { rig, spool } = await prepared(context);
  const claimed = await taken(rig, spool);
  await spool.attemptFolder(claimed, 1);
  await spool.keep(claimed, 'a1/answer', 'paid for');
  await complete(spool, claimed, bad('held'));
  const month = path.join(rig.archive, '1999-01', claimed.job.id);
  assert.equal(text(month, 'a1-answer'), 'paid for');
});

test('a bad end that was mended and renamed back is foo again, with the old words in archive/superseded/', async (context) => {
  const { rig, spool } = await prepared(context);
  await complete(spool, await taken(rig, spool), bad('rejected'));
  renameSync(path.join(rig.in, 'foo.rejected'), path.join(rig.in, 'foo.md'));
  await processAll(rig, spool);
  assert.deepEqual(names(rig.in), ['foo.processed']);
  assert.deepEqual(names(rig.out), ['foo_evidence.json', 'foo_result.md']);
  const [old] = names(path.join(rig.archive, 'superseded'));
  assert.equal(text(rig.archive, 'superseded', old ?? ''), 'why: rejected');
});

test('reopen takes the newest bad end up again, moves its words away, makes it writable, and says so when there is none', async (context) => {
  const { rig, spool } = await prepared(context);
  await complete(spool, await taken(rig, spool), answer(true));
  assert.deepEqual(names(rig.in), ['foo.failed']);
  chmodSync(path.join(rig.in, 'foo.failed'), 0o444);
  assert.deepEqual(await spool.reopen(ROLE.name, stem('foo')), { name: 'foo.md' });
  assert.deepEqual(names(rig.out), []);
  assert.equal(statSync(path.join(rig.in, 'foo.md')).mode & 0o777, 0o600);
  assert.equal((await spool.scan()).waiting[0]?.kind, 'file');
  await processAll(rig, spool);
  assert.deepEqual(names(rig.in), ['foo.processed']);
  await assert.rejects(spool.reopen(ROLE.name, stem('foo')), { code: 'ENOENT' });
  await complete(spool, await taken(rig, spool), bad('held'));
  writeFileSync(path.join(rig.in, 'foo~2.md'), 'in the way');
  assert.deepEqual(await spool.reopen(ROLE.name, stem('foo~2')), { name: 'foo~2~2.md' });
});

test('a held secret is private, a rejected file stays writable for the one who mends it', async (context) => {
  const { rig, spool } = await prepared(context);
  writeFileSync(path.join(rig.in, 'foo.md'), 'x', { mode: 0o644 });
  await processAll(rig, spool, () => bad('held', { kind: 'secret-found', in: 'prompt', findings: [] }));
  writeFileSync(path.join(rig.in, 'bar.md'), 'x', { mode: 0o664 });
  chmodSync(path.join(rig.in, 'bar.md'), 0o664);
  await processAll(rig, spool, () => bad('rejected'));
  assert.equal(statSync(path.join(rig.in, 'foo.held')).mode & 0o777, 0o600);
  assert.equal(statSync(path.join(rig.in, 'bar.rejected')).mode & 0o777, 0o664);
});

test('the ledger keeps nothing of prompts that were held for a secret, also of several that end at once; others in flight stay in it', async (context) => {
  const { rig, spool } = await prepared(context);
  const waiting = await taken(rig, spool, 'this one is still in work');
  const held: Claimed[] = [];
  for (let n = 0; n < 8; n++) held.push(await taken(rig, spool, `needle ${String(n)}`));
  assert.match(text(rig.ledger), /needle 7/);
  await Promise.all(
    held.map(async (claimed, n) =>
      complete(
        spool,
        claimed,
        bad(
          'held',
          n % 2 === 0 ? { kind: 'secret-found', in: 'prompt', findings: [] } : { kind: 'secret-scan-failed', in: 'prompt', reason: 'no' },
        ),
      ),
    ),
  );
  assert.doesNotMatch(text(rig.ledger), /needle/);
  const copy = await spool.prompt(waiting);
  assert.equal(copy === null ? null : Buffer.from(copy).toString(), 'this one is still in work');
  await complete(spool, waiting, answer());
  const last = await taken(rig, spool, 'needle of an ordinary end');
  await complete(spool, last, bad('rejected'));
  assert.match(text(rig.ledger), /needle of an ordinary end/, 'nothing is written anew for an end that hides nothing');
});

test('a reading is counted once for each process that died while it parsed the very file, so that one that crashes a parser is known', async (context) => {
  const { rig, spool } = await prepared(context);
  const { dir, job } = await taken(rig, spool);
  const readsOf = async (suspect: JobId | null): Promise<number | undefined> => {
    const next = rig.spool(rig.fs, {}, suspect);
    const { claimed } = await next.read(dir, job.id, job.folder);
    assert.equal((await next.read(dir, job.id, job.folder)).claimed.job.reads, claimed.job.reads);
    assert.ok((await next.prompt(claimed)) !== null);
    return (await rig.spool().leftovers())[0]?.job?.reads;
  };
  assert.equal(job.reads, 1);
  for (let start = 0; start < 5; start++) assert.equal(await readsOf(null), 1, 'it was killed for another reason');
  assert.equal(await readsOf('abcdefghijklmnop' as JobId), 1);
  for (const reads of [2, 3, 4]) assert.equal(await readsOf(job.id), reads);
});

test('leftovers tells how far each job came, oldest first, and sweeps claims that never happened', async (context) => {
  const { rig, spool } = await prepared(context);
  const older = await taken(rig, spool);
  await spool.attemptFolder(older, 1);
  await spool.attemptFolder(older, 2);
  rig.clock.advance(1_000);
  const younger = await taken(rig, spool);
  await spool.decide(younger, answer());
  const digest = makeDigest();
  const id = (): JobId => jobIdFrom(digest.randomBytes(10));
  mkdirSync(path.join(rig.work, id()));
  const half = id();
  writeFileSync(path.join(rig.work, `${half}.0_evidence.json`), 'of a decision that was not made');
  writeFileSync(path.join(rig.work, `${younger.job.id}.100_error.md`), 'of a second one');
  mkdirSync(path.join(rig.work, `.clean-${id()}`));
  mkdirSync(path.join(rig.work, 'not-ours'));
  const unclear = id();
  writeFileSync(path.join(rig.work, `${unclear}.prompt`), 'bytes nobody can explain');
  const left = await rig.spool().leftovers();
  assert.deepEqual(
    left.map((one) => [one.id, one.lastAttempt, one.final?.outcome ?? null, one.hasClaimed]),
    [
      [older.job.id, 2, null, true],
      [younger.job.id, 0, 'answered', true],
    ],
  );
  const own = ['claimed', '0_evidence.json', '1_result.md'].map((part) => `${younger.job.id}.${part}`);
  assert.deepEqual(names(rig.work), [older.job.id, `${older.job.id}.claimed`, ...own, 'not-ours'].toSorted());
  assert.equal(text(rig.archive, `unclear-${unclear}`, `${unclear}.prompt`), 'bytes nobody can explain');
});

test('leftovers of a running process leaves claims that are under way alone', async (context) => {
  const { rig } = await prepared(context);
  const real = makeFs();
  let during: (() => Promise<unknown>) | null = null;
  const spool: Spool = rig.spool({
    ...real,
    rename: async (from, to) => {
      await during?.();
      await real.rename(from, to);
    },
  });
  await spool.drop(ROLE.name, stem('foo'), 'x');
  const { waiting } = await spool.scan();
  during = () => spool.leftovers();
  const claimed = await spool.claim(waiting);
  assert.equal(claimed.length, 1);
});

test('a claimed file whose records were lost goes on under a name of its own', async (context) => {
  const { rig, spool } = await prepared(context);
  await taken(rig, spool, 'precious');
  unlinkSync(rig.ledger);
  await recover(rig.spool());
  assert.match(names(rig.in).join(), /^recovered-[a-z2-7]{8}\.processed$/);
  assert.equal(text(rig.in, names(rig.in)[0] ?? ''), 'precious');
});

const line = (value: object): string => {
  const json = JSON.stringify(value);
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
};

test('a line of the ledger that does not say what a line may say is worth no more than a missing one', async (context) => {
  const { rig, spool } = await prepared(context);
  const { job } = await taken(rig, spool, 'precious');
  const final = { v: 1, outcome: 'answered', stem: 'foo', finished: 'foo.processed', decidedAt: '', failure: null };
  const lines = [
    line({ do: 'read', job: { ...job, stem: '../../../etc/passwd' }, bytes: { text: 'precious' } }),
    line({ do: 'final', id: job.id, final: { ...final, files: [{ private: '../../x', public: '/etc/passwd' }] }, note: null, blobs: [] }),
    line({ do: 'final', id: job.id, final: { ...final, finished: '../x', files: [] }, note: null, blobs: [] }),
    line({ do: 'final', id: job.id, final: { ...final, files: [] }, note: null, blobs: [] }).replace('answered', 'briefed'),
    'no line at all\n',
    '\0'.repeat(100),
  ];
  appendFileSync(rig.ledger, lines.join(''));
  await recover(rig.spool());
  assert.deepEqual(names(rig.in), ['foo.processed']);
  assert.deepEqual(names(rig.out), ['foo_evidence.json', 'foo_result.md']);
  assert.ok(rig.lines.some((one) => one.message.includes('passed over')));
});

test('a ledger that is removed under a running process is noticed, and no content is lost', async (context) => {
  const { rig, spool } = await prepared(context);
  const claimed = await taken(rig, spool, 'precious');
  unlinkSync(rig.ledger);
  await assert.rejects(spool.decide(claimed, answer()), /somebody else removed or changed/);
  const [left] = await spool.leftovers();
  assert.ok(left !== undefined);
  const { claimed: again } = await spool.read(left.dir, left.id, left.folder);
  await complete(spool, again, answer());
  assert.equal(text(rig.in, names(rig.in)[0] ?? ''), 'precious');
  assert.deepEqual(names(rig.work), []);
  assert.equal(names(rig.out).length, 2);
});

test('a stem that a crashed job holds is not given to another one', async (context) => {
  const { rig, spool } = await prepared(context);
  await taken(rig, spool, 'first');
  const next = rig.spool();
  const second = await taken(rig, next, 'second');
  assert.equal(second.job.stem, 'foo~2');
  await recover(rig.spool());
  assert.deepEqual(names(rig.in), ['foo.processed', 'foo~2.processed']);
  assert.equal(text(rig.in, 'foo.processed'), 'first');
});

test('private files of a job keep their bytes, and their names cannot leave the folder', async (context) => {
  const { rig, spool } = await prepared(context);
  const claimed = await taken(rig, spool);
  await spool.attemptFolder(claimed, 1);
  await spool.keep(claimed, 'a1/answer', 'first');
  await spool.keep(claimed, 'a1/answer', 'second');
  assert.equal(Buffer.from((await spool.kept(claimed, 'a1/answer')) ?? []).toString(), 'second');
  assert.equal(await spool.kept(claimed, 'a1/exit.json'), null);
  for (const name of ['../x', 'a1/../../x', 'job.json', 'claimed', '/etc/passwd', 'a0/x', ''])
    await assert.rejects(spool.keep(claimed, name, 'x'), /is called like/);
  await spool.attemptFolder(claimed, 1);
  assert.equal(Buffer.from((await spool.kept(claimed, 'a1/answer')) ?? []).toString(), 'second', 'an attempt is taken up where it lies');
});

test('list shows waiting, in flight and ended jobs from the folders alone, also before the first start', async (context) => {
  const rig = makeRig(context);
  const spool = rig.spool();
  assert.deepEqual(await spool.list({}), []);
  await spool.prepare();
  const evidence = {
    predicate: { job: 'a'.repeat(16), feature: { id: 'FEAT-1' }, revision: 2, name: null, status: 'briefed', attempts: [{}] },
  };
  await complete(spool, await taken(rig, spool), { ...answer(), files: [{ as: '_evidence.json', bytes: JSON.stringify(evidence) }] });
  await complete(spool, await taken(rig, spool), { ...answer(), outcome: 'duplicate', files: [{ as: '_duplicate.json', bytes: '{}' }] });
  await complete(spool, await taken(rig, spool), bad('rejected'));
  await spool.drop(ROLE.name, stem('next'), 'x');
  await spool.claim(await settled(rig, spool));
  await spool.drop(ROLE.name, stem('waits'), 'x');
  const views = await spool.list({});
  assert.deepEqual(
    views.map((view) => [view.stem, view.state]).toSorted((a, b) => (a.join() < b.join() ? -1 : 1)),
    [
      ['foo', 'briefed'],
      ['foo~2', 'duplicate'],
      ['foo~3', 'rejected'],
      ['next', 'claimed'],
      ['waits', 'waiting-in'],
    ],
  );
  const briefed = views.find((view) => view.stem === 'foo');
  assert.deepEqual([briefed?.feature, briefed?.revision, briefed?.attempts, briefed?.id], ['FEAT-1', 2, 1, 'a'.repeat(16)]);
  assert.equal((await spool.list({ limit: 1 })).filter((view) => view.state === 'rejected').length, 1);
  assert.equal((await spool.list({ ended: false })).length, 2);
  const ended: string[] = [];
  for await (const one of spool.ended(ROLE.name)) {
    ended.push(`${one.stem} ${one.outcome}`);
    assert.equal(one.sha256, makeDigest().sha256('hello'));
  }
  assert.deepEqual(ended.toSorted(), ['foo briefed', 'foo~2 duplicate', 'foo~3 rejected']);
});

test('jobs at the same step share one sync of a folder', async (context) => {
  const { rig } = await prepared(context);
  const real = makeFs();
  const synced: string[] = [];
  const spool = rig.spool({
    ...real,
    syncFolder: async (folder, why) => {
      synced.push(path.basename(folder));
      await real.syncFolder(folder, why);
    },
  });
  for (let index = 0; index < 30; index++) await spool.drop(ROLE.name, stem(`p${String(index)}`), 'x');
  const claims = await spool.claim((await spool.scan()).waiting);
  synced.length = 0;
  const reads = await Promise.all(claims.map((one) => spool.read(one.dir, one.id, one.waiting.folder)));
  await Promise.all(reads.map(({ claimed }) => complete(spool, claimed, answer())));
  assert.equal(names(rig.in).length, 30);
  assert.ok(synced.filter((name) => name === 'in' || name === 'out').length < 30, synced.join(' '));
});

test('a start removes the temporary files of drops that crashed', async (context) => {
  const { rig, spool } = await prepared(context);
  writeFileSync(path.join(rig.in, '.docket-9-abc.tmp'), 'half');
  writeFileSync(path.join(rig.in, '.somebody-elses'), 'x');
  await spool.prepare();
  assert.deepEqual(names(rig.in), ['.somebody-elses']);
});

test('a role with folders on two file systems waits from the start on, with words', async (context) => {
  const rig = makeRig(context);
  const real = makeFs();
  const spool = rig.spool({
    ...real,
    rename: (from, to) =>
      to.toString().includes('/out/') ? Promise.reject(Object.assign(new Error('EXDEV'), { code: 'EXDEV' })) : real.rename(from, to),
  });
  await spool.prepare();
  assert.deepEqual(spool.unready(), [ROLE.name]);
  assert.match(JSON.stringify((await spool.scan()).faults), /"EXDEV".*cannot be moved between.*put them on one/);
});
