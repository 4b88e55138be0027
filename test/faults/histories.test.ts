/**
 * A property over random histories (fast-check): whatever is dropped, edited, withdrawn, killed, stopped, paused and started twice, in whatever order and with
 * whatever clock, the model holds. `DOCKET_FAULTS_SEED` repeats the choice of steps.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, asyncProperty, check, defaultReportMessage, nat, oneof, type Arbitrary } from 'fast-check';
import type { Cleanup } from '#test/support/rig.ts';
import { makeChance } from './chance.ts';
import { assertRight, judge, type Finding, type Verdict } from './model.ts';
import { publish } from './results.ts';
import { buildShim, makeShim } from './shim.ts';
import { finish, makeWorld, take, type Step, type StepName } from './steps.ts';
import { IS_FULL, makeStory, shareOf } from './story.ts';

const HISTORIES = IS_FULL ? 1_000 : 200;
const STEPS_MIN = 20;
const STEPS_MAX = 60;
const BUDGET_MS = IS_FULL ? 3 * 3_600_000 : shareOf(75_000, 40_000);

/** How often each step comes, against the others. */
const WEIGHTS: Readonly<Record<StepName, number>> = {
  drop: 8,
  burst: 3,
  'drop slowly': 2,
  'drop what is not valid': 2,
  edit: 4,
  withdraw: 2,
  wait: 8,
  start: 5,
  'two at once': 2,
  stop: 2,
  kill: 4,
  pause: 1,
  'set the clock': 3,
  'lose the journal': 1,
};

const step: Arbitrary<Step> = oneof(
  ...Object.entries(WEIGHTS).map(([name, weight]) => ({
    weight,
    arbitrary: nat().map((n): Step => ({ do: name as StepName, n })),
  })),
);

async function live(steps: readonly Step[], library: string | null): Promise<Verdict> {
  const cleanups: (() => Promise<void>)[] = [];
  const t: Cleanup = { after: (act) => void cleanups.push(act) };
  try {
    const story = makeStory(t);
    const world = makeWorld(story, library === null ? null : makeShim(story.rig, library, { isCounting: false }));
    for (const one of steps) await take(world, one);
    await finish(world);
    return judge(story);
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
}

test('whatever happens in whatever order, each prompt comes to its one right end', async (t) => {
  const built = buildShim(t);
  if ('why' in built) console.log(`NOT RUN: clock steps in random histories: ${built.why}`);
  const library = 'why' in built ? null : built.library;
  const { seed } = makeChance();
  const findings: Finding[] = [];
  // A history that was begun is lived to its end: fast-check's own time limit would leave it, and its daemon, running behind the test.
  const untilMs = performance.now() + BUDGET_MS;
  const done = { histories: 0, steps: 0, prompts: 0, starts: 0 };
  const property = asyncProperty(array(step, { minLength: STEPS_MIN, maxLength: STEPS_MAX, size: 'max' }), async (steps) => {
    if (performance.now() > untilMs) return;
    const verdict = await live(steps, library);
    done.histories += 1;
    done.steps += steps.length;
    done.prompts += verdict.prompts;
    done.starts += verdict.starts;
    findings.push(...verdict.findings);
    assertRight(verdict, seed);
  });
  // Not made smaller on failure: each try costs seconds, and the steps that failed are printed.
  const result = await check(property, { seed, numRuns: HISTORIES, endOnFailure: true });
  publish(
    'random histories (fast-check)',
    `${String(done.histories)} histories, ${String(done.steps)} steps`,
    { prompts: done.prompts, starts: done.starts, findings, count: (kind) => findings.filter((finding) => finding.kind === kind).length },
    `seed ${String(seed)}${library === null ? '; without clock steps' : ''}`,
  );
  assert.ok(done.histories > 0, 'no history came to its end in time');
  const why =
    result.errorInstance instanceof Error ? (result.errorInstance.stack ?? result.errorInstance.message) : String(result.errorInstance);
  assert.equal(result.failed, false, `${defaultReportMessage(result) ?? ''}\n${why}`);
});
