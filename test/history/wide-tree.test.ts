import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyDelta, commonRun, treeDelta } from '#history/delta.ts';
import { oidOf } from '#history/objects.ts';
import type { NewObject } from '#history/pack.ts';
import { EMPTY_TREE, withEntry, withoutEntry, type Tree } from '#history/tree.ts';
import { sealWide, startWide } from '#history/wide-tree.ts';
import { makeRig, submission, value } from './rig.ts';

const oid = (n: number): string => n.toString(16).padStart(40, '0');
/** Numbers that look random and are the same in each run. */
function drawer(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
}

function changed(tree: Tree, draw: (below: number) => number): Tree {
  let next = tree;
  for (let count = draw(4); count >= 0; count--) {
    const name = `FEAT-${String(draw(900))}`;
    next = draw(4) === 0 ? withoutEntry(next, name, 'folder') : withEntry(next, name, 'folder', oid(draw(1 << 20)));
  }
  return next;
}

const wide = (entries: number): Tree => {
  let tree = EMPTY_TREE;
  for (let n = 0; n < entries; n++) tree = withEntry(tree, `FEAT-${String(n)}`, 'folder', oid(n));
  return tree;
};

test('the bytes that two buffers have in common are counted exactly, whatever their length', () => {
  const long = Buffer.from(Array.from({ length: 20_000 }, (_, n) => (n * 31) % 251));
  for (const at of [0, 1, 63, 64, 65, 100, 4_095, 4_096, 4_097, 8_200, 19_999]) {
    const other = Buffer.from(long);
    other[at] = (other[at] ?? 0) ^ 1;
    assert.equal(commonRun(long, 0, other, 0), at);
    assert.equal(commonRun(long, 3, other.subarray(3), 0), at < 3 ? 20_000 - 3 : at - 3);
  }
  assert.equal(commonRun(long, 0, long, 0), 20_000);
  assert.equal(commonRun(long, 0, EMPTY_TREE.bytes, 0), 0);
});

test('a delta of two trees makes the second from the first, and is as long as what changed', () => {
  const draw = drawer(11);
  let tree = wide(500);
  for (let round = 0; round < 300; round++) {
    const next = changed(tree, draw);
    const delta = treeDelta(tree, next);
    assert.ok(applyDelta(delta, tree.bytes).equals(next.bytes), `round ${String(round)}`);
    assert.ok(delta.length < 400, String(delta.length));
    tree = next;
  }
  for (const [from, to] of [
    [EMPTY_TREE, wide(3)],
    [wide(3), EMPTY_TREE],
    [wide(3), wide(3)],
  ] as const)
    assert.ok(applyDelta(treeDelta(from, to), from.bytes).equals(to.bytes));
});

test('a wide tree keeps its id and its bytes over any changes, packs and bases', () => {
  const draw = drawer(5);
  let tree = wide(800);
  let objects: NewObject[] = [];
  const kept = startWide(tree, objects);
  assert.equal(kept.base.object.oid, oidOf('tree', tree.bytes));
  const bytesOf = (object: NewObject): Buffer => (object.base === null ? object.bytes : applyDelta(object.bytes, bytesOf(object.base)));
  let bases = 0;
  for (let round = 0; round < 400; round++) {
    if (draw(7) === 0) {
      objects = [];
      kept.last = null;
    }
    tree = changed(tree, draw);
    const base = kept.base;
    const object = sealWide(kept, tree, objects);
    if (kept.base !== base) bases++;
    assert.equal(object.oid, oidOf('tree', tree.bytes));
    assert.ok(bytesOf(object).equals(tree.bytes));
    for (let at: NewObject | null = object; at !== null; at = at.base)
      assert.ok(objects.includes(at), 'a pack has the bases of its deltas');
    assert.ok(object.depth <= 40);
  }
  assert.ok(bases > 0);
});

test('a root of hundreds of features is small in each pack after the first, and git reads all of it', async () => {
  const rig = makeRig();
  try {
    const history = await rig.open();
    const first = Array.from({ length: 300 }, (_, n) => submission({ feature: `FEAT-${String(n + 1_000)}` }));
    for (const outcome of await Promise.all(first.map((prompt) => history.submit(prompt)))) value(outcome);
    for (let n = 0; n < 30; n++) value(await history.submit(submission({ feature: `FEAT-${String(1_000 + n * 9)}`, revision: 2 })));
    rig.assertClean();
  } finally {
    await rig.end();
  }
});
