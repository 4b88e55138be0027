/** Between the look at a waiting file and its rename somebody may take it away and begin another one under its name: half of that must never be taken. */

import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, renameSync, unlinkSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Spool } from '#core/spool.ts';
import { makeFs } from '#platform/files.ts';
import { makeRig, names, processAll, settled, type Rig } from './rig.ts';

type Meddled = { readonly rig: Rig; readonly spool: Spool; readonly file: string; readonly writer: () => number };
/** Called before a link of the claim, not of the start's probe. */
type BeforeLink = (file: string) => void;

/** The first `foo.md` is whole and settled; while its claim is written down, somebody removes it and begins to write another one in its place. */
async function meddled(context: TestContext, beforeLink: BeforeLink = () => undefined): Promise<Meddled> {
  const rig = makeRig(context);
  const file = path.join(rig.in, 'foo.md');
  const real = makeFs();
  let fd = -1;
  const spool = rig.spool({
    ...real,
    async append(to, bytes, mode) {
      await real.append(to, bytes, mode);
      if (fd !== -1) return;
      unlinkSync(file);
      fd = openSync(file, 'wx', 0o600);
      writeSync(fd, 'half');
    },
    async link(from, to) {
      if (fd !== -1) beforeLink(file);
      await real.link(from, to);
    },
  });
  await spool.prepare();
  writeFileSync(file, 'the first');
  utimesSync(file, 1, 1);
  return { rig, spool, file, writer: () => fd };
}

test('what was begun under the name of a file that was seen goes back, and is taken once it is whole', async (context) => {
  const { rig, spool, file, writer } = await meddled(context);
  assert.deepEqual(await spool.claim(await settled(rig, spool)), []);
  assert.deepEqual(names(rig.in), ['foo.md']);
  assert.deepEqual(names(rig.work), []);
  // Nobody has it open, and its times look like those of a rename: it waits all the same.
  writeSync(writer(), ' and');
  closeSync(writer());
  assert.deepEqual(
    (await spool.scan()).waiting.map((one) => one.kind),
    ['settling'],
  );
  writeFileSync(file, 'half and half');
  await processAll(rig, spool);
  assert.deepEqual(names(rig.in), ['foo.processed']);
  assert.equal(readFileSync(path.join(rig.in, 'foo.processed'), 'utf8'), 'half and half');
});

test('a claim that died before it saw whose file it had taken is undone at the next start', async (context) => {
  const { rig, spool, file, writer } = await meddled(context, () => {
    throw new Error('killed here');
  });
  await assert.rejects(spool.claim(await settled(rig, spool)), /killed here/);
  assert.deepEqual(names(rig.in), []);
  writeSync(writer(), ' and half');
  closeSync(writer());
  const next = rig.spool();
  await next.prepare();
  assert.deepEqual(await next.leftovers(), []);
  assert.deepEqual(names(rig.work), []);
  assert.equal(readFileSync(file, 'utf8'), 'half and half');
  assert.deepEqual(
    (await next.scan()).waiting.map((one) => one.kind),
    ['settling'],
  );
  await processAll(rig, next);
  assert.deepEqual(names(rig.in), ['foo.processed']);
});

test('when its name was given away meanwhile, it is a prompt like any other', async (context) => {
  const { rig, spool, file, writer } = await meddled(context, (name) => {
    writeFileSync(name, 'a third');
  });
  const claims = await spool.claim(await settled(rig, spool));
  closeSync(writer());
  assert.equal(claims.length, 1);
  assert.equal(readFileSync(file, 'utf8'), 'a third');
});

type Disk = 'roomy' | 'full' | 'roomy again';

/** A whole prompt is saved anew by rename while the first is claimed; it has its name in in/ again when the disk is full, and its name in work/ still. */
async function halfBack(context: TestContext): Promise<{ rig: Rig; spool: Spool; file: string; mend: () => void }> {
  const rig = makeRig(context);
  const file = path.join(rig.in, 'foo.md');
  const real = makeFs();
  let isSaved = false;
  let disk: Disk = 'roomy';
  const spool = rig.spool({
    ...real,
    async append(to, bytes, mode) {
      await real.append(to, bytes, mode);
      if (isSaved) return;
      isSaved = true;
      writeFileSync(`${file}.new`, 'saved anew');
      renameSync(`${file}.new`, file);
    },
    async link(from, to) {
      await real.link(from, to);
      if (isSaved && disk === 'roomy') disk = 'full';
    },
    async unlink(name) {
      if (disk === 'full' && String(name).endsWith('.claimed'))
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      await real.unlink(name);
    },
  });
  await spool.prepare();
  writeFileSync(file, 'the first');
  utimesSync(file, 1, 1);
  await assert.rejects(spool.claim(await settled(rig, spool)), { code: 'ENOSPC' });
  assert.deepEqual([names(rig.in), names(rig.work).length], [['foo.md'], 1]);
  const mend = (): void => {
    disk = 'roomy again';
  };
  return { rig, spool, file, mend };
}

test('what cannot go back for want of room is not claimed a second time beside it, and goes back at the next scan', async (context) => {
  const { rig, spool, mend } = await halfBack(context);
  assert.deepEqual(await spool.leftovers(), []);
  assert.deepEqual(await spool.claim(await settled(rig, spool)), []);
  assert.deepEqual([names(rig.in), names(rig.work).length], [['foo.md'], 1]);
  mend();
  await processAll(rig, spool);
  assert.deepEqual([names(rig.in), names(rig.work)], [['foo.processed'], []]);
  assert.equal(readFileSync(path.join(rig.in, 'foo.processed'), 'utf8'), 'saved anew');
});

test('when its name is given away before it could go back, the other one goes first and it goes back after that', async (context) => {
  const { rig, spool, file, mend } = await halfBack(context);
  writeFileSync(`${file}.new`, 'a third');
  renameSync(`${file}.new`, file);
  mend();
  await processAll(rig, spool);
  assert.equal(readFileSync(path.join(rig.in, 'foo.processed'), 'utf8'), 'a third');
  await processAll(rig, spool);
  assert.deepEqual([names(rig.in), names(rig.work)], [['foo.processed', 'foo~2.processed'], []]);
  assert.equal(readFileSync(path.join(rig.in, 'foo~2.processed'), 'utf8'), 'saved anew');
});
