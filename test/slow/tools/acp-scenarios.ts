/** One real agent over the Agent Client Protocol, against the fake model on loopback: the few things in which this way differs from its command line. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { profileOf } from '#test/support/profiles.ts';
import { withTool } from '#test/support/real-tools.ts';
import type { Cell } from '#test/support/tool-table.ts';
import { acpProfile } from '#tools/acp-read.ts';
import { openStage, type RunOptions, type Stage } from '#test/support/tool-stage.ts';
import { BRIEF, hookedProject } from './scenarios.ts';

export type AcpCells = {
  readonly refusal: Cell;
  readonly limited: Cell;
  readonly cut: Cell;
  /** It reads the project's files of instructions, whatever it is told; its profile says so. */
  readonly readsInstructions?: true;
};
const HANGS_MS = 15_000;

/** @param cells `answered*`: nothing tells it from an answer, and the profile says so in `hides` */
export function realAgent(tool: 'gemini' | 'opencode' | 'qwen' | 'copilot', cells: AcpCells): void {
  withTool(tool, (bin) => {
    let stage: Stage;
    before(async () => {
      stage = await openStage(tool, bin, 'acp');
    });
    after(async () => stage.close());

    describe(`the real ${tool} over ACP`, { concurrency: 2 }, () => {
      test('answers, with its tokens; neither the prompt nor the project makes it act', async (t) => {
        const hooked = path.join(stage.outside, 'hooked');
        const guard = acpProfile(profileOf(tool))?.guard ?? [];
        const isGuarded = (name: string): boolean => guard.some((one) => name === one || name.startsWith(`${one}/`));
        const project = Object.fromEntries(Object.entries(hookedProject(hooked)).filter(([name]) => !isGuarded(name)));
        const { outcome, requests, given } = await stage.run(t, 'ok', { brief: BRIEF, project });
        assert.ok(outcome.ok, JSON.stringify(outcome).slice(0, 800));
        assert.match(outcome.answer, /^# Fake answer[\s\S]*Done\.\n$/);
        assert.ok((outcome.usage.inputTokens ?? 0) > 0 && (outcome.usage.outputTokens ?? 0) > 0, JSON.stringify(outcome.usage));
        const sent = requests.filter((request) => request.includes('last line of the brief'));
        assert.ok(sent.length > 0);
        for (const request of sent) assert.ok(request.includes(JSON.stringify(given).slice(1, -1)), given);
        assert.ok(!requests.some((request) => request.includes('INSIDE-MARK')), 'a file that was mentioned was sent along');
        assert.ok(!existsSync(hooked), 'a hook of the project ran');
        const isMarked = requests.some((request) => request.includes('PROJECT-MARK'));
        assert.equal(isMarked, cells.readsInstructions ?? false, 'settings of the project were sent along, or no longer');
      });

      test('a write outside is denied', async (t) => {
        const outside = path.join(stage.outside, 'made.md');
        const { outcome } = await stage.run(t, `tool=write,path=${encodeURIComponent(outside)},content=x`, { access: 'worktree' });
        assert.equal(outcome.ok ? 'answered' : outcome.failure.kind, 'denied', JSON.stringify(outcome).slice(0, 800));
        assert.ok(!existsSync(outside));
      });

      test('a write inside is asked for and allowed, or is not asked for; with read-only it is never made', async (t) => {
        const scenario = 'tool=write,path={cwd}%2Fmade.md,content=x';
        const may = await stage.run(t, scenario, { access: 'worktree' });
        assert.ok(may.outcome.ok, JSON.stringify(may.outcome).slice(0, 800));
        assert.ok(may.files.includes('made.md'), may.stdout);
        assert.ok(may.outcome.acts?.asked.every(({ decision }) => decision === 'allowed') ?? true);
        const never = await stage.run(t, scenario, { access: 'read-only' });
        assert.ok(!never.files.includes('made.md'));
      });

      const kinds: readonly [string, string, Cell, RunOptions?][] = [
        ['a refusal', 'refusal', cells.refusal],
        ['cut at the token limit', 'max-tokens', cells.cut],
        ['429', '429,retry-after=0', cells.limited, { limits: { timeoutMs: cells.limited === 'timeout' ? HANGS_MS : 240_000 } }],
        ['401', '401', 'not-logged-in'],
        ['the model hangs', 'hang', 'timeout', { limits: { timeoutMs: HANGS_MS } }],
      ];
      for (const [title, scenario, cell, options] of kinds)
        test(`${title}: ${cell}`, async (t) => {
          const { outcome } = await stage.run(t, scenario, options);
          assert.equal(outcome.ok ? 'answered' : outcome.failure.kind, cell.replace('*', ''), JSON.stringify(outcome).slice(0, 800));
        });
    });
  });
}
