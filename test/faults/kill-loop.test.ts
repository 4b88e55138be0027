/**
 * kill -9 of the real daemon at random instants - while it starts, while it mends, while it works - under load in four lanes with a tool that takes 0 to
 * 300 ms. The keeper lives on, so no tool may be started twice. What is right afterwards is model.ts.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { isUp } from './daemon.ts';
import { makeChance } from './chance.ts';
import { assertRight, judge } from './model.ts';
import { publish, summary } from './results.ts';
import { IS_FULL, makeStory, shareOf } from './story.ts';

const KILLS = Number(process.env['DOCKET_FAULTS_KILLS'] ?? (IS_FULL ? 2_000 : 300));
/** A busy machine does fewer; the table says how many. */
const BUDGET_MS = IS_FULL ? Number.POSITIVE_INFINITY : shareOf(330_000, 120_000);
const KILLS_MIN = 20;
/** Prompts that lie open at each start. */
const BACKLOG = 24;
/** Some daemons die before they are up, the others within this time after it. */
const START_SHARE_PERCENT = 25;
const START_MS_MAX = 400;
const WORK_MS_MAX = 700;

test(`killed up to ${String(KILLS)} times at random instants under load, docket loses nothing and does nothing twice`, async (t) => {
  const chance = makeChance();
  const story = makeStory(t);
  const { rig } = story;
  const recoveriesMs: number[] = [];
  let early = 0;
  const untilMs = performance.now() + BUDGET_MS;
  let kills = 0;
  while (kills < KILLS && performance.now() < untilMs) {
    while (story.open() < BACKLOG) story.drop(chance);
    const begunMs = performance.now();
    const daemon = rig.launch();
    if (chance.percent(START_SHARE_PERCENT)) {
      await Promise.race([after(chance.between(0, START_MS_MAX)), daemon.ended]);
      if (daemon.output().includes('is up for')) recoveriesMs.push(performance.now() - begunMs);
      else early += 1;
    } else {
      await isUp(daemon);
      recoveriesMs.push(performance.now() - begunMs);
      // The story goes on while it works: prompts come at any time.
      const worksMs = chance.between(0, WORK_MS_MAX);
      const dropsMs = chance.between(0, worksMs);
      await after(dropsMs);
      if (chance.percent(50)) story.drop(chance);
      await after(worksMs - dropsMs);
    }
    assert.equal(daemon.child.exitCode, null, `after ${String(kills)} kills it ended by itself: ${daemon.output()}`);
    await daemon.kill();
    kills += 1;
  }
  const begunMs = performance.now();
  const last = await rig.start();
  recoveriesMs.push(performance.now() - begunMs);
  await story.settled();
  assert.equal(await last.stop(), 0, last.output());

  const verdict = judge(story);
  const recovery = summary(recoveriesMs);
  publish(
    'kill -9 loop',
    `${String(kills)} kills, ${String(early)} of them before it was up`,
    verdict,
    `time to recover: median ${String(recovery.median)} ms, max ${String(recovery.max)} ms; seed ${String(chance.seed)}`,
  );
  assertRight(verdict, chance.seed);
  assert.ok(kills >= Math.min(KILLS, KILLS_MIN), `only ${String(kills)} kills`);
});
