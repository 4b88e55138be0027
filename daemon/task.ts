/** A job in the daemon's hands: what is on disk of it, and what was found out so far. */

import type { MaterialBytes } from '#core/history.ts';
import type { JobId, Sha256 } from '#core/names.ts';
import type { ScanNote } from '#core/policy.ts';
import type { Dependency, Identity, Prompt } from '#core/prompt.ts';
import type { PromptSpec, Role } from '#core/role.ts';
import type { AttemptRecord, RunnerFacts } from '#core/run.ts';
import type { CodeFacts, ContextFact } from '#core/evidence.ts';
import type { Claimed } from '#core/spool.ts';
import type { Failure } from '#core/failure.ts';
import type { Cycle } from './intake-cycles.ts';
import type { Place } from './schedule.ts';
import type { Runner } from '#agents/runner.ts';

export type Task = {
  readonly claimed: Claimed;
  /** Null when the file may not be read; `unreadable` says why. */
  readonly bytes: Uint8Array | null;
  readonly unreadable: Failure | null;
  /** Highest a<n>/ on disk; 0 for a fresh job. */
  readonly lastAttempt: number;
  /** Whose turn it is, lower first (daemon/lanes/order.ts). */
  readonly order: number;
  /** Its place in the lane. */
  readonly place: Place;
  /** Registers what must be let go of when the job leaves the daemon, however it ends. */
  readonly onEnd: (release: () => void) => void;
  /** Aborts when a person cancels this job; the reason is the person. */
  readonly cancel: AbortSignal;
  /** The prompts that wait for one another, this one among them, because of this dependency; null: none do. */
  readonly cycleOf: (identity: Identity, missing: readonly Dependency[]) => Cycle | null;
  /** Resolves when another job has left the daemon; undefined: it is not in its hands. */
  readonly whenEnded: (id: JobId) => Promise<unknown> | undefined;
};

/** A runner that may answer the job. */
export type Choice = { readonly runner: Runner; readonly facts: RunnerFacts; readonly model: string | null };

/** A prompt that passed every check, with all that will be sent. */
export type Accepted = {
  readonly task: Task;
  readonly bytes: Uint8Array;
  readonly sha256: Sha256;
  readonly prompt: Prompt;
  readonly identity: Identity;
  readonly role: Role;
  readonly spec: PromptSpec;
  readonly runner: Runner;
  readonly facts: RunnerFacts;
  readonly model: string | null;
  /** Who answers instead, while the lanes of those before are held for a limit or their environment. */
  readonly fallbacks: readonly Choice[];
  readonly brief: string;
  readonly materials: readonly MaterialBytes[];
  /** Accepted answers that stand in the brief. */
  readonly context: readonly ContextFact[];
  /** What its scan let pass. */
  readonly note: ScanNote | null;
};

/** A prompt that stands in history as accepted: its identity is ours. */
export type Submitted = Accepted & {
  /** The job under which it is recorded: an earlier job when the same bytes were dropped again after a failure. */
  readonly recordAs: JobId;
  readonly submittedAt: string;
  readonly code: CodeFacts;
};

export type Ended = {
  readonly status: 'answered' | 'briefed' | 'failed' | 'cancelled' | 'held';
  readonly answer: string | null;
  readonly failure: Failure | null;
  readonly attempts: readonly AttemptRecord[];
  readonly command: string | null;
  /** Of the runner that ended it; null: none began. */
  readonly facts: RunnerFacts | null;
  readonly model: string | null;
  readonly sessionId: string | null;
  /** Was the answer scanned, and with which outcome. */
  readonly answerScan: 'passed' | 'found' | 'failed' | null;
  readonly answerNote: ScanNote | null;
};

export type InFlight = { readonly job: JobId; readonly sha256: Sha256; readonly done: Promise<void> };

/** In work/<job>/: what is sent. */
export const BRIEF_FILE = 'brief.md';

/** Who cancelled. */
export const byWhom = (signal: AbortSignal): string => (typeof signal.reason === 'string' ? signal.reason : 'a person');
