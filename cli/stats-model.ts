/**
 * The productivity model: five tasks of a feature, the hours that a person ASSUMES for each without docket, beside what was measured. Pure.
 *
 * Invariant: nothing is claimed of a task that has no accepted result, and no claim stands without the baseline that it rests on.
 */

import type { Settings } from '#core/settings.ts';
import { usdOf } from '#core/money.ts';
import type { Fact } from './stats-facts.ts';

export type Task = {
  readonly task: string;
  readonly roles: readonly string[];
  readonly setting:
    | 'stats.baseline_design'
    | 'stats.baseline_openapi'
    | 'stats.baseline_ui'
    | 'stats.baseline_integration'
    | 'stats.baseline_tests';
};

export const TASKS: readonly Task[] = [
  { task: 'feature design', roles: ['meta', 'architect'], setting: 'stats.baseline_design' },
  { task: 'OpenAPI draft', roles: ['openapi'], setting: 'stats.baseline_openapi' },
  { task: 'UI skeleton', roles: ['ui'], setting: 'stats.baseline_ui' },
  { task: 'API integration', roles: ['integration'], setting: 'stats.baseline_integration' },
  { task: 'initial tests', roles: ['test-review'], setting: 'stats.baseline_tests' },
];

export type Measured = Task & {
  readonly baselineHours: number;
  /** Features in which a person has accepted a result of the task; what counts unreviewed claims nothing. */
  readonly features: number;
  /** For one of these features; all revisions and attempts of it. Null: there is none. */
  readonly machineHours: number | null;
  readonly reviewHours: number | null;
  readonly usd: number | null;
  /** baseline - review. */
  readonly differenceHours: number | null;
};

export type Model = {
  readonly tasks: readonly Measured[];
  readonly hourlyRate: number;
  readonly featuresMonth: number;
  /** Of the tasks that have an accepted result, for one feature. */
  readonly baselineHours: number;
  readonly reviewHours: number;
  readonly toolsUsd: number;
  /** (baseline - review) * rate - tools. */
  readonly differenceUsd: number;
  readonly differenceUsdMonth: number;
};

const HOUR_MS = 3_600_000;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function measure(task: Task, facts: readonly Fact[], settings: Settings): Measured {
  const mine = facts.filter(({ identity }) => task.roles.includes(identity.role));
  const byFeature = [...Map.groupBy(mine, ({ identity }) => identity.feature.toLowerCase()).values()];
  const done = byFeature.filter((all) => all.some(({ standing }) => standing === 'accepted'));
  const baselineHours = settings[task.setting];
  const features = done.length;
  const each = (of: (fact: Fact) => number): number | null => (features === 0 ? null : sum(done.flat().map(of)) / features);
  const machine = each(({ runningMs }) => runningMs);
  const review = each(({ reviewMs }) => reviewMs ?? 0);
  return {
    ...task,
    baselineHours,
    features,
    machineHours: machine === null ? null : machine / HOUR_MS,
    reviewHours: review === null ? null : review / HOUR_MS,
    usd: each(({ micros }) => usdOf(micros)),
    differenceHours: review === null ? null : baselineHours - review / HOUR_MS,
  };
}

export function modelOf(facts: readonly Fact[], settings: Settings): Model {
  const tasks = TASKS.map((task) => measure(task, facts, settings));
  const done = tasks.filter(({ features }) => features > 0);
  const hourlyRate = settings['stats.hourly_rate'];
  const featuresMonth = settings['stats.features_month'];
  const baselineHours = sum(done.map((task) => task.baselineHours));
  const reviewHours = sum(done.map((task) => task.reviewHours ?? 0));
  const toolsUsd = sum(done.map((task) => task.usd ?? 0));
  const differenceUsd = (baselineHours - reviewHours) * hourlyRate - toolsUsd;
  return {
    tasks,
    hourlyRate,
    featuresMonth,
    baselineHours,
    reviewHours,
    toolsUsd,
    differenceUsd,
    differenceUsdMonth: differenceUsd * featuresMonth,
  };
}
