/**
 * Budgets: may this run start? Pure: what was spent is told to it, time is handed in, and it opens nothing.
 *
 *   asked -> (fits) reserved -> charged with what it came to -> free          asked -> (does not fit) refused, with what it waits for
 *
 * There is a budget of each feature (for ever), of each day, and of each lane's day. Invariant: of a budget there is never more spent and reserved
 * together than its limit by what was ALLOWED to start here; it is passed only by what a run costs beyond its reservation, by runs that were under
 * way already, and by those that a person released. All amounts are whole micro-dollars (core/money.ts).
 */

import type { Calendar } from '#core/day.ts';
import type { Micros } from '#core/money.ts';

export type BudgetLimits = {
  /** Null: no limit. */
  readonly feature: Micros | null;
  readonly day: Micros | null;
  /** Of a day, by lane. */
  readonly lanes: ReadonlyMap<string, Micros>;
  /** The share at which it warns. */
  readonly soft: number;
};

/** What a run is taken to cost before it has ended. */
export type Reserving = { readonly how: 'past' | 'cap'; readonly firstMicros: Micros };

export type Charge = {
  /** Of the run: a charge that is told twice counts once. */
  readonly runId: string;
  readonly atMs: number;
  /** Null: one that has no budget here (another docket's, of another history). */
  readonly feature: string | null;
  readonly role: string;
  /** Null: nobody knows (a run of docket 0.1). */
  readonly lane: string | null;
  readonly micros: Micros;
  /** It was answered, and its cost is known: the role's next runs may be judged by it. */
  readonly isAnswer: boolean;
};

export type Ask = {
  readonly job: string;
  readonly feature: string;
  readonly lane: string;
  readonly micros: Micros;
};

export type BudgetState = {
  readonly kind: 'feature' | 'day' | 'lane';
  /** The feature, the day, or the lane. */
  readonly name: string;
  readonly limit: Micros;
  readonly spent: Micros;
  readonly reserved: Micros;
  readonly runs: number;
  /** When it begins anew; null: never by itself. */
  readonly untilMs: number | null;
};
export type Refusal = BudgetState & { readonly asked: Micros };

export type Budget = {
  charge(charge: Charge): void;
  /** Every budget that has no room for it; empty: it may start. */
  refusals(ask: Ask, nowMs: number): readonly Refusal[];
  /** The same, and when it may start its money is reserved. */
  reserve(ask: Ask, nowMs: number): readonly Refusal[];
  /** Reserved without a question: it runs already, or a person released it. */
  hold(ask: Ask): void;
  /** What runs of other dockets reserve: these, and no longer those of the call before. */
  others(asks: readonly Ask[]): void;
  /** The run has ended, or will not start. */
  release(job: string): void;
  /** @param own the prompt's own limits.budget_usd @param cap what the tool is told to stop at */
  estimate(role: string, own: Micros | null, cap: Micros): Micros;
  /** Budgets with a limit: the day, each lane, and the features that have money reserved or a tenth of their limit spent. */
  view(nowMs: number): readonly BudgetState[];
  /** Budgets that have passed the soft limit since the last question, each told once. */
  warnings(nowMs: number): readonly BudgetState[];
};

/** Answers of a role that are looked at. */
const PAST_MAX = 20;
const SHOWN_SHARE = 0.1;

const bump = (sums: Map<string, Micros>, key: string, micros: Micros): void => void sums.set(key, (sums.get(key) ?? 0) + micros);
const featureKey = (feature: string): string => feature.toLowerCase();
const laneKey = (day: string, lane: string): string => `${day} ${lane}`;

export function makeBudget(limits: BudgetLimits, reserving: Reserving, calendar: Calendar): Budget {
  const charged = new Set<string>();
  const byFeature = new Map<string, Micros>();
  const byDay = new Map<string, Micros>();
  const byLane = new Map<string, Micros>();
  const past = new Map<string, { readonly atMs: number; readonly micros: Micros }[]>();
  const running = new Map<string, Ask>();
  let others: readonly Ask[] = [];
  const told = new Set<string>();

  const reservedBy = (isMeant: (ask: Ask) => boolean, but: string | null): { readonly reserved: Micros; readonly runs: number } => {
    let reserved = 0;
    let runs = 0;
    for (const ask of [...running.values(), ...others]) {
      if (ask.job === but || !isMeant(ask)) continue;
      reserved += ask.micros;
      runs += 1;
    }
    return { reserved, runs };
  };

  let today = { day: '', fromMs: 0, untilMs: Number.NEGATIVE_INFINITY };
  const dayAt = (nowMs: number): typeof today => {
    if (nowMs < today.fromMs || nowMs >= today.untilMs)
      today = { day: calendar.dayOf(nowMs), fromMs: nowMs, untilMs: calendar.endOfDayMs(nowMs) };
    return today;
  };

  const ofFeature = (feature: string, limit: Micros, but: string | null): BudgetState => {
    const key = featureKey(feature);
    const spent = byFeature.get(key) ?? 0;
    return { kind: 'feature', name: feature, limit, spent, ...reservedBy((ask) => featureKey(ask.feature) === key, but), untilMs: null };
  };
  const ofDay = (nowMs: number, limit: Micros, but: string | null): BudgetState => {
    const { day, untilMs } = dayAt(nowMs);
    return { kind: 'day', name: day, limit, spent: byDay.get(day) ?? 0, ...reservedBy(() => true, but), untilMs };
  };
  const ofLane = (lane: string, nowMs: number, limit: Micros, but: string | null): BudgetState => {
    const { day, untilMs } = dayAt(nowMs);
    const spent = byLane.get(laneKey(day, lane)) ?? 0;
    return { kind: 'lane', name: lane, limit, spent, ...reservedBy((ask) => ask.lane === lane, but), untilMs };
  };

  const concerned = ({ job, feature, lane }: Ask, nowMs: number): BudgetState[] => {
    const laneLimit = limits.lanes.get(lane) ?? null;
    return [
      ...(limits.feature === null ? [] : [ofFeature(feature, limits.feature, job)]),
      ...(limits.day === null ? [] : [ofDay(nowMs, limits.day, job)]),
      ...(laneLimit === null ? [] : [ofLane(lane, nowMs, laneLimit, job)]),
    ];
  };

  const refusals = (ask: Ask, nowMs: number): Refusal[] =>
    concerned(ask, nowMs)
      // What costs nothing may still start when all is spent to the last cent, and not when more than all is.
      .filter(({ spent, reserved, limit }) => spent + reserved + ask.micros > limit)
      .map((state) => ({ ...state, asked: ask.micros }));

  const everyBudget = (nowMs: number): BudgetState[] => {
    const { feature, day, lanes } = limits;
    const names = new Map<string, string>();
    if (feature !== null) {
      for (const [key, spent] of byFeature) if (spent >= feature * SHOWN_SHARE) names.set(key, key);
      for (const ask of [...running.values(), ...others]) if (ask.feature !== '') names.set(featureKey(ask.feature), ask.feature);
    }
    return [
      ...(day === null ? [] : [ofDay(nowMs, day, null)]),
      ...[...lanes].map(([lane, limit]) => ofLane(lane, nowMs, limit, null)),
      ...(feature === null ? [] : [...names.values()].map((name) => ofFeature(name, feature, null))),
    ];
  };

  return {
    charge({ runId, atMs, feature, role, lane, micros, isAnswer }) {
      if (charged.has(runId)) return;
      charged.add(runId);
      const day = calendar.dayOf(atMs);
      if (feature !== null) bump(byFeature, featureKey(feature), micros);
      bump(byDay, day, micros);
      if (lane !== null) bump(byLane, laneKey(day, lane), micros);
      if (!isAnswer) return;
      const before = past.get(role) ?? [];
      before.push({ atMs, micros });
      past.set(role, before.length <= PAST_MAX ? before : before.toSorted((a, b) => a.atMs - b.atMs).slice(-PAST_MAX));
    },
    refusals,
    reserve(ask, nowMs) {
      const over = refusals(ask, nowMs);
      if (over.length === 0) running.set(ask.job, ask);
      return over;
    },
    hold: (ask) => void running.set(ask.job, ask),
    others(asks) {
      others = asks;
    },
    release: (job) => void running.delete(job),
    estimate(role, own, cap) {
      if (reserving.how === 'cap') return cap;
      if (own !== null) return own;
      const answers = past.get(role) ?? [];
      const dearest = answers.length === 0 ? reserving.firstMicros : Math.max(...answers.map(({ micros }) => micros));
      return Math.min(cap, dearest);
    },
    view: everyBudget,
    warnings(nowMs) {
      const fresh: BudgetState[] = [];
      for (const state of everyBudget(nowMs)) {
        const key = `${state.kind} ${state.name} ${state.kind === 'feature' ? '' : dayAt(nowMs).day}`;
        if (state.spent + state.reserved < state.limit * limits.soft || told.has(key)) continue;
        told.add(key);
        fresh.push(state);
      }
      return fresh;
    },
  };
}
