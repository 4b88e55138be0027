import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { describe } from '#core/failure.ts';
import type { Fs } from '#core/ports.ts';
import type { Spool } from '#core/spool.ts';
import { makeFs } from '#platform/files.ts';
import { answer, makeRig, names, processAll, ROLE, stem, type Rig } from './rig.ts';

type Told = { readonly rig: Rig; readonly spool: Spool; readonly told: () => Promise<string> };
async function ready(context: TestContext, wrap: (fs: Fs) => Fs = (fs) => fs): Promise<Told> {
  const rig = makeRig(context, wrap(makeFs()));
  const spool = rig.spool();
  await spool.prepare();
  return { rig, spool, told: async () => JSON.stringify((await spool.scan()).faults) };
}

for (const part of ['in', 'out', 'work', 'archive'] as const) {
  test(`${part}/ that is missing, a link or a file stops its role with words, and heals by itself`, async (context) => {
    const { rig, spool, told } = await ready(context);
    await spool.drop(ROLE.name, stem('foo'), 'x');
    const folder = rig[part];
    renameSync(folder, `${folder}-aside`);
    assert.match(await told(), new RegExp(`"ENOENT".*make the folder again; docket looks again by itself`));
    assert.match(await told(), new RegExp(`"path":"[^"]*/${part}"`));
    assert.deepEqual((await spool.scan()).waiting, []);
    symlinkSync(`${folder}-aside`, folder);
    assert.match(await told(), /put a real folder there|something else stands in its place/);
    rmSync(folder);
    writeFileSync(folder, '');
    assert.match(await told(), /"ENOTDIR".*take it away and make the folder again/);
    rmSync(folder);
    renameSync(`${folder}-aside`, folder);
    assert.equal(await told(), '[]');
    await processAll(rig, spool);
    assert.deepEqual(names(rig.in), ['foo.processed']);
  });
}

test('a folder on another file system is told, before anything is claimed that could not be moved', async (context) => {
  let isMounted = false;
  const { rig, spool, told } = await ready(context, (real) => ({
    ...real,
    async facts(file) {
      const facts = await real.facts(file);
      return facts !== null && isMounted && file === rig.out ? { ...facts, dev: facts.dev + 1n } : facts;
    },
  }));
  await spool.drop(ROLE.name, stem('foo'), 'x');
  isMounted = true;
  assert.match(await told(), /"EXDEV".*put them on one/);
  isMounted = false;
  await processAll(rig, spool);
  assert.deepEqual(names(rig.in), ['foo.processed']);
});

for (const [code, words] of [
  ['EACCES', 'chmod'],
  ['EROFS', 'read-only'],
  ['ENOSPC', 'make room'],
  ['EDQUOT', 'quota'],
  ['EMFILE', 'ulimit'],
  ['ESTALE', 'mount it again'],
  ['ENOTCONN', 'mount it again'],
  ['ETIMEDOUT', 'does not answer'],
] as const) {
  test(`${code} of in/ stops its role alone, says how to mend it, and is over when it is over`, async (context) => {
    let isBad = false;
    const { rig, spool, told } = await ready(context, (real) => ({
      ...real,
      walk: (folder, see) => (isBad ? Promise.reject(Object.assign(new Error(`${code}: made up`), { code })) : real.walk(folder, see)),
    }));
    await spool.drop(ROLE.name, stem('foo'), 'x');
    isBad = true;
    assert.match(await told(), new RegExp(`"${code}".*${words}`));
    isBad = false;
    assert.equal(await told(), '[]');
    assert.equal((await spool.scan()).waiting.length, 1);
    await processAll(rig, spool);
  });
  test(`${code} at the start is told with the same words, nothing is taken up meanwhile, and it is over when it is over`, async (context) => {
    const rig = makeRig(context);
    const before = rig.spool();
    await before.prepare();
    await before.drop(ROLE.name, stem('foo'), 'x');
    await before.claim((await before.scan()).waiting);
    let isBad = true;
    const walk: Fs['walk'] = (folder, see) =>
      isBad ? Promise.reject(Object.assign(new Error(`${code}: made up`), { code })) : rig.fs.walk(folder, see);
    const spool = rig.spool({ ...rig.fs, walk });
    await spool.prepare();
    assert.match(JSON.stringify((await spool.scan()).faults), new RegExp(`"${code}".*${words}`));
    assert.deepEqual(spool.unready(), [ROLE.name]);
    assert.deepEqual(await spool.leftovers(), []);
    isBad = false;
    assert.equal(JSON.stringify((await spool.scan()).faults), '[]');
    assert.deepEqual(spool.unready(), []);
    assert.equal((await spool.leftovers()).length, 1);
  });
}

test('EIO of in/ is no fault of a role: the disk may be lost', async (context) => {
  const { rig } = await ready(context);
  const fs: Fs = { ...rig.fs, walk: () => Promise.reject(Object.assign(new Error('EIO: made up'), { code: 'EIO' })) };
  await assert.rejects(rig.spool(fs).scan(), /EIO/);
});

test('a file system that takes two spellings for one name is told at the start', async (context) => {
  const rig = makeRig(context);
  const real = rig.fs;
  const fs: Fs = {
    ...real,
    facts: async (file) =>
      (await real.facts(file)) ??
      (typeof file === 'string' && file.includes('.DOCKET-') ? real.facts(file.replace(/[^/]+$/, (name) => name.toLowerCase())) : null),
  };
  await rig.spool(fs).prepare();
  assert.ok(rig.lines.some(({ message }) => message.includes('differ only in case')));
  mkdirSync(`${rig.in}/x.md`);
  assert.deepEqual((await rig.spool().scan()).waiting, []);
});

for (const how of ['moved away and made anew', 'gone'] as const)
  test(`nothing counts as published or finished because work/ was ${how}`, async (context) => {
    const { rig, spool, told } = await ready(context);
    await spool.drop(ROLE.name, stem('foo'), 'x');
    const [taken] = await spool.claim((await spool.scan()).waiting);
    assert.ok(taken !== undefined);
    const { claimed } = await spool.read(taken.dir, taken.id, taken.waiting.folder);
    const final = await spool.decide(claimed, answer());
    const aside = `${rig.work}-aside`;
    renameSync(rig.work, aside);
    if (how !== 'gone') mkdirSync(rig.work);
    const words = how === 'gone' ? /ENOENT.*no such folder/ : /ESTALE.*not the folder that stood here when docket started/;
    for (const act of [
      () => spool.publish(claimed, final),
      () => spool.finish(claimed, final),
      () => spool.attemptFolder(claimed, 1),
      () => spool.leftovers(ROLE.folder),
    ])
      await assert.rejects(act, words);
    assert.match(await told(), words);
    assert.deepEqual(names(rig.out), []);
    if (how !== 'gone') rmSync(rig.work, { recursive: true });
    renameSync(aside, rig.work);
    await spool.finish(claimed, await spool.publish(claimed, final));
    assert.equal(await told(), '[]');
    assert.deepEqual(names(rig.in), ['foo.processed']);
    assert.ok(names(rig.out).length > 0);
  });

test('faults of a role go to whoever claims, and the files of the others are taken', async (context) => {
  const { rig, spool } = await ready(context);
  await spool.drop(ROLE.name, stem('foo'), 'x');
  const { waiting } = await spool.scan();
  renameSync(rig.work, `${rig.work}-aside`);
  const told: string[] = [];
  assert.deepEqual(await spool.claim(waiting, (role, error) => void told.push(`${role} ${error.message}`)), []);
  assert.match(told.join(), /^architect ENOENT: no such folder/);
  await assert.rejects(spool.claim(waiting), /ENOENT/);
});

test('what cannot be read is left out of a list and told, where somebody asks for it', async (context) => {
  let isBad = false;
  const { rig, spool } = await ready(context, (real) => ({
    ...real,
    walk: (folder, see) =>
      isBad && folder === rig.in ? Promise.reject(Object.assign(new Error('EACCES: made up'), { code: 'EACCES' })) : real.walk(folder, see),
  }));
  await spool.drop(ROLE.name, stem('foo'), 'x');
  isBad = true;
  const told: string[] = [];
  assert.deepEqual(await spool.list({ onFault: (role, failure) => void told.push(`${role} ${describe(failure)}`) }), []);
  assert.match(told.join(), /^architect .*EACCES.*chmod/);
  await assert.rejects(spool.list({}), /EACCES/);
});

/** A file system in user space: inodes are counted anew with each mount, and a file with two names looks like two files. */
function userSpace(real: Fs, mount: { number: bigint }): Fs {
  return {
    ...real,
    fileSystem: async (path) => ({ ...(await real.fileSystem(path)), type: 'fuse', network: true }),
    async facts(file) {
      const facts = await real.facts(file);
      return facts === null ? null : { ...facts, nlink: 1, ino: facts.ino + mount.number + BigInt(Buffer.from(file).length) };
    },
  };
}

test('where inodes do not last work/ is known by a mark: mounted again it goes on, another folder does not', async (context) => {
  const mount = { number: 0n };
  const { rig, spool, told } = await ready(context, (real) => userSpace(real, mount));
  assert.deepEqual(names(rig.work), ['.docket-home']);
  mount.number = 100n;
  assert.equal(await told(), '[]');
  renameSync(rig.work, `${rig.work}-aside`);
  mkdirSync(rig.work);
  assert.match(await told(), /"ESTALE".*not the folder that stood here/);
  rmSync(rig.work, { recursive: true });
  renameSync(`${rig.work}-aside`, rig.work);
  assert.equal(await told(), '[]');
  const again = rig.spool();
  await again.prepare();
  assert.equal(await told(), '[]', 'the next start reads the same mark');
  assert.deepEqual(await spool.leftovers(), []);
});

test('where a hard link looks like another file nothing is linked: a crash between link and unlink could not be told', async (context) => {
  const { rig, spool } = await ready(context, (real) => userSpace(real, { number: 0n }));
  await spool.drop(ROLE.name, stem('foo'), 'x');
  rig.clock.advance(60_000);
  await processAll(rig, spool);
  const [ended = ''] = names(rig.in);
  assert.match(ended, /^foo\.[a-z0-9]{16}\.processed$/);
  assert.ok(
    names(rig.out).length > 0 && names(rig.out).every((name) => name.startsWith(ended.replace('.processed', '_'))),
    names(rig.out).join(),
  );
});
