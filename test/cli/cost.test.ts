import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { addCost } from '#cli/cost.ts';
import { NO_USAGE, type Usage } from '#core/run.ts';
import { claimPrompt, makeTempWorkspace, move, promptText, seedJob, type TempWorkspace } from '../support/workspace.ts';

type Row = {
  readonly key: string;
  readonly runs: number;
  readonly answered: number;
  readonly cost_usd: number;
  readonly unknown_runs: number;
};
type Cost = { readonly rows: readonly Row[]; readonly total: Row & { readonly estimated_usd: number; readonly cache_read_tokens: number } };
const costOf = async (workspace: TempWorkspace, ...args: string[]): Promise<Cost> =>
  (await workspace.json(addCost, 'cost', ...args)).data as Cost;
const usage = (costUsd: number | null, more: Partial<Usage> = {}): Usage => ({
  ...NO_USAGE,
  inputTokens: 100,
  outputTokens: 10,
  costUsd,
  ...more,
});

async function spent(workspace: TempWorkspace): Promise<void> {
  const rooms = await workspace.rooms();
  await seedJob(rooms, 'a', { feature: 'F-1' }, { status: 'answered', answer: 'x', usage: usage(0.5, { cacheReadTokens: 7 }) });
  await seedJob(rooms, 'b', { feature: 'F-1', agent: 'ui' }, { status: 'answered', answer: 'x', usage: usage(0.25, { estimated: true }) });
  const failure = { kind: 'no-answer', runner: 'fake', message: 'x' } as const;
  await seedJob(rooms, 'c', { feature: 'F-2' }, { status: 'failed', failure, usage: usage(1) });
  await seedJob(rooms, 'd', { feature: 'F-3' }, { status: 'answered', answer: 'x' });
}

describe('docket cost', () => {
  test('without a history says so, and makes none', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const { code, out } = await workspace.run(addCost, 'cost');
    assert.equal(code, 0);
    assert.match(out, /no run that could cost money is recorded in /);
    assert.equal(existsSync(workspace.history), false);
  });

  test('by feature, role and day, what failed too; the dearest first', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await spent(workspace);
    const cost = await costOf(workspace);
    assert.deepEqual(
      cost.rows.map(({ key, runs, answered, cost_usd: usd, unknown_runs: unknown }) => [key, runs, answered, usd, unknown]),
      [
        ['F-2', 1, 0, 1, 0],
        ['F-1', 2, 2, 0.75, 0],
        ['F-3', 1, 1, 0, 1],
      ],
    );
    assert.deepEqual([cost.total.cost_usd, cost.total.estimated_usd, cost.total.runs, cost.total.cache_read_tokens], [1.75, 0.25, 4, 7]);
    assert.deepEqual(
      (await costOf(workspace, '--by', 'role')).rows.map(({ key, cost_usd: usd }) => [key, usd]),
      [
        ['architect', 1.5],
        ['ui', 0.25],
      ],
    );
    assert.equal((await costOf(workspace, '--by', 'day')).rows.length, 1);
    assert.equal((await costOf(workspace, '--since', '1d')).total.runs, 4);
    assert.equal((await costOf(workspace, '--since', '2099-01-01')).total.runs, 0);
  });

  test('a person sees what is estimated, and what nobody knows', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await spent(workspace);
    const { out } = await workspace.run(addCost, 'cost');
    assert.match(out, /^F-1 +2 +2 +200 +20 +7 +0 +~\$0\.75$/m);
    assert.match(out, /^total +4 +3 .*~\$1\.75 +\+ 1 of unknown cost$/m);
    assert.match(out, /~ \$0\.25 of it is estimated by the price table/);
  });

  test('the same after the journal and the folders are gone: in a clone of code and history', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await spent(workspace);
    const before = await costOf(workspace);
    (await workspace.rooms()).journal.close();
    await rm(path.join(workspace.root, 'queues'), { recursive: true });
    assert.deepEqual(await costOf(workspace), before);
  });

  test('a run that was ended at its budget is in it, although nothing of it is recorded', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    const { id } = await claimPrompt(rooms, 'a', promptText({ feature: 'F-1' }));
    const at = new Date().toISOString();
    const failure = { kind: 'budget', message: 'it passed its budget' } as const;
    const run = { n: 1, runId: 'r1', startedAt: at, endedAt: at, outcome: 'budget' as const, failure, usage: usage(0.75), starts: 1 };
    await rooms.journal.commit([
      move(id, 'submitted'),
      move(id, 'running'),
      { do: 'attempt', id, attempt: run, spent: false },
      move(id, 'ran'),
    ]);
    const { total } = await costOf(workspace);
    assert.deepEqual([total.runs, total.answered, total.cost_usd], [1, 0, 0.75]);
  });

  test('wrong use is told with what would be right', async (t) => {
    const workspace = await makeTempWorkspace(t);
    for (const args of [
      ['--by', 'mood'],
      ['--since', 'yesterday'],
      ['--since', '2026-02-30'],
    ])
      assert.equal((await workspace.run(addCost, 'cost', ...args)).code, 2, args.join(' '));
    await workspace.write('docket.yaml', 'app: app\nrunner: offline\nbudgets: { time_zone: Europe/Nowhere }\n');
    const { code, err } = await workspace.run(addCost, 'cost');
    assert.equal(code, 2);
    assert.match(err, /budgets\.time_zone/);
  });
});
