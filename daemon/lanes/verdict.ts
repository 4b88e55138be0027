/** What a run says about its lane, whatever it says about its job. */

import { classOf, describe, type Failure } from '#core/failure.ts';
import { unreachable } from '#core/result.ts';
import { resetMsOf } from '#core/retry.ts';

export type Verdict =
  /** The provider answered, well or not. */
  | { readonly is: 'answered' }
  /** It says nothing about the provider. */
  | { readonly is: 'nothing' }
  | { readonly is: 'limit'; readonly resetMs: number | null; readonly words: string }
  | { readonly is: 'error'; readonly words: string }
  | { readonly is: 'environment'; readonly runner: string | null; readonly words: string };

export const ANSWERED: Verdict = { is: 'answered' };
export const NOTHING: Verdict = { is: 'nothing' };

/** @param failure null: it was answered; its words may be shown */
export function verdictOf(failure: Failure | null, runner: string): Verdict {
  if (failure === null) return ANSWERED;
  const failureClass = classOf(failure);
  switch (failureClass) {
    case 'provider-limit':
      return { is: 'limit', resetMs: resetMsOf(failure), words: describe(failure) };
    case 'provider-error':
      return { is: 'error', words: describe(failure) };
    case 'environment-fault':
      return { is: 'environment', runner, words: describe(failure) };
    case 'agent-refusal':
    case 'agent-failure':
    case 'budget':
      return failure.kind === 'interrupted' ? NOTHING : ANSWERED;
    case 'agent-limit':
      return failure.kind === 'timeout' || failure.kind === 'idle' ? NOTHING : ANSWERED;
    case 'prompt-invalid':
    case 'policy-violation':
    case 'cancelled':
      return NOTHING;
    default:
      return unreachable(failureClass);
  }
}
