/** Whose files are taken, what a name may state of its content, and what is done about private copies that somebody wrote to. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { FileFacts, Fs } from '#core/ports.ts';
import type { Claimed, Spool } from '#core/spool.ts';
import { makeDigest } from '#platform/digest.ts';
import { AlteredCopy } from '#spool/decided-bytes.ts';
import { NOT_OURS } from '#spool/owner.ts';
import { answer, makeRig, names, processAll, ROLE, settled, stem, type Rig } from './rig.ts';

const digest = makeDigest();
const sha256 = (bytes: string): string => digest.sha256(bytes);
const text = (...parts: string[]): string => readFileSync(path.join(...parts), 'utf8');
const foreign = (facts: FileFacts): FileFacts => (facts.kind === 'file' ? { ...facts, uid: facts.uid + 1 } : facts);

/** A disk on which every file belongs to somebody else, and the folders to us: nobody but root could make one. */
function foreignFiles(fs: Fs): Fs {
  return {
    ...fs,
    facts: async (file) => {
      const facts = await fs.facts(file);
      return facts === null ? null : foreign(facts);
    },
    readHead: async (file, max) => {
      const { bytes, facts } = await fs.readHead(file, max);
      return { bytes, facts: foreign(facts) };
    },
  };
}

async function prepared(context: TestContext): Promise<Rig> {
  const rig = makeRig(context);
  await rig.spool().prepare();
  return rig;
}

test('a file of another user is rejected unread, and its author is told who may drop prompts', async (context) => {
  const rig = await prepared(context);
  const spool = rig.spool(foreignFiles(rig.fs), { owners: { uid: statSync(rig.in).uid, gids: [] } });
  writeFileSync(path.join(rig.in, 'foo.md'), 'not for a parser');
  const [one] = await settled(rig, spool);
  assert.ok(one !== undefined);
  assert.deepEqual(await spool.head(one), new Uint8Array(0));
  await processAll(rig, spool);
  assert.deepEqual(names(rig.in), ['foo.rejected']);
  assert.match(text(rig.out, 'foo_error.md'), /"code":"file-owner".*may not drop prompts here/);
  assert.doesNotMatch(text(rig.ledger), /not for a parser/);
});

test('a file of an allowed group is taken, and what stays in in/ afterwards is a read-only file of docket’s own', async (context) => {
  const rig = await prepared(context);
  const { uid, gid } = statSync(rig.in);
  const spool = rig.spool(foreignFiles(rig.fs), { owners: { uid, gids: [gid] } });
  const file = path.join(rig.in, 'foo.md');
  writeFileSync(file, 'hello');
  const before = statSync(file).ino;
  await processAll(rig, spool);
  assert.deepEqual(names(rig.in), ['foo.processed']);
  const after = statSync(path.join(rig.in, 'foo.processed'));
  assert.deepEqual([after.ino === before, after.mode & 0o222, text(rig.in, 'foo.processed')], [false, 0, 'hello']);
});

test('a queue of another user, and one that everybody may write to, are not used', async (context) => {
  const rig = await prepared(context);
  const { uid } = statSync(rig.in);
  const refused = async (owner: number, words: RegExp): Promise<void> => {
    await assert.rejects(rig.spool(undefined, { owners: { uid: owner, gids: [] } }).prepare(), (error: Error) => {
      assert.equal(error.name, NOT_OURS);
      assert.match(error.message, words);
      return true;
    });
  };
  await refused(uid + 1, new RegExp(`belongs to user ${String(uid)}, docket runs as user ${String(uid + 1)}`));
  for (const folder of [rig.queues, path.dirname(rig.in), rig.in, rig.out, rig.archive]) {
    chmodSync(folder, 0o777);
    await refused(uid, new RegExp(`every user of this machine may write to ${folder} .*chmod o-w`));
    chmodSync(folder, 0o770);
  }
  await rig.spool(undefined, { owners: { uid, gids: [] } }).prepare();
});

test('an inbox that everybody may write to while docket runs stops its role, with words, until it is shut again', async (context) => {
  const rig = await prepared(context);
  const spool = rig.spool(undefined, { owners: { uid: statSync(rig.in).uid, gids: [] } });
  await spool.prepare();
  writeFileSync(path.join(rig.in, 'foo.md'), 'hello');
  chmodSync(rig.in, 0o777);
  const shut = await spool.scan();
  assert.deepEqual(shut.waiting, []);
  assert.match(JSON.stringify(shut.faults), /every user of this machine may write to/);
  chmodSync(rig.in, 0o700);
  await processAll(rig, spool);
  assert.deepEqual(names(rig.in), ['foo.processed']);
});

test('a name that states the SHA-256 of the content is checked at the claim, and the job has the plain name', async (context) => {
  const rig = await prepared(context);
  const spool = rig.spool();
  const hash = sha256('hello');
  writeFileSync(path.join(rig.in, `foo.sha256-${hash}.md`), 'hello');
  writeFileSync(path.join(rig.in, `loud.sha256-${hash.toUpperCase()}.md`), 'hello');
  writeFileSync(path.join(rig.in, `bar.sha256-${hash}.md`), 'hullo');
  writeFileSync(path.join(rig.in, 'baz.sha256-abc.md'), 'hello');
  const waiting = (await spool.list({})).map(({ stem: shown, file }) => [shown, file] as const);
  assert.deepEqual(
    waiting.toSorted(([a], [b]) => (a < b ? -1 : 1)),
    [
      ['bar', `bar.sha256-${hash}.md`],
      ['baz.sha256-abc', undefined],
      ['foo', `foo.sha256-${hash}.md`],
      ['loud', `loud.sha256-${hash.toUpperCase()}.md`],
    ],
  );
  await processAll(rig, spool);
  const ends = names(rig.in);
  assert.deepEqual(
    ends.filter((name) => !name.startsWith('refused')),
    ['bar.rejected', 'foo.processed', 'loud.processed'],
  );
  assert.equal(ends.filter((name) => name.endsWith('.rejected')).length, 2);
  const page = text(rig.out, 'bar_error.md');
  assert.match(page, /"code":"file-sha256"/);
  assert.ok(page.includes(hash) && page.includes(sha256('hullo')));
});

test('drop states the SHA-256 when it is asked to, and never replaces a name', async (context) => {
  const rig = await prepared(context);
  const spool = rig.spool();
  const first = await spool.drop(ROLE.name, stem('foo'), 'hello', true);
  assert.equal(first.name, `foo.sha256-${sha256('hello')}.md`);
  const again = await spool.drop(ROLE.name, stem('foo'), 'hello', true);
  assert.equal(again.name, `foo~2.sha256-${sha256('hello')}.md`);
  await processAll(rig, spool);
  assert.deepEqual(names(rig.in), ['foo.processed', 'foo~2.processed']);
});

async function decided(rig: Rig, spool: Spool): Promise<{ claimed: Claimed; final: Awaited<ReturnType<Spool['decide']>> }> {
  await spool.drop(ROLE.name, stem('foo'), 'hello');
  const [one] = await spool.claim(await settled(rig, spool));
  assert.ok(one !== undefined);
  const { claimed } = await spool.read(one.dir, one.id, one.waiting.folder);
  return { claimed, final: await spool.decide(claimed, answer()) };
}

const ALTERATIONS: Readonly<Record<string, (file: string) => void>> = {
  'other bytes': (file) => {
    writeFileSync(file, 'another answer');
  },
  'other bytes of the same length': (file) => {
    writeFileSync(file, readFileSync(file, 'utf8').replace('answer', 'answar'));
  },
  'nothing at all': (file) => {
    writeFileSync(file, '');
  },
  'a link to a file': (file) => {
    writeFileSync(`${file}.elsewhere`, 'elsewhere');
    unlinkSync(file);
    symlinkSync(`${file}.elsewhere`, file);
  },
};
for (const [what, alter] of Object.entries(ALTERATIONS))
  test(`a result that was replaced by ${what} after the decision is neither published nor read back`, async (context) => {
    const rig = await prepared(context);
    const spool = rig.spool();
    const { claimed, final } = await decided(rig, spool);
    const file = path.join(rig.work, `${claimed.job.id}.1_result.md`);
    const was = readFileSync(file);
    alter(file);
    for (const later of [spool, rig.spool()]) {
      await assert.rejects(later.publish(claimed, final), AlteredCopy);
      await assert.rejects(later.privateCopy(claimed, final, '_result.md'), AlteredCopy);
    }
    assert.deepEqual(names(rig.out), []);
    const mended = await spool.putBack(claimed, final, '_result.md', was);
    await spool.publish(claimed, mended);
    assert.deepEqual(readFileSync(path.join(rig.out, 'foo_result.md')), was);
    const kept = names(rig.archive).filter((name) => name.endsWith('.altered'));
    assert.equal(kept.length, what.startsWith('a link') ? 0 : 1);
  });

test('what somebody wrote over a result is kept, and a held end can take its place', async (context) => {
  const rig = await prepared(context);
  const spool = rig.spool();
  const { claimed, final } = await decided(rig, spool);
  writeFileSync(path.join(rig.work, `${claimed.job.id}.1_result.md`), 'mine');
  await spool.keepAltered(claimed, final);
  await spool.keepAltered(claimed, final);
  const held = await spool.decide(claimed, {
    outcome: 'held',
    failure: { kind: 'copy-altered', file: 'foo_result.md' },
    files: [{ as: '_error.md', bytes: 'why' }],
  });
  await spool.finish(claimed, await spool.publish(claimed, held));
  assert.deepEqual([names(rig.in), names(rig.out)], [['foo.held'], ['foo_error.md']]);
  assert.equal(text(rig.archive, `foo.${claimed.job.id}.1_result.md.altered`), 'mine');
});

test('an error page may be written again, and is then what was decided', async (context) => {
  const rig = await prepared(context);
  const spool = rig.spool();
  const { claimed } = await decided(rig, spool);
  const final = await spool.decide(claimed, answer());
  const mended = await spool.putBack(claimed, final, '_result.md', 'written again');
  await rig.spool().publish(claimed, mended);
  assert.equal(text(rig.out, 'foo_result.md'), 'written again');
});

test('folders that docket makes are 0700, files 0600', async (context) => {
  const rig = makeRig(context);
  mkdirSync(path.dirname(rig.queues), { recursive: true });
  const spool = rig.spool();
  await spool.prepare();
  for (const folder of [rig.queues, rig.in, rig.out, rig.work, rig.archive]) assert.equal(statSync(folder).mode & 0o777, 0o700, folder);
  await decided(rig, spool);
  for (const name of names(rig.work)) assert.equal(statSync(path.join(rig.work, name)).mode & 0o077, 0, name);
  assert.equal(statSync(rig.ledger).mode & 0o777, 0o600);
  assert.ok(!existsSync(path.join(rig.in, 'foo.md')));
});
