import assert from 'node:assert/strict';
import { unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { FileFacts, Fs } from '#core/ports.ts';
import { promptsIn, type Listings } from '#spool/listing.ts';
import { makeRig, ROLE } from './rig.ts';

/** A folder of so many names whose mtime the test sets. */
function fakeFolder(count: number): { lists: number; mtimeNs: bigint; look(nowMs: number, isNetwork?: boolean): Promise<number> } {
  const listings: Listings = new Map();
  const folder = {
    lists: 0,
    mtimeNs: 1n,
    async look(nowMs: number, isNetwork = false): Promise<number> {
      const fs: Pick<Fs, 'facts' | 'walk'> = {
        facts: () => Promise.resolve({ kind: 'folder', mtimeNs: folder.mtimeNs } as FileFacts),
        walk: (_path, see) => {
          folder.lists += 1;
          for (let index = 0; index < count; index++) see(`p${String(index)}.md`, 'file');
          return Promise.resolve();
        },
      };
      let told = 0;
      const request = { folder: ROLE.folder, path: '/in', now: () => nowMs, isNetwork, isDoubtful: false };
      const isTold = await promptsIn(listings, fs, request, () => {
        told += 1;
      });
      assert.equal(isTold ? count : 0, told);
      return told;
    },
  };
  return folder;
}

test('a large folder is listed again when it changed, when a change could hide in a tick of the clock, and once a minute', async () => {
  const folder = fakeFolder(2_000);
  for (const nowMs of [0, 100, 2_400]) await folder.look(nowMs);
  assert.equal(folder.lists, 3, 'its mtime is too young to prove anything');
  await folder.look(2_600);
  assert.equal(folder.lists, 4);
  assert.equal(await folder.look(5_000), 0);
  assert.equal(folder.lists, 4, 'nothing changed since');
  folder.mtimeNs = 2n;
  await folder.look(6_000);
  await folder.look(6_100);
  assert.equal(folder.lists, 6);
  await folder.look(9_000);
  await folder.look(60_000);
  assert.equal(folder.lists, 7);
  await folder.look(69_001);
  assert.equal(folder.lists, 8);
});

test('a small folder and one on a network are listed every time', async () => {
  for (const [count, isNetwork] of [
    [10, false],
    [2_000, true],
  ] as const) {
    const folder = fakeFolder(count);
    for (let nowMs = 0; nowMs < 50_000; nowMs += 5_000) await folder.look(nowMs, isNetwork);
    assert.equal(folder.lists, 10);
  }
});

test('in a large folder an edit in place is seen after a while, and a file that was edited is never claimed as it was', async (context) => {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  for (let index = 0; index < 300; index++) writeFileSync(path.join(rig.in, `p${String(index)}.md`), 'first');
  await spool.scan();
  rig.clock.advance(1_000);
  const settled = (await spool.scan()).waiting;
  assert.ok(settled.length === 300 && settled.every((one) => one.kind === 'file'));
  writeFileSync(path.join(rig.in, 'p7.md'), 'second');
  rig.clock.advance(1_000);
  const stale = (await spool.scan()).waiting.find((one) => one.shownName === 'p7.md');
  assert.equal(stale?.kind, 'file');
  assert.deepEqual(await spool.claim([stale]), []);
  assert.equal((await spool.scan()).waiting.find((one) => one.shownName === 'p7.md')?.kind, 'settling');
  writeFileSync(path.join(rig.in, 'p8.md'), 'second');
  rig.clock.advance(30_000);
  assert.equal((await spool.scan()).waiting.find((one) => one.shownName === 'p8.md')?.kind, 'settling');
});

test('a large folder is not gone through again while names in it are still to be looked at; then it is, and what came and went meanwhile is seen', async (context) => {
  const rig = makeRig(context);
  const walked: unknown[] = [];
  const spool = rig.spool({
    ...rig.fs,
    walk: async (folder, see) => {
      if (folder === rig.in) walked.push(folder);
      return rig.fs.walk(folder, see);
    },
  });
  await spool.prepare();
  walked.length = 0;
  for (let index = 0; index < 1_100; index++) writeFileSync(path.join(rig.in, `p${String(index)}.md`), 'x');
  await spool.scan({ looksMax: 500 });
  unlinkSync(path.join(rig.in, 'p0.md'));
  writeFileSync(path.join(rig.in, 'late.md'), 'x');
  for (let left = 1; left > 0; left = (await spool.scan({ looksMax: 500 })).putOff) rig.clock.advance(100_000);
  assert.equal(walked.length, 1);
  rig.clock.advance(100_000);
  const { waiting } = await spool.scan();
  assert.equal(walked.length, 2);
  assert.equal(waiting.length, 1_100);
  assert.ok(waiting.some(({ shownName }) => shownName === 'late.md') && !waiting.some(({ shownName }) => shownName === 'p0.md'));
});
