/**
 * A run whose tool tells tokens while it goes on is held to its money: what it has cost so far is reserved in the purse when it is more than was thought,
 * and a run that passes its own limits.budget_usd is ended. It is ended by the keeper with the reason `budget`, so that a daemon which comes after
 * a crash understands it in the same way.
 */

import { microsOf, priced, showUsd } from '#core/money.ts';
import type { JobId } from '#core/names.ts';
import type { Usage } from '#core/run.ts';
import type { Follower } from '#agents/progress.ts';
import type { Ports } from './ports.ts';

export type HeldRun = {
  readonly job: JobId;
  readonly attempt: number;
  /** Asked for; null: the tool's own. */
  readonly model: string | null;
  readonly budgetUsd: number;
  readonly callsProvider: boolean;
  readonly follower: Follower;
};

/** What is to be told at each look; null: the tool tells nothing before its end, or costs nothing. */
export function holdToBudget(
  { purse, keeper, prices, log }: Pick<Ports, 'purse' | 'keeper' | 'prices' | 'log'>,
  { job, attempt, model, budgetUsd, callsProvider, follower }: HeldRun,
): ((usage: Usage) => Promise<void>) | null {
  if (!callsProvider || !follower.tellsUsage) return null;
  const limit = microsOf(budgetUsd);
  let isTold = false;
  return async (usage) => {
    const { costUsd } = priced(usage, follower.model() ?? model, prices);
    const micros = costUsd === null ? null : microsOf(costUsd);
    if (micros === null) return;
    purse.soFar(job, micros);
    if (limit === null || micros <= limit) return;
    const run = await follower.run();
    if (run === null) return;
    if (!isTold)
      log.warn(`attempt ${String(attempt)} has cost ${showUsd(micros)} and is ended: its budget is ${showUsd(limit)} (limits.budget_usd)`, {
        job,
        attempt,
        run_id: run.runId,
      });
    isTold = true;
    // Asked again at the next look: it is the same for the keeper, and a keeper that went away does not hear it.
    await keeper.stop(run.runId, 'budget').catch(() => undefined);
  };
}
