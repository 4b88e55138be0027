/** What runs cost, one line for each: read from the evidence in history and from the journal, for budgets and for `docket cost`. */

import { spendOf, type Spend } from './money.ts';
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
