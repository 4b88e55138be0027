/**
 * The circuit of a lane, by cockatiel: closed -> open after so many provider errors in a row -> half-open (one run goes) -> closed or open again.
 * Time is the lane's, not the library's: cockatiel asks Date.now(), which a stepped clock moves, so its circuit may always half-open and the lane's
 * hold says when (docs/decisions/0022). Its state is kept over restarts as it writes it itself (toJSON, initialState).
 */

import { CircuitState, circuitBreaker, ConsecutiveBreaker, handleWhenResult } from 'cockatiel';

export type Breaker = {
  isOpen(): boolean;
  /** Tells it how a run ended. Not of a run that was begun before the circuit opened, and not of one that says nothing about the provider. */
  tell(isError: boolean): Promise<void>;
  /** For the journal; null: closed, and no errors. */
  toJSON(): unknown;
};

type Saved = {
  readonly ownState: { readonly value: number; readonly attemptNo?: number; readonly openedAt?: number };
  readonly breakerState: number;
};

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/** Only closed and open are ever written: a half-open circuit is saved as an open one. */
function isSaved(value: unknown): value is Saved {
  if (typeof value !== 'object' || value === null || !('ownState' in value) || !('breakerState' in value)) return false;
  const { ownState, breakerState } = value;
  if (typeof ownState !== 'object' || ownState === null || !('value' in ownState) || !isCount(breakerState)) return false;
  if (ownState.value === CircuitState.Closed) return true;
  return ownState.value === CircuitState.Open && 'attemptNo' in ownState && isCount(ownState.attemptNo) && ownState.attemptNo < 1_000_000;
}

/** @param errors in a row that open it @param saved what toJSON answered once; anything else: closed */
export function makeBreaker(errors: number, saved: unknown): Breaker {
  const policy = circuitBreaker(
    handleWhenResult((result) => result === false),
    {
      breaker: new ConsecutiveBreaker(errors),
      halfOpenAfter: Number.NEGATIVE_INFINITY,
      ...(isSaved(saved) ? { initialState: saved } : {}),
    },
  );
  /** A closed circuit that has seen no error hears of an answer: nothing changes. */
  let isClean = !isSaved(saved);
  return {
    isOpen: () => policy.state !== CircuitState.Closed,
    async tell(isError) {
      if (isClean && !isError) return;
      await policy.execute(() => !isError);
      isClean = !isError && policy.state === CircuitState.Closed;
    },
    toJSON: () => (isClean ? null : policy.toJSON()),
  };
}
