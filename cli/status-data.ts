/** `docket status --json`: what the folders, the daemon (or journal and history) say, in one object. Fields are only ever added. */

import type { RoleFacts, StandingCounts, Today } from '#core/glance.ts';
import { usdOf } from '#core/money.ts';
import type { Pause } from '#daemon/pauses.ts';
import type { RunningNow } from '#daemon/glance.ts';
import type { Holder } from './holder.ts';
import type { LaneWords, RoleFault } from './job-words-sources.ts';
import type { BadEnd, Folders } from './status-folders.ts';
import { eventWords, usageWords } from './live-words.ts';

/** What is told beside the folders, whoever tells it. */
export type StatusFacts = {
  readonly up: boolean;
  readonly daemon: Holder | null;
  readonly version: string | null;
  readonly since: string | null;
  readonly root: string;
  readonly runner: string;
  readonly history: string;
  readonly roles: readonly RoleFacts[];
  readonly reviewNotes: readonly string[];
  readonly standings: Readonly<Record<string, StandingCounts>> | null;
  /** Jobs in work/ by role name. */
  readonly inWork: readonly { readonly role: string; readonly state: string }[];
  readonly runningNow: readonly RunningNow[];
  readonly lanes: readonly LaneWords[];
  readonly paused: readonly Pause[];
  readonly holds: readonly { readonly lane: string; readonly until: string | null; readonly reason: string }[];
  readonly circuits: readonly string[];
  readonly budgets: readonly { readonly words: string }[];
  readonly faults: readonly RoleFault[];
  readonly waitsForMoney: readonly string[];
  readonly today: Today | null;
  readonly notes: readonly string[];
};

export type RoleRow = {
  readonly role: string;
  readonly waiting: number;
  readonly in_flight: number;
  readonly running: number;
  readonly processed: number;
  readonly needs_person: number;
  readonly held: number;
  /** Of these: nothing is wrong, they wait for the approval of the answer they came out of, or for `docket release`. */
  readonly on_hold: number;
  readonly failed: number;
  readonly rejected: number;
  readonly cancelled: number;
  readonly review: RoleFacts['review'];
  /** Of the newest answers; null: not counted yet. */
  readonly standings: StandingCounts | null;
};

export type RunningRow = {
  readonly job: string;
  readonly role: string;
  readonly stem: string;
  readonly attempt: number;
  readonly runner: string;
  readonly elapsed_ms: number;
  /** The last thing it did, in words; null: nothing was told yet. */
  readonly doing: string | null;
  readonly usage: string | null;
};

export type StatusData = {
  readonly up: boolean;
  readonly daemon: Holder | null;
  readonly root: string;
  readonly runner: string;
  readonly history: string;
  readonly roles: readonly RoleRow[];
  readonly lanes: readonly LaneWords[];
  readonly paused: readonly Pause[];
  readonly holds: StatusFacts['holds'];
  readonly circuits: readonly string[];
  readonly budgets: StatusFacts['budgets'];
  readonly faults: readonly RoleFault[];
  readonly waits_for_money: readonly string[];
  readonly running: readonly RunningRow[];
  readonly review_notes: readonly string[];
  readonly failures: readonly BadEnd[];
  readonly today: unknown;
  readonly notes: readonly string[];
};

export function statusData(facts: StatusFacts, folders: Folders): StatusData {
  return {
    up: facts.up,
    daemon: facts.daemon,
    root: facts.root,
    runner: facts.runner,
    history: facts.history,
    roles: facts.roles.map((role) => rowOf(role, facts, folders)),
    lanes: facts.lanes,
    paused: facts.paused,
    holds: facts.holds,
    circuits: facts.circuits,
    budgets: facts.budgets,
    faults: facts.faults,
    waits_for_money: facts.waitsForMoney,
    running: facts.runningNow.map(({ begin, last, usage }) => ({
      job: begin.job,
      role: begin.role,
      stem: begin.stem,
      attempt: begin.attempt,
      runner: begin.runner,
      elapsed_ms: begin.elapsed_ms,
      doing: last === null ? null : eventWords(last),
      usage: usage?.event === 'usage' ? usageWords(usage) : null,
    })),
    review_notes: facts.reviewNotes,
    failures: folders.failures,
    today: facts.today === null ? null : todayOf(facts.today),
    notes: facts.notes,
  };
}

function rowOf(role: RoleFacts, { inWork, standings }: StatusFacts, folders: Folders): RoleRow {
  const {
    waiting = 0,
    onHold = 0,
    ended = { processed: 0, rejected: 0, held: 0, failed: 0, cancelled: 0 },
  } = folders.counts.get(role.role) ?? {};
  const mine = inWork.filter((job) => job.role === role.name);
  const { rejected, held, failed, cancelled } = ended;
  return {
    role: role.role,
    waiting,
    in_flight: mine.length,
    running: mine.filter(({ state }) => state === 'running').length,
    processed: ended.processed,
    needs_person: rejected + held + failed + cancelled,
    held,
    on_hold: onHold,
    failed,
    rejected,
    cancelled,
    review: role.review,
    standings: standings === null ? null : (standings[role.name] ?? null),
  };
}

const todayOf = (today: Today): unknown => ({
  day: today.day,
  runs: today.runs,
  input_tokens: today.inputTokens,
  output_tokens: today.outputTokens,
  cache_read_tokens: today.cacheReadTokens,
  cache_write_tokens: today.cacheWriteTokens,
  cost_usd: usdOf(today.micros),
  estimated_usd: usdOf(today.estimatedMicros),
  unknown_runs: today.unknownRuns,
});
