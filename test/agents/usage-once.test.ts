/**
 * Each token is counted once, however a tool counts: 2,000 of input asked of a model that says 500 of them came from a cache. What each tool then
 * prints was seen with the real ones (codex 0.169, gemini 0.61, qwen 0.24, copilot 1.0.102, claude 2.1.329, opencode 1.18).
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOutput } from '#tools/read-output.ts';
import { shippedProfiles } from '#test/support/profiles.ts';

const PRINTED: Readonly<Record<string, { readonly stdout?: unknown; readonly report?: unknown; readonly fresh: number }>> = {
  claude: { stdout: { type: 'result', usage: { input_tokens: 2_000, cache_read_input_tokens: 500, output_tokens: 40 } }, fresh: 2_000 },
  codex: { stdout: { type: 'turn.completed', usage: { input_tokens: 2_000, cached_input_tokens: 500, output_tokens: 40 } }, fresh: 1_500 },
  gemini: { stdout: { type: 'result', status: 'success', stats: { input_tokens: 2_000, cached: 500, output_tokens: 40 } }, fresh: 1_500 },
  qwen: { stdout: { type: 'result', usage: { input_tokens: 2_000, cache_read_input_tokens: 500, output_tokens: 40 } }, fresh: 1_500 },
  copilot: { report: { modelMetrics: { m: { usage: { inputTokens: 2_000, cacheReadTokens: 500, outputTokens: 40 } } } }, fresh: 1_500 },
  opencode: {
    stdout: { type: 'step_finish', part: { tokens: { input: 1_500, output: 40, cache: { read: 500, write: 0 } } } },
    fresh: 1_500,
  },
};

for (const [tool, { stdout, report, fresh }] of Object.entries(PRINTED))
  test(`${tool}: what a cache gave is counted once`, () => {
    const profile = shippedProfiles().get(tool);
    assert.ok(profile !== undefined);
    const texts = {
      stdout: stdout === undefined ? '' : `${JSON.stringify(stdout)}\n`,
      stderr: '',
      report: report === undefined ? '' : JSON.stringify(report),
    };
    const { usage } = readOutput(texts, profile.read, { code: 0, endedAt: '2026-11-20T12:00:00Z' });
    assert.deepEqual([usage.inputTokens, usage.cacheReadTokens, usage.outputTokens], [fresh, 500, 40]);
  });
