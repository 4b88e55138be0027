import assert from 'node:assert/strict';
import { chmodSync, cpSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { after, before, suite, test } from 'node:test';
import * as fc from 'fast-check';
import { NO_TRUST, type Finding, type SignedFacts } from '#core/history.ts';
import { openObjects } from '#history/read-objects.ts';
import { verifyHistory } from '#history/verify.ts';
import { lookAt, SLOW, WHOLE, type Look, type Part } from '#history/verify-look.ts';
import { cutsOf, openForParts, readPackIndex } from '#history/verify-pack.ts';
import { makeLooks, type Looks } from '#history/verify-threads.ts';
import { makeSigning } from '#history/signer.ts';
import { makeFs } from '#platform/files.ts';
import { makeKey, writeSigners } from '#test/support/signing.ts';
import { answer, collect, makeRig, submission, value, type Rig } from './rig.ts';

const RECORDS = 12;

const packsOf = (dir: string): string[] =>
  readdirSync(path.join(dir, '.git/objects/pack')).flatMap((name) =>
    name.endsWith('.pack') ? [path.join(dir, '.git/objects/pack', name.slice(0, -5))] : [],
  );
const plain = ({ commits, commitAt, blobs, hashes, ...more }: Look): unknown => ({
  ...more,
  commits: Buffer.from(commits).toString('hex'),
  hashes: Buffer.from(hashes).toString('hex'),
  commitAt: [...commitAt],
  blobs: [...blobs],
});
const withLooks = async <T>(looks: Looks, act: (looks: Looks) => Promise<T>): Promise<T> => {
  try {
    return await act(looks);
  } finally {
    await looks.close();
  }
};
const here = (): Looks => makeLooks(0);
const inThreads = (): Looks => makeLooks(2);

const ending = (): Worker => new Worker('require("node:worker_threads").parentPort.once("message", () => process.exit(0))', { eval: true });
const throwing = (): Worker => new Worker('throw new Error("no room")', { eval: true });
const living = (): Worker => new Worker(new URL('../../history/verify-worker.ts', import.meta.url), { env: {}, execArgv: [] });

/** One byte of one pack or index, or all of it. */
const hit = (dir: string, which: number, where: number, kind: string, isGone: boolean): void => {
  const names = packsOf(dir).toSorted();
  const file = `${names[which % names.length] ?? ''}${kind}`;
  chmodSync(file, 0o600);
  const bytes = readFileSync(file);
  const at = where % bytes.length;
  bytes[at] = (bytes[at] ?? 0) ^ 0x55;
  if (isGone) unlinkSync(file);
  else writeFileSync(file, bytes);
};

/** The first one lives. */
const oneEnding = (): (() => Worker) => {
  let count = 0;
  return () => (count++ === 0 ? living() : ending());
};

/** Every part of every pack, looked at by these. */
const looksAt = async (dir: string, looks: Looks): Promise<Look[]> => {
  const fs = makeFs();
  const asked: Promise<Look>[] = [];
  for (const name of packsOf(dir).toSorted()) {
    const open = await openForParts(fs, name, await readPackIndex(fs, name));
    for (const [at, from] of open.cuts.slice(0, -1).entries()) {
      const look = looks.look(await open.part(from, open.cuts[at + 1] ?? from));
      // The first fault is told below; it may come before the next part is asked for.
      look.catch(() => undefined);
      asked.push(look);
    }
    await open.close();
  }
  return Promise.all(asked);
};

suite('verify in threads', () => {
  let rig: Rig;
  before(async () => {
    rig = makeRig();
    const history = await rig.open();
    for (let revision = 1; revision <= RECORDS; revision++) {
      const prompt = submission({ revision });
      value(await history.submit(prompt));
      value(await history.record(answer(prompt, { materials: [`brief ${String(revision)}`] })));
    }
  });
  after(() => rig.end());

  /** Everything that verify says of a folder. */
  const findings = async (dir: string, looks: () => Looks, trust = NO_TRUST): Promise<Finding[]> => {
    const gitDir = path.join(dir, '.git');
    const store = openObjects(makeFs(), gitDir);
    try {
      const repository = { ...rig.options({ dir }), gitDir, stateDir: path.join(gitDir, 'docket'), store, makeLooks: looks };
      return await collect(verifyHistory(repository, () => undefined, trust, null));
    } finally {
      await store.close();
    }
  };
  for (const [kind, isByOffset] of [
    ['by its place in the pack', 'true'],
    ['by its id, as git pack-objects writes it unless it is told otherwise', 'false'],
  ] as const)
    test(`no object needs the store where a delta names its base ${kind}; and a byte that is another one is found`, async (t) => {
      const copy = path.join(rig.root, `repacked-${isByOffset}`);
      t.after(() => {
        rmSync(copy, { recursive: true, force: true });
      });
      cpSync(rig.dir, copy, { recursive: true });
      rig.git('-C', copy, '-c', `repack.useDeltaBaseOffset=${isByOffset}`, 'repack', '-a', '-d', '-f', '-q');
      const [name = ''] = packsOf(copy);
      const index = await readPackIndex(makeFs(), name);
      const open = await openForParts(makeFs(), name, index);
      const part = await open.part(0, index.count);
      await open.close();
      assert.equal(part.types.includes(isByOffset === 'true' ? 6 : 7), true, 'git made deltas of that kind');
      assert.equal(part.bases.includes(SLOW), false);
      assert.deepEqual(lookAt({ ...part, bytes: part.bytes.slice() }).slow, []);
      const delta = part.bases.findIndex((base) => base >= 0);
      const changed = part.bytes.slice();
      const at = (part.starts[delta] ?? 0) + (part.headBytes[delta] ?? 0) + 2;
      changed[at] = (changed[at] ?? 0) ^ 0x55;
      assert.ok(lookAt({ ...part, bytes: changed }).slow.includes(delta));
    });

  test('a part looked at in a thread gives what it gives here, object for object', async () => {
    const alone = await withLooks(here(), (looks) => looksAt(rig.dir, looks));
    const there = await withLooks(inThreads(), (looks) => looksAt(rig.dir, looks));
    assert.ok(alone.length > 0);
    assert.deepEqual(there.map(plain), alone.map(plain));
    assert.ok(alone.every(({ slow }) => slow.length === 0));
  });

  test('a damaged history has the same findings in the same order with threads as without, whatever byte of a pack or an index is hit', async () => {
    const copy = path.join(rig.root, 'damaged');
    const repacked = path.join(rig.root, 'repacked');
    cpSync(rig.dir, repacked, { recursive: true });
    rig.git('-C', repacked, 'repack', '-adfq', '--depth=20');
    const damage = fc.tuple(fc.boolean(), fc.nat(), fc.nat(), fc.constantFrom('.pack', '.idx'), fc.nat({ max: 5 }));
    await fc.assert(
      fc.asyncProperty(damage, async ([isRepacked, which, where, file, fate]) => {
        cpSync(isRepacked ? repacked : rig.dir, copy, { recursive: true });
        try {
          hit(copy, which, where, file, fate === 0);
          const alone = await findings(copy, here);
          assert.ok(alone.length > 0);
          assert.deepEqual(await findings(copy, inThreads), alone);
        } finally {
          rmSync(copy, { recursive: true, force: true });
        }
      }),
      { numRuns: 16 },
    );
    assert.deepEqual(await findings(repacked, inThreads), []);
  });

  test('a sound history has no finding in threads, and one with rewritten files the same as without', async () => {
    assert.deepEqual(await findings(rig.dir, inThreads), []);
    const copy = path.join(rig.root, 'rewritten');
    cpSync(rig.dir, copy, { recursive: true });
    const folder = path.join(copy, 'FEAT-1-user-filters/01-architect');
    writeFileSync(path.join(folder, 'prompt_v1.md'), 'other words\n');
    writeFileSync(path.join(folder, 'evidence_v2.json'), '{}\n');
    unlinkSync(path.join(folder, 'result_v3.md'));
    const commit = ['-C', copy, 'commit', '-q', '-a', '-m', 'tampered'];
    rig.git(...commit);
    writeFileSync(path.join(folder, 'result_v4.md'), 'not committed\n');
    const alone = await findings(copy, here);
    assert.deepEqual([...new Set(alone.map(({ what }) => what))].toSorted(), ['hash-differs', 'incomplete', 'missing', 'unreadable']);
    assert.deepEqual(await findings(copy, inThreads), alone);
  });

  test('a signed history is verified in threads, and a signature that is none is found as without', async () => {
    const signed = makeRig();
    try {
      const key = makeKey(signed.root);
      const userId = process.getuid?.() ?? null;
      const signing = makeSigning({ fs: makeFs(), keyFile: key.file, forbidden: () => Promise.resolve([]), userId });
      const history = await signed.open({ signing });
      for (let revision = 1; revision <= 3; revision++) {
        const prompt = submission({ revision });
        value(await history.submit(prompt));
        value(await history.record(answer(prompt)));
      }
      const list = writeSigners(path.join(signed.root, 'allowed_signers'), [{ line: key.signer.publicLine, options: 'namespaces="git"' }]);
      const told: SignedFacts[] = [];
      const trust = { signers: readFileSync(list, 'utf8'), isDemanded: true, told: (facts: SignedFacts) => told.push(facts) };
      assert.deepEqual(await findings(signed.dir, here, trust), []);
      assert.deepEqual(await findings(signed.dir, inThreads, trust), []);
      assert.equal(told.length, 2);
      assert.deepEqual(told[1], told[0]);
      assert.equal(told[1]?.envelopes, 3);
      // The newest commit again, with a message that its signature is not of; then one of docket's without a signature.
      const forged = path.join(signed.root, 'forged');
      writeFileSync(forged, signed.git('cat-file', 'commit', 'HEAD').replace('\n\n', '\n\ndocket: '));
      signed.git('update-ref', 'refs/heads/main', signed.git('hash-object', '-t', 'commit', '-w', forged).trim());
      signed.git('commit', '-q', '--allow-empty', '-m', 'docket: by nobody');
      const alone = await findings(signed.dir, here, trust);
      assert.deepEqual(alone.map(({ what }) => what).slice(0, 2), ['signature-invalid', 'signature-missing']);
      assert.deepEqual(await findings(signed.dir, inThreads, trust), alone);
    } finally {
      await signed.end();
    }
  });

  test('a thread that dies, or never lives, is an error, and never the end of a look without findings', async () => {
    for (const start of [ending, throwing, oneEnding()]) {
      await assert.rejects(
        withLooks(makeLooks(2, start), (looks) => looksAt(rig.dir, looks)),
        { code: 'ELOOK', message: /nothing is known of what it had to look at/ },
      );
    }
    for (const start of [ending, throwing])
      await assert.rejects(
        findings(rig.dir, () => makeLooks(2, start)),
        { code: 'ELOOK' },
      );
  });

  test('what is asked of a thread that is gone already is an error too', async () => {
    const looks = makeLooks(1, () => new Worker('', { eval: true }));
    await assert.rejects(looksAt(rig.dir, looks), { code: 'ELOOK' });
    await assert.rejects(looksAt(rig.dir, looks), { code: 'ELOOK' });
    await looks.close();
  });
});

suite('parts of a pack', () => {
  test('every object lies in one part, in order, and no delta leads across a cut while there is another place for it', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 400 }), { minLength: 1, maxLength: 5_000 }), (backs) => {
        // Chains begin anew at every 500th object.
        const bases = Int32Array.from(backs, (back, index) =>
          index % 500 === 0 ? WHOLE : Math.max(index - 1 - back, index - (index % 500)),
        );
        const offsets = Float64Array.from(backs, (_, index) => 12 + index * 300);
        const cuts = cutsOf({ count: backs.length, offsets }, { bases, end: 12 + backs.length * 300 });
        assert.deepEqual([cuts[0], cuts.at(-1)], [0, backs.length]);
        assert.deepEqual(
          cuts,
          [...new Set(cuts)].toSorted((a, b) => a - b),
        );
        for (const cut of cuts.slice(1, -1)) assert.equal(cut % 500, 0);
      }),
    );
  });

  test('an object whose base is in another part, or whose bytes are not those of its id, is left to the store', () => {
    const part: Part = {
      bytes: Buffer.from('7801030000000001', 'hex'),
      ids: new Uint8Array(40),
      starts: Float64Array.from([0, 8, 8]),
      types: Uint8Array.from([3, 6]),
      sizes: Float64Array.from([0, 5]),
      headBytes: Uint8Array.from([0, 0]),
      bases: Int32Array.from([WHOLE, SLOW]),
    };
    assert.deepEqual(lookAt(part).slow, [0, 1]);
  });
});
