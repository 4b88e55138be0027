/** Whose turn it is, for any jobs at all: nobody waits for ever, nobody goes before one whose turn is earlier, and no limit is passed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { makeLanesRig, never } from '#test/support/lanes-rig.ts';

const AGING_MS = 60_000;
const LANES = ['a', 'b'];
const ROLES = ['ui', 'openapi', 'meta'];

type Job = { readonly atMs: number; readonly priority: number; readonly lane: string; readonly role: string; readonly runMs: number };

const job: fc.Arbitrary<Job> = fc.record({
  atMs: fc.integer({ min: 0, max: 3_600_000 }),
  priority: fc.integer({ min: 0, max: 99 }),
  lane: fc.constantFrom(...LANES),
  role: fc.constantFrom(...ROLES),
  runMs: fc.integer({ min: 1, max: 600_000 }),
});

test('whatever comes, everybody starts, in the order of their turns, and slots of lane, role and machine are kept', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(job, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 5_000 }),
      async (jobs, slots, roleSlots, runningMax, staggerMs) => {
        const { clock, lanes } = makeLanesRig({
          settings: { slots, staggerMs },
          roleSlots: { ui: roleSlots },
          rules: { runningMax, agingMs: AGING_MS },
        });
        const running: Job[] = [];
        const waiting = new Set<{ readonly one: Job; readonly order: number }>();
        let started = 0;
        const count = (is: (one: Job) => boolean): number => running.filter(is).length;
        const live = async (one: Job): Promise<void> => {
          await clock.sleep(one.atMs);
          const order = lanes.orderOf(one.priority, clock.monotonicMs());
          const me = { one, order };
          waiting.add(me);
          await lanes.run(
            { lanes: [one.lane], role: one.role, order },
            never,
            async () => {
              started++;
              waiting.delete(me);
              running.push(one);
              assert.ok(running.length <= runningMax);
              assert.ok(count(({ lane }) => lane === one.lane) <= slots);
              assert.ok(one.role !== 'ui' || count(({ role }) => role === 'ui') <= roleSlots);
              // Of the same lane and role only the order decides.
              for (const other of waiting) if (other.one.lane === one.lane && other.one.role === one.role) assert.ok(other.order >= order);
              await clock.sleep(one.runMs);
              running.splice(running.indexOf(one), 1);
            },
            () => ({ is: 'answered' }),
          );
        };
        const all = Promise.all(jobs.map(live));
        let isDone = false;
        const done = all.then(() => (isDone = true));
        await clock.runWhile(() => !isDone);
        await done;
        assert.equal(started, jobs.length);
      },
    ),
    { numRuns: 40 },
  );
});

for (const [whose, roles] of [
  ['of its own role', ['ui']],
  ['of other roles', ['openapi', 'meta']],
] as const)
  test(`a stream of urgent prompts ${whose} without end passes one of the lowest priority for 99 agings at most`, async () => {
    const { clock, lanes } = makeLanesRig({ rules: { agingMs: AGING_MS } });
    let startedMs = -1;
    const over = new AbortController();
    const run = async (role: string, priority: number, begin: () => void): Promise<void> =>
      lanes.run(
        { lanes: ['a'], role, order: lanes.orderOf(priority, clock.monotonicMs()) },
        never,
        async () => {
          begin();
          await clock.sleep(10_000);
        },
        () => ({ is: 'answered' }),
      );
    // One each 9 s, for one slot of 10 s: it is never free.
    const stream = (async (): Promise<void> => {
      const some: Promise<void>[] = [];
      for (let n = 0; !over.signal.aborted; n++) {
        some.push(run(roles[n % roles.length] ?? '', 0, () => undefined));
        await clock.sleep(9_000);
      }
      await Promise.all(some);
    })();
    const last = run('ui', 99, () => (startedMs = clock.monotonicMs()));
    await clock.runWhile(() => startedMs < 0);
    over.abort();
    let isDone = false;
    const done = Promise.all([stream, last]).then(() => (isDone = true));
    await clock.runWhile(() => !isDone);
    await done;
    // What came before its turn is 99 agings of arrivals, each of which takes 10/9 of the time in which it came.
    assert.ok(startedMs > 0 && startedMs <= (99 * AGING_MS * 10) / 9 + 20_000, `it started after ${String(startedMs)} ms`);
  });
