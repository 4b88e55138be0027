/** The rows of `review`, `emit`, `context` and `notify`: docs/review.md, docs/chain.md. */

import { CONTRACT_SETTINGS } from './settings-contract.ts';
import { row } from './settings-row.ts';

export const REVIEW_SETTINGS = {
  ...CONTRACT_SETTINGS,
  'review.key': row<string>({
    default: '',
    unit: 'text',
    security: true,
    why: "an SSH private key whose holder may give verdicts without a terminal, and that signs them; empty: only at a terminal, signed with git's own user.signingkey where gpg.format is ssh",
  }),
  'review.awaiting_max': row<number>({
    default: 0,
    unit: 'count',
    min: 0,
    max: 1_000_000,
    why: 'so many answers of one role may await a verdict before its next prompt waits too, so that machines do not outrun people; 0: no limit',
  }),
  'review.comment_bytes': row<number>({ default: 64_000, unit: 'bytes', min: 100, max: 1_000_000, why: 'longest comment of a verdict' }),
  'review.plain': row<boolean>({
    default: false,
    unit: 'bool',
    why: 'docket review asks line by line instead of on a screen of its own: for screen readers and simple terminals',
  }),
  'review.unreviewed_roles': row<readonly string[]>({
    default: [],
    unit: 'list',
    security: true,
    why: 'roles that emit documents and whose answers count without a verdict (their role.yaml says review: none); all others are reviewed',
  }),
  'emit.prompts_max': row<number>({
    default: 40,
    unit: 'count',
    min: 1,
    max: 1_000,
    why: 'most prompts that one answer may enqueue',
  }),
  'emit.generations': row<number>({
    default: 2,
    unit: 'count',
    min: 1,
    max: 10,
    why: 'a prompt that a person dropped may have children, and they again, so many generations deep',
  }),
  'emit.feature_day_max': row<number>({
    default: 200,
    unit: 'count',
    min: 1,
    max: 100_000,
    why: 'most prompts that answers may enqueue for one feature within 24 h',
  }),
  'emit.auto_release': row<readonly string[]>({
    default: [],
    unit: 'list',
    security: true,
    why: 'roles whose enqueued prompts start without the approval of the answer that they came from',
  }),
  'emit.auto_next': row<boolean>({
    default: false,
    unit: 'bool',
    security: true,
    why: 'writes the prompt of the next role (next in role.yaml) when a result is accepted and there is none; off: docket next does it when asked',
  }),
  'context.bytes': row<number>({
    default: 400_000,
    unit: 'bytes',
    min: 0,
    max: 8_000_000,
    why: 'most text of accepted answers that is put into a brief as context; of longer ones the beginning, and the brief says so',
  }),
  'notify.on': row<readonly string[]>({
    default: [],
    unit: 'list',
    security: true,
    why: 'what people are told about: review (an answer awaits a verdict), failed (failed, held or rejected), budget (a prompt waits for money); none unless named here',
  }),
  'notify.bell': row<boolean>({
    default: true,
    unit: 'bool',
    why: 'rings the bell of the terminal that docket up or docket status --watch runs in',
  }),
  'notify.desktop': row<boolean>({ default: false, unit: 'bool', security: true, why: 'tells the desktop (notify-send, osascript)' }),
  'notify.command': row<readonly string[]>({
    default: [],
    unit: 'list',
    security: true,
    why: 'a program and its arguments, started with the notice as JSON on standard input',
  }),
  'notify.webhook': row<string>({
    default: '',
    unit: 'text',
    security: true,
    why: 'an address (https, or http on this machine) that gets the notice as JSON by POST; never a prompt, an answer or a secret. env:NAME: it stands in that variable of the daemon, as one that is a secret itself should',
  }),
  'notify.timeout': row<number>({ default: 10_000, unit: 'ms', min: 100, max: 600_000, why: 'longest wait for such a program or address' }),
  'stats.hourly_rate': row<number>({
    default: 100,
    unit: 'usd',
    min: 0,
    max: 100_000,
    why: 'what an hour of work costs, for docket stats',
  }),
  'stats.features_month': row<number>({ default: 4, unit: 'count', min: 0, max: 10_000, why: 'features a month, for docket stats' }),
} as const;
