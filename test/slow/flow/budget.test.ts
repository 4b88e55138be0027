/** A flood of prompts against a budget, through the real program: four lanes, tools that say what they cost, restarts and a lost journal. */

import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { assertVerified, makeRig, promptText, type Daemon } from '#test/support/rig.ts';

const PROMPTS = 50;
const LANES = ['one', 'two', 'three', 'four'];
const DAY_USD = 2;
/** What an answer costs, in tenths of a cent, by the last digit of its prompt's number: 0.05 to 0.14 dollars. */
const costOf = (n: number): number => 50 + 10 * (n % 10);
const SLOTS = 2;

/** Claude's own form of output; the cost stands in the prompt. */
const TOOL = `#!/bin/sh
[ "$1" = --version ] && { echo 2.1.329; exit 0; }
[ "$1" = auth ] && { echo '{"loggedIn":true}'; exit 0; }
mills=$(sed -n 's/^costs \\([0-9]*\\) mills$/\\1/p')
printf '{"type":"result","is_error":false,"terminal_reason":"completed","stop_reason":"end_turn","result":"# Done","total_cost_usd":0.%03d,"usage":{"input_tokens":10,"output_tokens":5}}\\n' "$mills"
`;

const settings = (tool: string, dayUsd: number): string =>
  `runner: offline
slots: ${String(SLOTS)}
intake: { settle: 100ms }
throttle: { interval_cap: 1000, interval: 1s }
budgets: { day_usd: ${String(dayUsd)}, reserve_usd: 0.05, time_zone: UTC }
runners:
${LANES.map((lane) => `  ${lane}: { kind: claude, program: ${tool}, lane: ${lane} }\n`).join('')}`;

type Cost = {
  readonly total: { readonly runs: number; readonly cost_usd: number };
  readonly rows: readonly { readonly key: string; readonly runs: number; readonly cost_usd: number }[];
};

type Status = {
  readonly waits_for_money: readonly string[];
  readonly budgets: readonly { readonly runs: number; readonly spent: number }[];
  readonly lanes: readonly { readonly running: number; readonly queued: number }[];
};

describe('budgets', () => {
  const rig = makeRig({ after });
  const tool = rig.tool('claude-that-costs', TOOL);
  const spent = (): Cost => JSON.parse(rig.run(['cost', '--by', 'lane', '--json']).out) as Cost;
  const answered = (): string[] => readdirSync(rig.in()).filter((name) => name.endsWith('.processed'));
  const waiting = (): string[] => readdirSync(rig.in()).filter((name) => name.endsWith('.md'));
  const inWork = (): string[] => {
    const work = path.join(rig.queues, '01-architect', 'work');
    return readdirSync(work).filter((name) => name.endsWith('.claimed'));
  };
  const isQuiet = ({ waits_for_money: poor, budgets, lanes }: Status): boolean =>
    lanes.every(({ running, queued }) => running + queued === 0) && poor.length === inWork().length && budgets[0]?.runs === 0;
  let daemon: Daemon;

  test('a flood in four lanes stops at the budget, passed at most by what the last running answers cost more than was thought', async () => {
    rig.settings(settings(tool, DAY_USD));
    for (let n = 0; n < PROMPTS; n++)
      rig.drop(
        `p${String(n)}.md`,
        promptText({
          feature: `F-${String(n)}`,
          body: `# Task\n\ncosts ${String(costOf(n))} mills\n`,
          extra: `runner: ${LANES[n % LANES.length] ?? ''}\n`,
        }),
      );
    daemon = await rig.start();
    await rig.logged('waits for money: the budget of the day');
    // What still runs ends: then nothing moves any more, and all that waits does so for money.
    while (!isQuiet(JSON.parse((await rig.docket('status', '--json')).out) as Status));
    const cost = spent();
    assert.equal(cost.total.runs, answered().length);
    assert.deepEqual(cost.rows.map(({ key }) => key).toSorted(), LANES.toSorted());
    const dearest = costOf(9) / 1000;
    assert.ok(cost.total.cost_usd <= DAY_USD + LANES.length * SLOTS * (dearest - 0.05), `${String(cost.total.cost_usd)} is too much`);
    // Not so little that the budget was no limit.
    assert.ok(cost.total.cost_usd > DAY_USD - dearest, `${String(cost.total.cost_usd)} is too little`);
    assert.equal(waiting().length + inWork().length + answered().length, PROMPTS);
    assert.match(rig.log(), /the budget of the day .*: past 80 % \(budgets\.soft\)/);
  });

  test('why and status say what releases it', () => {
    const name = waiting()[0]?.replace(/\.md$/, '') ?? '';
    const why = rig.run(['why', `architect/${name}`]);
    assert.match(why.out, /the budget of the day .* of \$2\.00 \(budgets\.day_usd\)/);
    assert.match(why.out, /when the day ends \(.*T00:00:00\.000Z, UTC\), or .*budgets\.day_usd is raised .*docket release/);
    const status = rig.run(['status']).out;
    assert.match(status, /the budget of the day .* spent, of \$2\.00/);
    const [job = ''] = inWork().map((file) => file.replace('.claimed', ''));
    if (job !== '') assert.match(rig.run(['why', job]).out, /waits for money/);
  });

  test('a person releases one, and it is answered', async () => {
    const before = answered().length;
    const name = waiting()[0]?.replace(/\.md$/, '') ?? '';
    const released = rig.run(['release', `architect/${name}`]);
    assert.equal(released.code, 0, released.err);
    await rig.ended(name);
    assert.equal(answered().length, before + 1);
  });

  test('what was spent is known again after a restart, and after the journal is lost', async () => {
    const { total } = spent();
    await daemon.stop();
    for (const file of readdirSync(path.join(rig.queues, '.docket')).filter((one) => one.startsWith('journal')))
      rmSync(path.join(rig.queues, '.docket', file), { recursive: true });
    daemon = await rig.start();
    const [budget] = (JSON.parse(rig.run(['status', '--json']).out) as Status).budgets;
    assert.equal(budget?.spent, Math.round(total.cost_usd * 1e6));
    assert.deepEqual(spent().total, total);
  });

  test('a raised budget lets all others go, and each prompt was paid for once', async () => {
    await daemon.stop();
    rig.settings(settings(tool, 100));
    daemon = await rig.start();
    await rig.until(rig.in(), () => answered().length === PROMPTS, 'all answers');
    await daemon.stop();
    const { total } = spent();
    assert.equal(total.runs, PROMPTS);
    assert.equal(
      Math.round(total.cost_usd * 1000),
      Array.from({ length: PROMPTS }, (_, n) => costOf(n)).reduce((a, b) => a + b, 0),
    );
    const evidence = readdirSync(rig.out()).filter((name) => name.endsWith('_evidence.json'));
    assert.equal(evidence.length, PROMPTS);
    assertVerified(rig);
  });
});
