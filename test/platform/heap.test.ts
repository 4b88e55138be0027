import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roomyPercent } from '#platform/heap.ts';

const MB = 1024 * 1024;

test('under load the heap may grow to 88 MB, never to more than twice its size, never by less than at rest', () => {
  assert.deepEqual(
    [10, 44, 64, 80, 1_000].map((size) => roomyPercent(size * MB)),
    [100, 100, 38, 20, 20],
  );
});
