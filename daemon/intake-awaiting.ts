/**
 * How many answers of each role await a verdict, for `review.awaiting_max`: machines do not outrun the people who look at what they made. Of each series
 * the newest answer counts, and none of a feature that is closed.
 *
 *   switched off (0): nothing is read;  on: the log is walked once, then only what came on top
 *
 * Invariant: what is told is as of the last `refresh`; a verdict is a commit, so the next one knows it.
 */

import type { History } from '#core/history.ts';
import type { RoleName } from '#core/names.ts';
import { identityKey } from '#core/prompt.ts';
import { parseRecord } from '#history/message.ts';
import { parseReview } from '#history/review-message.ts';
import type { Acceptance, Series } from './acceptance.ts';

export type Awaiting = {
  /** Reads what is new in the history. @param commit the tip */
  refresh(commit: string): Promise<void>;
  readonly isOn: boolean;
  /** Null: its next prompt may go. */
  full(role: RoleName): { readonly count: number; readonly max: number } | null;
};

export type AwaitingPorts = {
  readonly history: Pick<History, 'log' | 'verdicts' | 'closings'>;
  readonly acceptance: Pick<Acceptance, 'of' | 'needsVerdict'>;
  /** review.awaiting_max */
  readonly max: number;
};

const seriesKey = (series: Series): string => identityKey({ ...series, revision: 0 });

export function makeAwaiting({ history, acceptance, max }: AwaitingPorts): Awaiting {
  let top: string | null = null;
  /** By role, by series: its feature, in lower case. */
  const waiting = new Map<RoleName, Map<string, string>>();
  let closed: ReadonlySet<string> = new Set();
  let counts = new Map<RoleName, number>();

  const note = (series: Series, isWaiting: boolean): void => {
    const ofRole = waiting.get(series.role) ?? new Map<string, string>();
    waiting.set(series.role, ofRole);
    if (isWaiting) ofRole.set(seriesKey(series), series.feature.toLowerCase());
    else ofRole.delete(seriesKey(series));
  };

  /** What commits say something new of, since the last time. */
  const touched = async (tip: string): Promise<{ readonly series: ReadonlyMap<string, Series>; readonly isAll: boolean }> => {
    const series = new Map<string, Series>();
    for await (const { commit, trailers } of history.log({})) {
      if (commit === top) return { series, isAll: false };
      const record = parseRecord(trailers);
      const review = parseReview(trailers);
      const identity = record?.status === 'answered' ? record.identity : review?.kind === 'verdict' ? review.identity : null;
      if (identity !== null) series.set(seriesKey(identity), identity);
    }
    top = tip;
    return { series, isAll: true };
  };

  return {
    isOn: max > 0,
    async refresh(tip) {
      if (max === 0 || tip === top) return;
      const { series, isAll } = await touched(tip);
      if (isAll) waiting.clear();
      // Of a whole history only those are looked at closely of which somebody said something.
      const judged = isAll ? new Set((await history.verdicts({})).map(({ identity }) => seriesKey(identity))) : null;
      for (const [key, one] of series) {
        if (!acceptance.needsVerdict(one.role)) note(one, false);
        else if (judged !== null && !judged.has(key)) note(one, true);
        else {
          const newest = (await acceptance.of(one)).find(({ standing }) => standing !== null);
          note(one, newest?.standing === 'awaiting' || newest?.standing === 'lapsed');
        }
      }
      const state = new Map((await history.closings()).map(({ feature, kind }) => [feature.toLowerCase(), kind]));
      closed = new Set([...state].flatMap(([feature, kind]) => (kind === 'closing' ? [feature] : [])));
      counts = new Map([...waiting].map(([role, all]) => [role, [...all.values()].filter((feature) => !closed.has(feature)).length]));
      top = tip;
    },
    full(role) {
      const count = counts.get(role) ?? 0;
      return max > 0 && count >= max ? { count, max } : null;
    },
  };
}

/** For `docket why`, with and without a daemon. */
export const fullWords = (role: string, { count, max }: { readonly count: number; readonly max: number }): string =>
  `${count === 1 ? `an answer of ${role} awaits` : `${String(count)} answers of ${role} await`} a verdict, and review.awaiting_max lets no more than ${String(max)} do so`;
