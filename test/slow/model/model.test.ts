/**
 * The model checker (explore.ts) over all scenarios, and what each sync in the code is worth. What is counted and what was seen: docs/faults-model.md.
 * A line of a failure names the crashes that lead to it, so it can be lived again.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { together, type Done, type Work } from './crew.ts';
import { SCENARIOS } from './scenarios.ts';

const work = (scenario: string, more: Partial<Work>): Work => ({ scenario, seed: 1, fan: [], site: null, faults: false, ...more });
const sum = (done: readonly Done[], count: (one: Done) => number): number => done.reduce((total, one) => total + count(one), 0);
const SHARES = 4;
/** `DOCKET_MODEL=million` (six to eight minutes on two quiet processors) tries enough for a million cases; else a share of it, chosen by the same seed. */
const IS_MILLION = process.env['DOCKET_MODEL'] === 'million';
const SIZE = IS_MILLION ? { fan: [0.085, 0.0005], casesMin: 1_000_000 } : { fan: [0.005, 0.0005], casesMin: 30_000 };

test('whatever crashes come, up to three: nothing is lost, published or recorded twice, and no tool is started twice unless its run died', async (context) => {
  const works = SCENARIOS.flatMap(({ name }) =>
    Array.from({ length: SHARES }, (_, index) => work(name, { fan: SIZE.fan, share: { of: SHARES, index } })),
  );
  const done = await together(works);
  const cases = sum(done, (one) => one.cases);
  const byCrashes = [0, 1, 2, 3].map((crashes) => sum(done, (one) => one.byCrashes[crashes] ?? 0));
  context.diagnostic(
    `${String(cases)} crashes, each at another place or with another disk left; ${String(sum(done, (one) => one.states))} worlds lived and judged ` +
      `(after 0, 1, 2, 3 crashes: ${byCrashes.join(', ')})`,
  );
  assert.deepEqual(
    done.flatMap((one) => one.bad),
    [],
  );
  assert.ok(cases >= SIZE.casesMin, `only ${String(cases)} cases`);
});

test('a disk that is full once, or fails once, at any change: nothing is lost, and what a failed sync dropped is not believed', async (context) => {
  const done = await together(SCENARIOS.map(({ name }) => work(name, { faults: true })));
  context.diagnostic(`${String(sum(done, (one) => one.cases))} single faults`);
  assert.deepEqual(
    done.flatMap((one) => one.bad),
    [],
  );
});
