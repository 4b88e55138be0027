/**
 * The daemon's purse: what was spent (from the journal and the history), what runs reserve, and who waits for money. The rules are policy/budget.ts.
 *
 *   opened: every run that is known is charged, every run under way is reserved -> asked before each start, told after each end
 *
 * Invariant: between the question whether a run may start and its reservation nobody else has a turn, no other docket of this machine either
 * (shared-money.ts). Without a budget in the settings nothing is read and nothing is asked; others are told what runs cost all the same.
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
import type { SharedMoney } from './shared-money.ts';

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
  /** The folder of its attempt, by which other dockets know it; absent: they are told its cost only. */
  readonly run?: string;
};

export type Purse = {
  /** False: no budget is set. */
  readonly isOn: boolean;
  /** It wants to know what runs cost: for its own budgets, or for those of others. */
  readonly isTold: boolean;
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
  isTold: false,
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
  /** What other dockets spend; absent: nobody is asked or told. */
  readonly shared?: SharedMoney;
};

/** Clocks are set and machines sleep: the end of a day is looked for at least this often. */
const LONGEST_WAIT_MS = 60_000;
/** Reasons that are remembered between two changes: prompts of one role, feature and lane have the same. */
const REASONS_MAX = 1_000;
/** A day's budget asks for no more than this, whatever the time zone. */
const TOLD_MS = 172_800_000;

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
  const isOn = limits.feature !== null || limits.day !== null || limits.lanes.size > 0;
  const { shared } = ports;
  if (!isOn && shared === undefined) return NO_PURSE;
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
  /** Of them those that other dockets know, by the folder of their attempt. */
  const runs = new Map<JobId, string>();
  const waiting = new Set<() => void>();
  const reasons = new Map<string, string | null>();
  const nowMs = (): number => ports.clock.now().getTime();

  type Cost = Pick<SpendLine, 'runId' | 'atMs' | 'feature' | 'role' | 'lane' | 'outcome' | 'spend'>;
  const charge = (line: Cost): void => {
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

  /** What other dockets spent and reserve by now. */
  const hear = (isNow: boolean): void => {
    const heard = shared?.hear(isNow) ?? null;
    if (heard === null) return;
    for (const { unknownRuns, ...one } of heard.spent)
      budget.charge({ ...one, micros: one.micros + unknownRuns * unknownMicros, isAnswer: false });
    budget.others(heard.reserved);
    reasons.clear();
  };
  const together = <T>(act: () => T): T => (shared === undefined ? act() : shared.together(act));
  const keep = ({ job, run }: Wish, ask: Ask): void => {
    asks.set(job, ask);
    if (run === undefined) return;
    runs.set(job, run);
    shared?.reserve(run, ask);
  };
  const drop = (job: JobId): void => {
    budget.release(job);
    asks.delete(job);
    const run = runs.get(job);
    runs.delete(job);
    if (run !== undefined) shared?.release(run);
  };

  if (isOn) {
    for await (const line of ports.history.spending()) charge(line);
    const lines = ports.journal.spending();
    for (const line of lines) charge(line);
    // Should what is shared have been lost.
    const sinceMs = nowMs() - TOLD_MS;
    together(() => {
      for (const line of lines) if (line.atMs >= sinceMs) shared?.spent(line);
    });
    hear(true);
  }
  // Runs that outlived the daemon before this one: their money is as good as spent.
  for (const job of ports.journal.open()) {
    if (job.state !== 'running') continue;
    budget.hold({ job: job.id, feature: job.feature ?? '', lane: '', micros: budget.estimate(job.role, null, capMicros) });
  }
  tellSoft();

  let reasonsUntilMs = 0;
  return {
    isOn,
    isTold: true,
    shut(role, feature, lane, file) {
      if (!isOn) return null;
      hear(false);
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
        keep(wish, ask);
        move();
        return null;
      }
      const over = together(() => {
        hear(true);
        const refused = budget.reserve(ask, nowMs());
        if (refused.length === 0) keep(wish, ask);
        return refused;
      });
      if (over.length > 0) return describeRefusals(over, calendar, wish.file);
      tellSoft();
      reasons.clear();
      return null;
    },
    ask(wish) {
      if (!isOn || isReleased(wish)) return null;
      hear(false);
      return words(askOf(wish), wish.file);
    },
    hold(wish) {
      const ask = askOf(wish);
      budget.hold(ask);
      keep(wish, ask);
      reasons.clear();
    },
    soFar(job, micros) {
      const ask = asks.get(job);
      if (ask === undefined || micros <= ask.micros) return;
      const grown = { ...ask, micros };
      asks.set(job, grown);
      budget.hold(grown);
      const run = runs.get(job);
      if (run !== undefined) shared?.reserve(run, grown);
      tellSoft();
      reasons.clear();
    },
    ended({ job, feature, role }, attempt) {
      const atMs = Date.parse(attempt.endedAt);
      const { runId, outcome, lane = null } = attempt;
      const cost = { runId, atMs, feature, role, lane, outcome, spend: spendOf(attempt) };
      charge(cost);
      together(() => {
        if (attempt.starts > 0) shared?.spent(cost);
        drop(job);
      });
      move();
    },
    free(job, isOver) {
      if (isOver) releases.forget(job);
      drop(job);
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
        if (!signal.aborted)
          await ports.clock.sleep(Math.min(shared?.pollMs ?? LONGEST_WAIT_MS, calendar.endOfDayMs(nowMs()) - nowMs()), over.signal);
      } finally {
        waiting.delete(wake);
        signal.removeEventListener('abort', wake);
      }
    },
    async letGo(name, by) {
      await releases.add(name, by);
      move();
    },
    view() {
      if (isOn) hear(false);
      return budget.view(nowMs());
    },
  };
}
