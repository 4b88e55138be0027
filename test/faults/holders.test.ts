/** Two daemons started at once, and a holder that stands still for longer than any stale mark: never are two of them in, and the prompts do not notice. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { makeChance } from './chance.ts';
import { assertRight, judge } from './model.ts';
import { publish } from './results.ts';
import { finish, makeWorld, take } from './steps.ts';
import { IS_FULL, makeStory, shareOf } from './story.ts';

const ROUNDS = IS_FULL ? 500 : 50;
/** A busy machine does fewer; the table says how many. */
const BUDGET_MS = IS_FULL ? Number.POSITIVE_INFINITY : shareOf(100_000, 60_000);
const PAUSES = IS_FULL ? 5 : 1;
/** platform/lock.ts lets the visible lock go stale after 30 s. */
const PAUSE_MS = 33_000;

test(`of two daemons started at once, up to ${String(ROUNDS)} times under load, one is in, and nothing is done twice`, async (t) => {
  const chance = makeChance();
  const story = makeStory(t);
  const world = makeWorld(story, null);
  const untilMs = performance.now() + BUDGET_MS;
  let round = 0;
  while (round < ROUNDS && performance.now() < untilMs) {
    round += 1;
    while (story.open() < 4) story.drop(chance);
    await take(world, { do: 'two at once', n: round });
    await take(world, { do: 'wait', n: round });
    // Half of them leave their visible lock and their daemon.json behind.
    await take(world, { do: chance.percent(50) ? 'kill' : 'stop', n: round });
  }
  await finish(world);
  const verdict = judge(story);
  publish('two daemons at once', `${String(round)} double starts`, verdict, `seed ${String(chance.seed)}`);
  assertRight(verdict, chance.seed);
});

test(`while the holder stands still for ${String(PAUSE_MS / 1000)} s nobody else gets in, and it goes on afterwards`, async (t) => {
  const chance = makeChance();
  const story = makeStory(t);
  const world = makeWorld(story, null);
  await take(world, { do: 'start', n: 1 });
  const holder = world.daemon;
  for (let pause = 1; pause <= PAUSES; pause++) {
    for (let left = 6; left > 0; left--) story.drop(chance);
    holder?.child.kill('SIGSTOP');
    await after(PAUSE_MS);
    // The next start is a second one: it ends with 3.
    await take(world, { do: 'start', n: pause });
    holder?.child.kill('SIGCONT');
    await story.settled();
    await take(world, { do: 'start', n: pause });
  }
  assert.equal(world.daemon, holder);
  await finish(world);
  const verdict = judge(story);
  publish(
    'holder stopped longer than the stale time',
    `${String(PAUSES)} pauses of ${String(PAUSE_MS / 1000)} s`,
    verdict,
    `seed ${String(chance.seed)}`,
  );
  assertRight(verdict, chance.seed);
});
