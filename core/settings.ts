/**
 * Every setting is one row: default, bounds, unit and reason. The README's table is printed from it, `docket config` shows it,
 * and a limit that is not here does not exist. Order of precedence: flag > DOCKET_* environment > docket.local.yaml > docket.yaml > default.
 */

import type { Price } from './money.ts';
import type { AllowedSecret } from './policy.ts';
import { FRONT_MATTER_BYTES_MAX, PROMPT_BYTES_MAX, type Stream } from './prompt.ts';
import type { CommandProfile, HttpProfile } from './runner-settings.ts';
import { SCOPE_SETTINGS } from './settings-scope.ts';
import { BOUND_SETTINGS } from './settings-bounds.ts';
import { REVIEW_SETTINGS } from './settings-review.ts';
import { DAEMON_SETTINGS } from './settings-daemons.ts';
import { GLANCE_SETTINGS } from './settings-glance.ts';
import { HOOK_SETTINGS } from './settings-hooks.ts';
import { PANE_SETTINGS } from './settings-panes.ts';
import { row } from './settings-row.ts';
import { CHECKPOINT_SETTINGS } from './settings-checkpoint.ts';
import { SIGNING_SETTINGS } from './settings-signing.ts';
import { STREAM_SETTINGS } from './settings-streams.ts';
import { THROTTLE_SETTINGS } from './settings-throttle.ts';
import { CLEANUP_SETTINGS } from './settings-cleanup.ts';
import { WORKTREE_SETTINGS } from './settings-worktrees.ts';

export type { CommandProfile, HttpProfile } from './runner-settings.ts';

/** Keys are the path in docket.yaml. Sizes take `600k`, durations take `15m` in the file; here they are bytes and milliseconds. */
export const SETTINGS = {
  app: row<string>({ default: '', unit: 'text', why: "the application's name; empty: the workspace folder's name" }),
  code: row<string>({ default: '.', unit: 'text', why: 'the code repository, relative to docket.yaml' }),
  history: row<string>({
    default: '',
    unit: 'text',
    why: 'the history repository; empty: ../<app>-ai-history, never inside the code repository',
  }),
  queues: row<string>({ default: 'queues', unit: 'text', why: 'the queue folders, relative to docket.yaml; on a local file system' }),
  runner: row<string>({
    default: '',
    unit: 'text',
    why: 'the runner of roles that name none: offline, claude, auto or a key of runners; empty: refused at start, so that no tool is called by accident',
  }),
  model: row<string>({ default: '', unit: 'text', why: "the model of roles that name none; empty: the tool's own default" }),
  slots: row<number>({
    default: 2,
    unit: 'count',
    min: 1,
    max: 64,
    why: 'jobs that run at the same time in a lane that says nothing else',
  }),
  ...STREAM_SETTINGS,
  ...THROTTLE_SETTINGS,
  'limits.prompt_bytes': row<number>({
    default: 600_000,
    unit: 'bytes',
    min: 1_000,
    max: PROMPT_BYTES_MAX,
    why: 'longest prompt: what every AI tool measured takes whole',
  }),
  'limits.front_matter_bytes': row<number>({
    default: 16_384,
    unit: 'bytes',
    min: 256,
    max: FRONT_MATTER_BYTES_MAX,
    why: 'longest front matter: parsing is quadratic in it',
  }),
  'limits.answer_bytes': row<number>({
    default: 16_000_000,
    unit: 'bytes',
    min: 1_000,
    max: 256_000_000,
    why: 'longest answer that is taken',
  }),
  'limits.output_bytes': row<number>({
    default: 64_000_000,
    unit: 'bytes',
    min: 1_000,
    max: 1_000_000_000,
    why: 'raw output of a tool before it is ended',
  }),
  'limits.timeout': row<number>({
    default: 1_800_000,
    unit: 'ms',
    min: 1_000,
    max: 86_400_000,
    why: 'longest run of a tool when the role and the prompt say nothing',
  }),
  'limits.idle_timeout': row<number>({ default: 600_000, unit: 'ms', min: 1_000, max: 86_400_000, why: 'longest silence of a tool' }),
  'limits.turns': row<number>({ default: 40, unit: 'count', min: 1, max: 1_000, why: 'turns of an agent when the prompt says nothing' }),
  'limits.budget_usd': row<number>({
    default: 5,
    unit: 'count',
    min: 0.01,
    max: 10_000,
    why: 'what one run may cost, in US dollars, where the tool can hold itself to it or docket can count what it spends',
  }),
  'limits.memory_mb': row<number>({
    default: 0,
    unit: 'count',
    min: 0,
    max: 10_000_000,
    why: 'memory that all processes of a run may hold together, in MB (1,000,000 bytes), before it is ended; 0: no ceiling',
  }),
  'limits.processes': row<number>({
    default: 0,
    unit: 'count',
    min: 0,
    max: 1_000_000,
    why: 'processes that a run may have at the same time before it is ended; 0: no ceiling',
  }),
  'limits.secret_scan': row<number>({
    default: 20_000,
    unit: 'ms',
    min: 100,
    max: 600_000,
    why: 'longest secret scan of one text; after it the text is held',
  }),
  'limits.in_flight': row<number>({ default: 192, unit: 'count', min: 1, max: 1_000, why: 'claimed jobs in work/ at the same time' }),
  ...BOUND_SETTINGS,
  ...REVIEW_SETTINGS,
  ...GLANCE_SETTINGS,
  'limits.running': row<number>({
    default: 32,
    unit: 'count',
    min: 1,
    max: 1_000,
    why: 'runs at the same time over all lanes, offline not counted: each is a program of its own',
  }),
  'limits.ahead': row<number>({
    default: 4,
    unit: 'count',
    min: 0,
    max: 1_000,
    why: 'prompts of a lane that are claimed while its slots are busy, so that the next one starts at once',
  }),
  'limits.parser_reads': row<number>({
    default: 3,
    unit: 'count',
    min: 1,
    max: 20,
    why: 'how often a file may crash the parser before it is rejected unread',
  }),
  'intake.scan_interval': row<number>({
    default: 5_000,
    unit: 'ms',
    min: 100,
    max: 60_000,
    why: 'the folders are looked at least this often, whatever the events say',
  }),
  'intake.scan_interval_network': row<number>({
    default: 1_000,
    unit: 'ms',
    min: 100,
    max: 60_000,
    why: 'the same when an in/ folder is on a network file system, which tells no events',
  }),
  'intake.settle': row<number>({
    default: 500,
    unit: 'ms',
    min: 0,
    max: 600_000,
    why: 'a file written in place must be unchanged this long, with no writer',
  }),
  'intake.settle_network': row<number>({
    default: 2_000,
    unit: 'ms',
    min: 0,
    max: 600_000,
    why: 'the same on a network file system, which shows no writers',
  }),
  'retention.processed': row<number>({
    default: 7_776_000_000,
    unit: 'ms',
    min: 0,
    max: 315_360_000_000,
    why: 'age at which answered inputs move from in/ to archive/<year-month>/ of their role, out/ stays as it is; nothing is deleted; 0: they stay',
  }),
  'http.max_tokens': row<number>({
    default: 16_000,
    unit: 'count',
    min: 1,
    max: 10_000_000,
    why: 'longest answer, in tokens, that a runner of kind http asks for when it says nothing itself and the interface wants a number (Anthropic)',
  }),
  'budgets.feature_usd': row<number>({
    default: 0,
    unit: 'usd',
    min: 0,
    max: 1_000_000,
    why: 'what all runs for one feature may cost together, in US dollars; its prompts wait when it is spent; 0: no limit',
  }),
  'budgets.day_usd': row<number>({
    default: 0,
    unit: 'usd',
    min: 0,
    max: 1_000_000,
    why: 'what all runs of a day may cost together, in US dollars; 0: no limit. A lane gets one of its own under budgets: { lane: { <lane>: 20 } }',
  }),
  'budgets.soft': row<number>({
    default: 0.8,
    unit: 'count',
    min: 0.01,
    max: 1,
    why: 'the share of a budget at which the log warns, once',
  }),
  'budgets.reserve': row<string>({
    default: 'past',
    unit: 'choice',
    choices: ['past', 'cap'],
    why: "what a run that starts is taken to cost until it has ended; past: the dearest of the role's last 20 answers, but limits.budget_usd where the prompt itself sets it; cap: always limits.budget_usd, so that no budget is passed where the tool holds itself to it",
  }),
  'budgets.reserve_usd': row<number>({
    default: 0.5,
    unit: 'usd',
    min: 0,
    max: 10_000,
    why: 'what a run is taken to cost while its role has no answer yet',
  }),
  'budgets.unknown_usd': row<number>({
    default: 0.5,
    unit: 'usd',
    min: 0,
    max: 10_000,
    why: 'what a run counts for in budgets when neither its tool nor the price table says what it cost',
  }),
  'budgets.time_zone': row<string>({
    default: '',
    unit: 'text',
    why: "whose days they are, such as Europe/Berlin; empty: this machine's own time zone",
  }),
  'policy.secrets': row<string>({
    default: 'hold',
    unit: 'choice',
    choices: ['hold'],
    security: true,
    why: 'a prompt or answer with a secret waits for a person; history cannot forget, so there is no off',
  }),
  'policy.personal_data': row<string>({
    default: 'warn',
    unit: 'choice',
    choices: ['off', 'warn', 'hold'],
    security: true,
    why: 'e-mail addresses, telephone numbers, payment cards and bank accounts in prompts and answers; warn: told in the log and counted in the evidence, as code is full of authors; hold: waits for a person',
  }),
  'policy.push_remotes': row<readonly string[]>({
    default: [],
    unit: 'list',
    security: true,
    why: 'remotes the history repository may be pushed to; its pre-push hook refuses all others',
  }),
  'policy.program_change': row<string>({
    default: 'ignore',
    unit: 'choice',
    choices: ['ignore', 'hold'],
    security: true,
    why: 'hold: a tool whose program is another file than the one that was accepted (the first one seen is) is not called until a person says `docket accept <runner>`',
  }),
  ...SCOPE_SETTINGS,
  ...SIGNING_SETTINGS,
  'tools.sandbox': row<string>({
    default: 'auto',
    unit: 'choice',
    choices: ['auto', 'off', 'required'],
    security: true,
    why: 'a tool can write only its worktree and its own state, by bwrap (Linux) or sandbox-exec (macOS); auto: where that works, for the tools docket knows and runners with sandbox: true; required: nothing starts without it; off: never',
  }),
  ...HOOK_SETTINGS,
  ...CHECKPOINT_SETTINGS,
  ...WORKTREE_SETTINGS,
  ...CLEANUP_SETTINGS,
  ...PANE_SETTINGS,
  'tend.packs': row<number>({
    default: 50,
    unit: 'count',
    min: 0,
    max: 10_000,
    why: 'packs of the history before the smallest are made one, in the background, by the git program; 0: never',
  }),
  'tend.idle': row<number>({
    default: 5_000,
    unit: 'ms',
    min: 0,
    max: 86_400_000,
    why: 'how long nothing was recorded before the history is tended',
  }),
  'stop.drain': row<number>({
    default: 30_000,
    unit: 'ms',
    min: 0,
    max: 86_400_000,
    why: 'how long a stop waits for running jobs before it leaves them to the keeper',
  }),
  ...DAEMON_SETTINGS,
  'log.level': row<string>({
    default: 'info',
    unit: 'choice',
    choices: ['error', 'warn', 'info', 'debug'],
    why: 'least level that is logged',
  }),
  'log.max_bytes': row<number>({
    default: 20_000_000,
    unit: 'bytes',
    min: 10_000,
    max: 1_000_000_000,
    why: 'size at which the log file rotates (also at midnight UTC)',
  }),
  'log.keep': row<number>({ default: 14, unit: 'count', min: 1, max: 3_650, why: 'log files that are kept' }),
} as const;

export type SettingKey = keyof typeof SETTINGS;
export type SettingValue<K extends SettingKey> = (typeof SETTINGS)[K]['default'];
type Widen<T> = T extends string ? string : T extends number ? number : T extends boolean ? boolean : T;

export type SettingSource = 'default' | 'docket.yaml' | 'docket.local.yaml' | 'environment' | 'flag';
export type Settings = { readonly [K in SettingKey]: Widen<SettingValue<K>> };
export type SettingSources = { readonly [K in SettingKey]: SettingSource };

export type LaneSettings = {
  readonly name: string;
  readonly slots: number;
  /** Infinite: it calls no provider. */
  readonly intervalCap: number;
  readonly intervalMs: number;
  readonly staggerMs: number;
};

/** The workspace as the loader found it: absolute paths only. */
export type Workspace = {
  readonly root: string;
  readonly app: string;
  readonly code: string;
  readonly history: string;
  readonly queues: string;
  /** queues/.docket */
  readonly state: string;
  readonly settings: Settings;
  readonly sources: SettingSources;
  readonly runners: readonly CommandProfile[];
  readonly httpRunners: readonly HttpProfile[];
  readonly lanes: readonly LaneSettings[];
  /** What the runs of a day in a lane may cost, in US dollars. */
  readonly laneBudgets: readonly { readonly lane: string; readonly dayUsd: number }[];
  /** What the secret scan lets pass (policy.allow_secrets); only docket.yaml may name it. */
  readonly allowedSecrets: readonly AllowedSecret[];
  /** The user's own rows of the price table. */
  readonly prices: readonly Price[];
  /** What docket has written down of the work tree that it lies in (core/worktrees.ts); absent or null: nothing. */
  readonly work?: { readonly stream: Stream; readonly branch: string } | null;
  /** What a person should be told of the settings: a docket.yaml that nobody committed; absent: nothing. */
  readonly notes?: readonly string[];
  /** Folders to look for roles and prompt specs in, the workspace's own before the package's. */
  readonly roleFolders: readonly string[];
  readonly specFolders: readonly string[];
};
