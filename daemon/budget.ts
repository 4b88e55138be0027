/**
 * The daemon's purse: what was spent (from the journal and the history), what runs reserve, and who waits for money. The rules are policy/budget.ts.
 *
 *   opened: every run that is known is charged, every run under way is reserved -> asked before each start, told after each end
 *
 * Invariant: between the question whether a run may start and its reservation nobody else has a turn. Without a budget in the settings
 * nothing is read, and nothing is asked.
 */

import { makeCalendar } from '#core/day.ts';
import type { History } from '#core/history.ts';
import { microsOf, spendOf, type Micros } from '#core/money.ts';
import type { FeatureId, JobId, RoleName } from '#core/names.ts';
import type { Clock, Journal, Log } from '#core/ports.ts';
import type { AttemptRecord } from '#core/run.ts';
import type { Workspace } from '#core/settings.ts';
import type { SpendLine } from '#core/spending.ts';
import type { Released, Releases } from './releases.ts';
import { makeBudget, type Ask, type BudgetLimits, type BudgetState } from '#policy/budget.ts';
import { describeBudget, describeRefusals } from '#policy/budget-words.ts';

/** A run that wants to start. */
export type Wish = {
  readonly job: JobId;
  readonly feature: FeatureId;
  readonly role: RoleName;
  readonly lane: string;
  /** The prompt's own limits.budget_usd. */
  readonly ownUsd: number | null;
  /** What the tool is told to stop at. */
  readonly capUsd: number;
  /** As people name it, and as a file in in/ is released: `architect/foo.md`. */
  readonly file: string;
};

export type Purse = {
  /** False: no budget is set. */
  readonly isOn: boolean;
  /** Why a file is not claimed: its run would not start. Null: it may be. */
  shut(role: RoleName, feature: FeatureId, lane: string, file: string): string | null;
  /** Null: it may start, and its money is reserved. Else why not. */
  take(wish: Wish): string | null;
  /** The same without reserving. */
  ask(wish: Wish): string | null;
  /** It runs already: reserved without a question. */
  hold(wish: Wish): void;
  /** The run has ended: what it cost is spent, the reservation is free. */
  ended(wish: Pick<Wish, 'job' | 'feature' | 'role'>, attempt: AttemptRecord): void;
  /** The run that is under way has cost so much by now: reserved, when it is more than was thought. */
  soFar(job: JobId, micros: Micros): void;
  /** The job has left the daemon; `isOver`: it has ended, and what a person allowed it is used up. */
  free(job: JobId, isOver: boolean): void;
  /** Resolves when it is worth asking again: money came free, the day ended, or the signal aborts. */
  changed(signal: AbortSignal): Promise<void>;
  /** A person lets this job, or this file of in/, start whatever is spent, until it has ended. Its cost counts. Durable when it resolves. */
  letGo(name: Released, by: string): Promise<void>;
  view(): readonly BudgetState[];
};

export const NO_PURSE: Purse = {
  isOn: false,
  shut: () => null,
  take: () => null,
  ask: () => null,
  hold: () => undefined,
  ended: () => undefined,
  soFar: () => undefined,
  free: () => undefined,
  changed: async () => Promise.resolve(),
  letGo: async () => Promise.resolve(),
  view: () => [],
};

export type PursePorts = {
  readonly workspace: Workspace;
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: Pick<Journal, 'spending' | 'open'>;
  readonly history: Pick<History, 'spending'>;
  readonly releases: Releases;
};

/** Clocks are set and machines sleep: the end of a day is looked for at least this often. */
const LONGEST_WAIT_MS = 60_000;
/** Reasons that are remembered between two changes: prompts of one role, feature and lane have the same. */
const REASONS_MAX = 1_000;

const amount = (usd: number): Micros => microsOf(usd) ?? 0;
const limit = (usd: number): Micros | null => (usd === 0 ? null : amount(usd));

export function limitsOf({ settings, laneBudgets }: Pick<Workspace, 'settings' | 'laneBudgets'>): BudgetLimits {
  return {
    feature: limit(settings['budgets.feature_usd']),
    day: limit(settings['budgets.day_usd']),
    lanes: new Map(laneBudgets.filter(({ dayUsd }) => dayUsd > 0).map(({ lane, dayUsd }) => [lane, amount(dayUsd)])),
    soft: settings['budgets.soft'],
  };
}

/** Throws RangeError for a time zone that nobody knows. */
export async function openPurse(ports: PursePorts): Promise<Purse> {
  const { settings } = ports.workspace;
  const calendar = makeCalendar(settings['budgets.time_zone']);
  const limits = limitsOf(ports.workspace);
  if (limits.feature === null && limits.day === null && limits.lanes.size === 0) return NO_PURSE;
  const budget = makeBudget(
    limits,
    { how: settings['budgets.reserve'] === 'cap' ? 'cap' : 'past', firstMicros: amount(settings['budgets.reserve_usd']) },
    calendar,
  );
  const unknownMicros = amount(settings['budgets.unknown_usd']);
  const capMicros = amount(settings['limits.budget_usd']);
  const { releases } = ports;
  /** What the runs under way reserve. */
  const asks = new Map<JobId, Ask>();
  const waiting = new Set<() => void>();
  const reasons = new Map<string, string | null>();
  const nowMs = (): number => ports.clock.now().getTime();

  const charge = (line: Pick<SpendLine, 'runId' | 'atMs' | 'feature' | 'role' | 'lane' | 'outcome' | 'spend'>): void => {
    const { spend } = line;
    budget.charge({
      ...line,
      micros: spend.micros + spend.unknownRuns * unknownMicros,
      isAnswer: line.outcome === 'answered' && spend.unknownRuns === 0,
    });
  };
  const askOf = ({ job, feature, lane, role, ownUsd, capUsd }: Wish): Ask => ({
    job,
    feature,
    lane,
    micros: budget.estimate(role, ownUsd === null ? null : amount(ownUsd), amount(capUsd)),
  });
  const tellSoft = (): void => {
    for (const state of budget.warnings(nowMs()))
      ports.log.warn(`${describeBudget(state)}: past ${String(Math.round(limits.soft * 100))} % (budgets.soft)`);
  };
  const move = (): void => {
    tellSoft();
    reasons.clear();
    for (const wake of waiting) wake();
  };
  /** It is let go once, under whichever name a person knew it by. */
  const isReleased = ({ job, file }: Wish): boolean => {
    if (releases.hasFile(file)) releases.take(file, job);
    return releases.hasJob(job);
  };
  const words = (ask: Ask, file: string): string | null => {
    const over = budget.refusals(ask, nowMs());
    return over.length === 0 ? null : describeRefusals(over, calendar, file);
  };

  for await (const line of ports.history.spending()) charge(line);
  for (const line of ports.journal.spending()) charge(line);
  // Runs that outlived the daemon before this one: their money is as good as spent.
  for (const job of ports.journal.open()) {
    if (job.state !== 'running') continue;
    budget.hold({ job: job.id, feature: job.feature ?? '', lane: '', micros: budget.estimate(job.role, null, capMicros) });
  }
  tellSoft();

  let reasonsUntilMs = 0;
  return {
    isOn: true,
    shut(role, feature, lane, file) {
      if (releases.hasFile(file)) return null;
      const key = `${role} ${feature} ${lane}`;
      if (nowMs() >= reasonsUntilMs || reasons.size >= REASONS_MAX) {
        reasons.clear();
        reasonsUntilMs = calendar.endOfDayMs(nowMs());
      }
      const known = reasons.get(key);
      if (known !== undefined) return known;
      const micros = budget.estimate(role, null, capMicros);
      const reason = words({ job: '', feature, lane, micros }, '<name>');
      reasons.set(key, reason);
      return reason;
    },
    take(wish) {
      const ask = askOf(wish);
      if (isReleased(wish)) {
        budget.hold(ask);
        asks.set(wish.job, ask);
        move();
        return null;
      }
      const over = budget.reserve(ask, nowMs());
      if (over.length > 0) return describeRefusals(over, calendar, wish.file);
      asks.set(wish.job, ask);
      tellSoft();
      reasons.clear();
      return null;
    },
    ask: (wish) => (isReleased(wish) ? null : words(askOf(wish), wish.file)),
    hold(wish) {
      const ask = askOf(wish);
      budget.hold(ask);
      asks.set(wish.job, ask);
      reasons.clear();
    },
    soFar(job, micros) {
      const ask = asks.get(job);
      if (ask === undefined || micros <= ask.micros) return;
      const grown = { ...ask, micros };
      asks.set(job, grown);
      budget.hold(grown);
      tellSoft();
      reasons.clear();
    },
    ended({ job, feature, role }, attempt) {
      charge({
        runId: attempt.runId,
        atMs: Date.parse(attempt.endedAt),
        feature,
        role,
        lane: attempt.lane ?? null,
        outcome: attempt.outcome,
        spend: spendOf(attempt),
      });
      budget.release(job);
      asks.delete(job);
      move();
    },
    free(job, isOver) {
      if (isOver) releases.forget(job);
      budget.release(job);
      asks.delete(job);
      move();
    },
    async changed(signal) {
      const over = new AbortController();
      const wake = (): void => {
        over.abort();
      };
      waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      try {
        if (!signal.aborted) await ports.clock.sleep(Math.min(LONGEST_WAIT_MS, calendar.endOfDayMs(nowMs()) - nowMs()), over.signal);
      } finally {
        waiting.delete(wake);
        signal.removeEventListener('abort', wake);
      }
    },
    async letGo(name, by) {
      await releases.add(name, by);
      move();
    },
    view: () => budget.view(nowMs()),
  };
}
