/**
 * The published table (docs/faults.md). Each method prints one row; scripts/test.ts gathers the rows and prints them under one head, so that the log of
 * CI holds the numbers of the day. Invariant: a row is one line that starts with `FAULTS |`.
 */

import type { Verdict } from './model.ts';

/** Median and largest, in whole units; of nothing: 0. */
export function summary(values: readonly number[]): { readonly median: number; readonly max: number } {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0), max: Math.round(sorted.at(-1) ?? 0) };
}

/** @param cases such as `300 kills`; @param notes what only this method measures, and its seed */
export function publish(method: string, cases: string, verdict: Verdict, notes: string): void {
  const counts = (['lost', 'doubled', 'wrong', 'left'] as const).map((kind) => verdict.count(kind));
  const cells = [method, cases, verdict.prompts, verdict.starts, ...counts, notes].map((cell) => String(cell).replaceAll('|', '/'));
  console.log(`FAULTS | ${cells.join(' | ')} |`);
}
