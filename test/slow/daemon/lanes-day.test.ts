/**
 * A day of rate limits in seconds: six lanes with providers that limit in different ways, jobs without end, a restart in the middle. The lanes are the
 * daemon's own; clock, providers and runs are simulated.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '#core/failure.ts';
import { isSpentBy } from '#core/retry.ts';
import { Leaving } from '#daemon/leaving.ts';
import type { Lanes } from '#daemon/schedule.ts';
import { makeEpisodes, makeQuota, makeSeries, type Provider, type Telling } from '#test/support/fake-provider.ts';
import { judge, limited, makeLanesRig, never } from '#test/support/lanes-rig.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SLOTS = 4;
const RUN_MS = 60_000;
/** A refusal comes at once. */
const REFUSAL_MS = 1_000;
const JITTER_MS = 5_000;
const TELLINGS: readonly Telling[] = ['seconds', 'milliseconds', 'nothing'];

/** Shut for 5 to 60 minutes, then open for one to four hours. */
function episodes(fromMs: number, random: () => number): [number, number][] {
  const shut: [number, number][] = [];
  for (let atMs = fromMs + HOUR_MS * (1 + 3 * random()); atMs < fromMs + DAY_MS;) {
    const untilMs = atMs + 300_000 + random() * 3_300_000;
    shut.push([Math.round(atMs), Math.round(untilMs)]);
    atMs = untilMs + HOUR_MS * (1 + 3 * random());
  }
  return shut;
}

type Seen = { answered: number; refused: number; spent: number; tooEarly: number; tooLate: number };

test('24 hours of limits, told in seconds, in milliseconds or not at all: over 95 % of what is possible, no attempt spent, no hold outlives its reset', async (t) => {
  const random = makeSeries(20_261_120);
  const rig = makeLanesRig({
    settings: { slots: SLOTS, staggerMs: 50, intervalCap: 30, intervalMs: 60_000 },
    rules: { baseMs: 2_000, capMs: 300_000, jitterMs: JITTER_MS, errors: 5 },
    random,
  });
  const { clock } = rig;
  const startMs = clock.now().getTime();
  const providers = new Map<string, Provider>();
  for (const telling of TELLINGS) {
    providers.set(`quota-${telling}`, makeQuota(100, HOUR_MS, telling));
    providers.set(`episodes-${telling}`, makeEpisodes(episodes(startMs, random), telling));
  }
  const seen = new Map<string, Seen>();
  /** The daemon that runs, and whether the day is over. */
  const day = { lanes: rig.lanes, isOver: false };

  const work = async (name: string, provider: Provider, one: Seen, told: { resetMs: number; atMs: number }): Promise<void> => {
    while (!day.isOver) {
      const begunIn: Lanes = day.lanes;
      let failure: Failure | null = null;
      try {
        failure = await begunIn.run(
          { lanes: [name], role: 'architect', order: clock.monotonicMs() },
          never,
          async () => {
            const nowMs = clock.now().getTime();
            // What began in the moment before the refusal came could not know of it.
            if (nowMs < told.resetMs && nowMs > told.atMs + REFUSAL_MS) one.tooEarly++;
            if (told.resetMs > 0 && nowMs >= told.resetMs) {
              if (nowMs > told.resetMs + JITTER_MS + 1_000) one.tooLate++;
              told.resetMs = 0;
            }
            const reply = provider.ask(nowMs);
            await clock.sleep(reply.ok ? RUN_MS : REFUSAL_MS);
            if (reply.ok) return null;
            if (reply.resumeAt !== null && told.resetMs === 0)
              Object.assign(told, { resetMs: Date.parse(reply.resumeAt), atMs: clock.now().getTime() });
            return limited(reply.resumeAt);
          },
          judge,
        );
      } catch (error) {
        if (!(error instanceof Leaving)) throw error;
        // The daemon starts anew; what waited goes on with it.
        while (day.lanes === begunIn) await clock.sleep(1_000);
        continue;
      }
      if (failure === null) one.answered++;
      else one.refused++;
      if (isSpentBy(failure)) one.spent++;
    }
  };
  const workers: Promise<void>[] = [];
  for (const [name, provider] of providers) {
    const one: Seen = { answered: 0, refused: 0, spent: 0, tooEarly: 0, tooLate: 0 };
    seen.set(name, one);
    const told = { resetMs: 0, atMs: 0 };
    for (let n = 0; n < 2 * SLOTS; n++) workers.push(work(name, provider, one, told));
  }
  // In the middle of an hour: the quotas are used up by then, and the new daemon finds their holds in the journal.
  await clock.runUntil(DAY_MS / 2 + 2_400_000);
  day.lanes.stop();
  let isIdle = false;
  const idle = day.lanes.idle().then(() => (isIdle = true));
  await clock.runWhile(() => !isIdle);
  await idle;
  day.lanes = rig.restart();
  await clock.runUntil(DAY_MS);
  day.isOver = true;
  day.lanes.stop();
  day.lanes = rig.restart();
  await clock.runUntil(DAY_MS + HOUR_MS);
  await Promise.all(workers);

  for (const [name, one] of seen) {
    const best = providers.get(name)?.best(startMs, startMs + DAY_MS, SLOTS, RUN_MS) ?? 0;
    const share = one.answered / best;
    t.diagnostic(
      `${name}: ${String(one.answered)} of ${String(best)} answers (${(share * 100).toFixed(1)} %), ${String(one.refused)} refusals`,
    );
    assert.ok(share > 0.95, `${name}: ${(share * 100).toFixed(1)} % of what is possible`);
    assert.ok(share <= 1.01, `${name}: more than is possible (${(share * 100).toFixed(1)} %): the measure is wrong`);
    assert.deepEqual({ spent: one.spent, tooEarly: one.tooEarly, tooLate: one.tooLate }, { spent: 0, tooEarly: 0, tooLate: 0 }, name);
    // Where the end is told, one burst of those under way for each limit; else a look every 100 s, on the average, while it lasts.
    const refusalsMax = name.endsWith('nothing') ? 24 * 36 : 24 * SLOTS;
    assert.ok(one.refused < refusalsMax, `${name}: ${String(one.refused)} refusals`);
  }
});
