/**
 * What the purses of several dockets tell one another (core/shared.ts): what runs cost, and what those under way reserve. A purse asks before it decides, and
 * decides and reserves in one transaction, so that two of them never both give the last dollar away.
 *
 * Whose money counts: all of the same history, and all that was spent on an account that this docket uses too. A feature is the same only in the same history.
 */

import type { Clock } from '#core/ports.ts';
import type { SharedReserve, SharedSpend } from '#core/shared.ts';
import type { SpendLine } from '#core/spending.ts';
import type { Ask } from '#policy/budget.ts';
import type { Sharing } from './sharing.ts';

export type OthersSpend = Pick<SharedSpend, 'runId' | 'role' | 'atMs' | 'micros' | 'unknownRuns'> & {
  /** Null: a feature of another history. */
  readonly feature: string | null;
  /** As this docket calls it; null: no lane with a budget of its own. */
  readonly lane: string | null;
};

export type SharedMoney = {
  readonly pollMs: number;
  /** What is new; null: nothing was asked, because it was just now. @param isNow asked whatever was when */
  hear(isNow: boolean): { readonly spent: readonly OthersSpend[]; readonly reserved: readonly Ask[] } | null;
  /** No other docket has a turn in between. What cannot be shared now is decided alone. */
  together<T>(act: () => T): T;
  spent(line: Pick<SpendLine, 'runId' | 'atMs' | 'feature' | 'role' | 'lane' | 'spend'>): void;
  /** @param run its folder, `work/<job>/a<n>` */
  reserve(run: string, ask: Ask): void;
  release(run: string): void;
};

export type SharedMoneyInput = {
  readonly sharing: Sharing;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly pollMs: number;
  readonly keyOf: (lane: string) => string | null;
  /** Lanes of this docket's runners and roles. */
  readonly lanes: readonly string[];
  /** Of them those with a budget of their own. */
  readonly budgetLanes: readonly string[];
  /** This history, as a hash. */
  readonly history: string;
};

export function makeSharedMoney({ sharing, clock, pollMs, keyOf, history, ...input }: SharedMoneyInput): SharedMoney {
  const mine = new Set([...input.lanes, ...input.budgetLanes].flatMap((lane) => keyOf(lane) ?? []));
  const budgetLanes = new Map(input.budgetLanes.flatMap((lane) => ((key) => (key === null ? [] : [[key, lane] as const]))(keyOf(lane))));
  const reserves = new Map<string, SharedReserve>();
  let last = 0;
  let nextMs = Number.NEGATIVE_INFINITY;

  sharing.onMended((shared) => {
    for (const one of reserves.values()) shared.reserve(one);
  });
  const isCounted = (row: Pick<SharedSpend, 'history' | 'key'>): boolean =>
    row.history === history || (row.key !== null && mine.has(row.key));
  const laneOf = (key: string | null): string | null => (key === null ? null : (budgetLanes.get(key) ?? null));
  const keyOfLane = (lane: string | null): string | null => (lane === null ? null : keyOf(lane));

  return {
    pollMs,
    hear(isNow) {
      if (!isNow && clock.monotonicMs() < nextMs) return null;
      nextMs = clock.monotonicMs() + pollMs;
      const heard = sharing.use((shared) => ({ news: shared.spentSince(last), reserved: shared.reserved() }))?.value;
      if (heard === undefined) return null;
      ({ last } = heard.news);
      return {
        spent: heard.news.spent.filter(isCounted).map((row) => ({
          ...row,
          feature: row.history === history ? row.feature : null,
          lane: laneOf(row.key),
        })),
        reserved: heard.reserved.filter(isCounted).map((row) => ({
          job: row.run,
          feature: row.history === history ? row.feature : '',
          lane: laneOf(row.key) ?? '',
          micros: row.micros,
        })),
      };
    },
    together: (act) => {
      const done = sharing.use((shared) => shared.atomically(act));
      return done === null ? act() : done.value;
    },
    spent({ runId, atMs, feature, role, lane, spend }) {
      const { micros, unknownRuns } = spend;
      const row = { runId, key: keyOfLane(lane), history, feature, role, atMs, micros, unknownRuns };
      sharing.use((shared) => {
        shared.spend(row);
      });
    },
    reserve(run, { feature, lane, micros }) {
      const row = { run, key: keyOfLane(lane), history, feature, micros };
      reserves.set(run, row);
      sharing.use((shared) => {
        shared.reserve(row);
      });
    },
    release(run) {
      if (!reserves.delete(run)) return;
      sharing.use((shared) => {
        shared.release(run);
      });
    },
  };
}
