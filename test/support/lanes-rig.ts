/** Lanes on a clock that the test moves, with a journal in memory that a "restart" finds again. */

import type { Failure } from '#core/failure.ts';
import type { LaneRecord } from '#core/lane.ts';
import type { Journal, JournalChange, LaneHold } from '#core/ports.ts';
import { ok, type Result } from '#core/result.ts';
import type { LaneSettings } from '#core/settings.ts';
import { verdictOf, type Verdict } from '#daemon/lanes/verdict.ts';
import type { Pause, Pauses } from '#daemon/pauses.ts';
import { makeLanes, type Lanes, type LanesInput } from '#daemon/schedule.ts';
import { silentLog } from '#platform/log.ts';
import { makeEventClock, type EventClock } from './event-clock.ts';

export type MemoryJournal = Pick<Journal, 'commit' | 'note' | 'holds' | 'lanes'> & { readonly changes: JournalChange[] };

export function makeMemoryJournal(held: readonly LaneHold[] = []): MemoryJournal {
  const holds = new Map(held.map((hold) => [hold.lane, hold]));
  const records = new Map<string, LaneRecord>();
  const changes: JournalChange[] = [];
  const take = async (more: readonly JournalChange[]): Promise<void> => {
    for (const change of more) {
      changes.push(change);
      if (change.do === 'hold-lane') holds.set(change.lane, change);
      else if (change.do === 'free-lane') holds.delete(change.lane);
      // As a file would keep it.
      else if (change.do === 'lane') records.set(change.record.lane, JSON.parse(JSON.stringify(change.record)) as LaneRecord);
    }
    return Promise.resolve();
  };
  return { changes, commit: take, note: take, holds: () => [...holds.values()], lanes: () => [...records.values()] };
}

export type LanesRig = {
  readonly clock: EventClock;
  readonly journal: MemoryJournal;
  readonly pauses: Pause[];
  readonly lanes: Lanes;
  /** The same journal and clock, new lanes: as after a restart of the daemon. */
  restart(): Lanes;
};
export type LanesOptions = {
  readonly settings?: Partial<LaneSettings>;
  readonly rules?: Partial<LanesInput['rules']>;
  readonly roleSlots?: Readonly<Record<string, number>>;
  readonly random?: () => number;
  readonly holds?: readonly LaneHold[];
  readonly check?: () => Promise<Result<null, Failure>>;
  readonly clock?: EventClock;
  readonly outside?: LanesInput['outside'];
};

const ofList = (pauses: readonly Pause[]): Pick<Pauses, 'ofLane' | 'ofRole'> => ({
  ofLane: (lane) => pauses.find(({ kind, name }) => kind === 'lane' && name === lane) ?? null,
  ofRole: (role) => pauses.find(({ kind, name }) => kind === 'role' && name === role) ?? null,
});

export function makeLanesRig(options: LanesOptions = {}): LanesRig {
  const clock = options.clock ?? makeEventClock();
  const journal = makeMemoryJournal(options.holds);
  const pauses: Pause[] = [];
  const make = (): Lanes =>
    makeLanes({
      clock,
      journal,
      log: silentLog(),
      random: options.random ?? ((): number => 0.5),
      pauses: ofList(pauses),
      ...(options.outside === undefined ? {} : { outside: options.outside }),
      settingsOf: (name) => ({ name, slots: 1, intervalCap: 100_000, intervalMs: 1, staggerMs: 0, ...options.settings }),
      roleSlots: (role) => options.roleSlots?.[role] ?? null,
      check: options.check ?? (async () => Promise.resolve(ok(null))),
      rules: {
        baseMs: 1_000,
        capMs: 60_000,
        jitterMs: 0,
        longestMs: 691_200_000,
        ahead: 0,
        runningMax: 1_000,
        agingMs: 60_000,
        errors: 3,
        ...options.rules,
      },
    });
  return { clock, journal, pauses, lanes: make(), restart: make };
}

export const never = new AbortController().signal;

/** What a run came to: null is an answer. */
export const judge = (failure: Failure | null): Verdict => verdictOf(failure, 'tool');
export const limited = (resumeAt: string | null): Failure => ({ kind: 'rate-limited', runner: 'tool', message: 'too much', resumeAt });
export const failing = (status = 500): Failure => ({ kind: 'provider-error', runner: 'tool', message: 'it failed', status });
export const missing: Failure = { kind: 'missing-program', program: 'tool', searched: 'PATH' };
