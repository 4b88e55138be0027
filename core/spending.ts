/** What runs cost, one line for each: read from the evidence in history and from the journal, for budgets and for `docket cost`. */

import { spendOf, type Micros, type Spend } from './money.ts';
import type { AttemptRecord, Usage } from './run.ts';

export type SpendLine = {
  /** Of the run; the same run may be told twice (history and journal, two evidences of one job). */
  readonly runId: string;
  readonly job: string;
  readonly feature: string;
  readonly role: string;
  /** Name of the runner; null: nobody knows any more. */
  readonly tool: string | null;
  readonly model: string | null;
  readonly lane: string | null;
  /** Wall clock of its end. */
  readonly atMs: number;
  readonly outcome: string;
  readonly usage: Usage;
  readonly spend: Spend;
};

export type SpendContext = Pick<SpendLine, 'job' | 'feature' | 'role' | 'tool' | 'model' | 'lane'>;

/** Null: it started no tool, so it cost nothing. */
export function spendLine(attempt: AttemptRecord, context: SpendContext): SpendLine | null {
  const atMs = Date.parse(attempt.endedAt);
  if (attempt.starts === 0 || Number.isNaN(atMs)) return null;
  return {
    ...context,
    runId: attempt.runId,
    tool: attempt.runner ?? context.tool,
    model: attempt.model ?? context.model,
    lane: attempt.lane ?? context.lane,
    atMs,
    outcome: attempt.outcome,
    usage: attempt.usage,
    spend: spendOf(attempt),
  };
}

/** What many runs cost together. */
export type SpendSum = {
  runs: number;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  micros: Micros;
  /** The part of it that the price table estimated. */
  estimatedMicros: Micros;
  /** Starts of a tool of which nobody knows what they cost. */
  unknownRuns: number;
};

export const noSpend = (): SpendSum => ({
  runs: 0,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  micros: 0,
  estimatedMicros: 0,
  unknownRuns: 0,
});

/** Adds one run to a sum, in place. */
export function addSpend(sum: SpendSum, { usage, spend }: Pick<SpendLine, 'usage' | 'spend'>): void {
  sum.runs += 1;
  for (const kind of ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens'] as const) sum[kind] += usage[kind] ?? 0;
  sum.micros += spend.micros;
  if (spend.isEstimated) sum.estimatedMicros += spend.micros;
  sum.unknownRuns += spend.unknownRuns;
}
