import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { EMPTY_INDEX, encodeIndex, encodeIndexEntry, spliceIndex, type Index, type IndexChange } from '#history/index-file.ts';
import { openShared, PIECE_BYTES, type Shared } from '#history/shared-index.ts';
import { findInSplit, newestEntries, spliceSplit, type SplitIndex } from '#history/split-index.ts';
import { writeShared } from '#history/write-shared.ts';
import type { FileFacts, Fs } from '#core/ports.ts';
import { makeFs } from '#platform/files.ts';

const oid = (n: number): string => n.toString(16).padStart(40, '0');
const nameOf = (n: number): string => `FEAT-${String(n).padStart(6, '0')}-user-filters/01-architect/prompt_v1.md`;
const COUNT = 6_000;
const NS_PER_S = 1_000_000_000n;
const factsAt = (n: number): FileFacts => ({
  kind: 'file',
  sizeBytes: n,
  mtimeNs: BigInt(n) * NS_PER_S,
  ctimeNs: BigInt(n) * NS_PER_S,
  ino: BigInt(n),
  dev: 1n,
  mode: 0o644,
  uid: 0,
  gid: 0,
  nlink: 1,
});
const entryOf = (n: number, id = n): IndexChange => ({ path: nameOf(n), entry: encodeIndexEntry(nameOf(n), oid(id), factsAt(n)) });
/** Even numbers: what comes between them is not there. */
const plain: Index = spliceIndex(
  EMPTY_INDEX,
  Array.from({ length: COUNT }, (_, n) => entryOf(2 * n)),
);

type Place = { readonly fs: Fs; readonly gitDir: string; readonly stateDir: string; readonly file: string; readonly shared: Shared };

async function place(t: TestContext): Promise<Place> {
  const gitDir = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-shared-index-')));
  t.after(() => {
    rmSync(gitDir, { recursive: true, force: true });
  });
  const stateDir = path.join(gitDir, 'docket');
  mkdirSync(stateDir);
  const bytes = encodeIndex(plain);
  const sum = bytes.toString('hex', bytes.length - 20);
  const file = path.join(gitDir, `sharedindex.${sum}`);
  writeFileSync(file, bytes);
  const fs = makeFs();
  return { fs, gitDir, stateDir, file, shared: await openShared(fs, file, sum, COUNT) };
}

const splitOf = (shared: Shared): SplitIndex => ({ shared, deleted: new Set(), own: EMPTY_INDEX });

suite('the shared part of a large index, which stays on the disk', () => {
  test('is longer than one piece, and says of each path what the index in memory says', async (t) => {
    const { shared } = await place(t);
    assert.ok(plain.body.length > 2 * PIECE_BYTES);
    const split = splitOf(shared);
    for (let n = 0; n < 2 * COUNT; n += 41) {
      const found = await findInSplit(split, nameOf(n));
      assert.deepEqual(found === null ? null : [found.oid, found.sizeBytes], n % 2 === 0 ? [oid(n), n] : null, nameOf(n));
    }
    const newest = await newestEntries(split, 120, 10);
    assert.deepEqual(
      newest.map((entry) => entry.path),
      Array.from({ length: 10 }, (_, n) => nameOf(2 * (COUNT - 1 - n))),
    );
  });

  test('is written anew, piece by piece, as one that was in memory would be', async (t) => {
    const { fs, gitDir, stateDir, shared } = await place(t);
    const changes: IndexChange[] = [];
    // Put in between, taken away, replaced; before the first entry, behind the last one, and where one piece ends and the next begins.
    for (let n = 0; n < COUNT; n += 7) changes.push(entryOf(2 * n + 1), { path: nameOf(2 * n), entry: null });
    for (let n = 2; n < COUNT; n += 7) changes.push(entryOf(2 * n, 1_000_000 + n));
    changes.push({ path: 'A', entry: encodeIndexEntry('A', oid(1), null) }, { path: 'Z', entry: encodeIndexEntry('Z', oid(2), null) });
    const written = await writeShared(fs, await spliceSplit(splitOf(shared), changes), gitDir, stateDir);
    const expected = encodeIndex(spliceIndex(plain, changes));
    assert.ok(readFileSync(path.join(gitDir, `sharedindex.${written.sum}`)).equals(expected));
    assert.deepEqual(readdirSync(stateDir), []);
    assert.equal((await findInSplit(splitOf(written), nameOf(4)))?.oid, oid(1_000_002));
    assert.equal((await findInSplit(splitOf(written), nameOf(1)))?.oid, oid(1));
    assert.equal(await findInSplit(splitOf(written), nameOf(0)), null);
    assert.equal((await findInSplit(splitOf(written), 'Z'))?.oid, oid(2));
  });

  test('is damage, and never the source of a new one, when one byte of it changed, when it is shorter, or when it is gone', async (t) => {
    const ways: ((file: string) => void)[] = [
      (file) => {
        const bytes = readFileSync(file);
        bytes[bytes.length - 30] = (bytes[bytes.length - 30] ?? 0) ^ 1;
        writeFileSync(file, bytes);
      },
      (file) => {
        writeFileSync(file, readFileSync(file).subarray(0, PIECE_BYTES + 100));
      },
      unlinkSync,
    ];
    for (const spoil of ways) {
      const { fs, gitDir, stateDir, file, shared } = await place(t);
      spoil(file);
      const before = readdirSync(gitDir);
      await assert.rejects(openShared(fs, file, shared.sum, COUNT), { code: 'EDAMAGED' });
      await assert.rejects(writeShared(fs, await spliceSplit(splitOf(shared), [entryOf(1)]), gitDir, stateDir), { code: 'EDAMAGED' });
      assert.deepEqual(readdirSync(gitDir), before);
    }
  });
});
