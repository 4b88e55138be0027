/** Runs that end one right after the other go on together; no single one waits, and nobody for long. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeGather, togetherOf } from '#daemon/lanes/gather.ts';
import { makeEventClock } from '#test/support/event-clock.ts';
import { makeLanesRig, never } from '#test/support/lanes-rig.ts';

const AHEAD = 16;

/** Ends at these times; when each goes on. */
async function stream(endsMs: readonly number[], { ahead = AHEAD, last = -1, stopMs = 1e6 } = {}): Promise<number[]> {
  const clock = makeEventClock();
  const stopping = new AbortController();
  const gather = makeGather(clock, ahead, stopping.signal);
  const went: number[] = [];
  for (const [at, endMs] of endsMs.entries())
    void (async () => {
      await clock.sleep(endMs);
      await gather.wait('a', at === last);
      went[at] = clock.monotonicMs();
    })();
  void (async () => {
    await clock.sleep(stopMs);
    stopping.abort();
  })();
  await clock.runUntil(900_000);
  return went;
}

test('ends far apart go on at once', async () => {
  assert.deepEqual(await stream([0, 150, 300, 1_000]), [0, 150, 300, 1_000]);
});

test('ends of a stream go on together: when enough are there, or after a moment', async () => {
  assert.deepEqual(await stream([0, 10, 20, 30, 40]), [0, 40, 40, 40, 40]);
  assert.deepEqual(await stream([0, 10, 20]), [0, 210, 210]);
});

test('the last one of its lane takes with it whoever waits', async () => {
  assert.deepEqual(await stream([0, 10, 20], { last: 2 }), [0, 20, 20]);
});

test('nobody waits when the daemon stops', async () => {
  assert.deepEqual(await stream([0, 10, 60], { stopMs: 50 }), [0, 50, 60]);
});

test('where few are claimed ahead nobody waits: their places would be missed', async () => {
  assert.equal(togetherOf(4), 1);
  assert.deepEqual(await stream([0, 1, 2, 3], { ahead: 4 }), [0, 1, 2, 3]);
});

test('a run’s slot is free before it waits for others', async () => {
  const { clock, lanes } = makeLanesRig({ rules: { ahead: AHEAD } });
  const begun: number[] = [];
  const ended: number[] = [];
  for (let n = 0; n < 5; n++)
    void lanes
      .run(
        { lanes: ['a'], role: 'ui', order: n },
        never,
        async () => {
          begun.push(clock.monotonicMs());
          await clock.sleep(10);
        },
        () => ({ is: 'answered' }),
      )
      .then(() => ended.push(clock.monotonicMs()));
  await clock.runUntil(10_000);
  assert.deepEqual(begun, [0, 10, 20, 30, 40]);
  assert.deepEqual(ended, [10, 50, 50, 50, 50]);
});
