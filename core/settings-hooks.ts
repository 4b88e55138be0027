/** The rows of `hooks`: docs/hooks.md. */

import { row } from './settings-row.ts';

export const HOOK_SETTINGS = {
  'hooks.require_approval': row<string>({
    default: 'warn',
    unit: 'choice',
    choices: ['off', 'warn', 'refuse'],
    security: true,
    why: 'what the pre-push hook of the code repository does with commits of AI-made changes that no person has approved in the history',
  }),
  'hooks.scan_bytes': row<number>({
    default: 1_000_000,
    unit: 'bytes',
    min: 1_000,
    max: 64_000_000,
    why: 'so much of a staged file the pre-commit hook looks through for secrets; of a longer one its beginning, and it says so',
  }),
  'hooks.scan_total_bytes': row<number>({
    default: 16_000_000,
    unit: 'bytes',
    min: 10_000,
    max: 512_000_000,
    why: 'so much of all staged files together is read at one commit; the files beyond are named, and not looked at',
  }),
  'hooks.link_commits': row<number>({
    default: 2_000,
    unit: 'count',
    min: 10,
    max: 1_000_000,
    why: 'so many commits of the history the hooks walk at most when its tip has moved, and remember the files of at most ten times as many answers',
  }),
  'hooks.push_commits': row<number>({
    default: 5_000,
    unit: 'count',
    min: 10,
    max: 1_000_000,
    why: 'so many commits of one push are looked at for AI-made changes; of a larger push the newest, and it says so',
  }),
  'hooks.events': row<readonly string[]>({
    default: [],
    unit: 'list',
    security: true,
    why: 'lifecycle programs in hooks/events/ that the daemon may start: after_intake, before_run, after_publish, on_failure; none unless named here',
  }),
  'hooks.event_timeout': row<number>({
    default: 10_000,
    unit: 'ms',
    min: 100,
    max: 600_000,
    why: 'longest run of a lifecycle program; after it its whole process group is ended',
  }),
  'hooks.event_parallel': row<number>({
    default: 2,
    unit: 'count',
    min: 1,
    max: 64,
    why: 'lifecycle programs at the same time',
  }),
  'hooks.event_queue': row<number>({
    default: 1_000,
    unit: 'count',
    min: 1,
    max: 100_000,
    why: 'events that wait for their programs; more are dropped, with a line in the log',
  }),
  'hooks.event_output': row<number>({
    default: 4_000,
    unit: 'bytes',
    min: 100,
    max: 1_000_000,
    why: 'so much of what a lifecycle program says is logged',
  }),
} as const;
