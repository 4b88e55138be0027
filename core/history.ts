/** The port of the history: the <app>-ai-history git repository. Body: history/. Layout and trailers: FORMATS "History repository". */

import type { JobId, Sha256, FeatureName } from './names.ts';
import type { Identity, Stream } from './prompt.ts';
import type { Material } from './evidence.ts';
import type { Result } from './result.ts';
import type { SpendLine } from './spending.ts';
import type { Closing, Judged, Promotion, Verdict } from './verdict.ts';

export type RecordStatus = 'submitted' | 'answered' | 'briefed' | 'failed' | 'cancelled';

/** What stands in the tip under an identity. */
export type Filed = {
  readonly job: JobId;
  readonly status: RecordStatus;
  readonly promptSha256: Sha256;
  readonly resultSha256: Sha256 | null;
  readonly evidenceSha256: Sha256 | null;
  /** Full commit id of the newest commit about it. */
  readonly commit: string;
};

export type MaterialBytes = Material & { readonly bytes: Uint8Array | string };

/** The prompt as accepted: reserves the identity. */
export type Submission = {
  readonly job: JobId;
  readonly identity: Identity;
  readonly featureName: FeatureName;
  readonly title: string | null;
  readonly stream: Stream;
  /** The branch that the feature is worked on in; null, or left out: its work tree is not docket's. */
  readonly branch?: string | null;
  /** Folder of the role, `01-architect`. */
  readonly roleFolder: string;
  /** The dropped file, byte for byte. */
  readonly prompt: Uint8Array;
  readonly promptSha256: Sha256;
  readonly specVersion: string;
  readonly codeCommit: string | null;
  readonly runner: string;
  readonly model: string | null;
  /** ISO 8601. */
  readonly at: string;
  /** Its feature was closed once, and a person has opened it again: `closings` was asked. */
  readonly isReopened?: boolean;
};

/** The end of a job: also of one that gave up. */
export type Answer = {
  readonly job: JobId;
  readonly identity: Identity;
  readonly roleFolder: string;
  readonly status: 'answered' | 'briefed' | 'failed' | 'cancelled';
  /** Null for failed and cancelled. */
  readonly result: Uint8Array | null;
  readonly evidence: string;
  /** The evidence in its signed envelope (DSSE); null or left out: signing was off when the end was decided. */
  readonly envelope?: string | null;
  readonly promptSha256: Sha256;
  readonly specVersion: string;
  readonly codeCommit: string | null;
  readonly runner: string;
  readonly model: string | null;
  readonly materials: readonly MaterialBytes[];
  /** Raw output of attempts that failed: kept under attempts/<job>/. */
  readonly attempts: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  readonly at: string;
};

export type Taken = { readonly kind: 'identity-taken'; readonly byJob: JobId; readonly filed: Filed };

/** The feature has a closing record: `closings` says whether it was reopened since. */
export type MaybeClosed = { readonly kind: 'feature-closed' };

/** Where a verdict or a closing lies. */
export type Written = { readonly path: string; readonly commit: string };

/** One commit of the history as `docket log` shows it. */
export type LogEntry = {
  readonly commit: string;
  readonly at: string;
  readonly subject: string;
  readonly trailers: Readonly<Record<string, string>>;
};

/** A file of main whose content was taken out of the history; its hash is what the record says. */
export type Purged = {
  readonly path: string;
  readonly sha256: Sha256;
  readonly sizeBytes: number;
  readonly placeholderSha256: Sha256;
  readonly reason: string;
  readonly person: string;
  /** ISO 8601. */
  readonly at: string;
  /** Path of the tombstone. */
  readonly tombstone: string;
};

/** Whose signatures `verify` takes. */
export type Trust = {
  /** The text of an allowed_signers file; null: only that signatures are whole is checked. */
  readonly signers: string | null;
  /** Once something is signed, all records after it must be. */
  readonly isDemanded: boolean;
  /** Called once, at the end of the look at signatures. */
  readonly told?: (facts: SignedFacts) => void;
};
/** What `verify` found signed, whatever it is worth: the findings say that. */
export type SignedFacts = {
  /** Of docket's commits that the tip reaches. */
  readonly commits: { readonly signed: number; readonly unsigned: number };
  readonly envelopes: number;
  /** Fingerprints of the keys that signed commits. */
  readonly keys: readonly string[];
};
export const NO_TRUST: Trust = { signers: null, isDemanded: false };

export type Finding = {
  readonly what:
    | 'hash-differs'
    | 'missing'
    | 'unreadable'
    | 'unexpected'
    | 'object-damaged'
    | 'recorded-twice'
    | 'signature-missing'
    | 'signature-invalid'
    | 'signer-unknown'
    | 'chain-broken'
    | 'checkpoint-missed'
    | 'incomplete'
    | 'tombstone-invalid';
  /** A stable word that says more (docs/verifying.md). */
  readonly detail?: string;
  /** Worth telling, and not a reason to call the history damaged. */
  readonly isNotice?: boolean;
  /** The commit of the record that it is about, and its job. */
  readonly commit?: string;
  readonly job?: string;
  readonly path: string;
  readonly expected: string | null;
  readonly found: string | null;
  readonly message: string;
};

/** The head of the chain at a moment, small enough for a ticket: what a person keeps elsewhere, so that a rewritten history is found. */
export type Checkpoint = {
  readonly v: 1;
  /** Name of the history's folder, for people. */
  readonly history: string;
  /** The commit that main names. */
  readonly commit: string;
  /** Hash of the newest link of the chain there (docs/formats.md "The chain"); null: none yet. */
  readonly record: Sha256 | null;
  /** Links along first parents. */
  readonly records: number;
  /** ISO 8601. */
  readonly time: string;
};

export type History = {
  /** Creates the repository on first use (README, pre-push hook), mends what a crash left. Throws with words: inside the code repository, SHA-256 format, a linked worktree … */
  open(): Promise<void>;
  find(identity: Identity): Promise<Filed | null>;
  /** Already there for this job: nothing new is written. Same bytes of a job that was not answered: `job` of the answer is the first job's id, which goes on. */
  submit(submission: Submission): Promise<Result<Filed, Taken | MaybeClosed>>;
  /** Already there for this job: nothing new is written. */
  record(answer: Answer): Promise<Result<Filed, Taken>>;
  /**
   * Writes a person's verdict beside the result that it is about. The same bytes again: nothing new is written. Throws `code: 'EVERDICT'` with words:
   * there is no such answer, or its job or hashes are others.
   */
  judge(verdict: Verdict): Promise<Written>;
  /** Verdicts in the order in which they were recorded; from the tip. Cheap while the tip is the same. What cannot be understood is told and left out. */
  verdicts(filter: { readonly feature?: string; readonly role?: string }): Promise<readonly Judged[]>;
  /** What a person saw on production; as `closeFeature`. */
  promote(promotion: Promotion): Promise<Written>;
  /** In the order in which they were recorded. */
  promotions(feature?: string): Promise<readonly Promotion[]>;
  /** The closing record of a feature, or of its reopening; as `judge`. Throws `code: 'EVERDICT'` where the feature has no record. */
  closeFeature(closing: Closing): Promise<Written>;
  /** In the order in which they were recorded. */
  closings(feature?: string): Promise<readonly Closing[]>;
  /** The tip's commit, and for each feature a word that is another one as soon as anything of it changed. One look at the tip; opens no folder. */
  stamps(features: readonly string[]): Promise<{ readonly commit: string; readonly features: readonly string[] }>;
  /** Newest first. */
  log(filter: {
    readonly feature?: string;
    readonly role?: string;
    readonly job?: string;
    readonly limit?: number;
  }): AsyncIterable<LogEntry>;
  /** The bytes of a path in the tip; null when it is not there. */
  read(path: string): Promise<Uint8Array | null>;
  /** All of a record: for `show`. */
  records(filter: {
    readonly feature?: string;
    readonly role?: string;
    readonly job?: string;
  }): AsyncIterable<{ readonly identity: Identity; readonly filed: Filed; readonly folder: string; readonly evidence: string | null }>;
  /** What every recorded run cost; the same run may come twice (core/spending.ts). */
  spending(): AsyncIterable<SpendLine>;
  /** Recomputes every hash: objects, trailers, evidence subjects, materials; compares the work tree. Names each thing that differs, the first first. */
  verify(progress?: (done: number, total: number) => void, trust?: Trust, against?: Checkpoint): AsyncIterable<Finding>;
  /** What was purged, by the tombstones of the tip. */
  purged(): Promise<readonly Purged[]>;
  close(): Promise<void>;
};
