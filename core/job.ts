/**
 * A job: one prompt on its way through one role's queue. Its states and the only moves between them are the table in states.ts.
 *
 *   claimed -> read -> submitted -> running <-> waiting -> ran -> recorded -> published -> done
 *        \________\__________\____________________________________/  (a bad end is decided, recorded if it was submitted, published)
 *
 * `recorded` means: the end is decided and durable (in history when the prompt was submitted, in the ledger always).
 */

import type { Failure } from './failure.ts';
import type { JobState } from './states.ts';
import type { JobId, RoleFolder, RoleName, Sha256, Stem } from './names.ts';

export { canMove, JOB_STATES, type JobState } from './states.ts';

/** How a job ended. The file name in `in/` says the same: `.processed` for the first three, else the outcome's own name. */
export const OUTCOMES = ['answered', 'briefed', 'duplicate', 'rejected', 'held', 'failed', 'cancelled'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const suffixOf = (outcome: Outcome): string =>
  outcome === 'answered' || outcome === 'briefed' || outcome === 'duplicate' ? 'processed' : outcome;

/** What is known of a job once it was read: a line of ledger.jsonl, fsynced; the truth about a job in flight. */
export type JobFile = {
  readonly v: 1;
  readonly id: JobId;
  readonly role: RoleName;
  readonly folder: RoleFolder;
  /** The name in `in/` as people read it (made printable), and the raw bytes of it in hex. */
  readonly originalName: string;
  readonly originalNameHex: string;
  readonly stem: Stem;
  /** Null when the file was refused unopened (a link, a device, too large …); `refusal` then says why. */
  readonly sha256: Sha256 | null;
  readonly sizeBytes: number;
  /** How often the content was read and handed to a parser; three crashes in the parser end as rejected. */
  readonly reads: number;
  /** ISO 8601, UTC. */
  readonly claimedAt: string;
};

/** How a job ends and what is published of it: a line of ledger.jsonl. Its presence means: the end is decided. */
export type FinalFile = {
  readonly v: 1;
  readonly outcome: Outcome;
  readonly stem: Stem;
  /** In publishing order, evidence first and the result last; `private` stands behind the job's id in work/ (`<job>.1_result.md`), `public` is a name in out/. */
  readonly files: readonly {
    readonly private: string;
    readonly public: string;
    /** Of the private copy as it was decided; absent in what an older docket decided. */
    readonly sha256?: Sha256;
  }[];
  /** The new name of the claimed file in in/. */
  readonly finished: string;
  readonly decidedAt: string;
  readonly failure: Failure | null;
  /** Prompts that its answer enqueues, in the order of the answer (spool/enqueue.ts); absent: none. */
  readonly children?: readonly FinalChild[];
};

/** A prompt that came out of an answer: `<stem>.held` in in/ of this role. The ledger has its bytes, by their hash. */
export type FinalChild = { readonly folder: RoleFolder; readonly stem: Stem; readonly sha256: Sha256 };

/** A job as `ls` and `show` list it, wherever it is. */
export type JobView = {
  readonly id: JobId | null;
  readonly role: RoleName;
  readonly stem: string;
  readonly state: JobState | 'waiting-in' | Outcome;
  readonly feature: string | null;
  readonly revision: number | null;
  readonly name: string | null;
  readonly attempts: number;
  /** ISO 8601, UTC. */
  readonly since: string | null;
  readonly why: string | null;
  /** Absolute path of an input that was moved to archive/. */
  readonly archived?: string;
  /** The name in in/ of a waiting file that states its SHA-256; absent: `<stem>.md`. */
  readonly file?: string;
  /** Of state `held`: a prompt that never ran, and no bad end. `parent`: the job whose answer it came out of; null: none. Absent: a job that ended as held. */
  readonly held?: { readonly parent: JobId | null };
};

/** The named points of ARCHITECTURE "Order of writes", in order: tests stop the daemon right after each. */
export const CRASH_POINTS = [
  'claimed',
  'read',
  'submitted',
  'attempt',
  'spawned',
  'exit',
  'ran',
  'recorded',
  'published',
  'renamed',
  'done',
] as const;
/** The same for an answer that enqueues prompts: they are written beside in/; the first has its name; all have; after the approval one is released; all are. */
export const EMIT_POINTS = ['staged', 'first-child', 'enqueued', 'first-released', 'released'] as const;
export type EmitPoint = (typeof EMIT_POINTS)[number];
export type CrashPoint = (typeof CRASH_POINTS)[number] | EmitPoint;
