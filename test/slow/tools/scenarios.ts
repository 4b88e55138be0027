/** One real tool through the contract and the table of scenarios, against the fake model on loopback. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runnerContract } from '#test/contracts/runner.ts';
import { withTool } from '#test/support/real-tools.ts';
import { cellOf, TABLE, type TableTool } from '#test/support/tool-table.ts';
import { openStage, type Stage } from '#test/support/tool-stage.ts';

/** These tools take seconds of one core; more at once would only wait for each other. */
const AT_ONCE = 2;
/** Whoever is to hang is not waited for long. */
const HANGS_MS = 12_000;

/** @param outputFor what the tool would print for an answer */
export function realTool(tool: TableTool, outputFor: (answer: string) => string): void {
  withTool(tool, (bin) => {
    let stage: Stage;
    before(async () => {
      stage = await openStage(tool, bin);
    });
    after(async () => stage.close());

    runnerContract({
      name: `the real ${tool}`,
      outputFor,
      make: async (rig, ports) => Promise.resolve(stage.runner(rig, { ...ports, env: { ...ports.env, ...stage.env(rig) } })),
      model: () => stage.modelName,
      makeMissing: null,
    });

    describe(`the real ${tool}`, { concurrency: AT_ONCE }, () => {
      for (const row of TABLE) {
        const cell = cellOf(row, tool);
        test(`${row.title}: ${cell}`, async (t) => {
          const outside = path.join(stage.outside, 'made.md');
          const scenario = row.scenario.replace('{outside}', encodeURIComponent(outside));
          const limits = { ...(cell === 'timeout' ? { timeoutMs: HANGS_MS } : {}), ...row.options?.limits };
          const { outcome, starts } = await stage.run(t, scenario, { ...row.options, limits });
          assert.equal(outcome.ok ? 'answered' : outcome.failure.kind, cell.replace('*', ''), JSON.stringify(outcome).slice(0, 800));
          assert.equal(starts, 1);
          if (cell === 'denied') assert.ok(!existsSync(outside));
          if (row.scenario === 'ok') assert.ok((outcome.usage.inputTokens ?? 0) > 0 && (outcome.usage.outputTokens ?? 0) > 0);
          if (row.scenario === 'size=2m') assert.ok(outcome.ok && Buffer.byteLength(outcome.answer) >= 2_000_000);
        });
      }
    });
  });
}
