/** What the real tools tell while they run, against the fake model on loopback: as it is heard by a listener, and as their money is watched. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { followAttempt } from '#agents/progress.ts';
import { printable } from '#core/names.ts';
import type { Price } from '#core/money.ts';
import { holdToBudget } from '#daemon/hold-to-budget.ts';
import { makeLiveRuns, type LiveEvent } from '#daemon/live-runs.ts';
import { clock, fs, silentLog } from '#test/keeper/rig.ts';
import { withTool } from '#test/support/real-tools.ts';
import { openStage, type RunOptions, type Stage } from '#test/support/tool-stage.ts';

/** A thousand tokens are a dollar. */
const DEAR: Price = {
  model: '*',
  inputUsd: 1_000,
  outputUsd: 1_000,
  cacheReadUsd: 1_000,
  cacheWriteUsd: 1_000,
  source: 's',
  asOf: '2026-11-20',
};
/** The first answer costs more; the tool's own prices are a thousandth of these, so it does not end itself. */
const BUDGET_USD = 0.5;

/** The name of the tool that writes a file. The other tools pass this, too, and take a minute: their transcripts stand for them in test/agents. */
type Expected = { readonly tool: string };
const TOOLS: Readonly<Record<string, Expected>> = {
  claude: { tool: 'Write' },
  codex: { tool: 'file_change' },
  gemini: { tool: 'write_file' },
};

for (const [tool, expected] of Object.entries(TOOLS))
  withTool(tool, (bin) => {
    describe(`the real ${tool}, while it runs`, () => {
      let stage: Stage;
      before(async () => {
        stage = await openStage(tool, bin);
      });
      after(async () => stage.close());

      const listening = (heard: LiveEvent[], isWatched: boolean): Pick<RunOptions, 'during'> => ({
        during: ({ runner, request, keeper }) => {
          const live = makeLiveRuns({ clock, prices: [[DEAR]] });
          const follower = followAttempt(runner, request.dir, request.cwd, fs, printable);
          const { job, attempt, model } = request;
          const held = { job, attempt, model, budgetUsd: request.limits.budgetUsd, callsProvider: true, follower };
          const ports = { purse: { soFar: () => undefined }, keeper, prices: [[DEAR]], log: silentLog };
          const onUsage = isWatched ? holdToBudget(ports as never, held) : null;
          if (!isWatched) live.listen(job, (event) => void heard.push(event));
          return live.begin({ job, role: 'ui', stem: 'foo', attempt, runner: tool, model, follower, onUsage });
        },
      });

      test('calls of its tools, files, words and tokens are heard', async (t) => {
        const heard: LiveEvent[] = [];
        const ran = await stage.run(t, 'tool=write,path=made.md,content=x', { access: 'worktree', ...listening(heard, false) });
        const words = JSON.stringify(heard);
        const first = heard.find((event) => event.event === 'tool');
        const files = heard.flatMap((event) => (event.event === 'tool' || event.event === 'file' ? [event.file] : []));
        assert.equal(first?.tool, expected.tool, words);
        assert.ok(files.includes('made.md'), words);
        const last = heard.findLast((event) => event.event === 'usage');
        assert.equal(last?.input_tokens, ran.outcome.usage.inputTokens, words);
        assert.ok(
          heard.some((event) => event.event === 'text' && event.text.includes('# Fake answer')),
          words,
        );
        assert.equal(heard.at(-1)?.event, 'end');
      });

      if (tool === 'claude')
        test('a run that passes its budget is ended, says so, and what it used is known', async (t) => {
          const { outcome, requests } = await stage.run(t, 'tool=read,path=inside.txt,repeat=30,delay=500', {
            limits: { budgetUsd: BUDGET_USD, turns: 40 },
            ...listening([], true),
          });
          assert.ok(!outcome.ok);
          assert.equal(outcome.failure.kind, 'budget', JSON.stringify(outcome.failure));
          assert.ok((outcome.usage.inputTokens ?? 0) >= BUDGET_USD * 1_000, JSON.stringify(outcome.usage));
          assert.ok(requests.length < 30, String(requests.length));
        });
    });
  });
