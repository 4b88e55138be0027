/** Budgets in words: how much of which is spent, and what lets a prompt go on. */

import type { Calendar } from '#core/day.ts';
import { showUsd } from '#core/money.ts';
import type { BudgetState, Refusal } from './budget.ts';

const SETTING = { feature: 'budgets.feature_usd', day: 'budgets.day_usd', lane: 'budgets.lane' } as const;

export const settingOf = ({ kind, name }: Pick<BudgetState, 'kind' | 'name'>): string =>
  kind === 'lane' ? `${SETTING.lane}.${name}` : SETTING[kind];

const nameOf = ({ kind, name }: BudgetState): string =>
  kind === 'day' ? `the budget of the day (${name})` : kind === 'lane' ? `the budget of lane ${name} for the day` : `the budget of ${name}`;

const reservedText = ({ reserved, runs }: BudgetState): string =>
  runs === 0 ? '' : ` and ${showUsd(reserved)} reserved by ${String(runs)} that ${runs === 1 ? 'runs' : 'run'}`;

/** `the budget of FEAT-1: $1.20 spent and $0.50 reserved by 1 that runs, of $2.00 (budgets.feature_usd)` */
export const describeBudget = (state: BudgetState): string =>
  `${nameOf(state)}: ${showUsd(state.spent)} spent${reservedText(state)}, of ${showUsd(state.limit)} (${settingOf(state)})`;

/**
 * Why a run does not start, and what releases it.
 * @param name as `docket release` takes it
 */
export function describeRefusals(refusals: readonly Refusal[], calendar: Calendar, name: string): string {
  const [first] = refusals;
  if (first === undefined) return '';
  const until = Math.max(...refusals.map(({ untilMs }) => untilMs ?? Number.POSITIVE_INFINITY));
  const isNever = refusals.some(({ asked, limit }) => asked > limit);
  const byItself = Number.isFinite(until)
    ? isNever
      ? []
      : [`when the day ends (${new Date(until).toISOString()}, ${calendar.zone})`]
    : [];
  const cheaper = refusals.every(({ spent, asked, limit, runs }) => runs > 0 && spent + asked <= limit)
    ? ['when a run that is under way comes cheaper than was reserved for it']
    : [];
  const settings = [...new Set(refusals.map(settingOf))].join(' and ');
  const ways = [
    ...byItself,
    ...cheaper,
    `when ${settings} is raised in docket.yaml and docket is started again`,
    `with \`docket release ${name}\``,
  ];
  return `${refusals.map(describeBudget).join('; ')}; the run is taken to cost ${showUsd(first.asked)}. It goes on ${ways.join(', or ')}`;
}
