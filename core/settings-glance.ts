/** The rows of notices and of `docket stats` that are not in settings-review.ts: docs/glance.md. */

import { row } from './settings-row.ts';

/** Nobody measured these: they are what a person assumes, and every sentence that uses one says so. */
const baseline = (task: string, hours: number): ReturnType<typeof row<number>> =>
  row<number>({
    default: hours,
    unit: 'count',
    min: 0.01,
    max: 10_000,
    why: `hours that ${task} takes without docket, for docket stats: your own assumption, the default is nobody's measurement`,
  });

export const GLANCE_SETTINGS = {
  'notify.window': row<number>({
    default: 30_000,
    unit: 'ms',
    min: 100,
    max: 86_400_000,
    why: 'after a notice, what happens within this time is told together, as one more, so that ten thousand failures are a few notices',
  }),
  'notify.retries': row<number>({
    default: 3,
    unit: 'count',
    min: 0,
    max: 20,
    why: 'how often a notice is sent again to notify.webhook when it was not taken; after 1 s, and each time after twice as long',
  }),
  'stats.baseline_design': baseline('the design of a feature', 16),
  'stats.baseline_openapi': baseline('the draft of an OpenAPI document', 8),
  'stats.baseline_ui': baseline('the skeleton of a user interface', 24),
  'stats.baseline_integration': baseline('the integration of the API', 24),
  'stats.baseline_tests': baseline('a first set of tests', 16),
} as const;
