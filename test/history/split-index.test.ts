import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBits, encodeBits } from '#history/ewah.ts';
import { EMPTY_INDEX, encodeIndex, encodeIndexEntry, parseIndex, pathAt, spliceIndex, type IndexChange } from '#history/index-file.ts';
import { sharedInMemory } from '#history/shared-index.ts';
import { EMPTY_SPLIT, findInSplit, joinIndex, spliceSplit, wholeOf, type SplitIndex } from '#history/split-index.ts';

const oid = (n: number): string => n.toString(16).padStart(40, '0');
/** Numbers that look random and are the same in each run. */
function drawer(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state % below;
  };
}

test('a bit set comes back from its compressed form, whatever its gaps', () => {
  const draw = drawer(7);
  const sets = [[], [0], [63], [64], [0, 1, 2, 63, 64, 65], [100_000], Array.from({ length: 200 }, (_, n) => n * 3)];
  for (let n = 0; n < 50; n++) sets.push([...new Set(Array.from({ length: draw(60) }, () => draw(5_000)))].toSorted((a, b) => a - b));
  for (const positions of sets) {
    const bytes = encodeBits(positions);
    assert.deepEqual(decodeBits(Buffer.concat([Buffer.from('xx'), bytes]), 2), { positions, end: bytes.length + 2 });
  }
  assert.throws(() => decodeBits(encodeBits([1, 500]).subarray(0, 20), 0), /too early/);
});

test('a split index says after any changes what a plain one says, also after it was written and read again', async () => {
  const draw = drawer(3);
  for (let round = 0; round < 30; round++) {
    const first = Array.from({ length: 40 }, (_, n): IndexChange => ({
      path: `d/${String(n)}`,
      entry: encodeIndexEntry(`d/${String(n)}`, oid(n), null),
    }));
    let plain = spliceIndex(EMPTY_INDEX, first);
    const bytes = encodeIndex(plain);
    const shared = sharedInMemory(bytes.toString('hex', bytes.length - 20), plain);
    let split: SplitIndex = { ...EMPTY_SPLIT, shared };
    for (let step = 0; step < 8; step++) {
      const changes = Array.from({ length: draw(6) }, (): IndexChange => {
        const name = `d/${String(draw(60))}`;
        return { path: name, entry: draw(3) === 0 ? null : encodeIndexEntry(name, oid(draw(1_000)), null) };
      }).filter((change, at, all) => all.findIndex((other) => other.path === change.path) === at);
      plain = spliceIndex(plain, changes);
      const next = await spliceSplit(split, changes);
      const link = { sum: shared.sum, deleted: [...next.deleted].toSorted((a, b) => a - b) };
      const read = parseIndex(encodeIndex(next.own, link));
      split = await joinIndex(read.index, read.link, shared);
      assert.deepEqual(encodeIndex(await wholeOf(split)), encodeIndex(plain));
      for (let n = 0; n < 60; n++) {
        const name = `d/${String(n)}`;
        const at = plain.starts.findIndex((_, position) => pathAt(plain, position).toString() === name);
        assert.equal((await findInSplit(split, name)) === null, at < 0, name);
      }
    }
  }
});
