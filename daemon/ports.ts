/** What the daemon is given by cli/start.ts: no room below it is looked up anywhere else. */

import type { Runners } from '#agents/registry.ts';
import type { Documents } from '#agents/contract-thread.ts';
import type { CodeFacts } from '#core/evidence.ts';
import type { History } from '#core/history.ts';
import type { CrashPoint } from '#core/job.ts';
import type { JobId, RoleName } from '#core/names.ts';
import type { PriceTables } from '#core/money.ts';
import type { Clock, Digest, Fs, Journal, Keeper, Log, SecretScan } from '#core/ports.ts';
import type { PromptSpec, Role } from '#core/role.ts';
import type { Stream } from '#core/prompt.ts';
import type { Before, ScopeRules, TreePort } from '#core/scope.ts';
import type { Workspace } from '#core/settings.ts';
import type { WorktreeRecord } from '#core/worktrees.ts';
import type { Signing } from '#core/signing.ts';
import type { HeldPrompt, Spool } from '#core/spool.ts';
import type { ScopeWatch } from '#policy/scope-watch.ts';
import type { Acceptance } from './acceptance.ts';
import type { Purse } from './budget.ts';
import type { Events } from './events.ts';
import type { LiveRuns } from './live-runs.ts';
import type { NextUp } from './next-plan.ts';
import type { Lanes } from './schedule.ts';

export type Ports = {
  readonly workspace: Workspace;
  readonly clock: Clock;
  readonly digest: Digest;
  readonly log: Log;
  readonly fs: Fs;
  /** 0 <= r < 1, for jitter. */
  readonly random: () => number;
  readonly spool: Spool;
  readonly history: History;
  /** Which answers count. */
  readonly acceptance: Acceptance;
  /** Null: records are not signed. */
  readonly signing: Signing | null;
  readonly journal: Journal;
  readonly secrets: SecretScan;
  readonly keeper: Keeper;
  /** Checks the documents of answers; left out: their fences need only be there. */
  readonly documents?: Documents;
  readonly runners: Runners;
  readonly lanes: Lanes;
  /** The user's own rows, then the built-in ones. */
  readonly prices: PriceTables;
  readonly purse: Purse;
  readonly live: LiveRuns;
  /** What runs may change, and who looks at what they did. */
  readonly scope: {
    readonly rules: (access: ScopeRules['access'], scope: unknown, stream: Stream | null) => ScopeRules;
    readonly watch: ScopeWatch;
    readonly textOf: (before: Before) => string;
    readonly diff: TreePort['diff'];
    readonly stateOf: (folder: string) => Promise<Readonly<Record<string, string>> | null>;
    /** What is written down of this work tree; null: docket did not make it. */
    readonly record: () => Promise<WorktreeRecord | null>;
    /** No change that is not committed; also where nobody can say. */
    readonly isClean: () => Promise<boolean>;
  };
  /** Lifecycle programs; left out: none is switched on. */
  readonly events?: Events;
  /** Makes what a tool said fit to be shown: no known secret, nothing that a terminal obeys, not longer than this. */
  readonly clean: (text: string, maxLength: number) => string;
  /** Jobs that wait in work/ for answers to be accepted, with the words why. */
  readonly waitsForAnswers: Map<JobId, string>;
  /** Jobs that wait for money, with the words why. */
  readonly waitsForMoney: Map<JobId, string>;
  /** Jobs that wait for what is shared with other dockets, or for another run that writes, with the words why. */
  readonly waitsOutside: Map<JobId, string>;
  /** By the job whose answer they came out of: prompts in in/ that wait for its approval, as far as they are known (emit-release.ts). */
  readonly heldChildren: Map<JobId, readonly HeldPrompt[]>;
  /** Left out: emit.auto_next is off. */
  readonly nextUp?: NextUp;
  /** The lane a job of this role will run in, with this runner (null: the role's or the workspace's). */
  readonly laneOf: (role: RoleName, runner: string | null) => string;
  readonly roles: ReadonlyMap<RoleName, Role>;
  readonly specs: readonly PromptSpec[];
  /** Facts of the code repository, at most a few seconds old. */
  readonly code: () => Promise<CodeFacts>;
  readonly daemon: { readonly version: string; readonly host: string; readonly instance: string };
  /** The folders are looked at least this often; shorter where the file system tells no events. */
  readonly scanIntervalMs: number;
  /** Aborts when the daemon stops: no new starts, waits end. */
  readonly stopping: AbortSignal;
  /** Marks the job whose content is being parsed: should that end this process, the next one knows. */
  readonly whileParsing: <T>(job: JobId, act: () => T) => T;
  /** Told whenever a job comes or leaves, for what is worth doing only under load. */
  readonly inFlight: (jobs: number) => void;
  /** Told once, when all that waits was looked at for the first time. */
  readonly looked: () => void;
  /** Called right after each named point; tests stop the process here. */
  readonly reached: (point: CrashPoint, job: JobId) => void;
};
