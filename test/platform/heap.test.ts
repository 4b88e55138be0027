import assert from 'node:assert/strict';
import { test } from 'node:test';
import { growthPercent, makeHeapRoom, mayGrowYoung, roomyPercent } from '#platform/heap.ts';

const MB = 1024 * 1024;

test('under load the heap may grow to 88 MB, never to more than twice its size, never by less than at rest', () => {
  assert.deepEqual(
    [10, 44, 64, 80, 1_000].map((size) => roomyPercent(size * MB)),
    [100, 100, 38, 20, 20],
  );
});

test('what lasts in a small heap decides how far it may grow, and what is used in one with many waiting files', () => {
  assert.deepEqual([growthPercent(44 * MB, 80 * MB), growthPercent(55 * MB, 80 * MB), growthPercent(60 * MB, 80 * MB)], [100, 60, 20]);
});

test('short-lived objects get more room in a small heap only', () => {
  assert.deepEqual(
    [30, 55, 57, 200].map((size) => mayGrowYoung(size * MB)),
    [true, true, false, false],
  );
});

test('after the first look, and after a backlog, garbage is looked for once when no job was in flight for a second', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let collections = 0;
  const room = makeHeapRoom(() => {
    collections++;
  });
  room.inFlight(1);
  room.inFlight(0);
  t.mock.timers.tick(5_000);
  assert.equal(collections, 0, 'one job alone is no backlog');

  room.looked();
  t.mock.timers.tick(900);
  room.inFlight(1);
  t.mock.timers.tick(5_000);
  assert.equal(collections, 0, 'a job came meanwhile');
  room.inFlight(0);
  t.mock.timers.tick(1_000);
  assert.equal(collections, 1);

  for (let jobs = 1; jobs <= 40; jobs++) room.inFlight(jobs);
  for (let jobs = 39; jobs >= 0; jobs--) room.inFlight(jobs);
  t.mock.timers.tick(1_000);
  assert.equal(collections, 2);
  t.mock.timers.tick(60_000);
  assert.equal(collections, 2);
});
