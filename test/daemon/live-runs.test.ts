/** Who hears what of a run under way, and that nobody looks at it while nobody listens. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Follower, Look, Step } from '#agents/progress.ts';
import type { JobId } from '#core/names.ts';
import { NO_USAGE } from '#core/run.ts';
import { holdToBudget } from '#daemon/hold-to-budget.ts';
import { makeLiveRuns, type LiveEvent, type LiveRuns } from '#daemon/live-runs.ts';
import { makeFakeClock, type FakeClock } from '#test/support/fake-clock.ts';

const PRICES = [[{ model: 'm', inputUsd: 1, outputUsd: 1, cacheReadUsd: 1, cacheWriteUsd: 1, source: 's', asOf: '2026-11-20' }]];
const id = (job: string): JobId => job as JobId;
const tool = (name: string): Step => ({ kind: 'tool', tool: name, file: null });
const usage = (inputTokens: number): Step => ({ kind: 'usage', usage: { ...NO_USAGE, inputTokens } });

type Scripted = Follower & { looks: number; readonly coming: Step[]; inputTokens: number; bytes: number };
function scripted(): Scripted {
  const look = async (): Promise<Look> => {
    follower.looks += 1;
    return Promise.resolve({ bytes: follower.bytes, steps: follower.coming.splice(0) });
  };
  const follower: Scripted = {
    looks: 0,
    coming: [],
    inputTokens: 0,
    bytes: 0,
    look,
    finish: look,
    tellsUsage: true,
    usage: () => ({ ...NO_USAGE, inputTokens: follower.inputTokens }),
    model: () => 'm',
    run: async () => Promise.resolve({ runId: 'run-1', startedAt: '2026-11-20T11:59:00.000Z' }),
  };
  return follower;
}

function makeLive(): { readonly live: LiveRuns; readonly clock: FakeClock; readonly settle: () => Promise<void> } {
  const clock = makeFakeClock('2026-11-20T12:00:00.000Z');
  return { live: makeLiveRuns({ clock, prices: PRICES }), clock, settle: async () => clock.advance(0) };
}
const begun = (follower: Follower, onUsage: Parameters<LiveRuns['begin']>[0]['onUsage'] = null): Parameters<LiveRuns['begin']>[0] => ({
  job: id('a'),
  role: 'ui',
  stem: 'foo',
  attempt: 1,
  runner: 'claude',
  model: null,
  follower,
  onUsage,
});
const words = (event: LiveEvent): string =>
  event.event === 'tool' ? event.tool : event.event === 'usage' ? `$${String(event.cost_usd)}` : event.event;

test('nobody looks while nobody listens; then what comes is told, and who comes later hears the last of it', async () => {
  const { live, clock, settle } = makeLive();
  const follower = scripted();
  const end = live.begin(begun(follower));
  await settle();
  await clock.advance(60_000);
  assert.equal(follower.looks, 0);

  const heard: LiveEvent[] = [];
  follower.coming.push(tool('Read'), usage(1_000_000));
  const stop = live.listen(id('a'), (event) => void heard.push(event));
  await settle();
  assert.deepEqual(heard.map(words), ['begin', 'Read', '$1']);
  assert.equal(heard[0]?.elapsed_ms, 120_000, 'from its start, which was before this daemon');
  stop();
  await clock.advance(250);
  const { looks } = follower;
  await clock.advance(60_000);
  assert.equal(follower.looks, looks);

  const later: LiveEvent[] = [];
  live.listen(null, (event) => void later.push(event));
  live.listen(id('b'), () => assert.fail('of another job'));
  live.listen(null, () => {
    throw new Error('a listener that is broken');
  });
  await settle();
  follower.coming.push(tool('last'));
  await end('answered');
  assert.deepEqual(later.map(words), ['begin', 'Read', '$1', 'last', 'end']);
  assert.ok(clock.sleeps.every((ms) => ms === 0 || ms >= 250));
});

test('a flood is cut to its end, and so many are said to be missing', async () => {
  const { live, settle } = makeLive();
  const follower = scripted();
  const heard: LiveEvent[] = [];
  live.listen(null, (event) => void heard.push(event));
  follower.coming.push(...Array.from({ length: 500 }, (_, n) => tool(`t${String(n)}`)), usage(1), usage(2));
  live.begin(begun(follower));
  await settle();
  assert.deepEqual(heard.map(words), ['begin', 'more', ...Array.from({ length: 20 }, (_, n) => `t${String(480 + n)}`), '$0.000002']);
  const more = heard.find((event) => event.event === 'more');
  assert.equal(more?.skipped, 480);
});

test('a tool that tells nothing is told by its bytes, not too often', async () => {
  const { live, clock } = makeLive();
  const follower = scripted();
  const heard: LiveEvent[] = [];
  live.listen(null, (event) => void heard.push(event));
  live.begin(begun(follower));
  for (let n = 1; n <= 40; n++) {
    follower.bytes = n * 100;
    await clock.advance(250);
  }
  assert.deepEqual(heard.map(words), ['begin', 'bytes', 'bytes']);
});

test('the money of a run is watched without a listener: reserved as it grows, and past its own budget the keeper ends it', async () => {
  const { live, clock, settle } = makeLive();
  const follower = scripted();
  const reserved: number[] = [];
  const stopped: string[] = [];
  const warned: string[] = [];
  const onUsage = holdToBudget(
    {
      purse: { soFar: (_job: JobId, micros: number) => void reserved.push(micros) },
      keeper: { stop: async (runId: string, reason: string) => Promise.resolve(void stopped.push(`${runId} ${reason}`)) },
      prices: PRICES,
      log: { warn: (text: string) => void warned.push(text) },
    } as never,
    { job: id('a'), attempt: 1, model: null, budgetUsd: 2, callsProvider: true, follower },
  );
  const end = live.begin(begun(follower, onUsage));
  await settle();
  follower.inputTokens = 1_500_000;
  await clock.advance(1_000);
  assert.deepEqual([reserved.at(-1), stopped.length], [1_500_000, 0]);
  follower.inputTokens = 2_000_001;
  await clock.advance(1_000);
  await clock.advance(1_000);
  assert.deepEqual(new Set(stopped), new Set(['run-1 budget']));
  assert.deepEqual(warned, ['attempt 1 has cost $2.000001 and is ended: its budget is $2.00 (limits.budget_usd)']);
  await end('budget');
});

test('a run whose tool tells no tokens, or that costs nothing, is not watched', () => {
  const held = { job: id('a'), attempt: 1, model: null, budgetUsd: 2 };
  assert.equal(holdToBudget({} as never, { ...held, callsProvider: false, follower: scripted() }), null);
  assert.equal(holdToBudget({} as never, { ...held, callsProvider: true, follower: { ...scripted(), tellsUsage: false } }), null);
});
