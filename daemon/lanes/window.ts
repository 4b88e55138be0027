/**
 * How many runs of a lane go at the same time, between 1 and its slots, as TCP does it (RFC 5681): halved when the provider has too much, one more
 * after a full window of answers; after a hold from 1 on, doubled with each full window up to where it was halved.
 * Invariant: 1 <= cap <= slots, 1 <= threshold <= slots.
 */

export type Window = {
  readonly cap: number;
  readonly threshold: number;
  /** answers since the cap last changed */ readonly answers: number;
};

export const fullWindow = (slots: number): Window => ({ cap: slots, threshold: slots, answers: 0 });

/** As it was remembered, within the slots of today. */
export const windowFrom = (cap: number, threshold: number, slots: number): Window => {
  const within = (value: number): number => Math.min(slots, Math.max(1, Math.trunc(value) || 1));
  return { cap: within(cap), threshold: within(threshold), answers: 0 };
};

export function grown(window: Window, slots: number): Window {
  const answers = window.answers + 1;
  if (window.cap >= slots) return window;
  if (answers < window.cap) return { ...window, answers };
  const cap = window.cap < window.threshold ? Math.min(window.cap * 2, window.threshold) : window.cap + 1;
  return { ...window, cap: Math.min(cap, slots), answers: 0 };
}

export const halved = ({ cap }: Window): Window => {
  const half = Math.max(1, Math.floor(cap / 2));
  return { cap: half, threshold: half, answers: 0 };
};

/** Before the first run after a hold. */
export const restarted = ({ cap, threshold }: Window): Window => ({ cap: 1, threshold: Math.max(cap, threshold), answers: 0 });
