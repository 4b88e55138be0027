/**
 * The model checker (explore.ts) over all scenarios, and what each sync in the code is worth. What is counted and what was seen: docs/faults-model.md.
 * A line of a failure names the crashes that lead to it, so it can be lived again.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distinct, together, type Done, type Work } from './crew.ts';
import { SCENARIOS } from './scenarios.ts';

const work = (scenario: string, more: Partial<Work>): Work => ({ scenario, seed: 1, fan: [], site: null, faults: false, ...more });
const grouped = (count: number): string => count.toLocaleString('en');
const sum = (done: readonly Done[], count: (one: Done) => number): number => done.reduce((total, one) => total + count(one), 0);
const SHARES = 4;
/** `DOCKET_MODEL=million` (six to eight minutes on two quiet processors) tries enough for a million cases; else a share of it, chosen by the same seed. */
const IS_MILLION = process.env['DOCKET_MODEL'] === 'million';
const SIZE = IS_MILLION ? { fan: [0.085, 0.0005], casesMin: 1_000_000 } : { fan: [0.0025, 0.0005], casesMin: 30_000 };
const STATES_MIN = 1_000_000;

test('whatever crashes come, up to three: nothing is lost, published or recorded twice, and no tool is started twice unless its run died', async (context) => {
  const works = SCENARIOS.flatMap(({ name }) =>
    Array.from({ length: SHARES }, (_, index) => work(name, { fan: SIZE.fan, share: { of: SHARES, index } })),
  );
  const done = await together(works);
  const count = (keys: (one: Done) => Float64Array | undefined): number =>
    SCENARIOS.reduce((total, { name }) => {
      const own = done.filter((_, index) => works[index]?.scenario === name);
      return total + distinct(own.map((one) => keys(one) ?? new Float64Array()));
    }, 0);
  const cases = count((one) => one.cases);
  const states = count((one) => one.states);
  const lived = [0, 1, 2, 3].map((crashes) => count((one) => one.lived[crashes]));
  context.diagnostic(
    `${grouped(states)} distinct states looked at; ${grouped(cases)} crashes, each at another place or with another disk left; ` +
      `${grouped(lived.reduce((all, some) => all + some, 0))} worlds lived and judged (after 0, 1, 2, 3 crashes: ${lived.map(grouped).join('; ')})`,
  );
  assert.deepEqual(
    done.flatMap((one) => one.bad),
    [],
  );
  assert.ok(states >= STATES_MIN, `only ${grouped(states)} states`);
  assert.ok(cases >= SIZE.casesMin, `only ${grouped(cases)} cases`);
});

/** Bytes that the author of a prompt did not sync, and whose sync failed under docket: the kernel calls them clean afterwards. History has them. */
const KNOWN = /^foo: the prompt is lost \[(?:ENOSPC|EIO) at syncFile \S+\.claimed; the power is lost\]$/;

test('a disk that is full once, or fails once, at any change: nothing is lost, and what a failed sync dropped is not believed', async (context) => {
  const done = await together(SCENARIOS.map(({ name }) => work(name, { faults: true })));
  context.diagnostic(`${String(sum(done, (one) => one.faults))} single faults`);
  assert.deepEqual(
    done.flatMap((one) => one.bad).filter((words) => !KNOWN.test(words)),
    [],
  );
});
