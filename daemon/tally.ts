/**
 * What the runs of today cost and used, for `docket status`: told of each run that ends (the journal's changes), and once of those before this start.
 *
 *   nothing known -> filled once, from journal and history -> each run that ends is added        midnight -> begins anew
 *
 * Invariant: a run counts once, whoever tells of it.
 */

import type { Calendar } from '#core/day.ts';
import type { Today } from '#core/glance.ts';
import type { Clock, JournalChange } from '#core/ports.ts';
import { addSpend, noSpend, spendLine, type SpendLine } from '#core/spending.ts';

export type Tally = {
  charge(line: SpendLine): void;
  /** Changes as the journal is told them. */
  hear(changes: readonly JournalChange[]): void;
  /** The first moment of today, ISO 8601. */
  since(): string;
  today(): Today;
};

const DAY_MS = 86_400_000;
const UNKNOWN = { job: '', feature: '', role: '', tool: null, model: null, lane: null } as const;

/** The first moment of the day that this moment is in. */
export function startOfDayMs(calendar: Calendar, atMs: number): number {
  const day = calendar.dayOf(atMs);
  let startMs = atMs - 2 * DAY_MS;
  while (calendar.dayOf(startMs) !== day) startMs = calendar.endOfDayMs(startMs);
  return startMs;
}

export function makeTally(clock: Pick<Clock, 'now'>, calendar: Calendar): Tally {
  let day = '';
  let sums = noSpend();
  let known = new Set<string>();
  const turn = (): string => {
    const now = calendar.dayOf(clock.now().getTime());
    if (now !== day) {
      day = now;
      sums = noSpend();
      known = new Set();
    }
    return now;
  };
  const charge = ({ runId, atMs, usage, spend }: SpendLine): void => {
    if (calendar.dayOf(atMs) !== turn() || known.has(runId)) return;
    known.add(runId);
    addSpend(sums, { usage, spend });
  };
  return {
    charge,
    hear(changes) {
      for (const change of changes) {
        const line = change.do === 'attempt' ? spendLine(change.attempt, UNKNOWN) : null;
        if (line !== null) charge(line);
      }
    },
    since: () => new Date(startOfDayMs(calendar, clock.now().getTime())).toISOString(),
    today: () => ({ day: turn(), ...sums }),
  };
}
