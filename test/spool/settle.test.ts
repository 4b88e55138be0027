import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  openSync,
  closeSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { FileFacts, Fs } from '#core/ports.ts';
import type { Spool, Waiting } from '#core/spool.ts';
import { makeFs } from '#platform/files.ts';
import { isPromptName } from '#spool/layout.ts';
import { keyOf, look, settleRule, settlesInMs, type Heard, type Settling } from '#spool/settle.ts';
import { makeRig, names, processAll, ROLE, SETTINGS, stem, type Rig } from './rig.ts';

async function ready(context: TestContext, fs?: Fs): Promise<{ rig: Rig; spool: Spool; drop: (name: string, text?: string) => string }> {
  const rig = makeRig(context, fs);
  const spool = rig.spool();
  await spool.prepare();
  const drop = (name: string, text = 'hello'): string => {
    const file = path.join(rig.in, name);
    writeFileSync(file, text);
    return file;
  };
  return { rig, spool, drop };
}
const one = async (spool: Spool): Promise<Waiting> => {
  const { waiting } = await spool.scan();
  assert.equal(waiting.length, 1);
  return waiting[0] as Waiting;
};

type Seen = { readonly key: string; readonly settling: Settling };
/** What is remembered of a file after a look at it. */
function seen(facts: FileFacts, before?: Seen, heard: Heard = null): Seen {
  const settling = look(before, facts, keyOf(facts), 0, heard);
  assert.ok(settling !== null);
  return { key: keyOf(facts), settling };
}

test('a file that was dropped by this process is settled at the first sight, by another one too, on any tick of the clock', async (context) => {
  const { rig, spool } = await ready(context);
  for (let round = 0; round < 20; round++) await spool.drop(ROLE.name, stem(`foo${String(round)}`), 'x');
  assert.ok((await spool.scan()).waiting.every((entry) => entry.kind === 'file'));
  assert.ok((await rig.spool().scan()).waiting.every((entry) => entry.kind === 'file'));
});

test('a file that was renamed into the folder is settled at the first sight', async (context) => {
  const { rig, spool } = await ready(context);
  const outside = path.join(rig.archive, 'x');
  writeFileSync(outside, 'whole');
  utimesSync(outside, 1_000_000, 1_000_000);
  renameSync(outside, path.join(rig.in, 'foo.md'));
  assert.equal((await one(spool)).kind, 'file');
});

test('a file whose time comes while the writers of another one are asked for is not taken unasked', async (context) => {
  const real = makeFs();
  let during: (() => void) | null = null;
  const asked: string[][] = [];
  const { rig, spool, drop } = await ready(context, {
    ...real,
    openForWriting: async (paths) => {
      asked.push(paths.map((file) => path.basename(file)));
      const answer = await real.openForWriting(paths);
      during?.();
      return answer;
    },
  });
  drop('older.md');
  await spool.scan();
  rig.clock.advance(100);
  drop('younger.md');
  await spool.scan();
  rig.clock.advance(450);
  // As long as a busy machine may take.
  during = () => {
    rig.clock.advance(100);
  };
  const { waiting } = await spool.scan();
  assert.deepEqual(asked, [['older.md']]);
  assert.deepEqual(Object.fromEntries(waiting.map((entry) => [entry.shownName, entry.kind])), {
    'older.md': 'file',
    'younger.md': 'settling',
  });
});

test('a file that is written in place settles after it lay still long enough, and every change starts the wait again', async (context) => {
  const { rig, spool, drop } = await ready(context);
  const file = drop('foo.md', 'first half');
  const first = await one(spool);
  assert.equal(first.kind, 'settling');
  assert.ok(first.againInMs !== null && first.againInMs <= 500);
  rig.clock.advance(400);
  appendFileSync(file, ', second half');
  const second = await one(spool);
  assert.notEqual(second.key, first.key);
  rig.clock.advance(499);
  assert.equal((await one(spool)).kind, 'settling');
  rig.clock.advance(1);
  assert.equal((await one(spool)).kind, 'file');
  assert.equal((await one(rig.spool())).kind, 'settling', 'another process knows nothing of it');
});

test(
  'a file that somebody holds open for writing does not settle however long it lies still',
  { skip: process.platform !== 'linux' },
  async (context) => {
    const { rig, spool } = await ready(context);
    const writer = openSync(path.join(rig.in, 'foo.md'), 'w');
    writeSync(writer, 'half');
    await spool.scan();
    rig.clock.advance(60_000);
    const held = await one(spool);
    assert.equal(held.kind, 'settling');
    assert.ok((held.againInMs ?? 0) > 0);
    closeSync(writer);
    assert.equal((await one(spool)).kind, 'file');
  },
);

for (const [when, seconds] of [
  ['1970', 1],
  ['the year 2100', 4_102_444_800],
] as const) {
  test(`a file dated ${when} settles like any other`, async (context) => {
    const { rig, spool, drop } = await ready(context);
    utimesSync(drop('foo.md'), seconds, seconds);
    await spool.scan();
    rig.clock.advance(500);
    assert.equal((await one(spool)).kind, 'file');
  });
}

test('a chmod of a file that was seen being written does not make it look renamed', async (context) => {
  const { spool, drop } = await ready(context);
  const file = drop('foo.md');
  // Where the clock of the file system ticks slowly the first sight decides, so it is made certain here.
  const facts = { ...(await facts0(file)), ctimeNs: 5n, mtimeNs: 5n };
  const first = seen(facts);
  assert.equal(first.settling.isAtomic, false);
  assert.equal(seen({ ...facts, ctimeNs: 9n }, first).settling.isAtomic, false);
  chmodSync(file, 0o640);
  assert.equal((await one(spool)).role, ROLE.name);
});
const facts0 = async (file: string): Promise<FileFacts> => {
  const facts = await makeFs().facts(file);
  assert.ok(facts !== null);
  return facts;
};

test('other bytes in the inode that was here before were written in place, whatever their date', async (context) => {
  const { drop } = await ready(context);
  const facts = { ...(await facts0(drop('foo.md'))), ctimeNs: 5n, mtimeNs: 5n };
  const first = seen(facts);
  assert.equal(seen({ ...facts, sizeBytes: 9, ctimeNs: 9n, mtimeNs: 8n }, first).settling.isAtomic, false);
  assert.equal(seen({ ...facts, ino: facts.ino + 1n, ctimeNs: 9n, mtimeNs: 8n }, first).settling.isAtomic, true);
});

const waitOf = ({ settling }: Seen): number => settlesInMs(settling, settleRule(SETTINGS, false, true), false, 0);
test('a file whose coming was told, and no write to it, has settled at the second look', async (context) => {
  const { drop } = await ready(context);
  const facts = { ...(await facts0(drop('foo.md'))), ctimeNs: 5n, mtimeNs: 5n };
  const first = seen(facts, undefined, 'came');
  assert.equal(waitOf(first), 1);
  assert.equal(waitOf(seen(facts, first)), 0);
  assert.equal(waitOf(seen(facts, first, 'came')), 0);
  assert.equal(waitOf(seen({ ...facts, nlink: 2 }, first)), 500, 'it has a second name');
  assert.equal(waitOf(seen(facts, first, 'written')), 500);
  assert.equal(waitOf(seen(facts, seen(facts, first, 'written'))), 500, 'and stays so');
  assert.equal(waitOf(seen({ ...facts, sizeBytes: 9 }, first, 'came')), 500, 'other bytes in the same inode');
  assert.equal(waitOf(seen(facts, undefined, 'written')), 500);
  assert.equal(waitOf(seen(facts)), 500, 'nothing was told');
  assert.equal(waitOf(seen({ ...facts, sizeBytes: 0 }, undefined, 'came')), 500, 'the bytes may still come');
});

test('a rename within the tick of the last write settles at the second look of a scan that hears, and never when something was missed', async (context) => {
  for (const hasMissed of [false, true]) {
    const { rig, spool } = await ready(context);
    await spool.scan();
    const outside = path.join(rig.archive, 'x');
    // Until both times stand on one tick.
    for (;;) {
      writeFileSync(outside, 'whole');
      renameSync(outside, path.join(rig.in, 'foo.md'));
      const facts = await facts0(path.join(rig.in, 'foo.md'));
      if (facts.ctimeNs === facts.mtimeNs) break;
      unlinkSync(path.join(rig.in, 'foo.md'));
    }
    const noticed = [{ folder: ROLE.folder, name: 'foo.md', isWritten: false }];
    const first = await spool.scan({ isWhole: false, noticed });
    assert.equal(first.waiting[0]?.kind, 'settling');
    assert.equal(first.againInMs, 1);
    rig.clock.advance(2);
    const second = await spool.scan({ isWhole: hasMissed, hasMissed });
    assert.equal(second.waiting[0]?.kind, hasMissed ? 'settling' : 'file');
  }
});

test('a file with two names waits until one of them is gone, but not for ever', async (context) => {
  const { rig, spool } = await ready(context);
  const outside = path.join(rig.archive, 'x');
  writeFileSync(outside, 'whole');
  utimesSync(outside, 1_000_000, 1_000_000);
  linkSync(outside, path.join(rig.in, 'foo.md'));
  assert.equal((await one(spool)).kind, 'settling');
  unlinkSync(outside);
  assert.equal((await one(spool)).kind, 'file');
  linkSync(path.join(rig.in, 'foo.md'), outside);
  const other = rig.spool();
  assert.equal((await one(other)).kind, 'settling');
  rig.clock.advance(500);
  assert.equal((await one(other)).kind, 'file');
});

test('where writers cannot be seen a file lies still twice as long, on a network longer still, and a rename proves nothing', () => {
  const facts: FileFacts = {
    kind: 'file',
    dev: 1n,
    ino: 1n,
    sizeBytes: 1,
    mtimeNs: 1n,
    ctimeNs: 2n,
    mode: 0o600,
    uid: 0,
    gid: 0,
    nlink: 1,
  };
  const sight = seen(facts).settling;
  assert.equal(settlesInMs(sight, settleRule(SETTINGS, false, true), false, 0), 0);
  assert.equal(settlesInMs(sight, settleRule(SETTINGS, false, false), false, 0), 1_000);
  assert.equal(settlesInMs(sight, settleRule(SETTINGS, true, true), false, 0), 2_000);
  assert.equal(settlesInMs(sight, settleRule(SETTINGS, true, true), true, 0), 0);
});

test('on a network file system and where writers are unknown the scan asks for the longer waits', async (context) => {
  const real = makeFs();
  for (const [fs, waitMs] of [
    [{ ...real, openForWriting: () => Promise.resolve(null) }, 1_000],
    [{ ...real, fileSystem: async (at: string) => ({ ...(await real.fileSystem(at)), type: 'nfs', network: true }) }, 2_000],
  ] as const) {
    const { rig, spool, drop } = await ready(context, fs);
    drop('foo.md');
    const first = (await one(spool)).againInMs;
    assert.ok(first !== null && first <= waitMs);
    rig.clock.advance(waitMs - 1);
    assert.equal((await one(spool)).kind, 'settling');
    rig.clock.advance(1);
    assert.equal((await one(spool)).kind, 'file');
  }
});

const is = (name: string): boolean => isPromptName(Buffer.from(name));
test('only names that may be prompts are looked at', () => {
  for (const name of ['foo.md', '-rf.md', ' .md', 'a b.md', '__proto__.md', '~.md', '#x#.md', 'x.part.md', '\u{1f600}.md'])
    assert.ok(is(name), name);
  for (const name of [
    '.md',
    '.foo.md',
    '...md',
    'foo.md~',
    '#foo.md#',
    '.#foo.md',
    '.foo.md.swp',
    'foo.md.part',
    'foo.md.crdownload',
    'foo.md.tmp',
    '~$foo.md',
    'foo.MD',
    'foo.txt',
    'foo.processed',
    '.docket-1-ab.tmp',
    '',
  ])
    assert.ok(!is(name), name);
});

test('an ignored name is never even looked at', async (context) => {
  const looked: string[] = [];
  const real = makeFs();
  const fs: Fs = {
    ...real,
    facts: (file) => {
      looked.push(path.basename(Buffer.from(file as string).toString()));
      return real.facts(file);
    },
  };
  const { rig, spool, drop } = await ready(context, fs);
  const ignored = ['foo.md~', 'foo.processed', '.foo.md', 'notes.txt'];
  for (const name of ignored) drop(name);
  assert.deepEqual((await spool.scan()).waiting, []);
  assert.ok(looked.includes('in'));
  assert.deepEqual(
    looked.filter((name) => ignored.includes(name)),
    [],
  );
  assert.equal(names(rig.in).length, 4);
});

test('a folder that cannot be read is a fault of its role with words, and heals by itself', async (context) => {
  const { rig, spool } = await ready(context);
  rmSync(rig.in, { recursive: true });
  const { faults, waiting } = await spool.scan();
  assert.deepEqual(waiting, []);
  assert.equal(faults[0]?.role, ROLE.name);
  assert.match(JSON.stringify(faults[0]), /"environment".*"ENOENT".*make the folder again/);
  mkdirSync(rig.in);
  await spool.drop(ROLE.name, stem('foo'), 'x');
  await processAll(rig, spool);
  assert.deepEqual(names(rig.in), ['foo.processed']);
});

test('a file that changed or went away after the scan is not claimed, and a later scan finds it again', async (context) => {
  const { rig, spool } = await ready(context);
  await spool.drop(ROLE.name, stem('changed'), 'x');
  await spool.drop(ROLE.name, stem('gone'), 'x');
  await spool.drop(ROLE.name, stem('stays'), 'x');
  const { waiting } = await spool.scan();
  appendFileSync(path.join(rig.in, 'changed.md'), 'more');
  unlinkSync(path.join(rig.in, 'gone.md'));
  const claimed = await spool.claim(waiting);
  assert.deepEqual(
    claimed.map((entry) => entry.waiting.shownName),
    ['stays.md'],
  );
  assert.deepEqual(names(rig.in), ['changed.md']);
  assert.equal((await one(spool)).kind, 'settling');
});

// The daemon's lock keeps a second one away. If both stand there all the same, the one that finds the other's ledger stops with words.
test('two spools on one folder never claim the same file, and lose none', async (context) => {
  const { rig, spool } = await ready(context);
  for (let index = 0; index < 40; index++) await spool.drop(ROLE.name, stem(`p${String(index)}`), 'x');
  const other = rig.spool();
  const [mine, theirs] = [await spool.scan(), await other.scan()];
  const results = await Promise.allSettled([spool.claim(mine.waiting), other.claim(theirs.waiting)]);
  const claimed = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  const shown = claimed.map((entry) => entry.waiting.shownName);
  for (const result of results) if (result.status === 'rejected') assert.match(String(result.reason), /somebody else .*ledger\.jsonl/);
  assert.ok(claimed.length > 0);
  assert.equal(new Set(shown).size, claimed.length);
  assert.deepEqual(
    [...shown, ...names(rig.in).filter((name) => name.endsWith('.md'))].toSorted(),
    mine.waiting.map((entry) => entry.shownName).toSorted(),
  );
  assert.equal(names(rig.work).length, claimed.length);
});

test('the head of a waiting file is read once, within its limit, and not at all when the file changed', async (context) => {
  let reads = 0;
  const real = makeFs();
  const { rig, spool, drop } = await ready(context, {
    ...real,
    readHead: (file, maxBytes) => {
      reads++;
      return real.readHead(file, maxBytes);
    },
  });
  const file = drop('foo.md', 'a'.repeat(50_000));
  await spool.scan();
  rig.clock.advance(500);
  const waiting = await one(spool);
  assert.equal((await spool.head(waiting))?.length, 16 * 1024 + 64);
  await spool.head(waiting);
  assert.equal(reads, 1);
  appendFileSync(file, 'b');
  rig.clock.advance(5_000);
  const changed = await one(spool);
  appendFileSync(file, 'c');
  assert.equal(await spool.head(changed), null);
  unlinkSync(file);
  assert.equal(await spool.head(changed), null);
});

test('an answer of a scan stays as it was given; in the next one what stayed keeps its place, and what came or was replaced stands behind it', async (context) => {
  const { rig, spool } = await ready(context);
  for (const name of ['a', 'b', 'c']) await spool.drop(ROLE.name, stem(name), name);
  const first = (await spool.scan()).waiting;
  assert.equal((await spool.scan()).waiting, first);
  const before = first.map(({ shownName, key }) => [shownName, key]);
  unlinkSync(path.join(rig.in, 'b.md'));
  unlinkSync(path.join(rig.in, 'a.md'));
  await spool.drop(ROLE.name, stem('d'), 'd');
  await spool.drop(ROLE.name, stem('a'), 'another');
  const second = (await spool.scan()).waiting;
  assert.equal(second[0], first[2]);
  assert.deepEqual(
    second
      .slice(1)
      .map(({ shownName }) => shownName)
      .toSorted(),
    ['a.md', 'd.md'],
  );
  assert.deepEqual(
    first.map(({ shownName, key }) => [shownName, key]),
    before,
    'also of those that are gone',
  );
});
