import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roomyPercent } from '#platform/heap.ts';

const MB = 1024 * 1024;

test('under load the heap may grow by forty megabytes, never to more than twice its size, never by less than at rest', () => {
  assert.deepEqual(
    [10, 40, 80, 160, 1_000].map((size) => roomyPercent(size * MB)),
    [100, 100, 50, 25, 20],
  );
});
