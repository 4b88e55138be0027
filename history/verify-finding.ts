/** What the parts of `verify` share: how a finding is made, and how words are taken out of an error. */

import type { Finding } from '#core/history.ts';

export const finding = (
  what: Finding['what'],
  path: string,
  message: string,
  expected: string | null = null,
  found: string | null = null,
  more: Partial<Pick<Finding, 'detail' | 'isNotice' | 'commit' | 'job'>> = {},
): Finding => ({ what, path, expected, found, message, ...more });

export const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** How far it is. `total` grows while more is found to do. */
export type Count = { done: number; total: number; readonly step: (steps?: number) => void };

export function makeCount(progress: (done: number, total: number) => void): Count {
  const count: Count = {
    done: 0,
    total: 0,
    step(steps = 1) {
      count.done += steps;
      progress(count.done, count.total);
    },
  };
  return count;
}
