/** Who retries, when, and whether an attempt is spent: the `retry` column of the failure table, as one pure function. */

import { classOf, type Failure } from './failure.ts';
import { unreachable } from './result.ts';

export type RetryPolicy = {
  /** Attempts that may be spent, the first included. */
  readonly attempts: number;
  readonly baseMs: number;
  readonly capMs: number;
};

export type Decision =
  /** Same job, same lane, after a wait. */
  | { readonly do: 'again'; readonly delayMs: number; readonly spent: boolean }
  /** The whole lane waits; no attempt is spent. `untilMs` is null when nobody knows: the lane probes at the back-off's cap. */
  | { readonly do: 'hold-lane'; readonly untilMs: number | null; readonly delayMs: number }
  | { readonly do: 'hold-job' }
  | { readonly do: 'cancel' }
  | { readonly do: 'give-up' };

/** Exponential back-off with full jitter: a random wait between 0 and min(cap, base * 2^(n-1)). @param random 0 <= r < 1 */
export const backoffMs = (spentAttempts: number, policy: RetryPolicy, random: number): number =>
  Math.round(random * Math.min(policy.capMs, policy.baseMs * 2 ** Math.max(0, spentAttempts - 1)));

/** How often the same failure may come back before more attempts are pointless: limits and wrong answers get one more try. */
const tries = (failure: Failure, policy: RetryPolicy): number => {
  const failureClass = classOf(failure);
  if (failureClass === 'agent-limit' || failureClass === 'agent-failure') return Math.min(policy.attempts, 2);
  return policy.attempts;
};

/**
 * @param spent attempts spent so far, this one included
 * @param nowMs wall clock, for `resumeAt`
 * @param random 0 <= r < 1, for jitter
 */
export function decide(failure: Failure, spent: number, policy: RetryPolicy, nowMs: number, random: number): Decision {
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
    case 'provider-limit': {
      const resumeAt = failure.kind === 'rate-limited' && failure.resumeAt !== null ? Date.parse(failure.resumeAt) : Number.NaN;
      const jitterMs = Math.round(random * policy.baseMs);
      return Number.isNaN(resumeAt)
        ? { do: 'hold-lane', untilMs: null, delayMs: Math.max(policy.baseMs, Math.round(policy.capMs * (0.5 + random / 2))) }
        : { do: 'hold-lane', untilMs: resumeAt, delayMs: Math.max(0, resumeAt - nowMs) + jitterMs };
    }
    case 'environment-fault':
      return { do: 'hold-lane', untilMs: null, delayMs: Math.max(policy.baseMs, Math.round(policy.capMs * (0.25 + random / 4))) };
    case 'provider-error':
    case 'agent-limit':
    case 'agent-failure':
      return spent < tries(failure, policy) ? { do: 'again', delayMs: backoffMs(spent, policy, random), spent: true } : { do: 'give-up' };
    default:
      return unreachable(failureClass);
  }
}
