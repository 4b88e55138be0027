import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Waiting } from '#core/spool.ts';
import { IntakeKnown } from '#daemon/intake-known.ts';

type Kept = { readonly of: number; isKnown: boolean };

test('what is known of files goes with them from answer to answer, as in a Map; what went is told once', () => {
  let seed = 3;
  const random = (below: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
  const lost: number[] = [];
  const known = new IntakeKnown<Kept>((one) => {
    one.isKnown = false;
    lost.push(one.of);
  });
  const plain = new Map<Waiting, Kept>();
  let files: Waiting[] = [];
  let number = 0;
  for (let round = 0; round < 500; round++) {
    const gone = files.filter(() => random(5) === 0);
    files = files.filter((file) => !gone.includes(file));
    for (let count = random(8); count > 0; count--) files.push({} as Waiting);
    const expected = gone.flatMap((file) => plain.get(file)?.of ?? []);
    for (const file of gone) plain.delete(file);
    lost.length = 0;
    known.passOn(files.slice());
    assert.deepEqual(lost, expected);
    for (const [place, file] of files.entries()) {
      assert.equal(known.at(place), plain.get(file) ?? null);
      if (random(3) === 0 && !plain.has(file)) {
        const kept = { of: number++, isKnown: true };
        known.set(place, kept);
        plain.set(file, kept);
      } else if (random(10) === 0) {
        // Chosen: if its file is there still, it is looked at again.
        const kept = plain.get(file);
        if (kept !== undefined) kept.isKnown = false;
        plain.delete(file);
      }
    }
  }
  const left = [...plain.values()].map(({ of }) => of);
  lost.length = 0;
  known.clear();
  assert.deepEqual(
    lost.toSorted((a, b) => a - b),
    left.toSorted((a, b) => a - b),
  );
  assert.deepEqual(
    [...known.waiting.keys()].map((place) => known.at(place)),
    files.map(() => null),
  );
});
