/** Rows of the settings table (settings.ts): who may drop prompts, how many, and who may name a runner. */

import { MCP_SETTINGS } from './settings-mcp.ts';
import { row } from './settings-row.ts';

export const BOUND_SETTINGS = {
  'limits.waiting': row<number>({
    default: 1_000_000,
    unit: 'count',
    min: 100,
    max: 10_000_000,
    why: 'waiting files of one role that are kept in mind; when more lie in its in/, docket says so, and the others have their turn when there is room',
  }),
  'limits.role_rate': row<number>({
    default: 0,
    unit: 'count',
    min: 0,
    max: 1_000_000,
    why: 'prompts of one role that are taken within a minute, whoever drops them; the others wait; 0: no limit, throttle.interval_cap bounds what calls a provider',
  }),
  'limits.owner_rate': row<number>({
    default: 0,
    unit: 'count',
    min: 0,
    max: 1_000_000,
    why: 'prompts of one user, whose files they are, that are taken within a minute, whatever the role; the others wait; 0: no limit, because without intake.groups there is one user, whom the lanes bound already',
  }),
  'limits.clients': row<number>({
    default: 64,
    unit: 'count',
    min: 4,
    max: 10_000,
    why: 'connections to the control socket at the same time; more are closed at once',
  }),
  'intake.groups': row<readonly string[]>({
    default: [],
    unit: 'list',
    security: true,
    why: "groups, by name or number, whose files are taken from in/ beside those of docket's own user; files of anybody else are rejected unread",
  }),
  'policy.local_runners': row<string>({
    default: 'allow',
    unit: 'choice',
    choices: ['allow', 'refuse'],
    security: true,
    why: 'refuse: docket.local.yaml may name no runners, so that every program that is called stands in the committed file; allow: a person may add their own, and never widen one of docket.yaml',
  }),
  ...MCP_SETTINGS,
} as const;
