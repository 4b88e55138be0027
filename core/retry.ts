/** Who retries, when, and whether an attempt is spent: the `retry` column of the failure table, as pure functions. */

import { classOf, type Failure } from './failure.ts';
import { unreachable } from './result.ts';

/** How long waits are: the first, and the longest. */
export type BackOff = { readonly baseMs: number; readonly capMs: number };
export type RetryPolicy = BackOff & {
  /** Attempts that may be spent, the first included. */
  readonly attempts: number;
  /** More attempts for an answer that does not keep its contract, whatever was spent on others. */
  readonly repairs: number;
};

export type Decision =
  /** Same job, same lane, after a wait. */
  | { readonly do: 'again'; readonly delayMs: number; readonly spent: boolean }
  /** The whole lane waits; no attempt is spent. How long is the lane's own affair (daemon/lanes/). */
  | { readonly do: 'hold-lane' }
  | { readonly do: 'hold-job' }
  | { readonly do: 'cancel' }
  | { readonly do: 'give-up' };

/** Exponential back-off with full jitter: a random wait between 0 and min(cap, base * 2^(n-1)). @param random 0 <= r < 1 */
export const backoffMs = (spentAttempts: number, policy: BackOff, random: number): number =>
  Math.round(random * Math.min(policy.capMs, policy.baseMs * 2 ** Math.max(0, spentAttempts - 1)));

/**
 * The wait before a lane is looked at again when nobody told how long: full jitter below a bound that doubles with each try, and never less than the
 * base, because each look is a request. @param tries looks that came to nothing so far, this one included @param random 0 <= r < 1
 */
export const probeDelayMs = (tries: number, policy: BackOff, random: number): number =>
  Math.min(policy.capMs, Math.max(policy.baseMs, Math.round(random * Math.min(policy.capMs, policy.baseMs * 2 ** tries))));

/** When the provider said it would answer again, in ms since 1970; null: it did not say. */
export function resetMsOf(failure: Failure): number | null {
  const resetMs = failure.kind === 'rate-limited' && failure.resumeAt !== null ? Date.parse(failure.resumeAt) : Number.NaN;
  return Number.isNaN(resetMs) ? null : resetMs;
}

const UNSPENT: ReadonlySet<string> = new Set(['provider-limit', 'environment-fault', 'budget', 'cancelled']);
/**
 * Does this failure cost the job an attempt?
 * @param isProbe the run went alone to see whether its lane works again: a provider that still fails is the lane's affair
 */
export const isSpentBy = (failure: Failure | null, isProbe = false): boolean => {
  if (failure === null) return false;
  const failureClass = classOf(failure);
  return !UNSPENT.has(failureClass) && !(isProbe && failureClass === 'provider-error');
};

/** A provider's failures leave an answer its repair, and a repair leaves the provider its attempts: each is counted for itself. */
export const spentOn = (failure: Failure, spent: readonly Failure[]): number =>
  spent.filter((earlier) => (earlier.kind === 'contract') === (failure.kind === 'contract')).length;

/** How often the same failure may come back before more attempts are pointless: limits and wrong answers get one more try. */
const tries = (failure: Failure, policy: RetryPolicy): number => {
  const failureClass = classOf(failure);
  if (failureClass === 'agent-limit' || failureClass === 'agent-failure') return Math.min(policy.attempts, 2);
  return policy.attempts;
};

/**
 * @param spent attempts spent so far on failures that count with this one (`spentOn`), this one included when it was
 * @param random 0 <= r < 1, for jitter
 */
export function decide(failure: Failure, spent: number, policy: RetryPolicy, random: number): Decision {
  const failureClass = classOf(failure);
  switch (failureClass) {
    case 'prompt-invalid':
    case 'agent-refusal':
      return { do: 'give-up' };
    case 'policy-violation':
    case 'budget':
      return { do: 'hold-job' };
    case 'cancelled':
      return { do: 'cancel' };
    case 'provider-limit':
    case 'environment-fault':
      return { do: 'hold-lane' };
    case 'provider-error':
    case 'agent-limit':
    case 'agent-failure':
      // What was wrong is known at once, and the provider is well: nothing to wait for.
      if (failure.kind === 'contract') return spent <= policy.repairs ? { do: 'again', delayMs: 0, spent: true } : { do: 'give-up' };
      return spent < tries(failure, policy) ? { do: 'again', delayMs: backoffMs(spent, policy, random), spent: true } : { do: 'give-up' };
    default:
      return unreachable(failureClass);
  }
}
