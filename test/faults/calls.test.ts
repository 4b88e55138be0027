/**
 * A fault at the k-th file-changing call under the real processes (shim.c): the process is killed, or the call fails with ENOSPC, EIO or EMFILE, once or
 * for ever. CI takes a seeded choice of k for a few minutes; the full run takes every k with every fault. `DOCKET_FAULTS_CALL="ENOSPC,once,123"` takes one,
 * `"EIO,once,2,unlink index.lock"` the second such call.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countCalls, nameOf, runFault, type Ended, type Fault, type Mode } from './calls.ts';
import { makeChance, type Chance } from './chance.ts';
import { publish } from './results.ts';
import { buildShim, ERROR_NAMES, type Act } from './shim.ts';
import { IS_FULL } from './story.ts';

const BUDGET_MS = IS_FULL ? Number.POSITIVE_INFINITY : 90_000;
const CASES_MIN = 20;
/** Every third case is a kill. */
const KILL_PERCENT = 33;

const AGAIN_MAX = 150;
/** Three kills in a row, by chance. */
const TRIPLES = 1_000;

const FAULTS: readonly { readonly act: Act; readonly mode: Mode }[] = [
  { act: 'kill', mode: 'kill' },
  ...ERROR_NAMES.flatMap((act) => [{ act, mode: 'once' } as const, { act, mode: 'for ever' } as const]),
];

/** In CI an endless stream by chance; in full each once; or the one that was asked for. */
function* casesOf(calls: number, chance: Chance): Generator<Fault> {
  const wanted = process.env['DOCKET_FAULTS_CALL'];
  if (wanted !== undefined) {
    const [act, mode, at, only] = wanted.split(',');
    yield { act: act as Act, mode: mode as Mode, at: Number(at), ...(only === undefined ? {} : { only }) };
    return;
  }
  // A start that mends makes fewer calls than one that begins.
  const again = (): number[] => [chance.between(1, AGAIN_MAX), chance.between(1, AGAIN_MAX)];
  if (IS_FULL) {
    for (const fault of FAULTS) for (let at = 1; at <= calls; at++) yield { ...fault, at };
    for (let left = TRIPLES; left > 0; left--) yield { act: 'kill', mode: 'kill', at: chance.between(1, calls), again: again() };
    return;
  }
  for (;;) {
    const kind = chance.percent(KILL_PERCENT) ? FAULTS[0] : chance.pick(FAULTS.slice(1));
    if (kind !== undefined)
      yield { ...kind, at: chance.between(1, calls), again: kind.act === 'kill' && chance.percent(50) ? again() : [] };
  }
}

const shown = ({ fault, call, isReached, verdict }: Ended): string =>
  `${nameOf(fault)}${isReached ? '' : ' (not reached)'}: ${call}\n${verdict.findings.map(({ kind, what }) => `    ${kind}: ${what}`).join('\n')}`;

test('a fault at any file-changing call leaves a flow that ends right, by itself once the fault is gone', async (t) => {
  const shim = buildShim(t);
  if ('why' in shim) {
    console.log(`NOT RUN: faults at each call: ${shim.why}`);
    return;
  }
  const chance = makeChance();
  const calls = await countCalls(shim.library);
  assert.ok(calls > 200, `${String(calls)} calls`);
  const untilMs = performance.now() + BUDGET_MS;
  for (const { act, mode } of FAULTS) tally.set(`${act} ${mode}`, []);
  for (const fault of casesOf(calls, chance)) {
    const ended = await runFault(shim.library, fault);
    tally.get(`${fault.act} ${fault.mode}`)?.push(ended);
    if (ended.verdict.findings.length > 0) console.log(shown(ended));
    if (performance.now() > untilMs) break;
  }
  const all = [...tally.values()].flat();
  for (const [name, cases] of tally) {
    if (cases.length === 0) continue;
    const verdicts = cases.map(({ verdict }) => verdict);
    const sum = (of: (ended: Ended) => number): number => cases.reduce((total, one) => total + of(one), 0);
    const findings = verdicts.flatMap((verdict) => verdict.findings);
    publish(
      `fault at the k-th call: ${name.replace('kill kill', 'kill')}`,
      `${String(cases.length)} of ${String(calls)} calls`,
      {
        prompts: sum(({ verdict }) => verdict.prompts),
        starts: sum(({ verdict }) => verdict.starts),
        findings,
        count: (kind) => findings.filter((finding) => finding.kind === kind).length,
      },
      `reached ${String(sum(({ isReached }) => Number(isReached)))}; daemon ended by itself and was started again ${String(sum(({ isRestarted }) => Number(isRestarted)))}; seed ${String(chance.seed)}`,
    );
  }
  assert.ok(process.env['DOCKET_FAULTS_CALL'] !== undefined || all.length >= CASES_MIN, `only ${String(all.length)} cases`);
  const bad = all.filter((ended) => ended.verdict.findings.length > 0);
  assert.equal(bad.length, 0, `\n${bad.map(shown).join('\n')}\n(DOCKET_FAULTS_SEED=${String(chance.seed)})`);
});

const tally = new Map<string, Ended[]>();
