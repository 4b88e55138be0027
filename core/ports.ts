/**
 * The outside as plain objects: platform/ makes them, cli/start.ts hands them in, tests hand in others.
 * Every body of a port passes the same contract suite (test/contracts/).
 */

import type { JobId, Sha256 } from './names.ts';
import type { AttemptRecord, ExitFile, ProgramPlan, RunFile, RunLimits } from './run.ts';
import type { JobState, Outcome } from './job.ts';
import type { Failure } from './failure.ts';
import type { LaneRecord } from './lane.ts';
import type { ScanNote, ScanPlace } from './policy.ts';
import type { Result } from './result.ts';
import type { SpendLine } from './spending.ts';

/** Wall clock for people, monotonic clock for waits. */
export type Clock = {
  now(): Date;
  /** Milliseconds since some fixed moment; never goes back. */
  monotonicMs(): number;
  /** Resolves after the wait, or at once when the signal aborts (never rejects). After no time at all (0) whatever the system had to tell before the call was heard. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

export type Digest = {
  sha256(bytes: Uint8Array | string): Sha256;
  randomBytes(count: number): Uint8Array;
  uuid(): string;
};

export type LogFields = {
  readonly job?: string;
  readonly role?: string;
  readonly feature?: string;
  readonly attempt?: number;
  readonly run_id?: string;
  readonly ws_id?: string;
  readonly step?: string;
  readonly [field: string]: unknown;
};
export type Log = {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** The same log with these fields on every line. */
  with(fields: LogFields): Log;
};

/** A path: text, or raw bytes for a name that is not UTF-8. */
export type FilePath = string | Uint8Array;
export type FileKind = 'file' | 'folder' | 'link' | 'other';
export type DirEntry = { readonly raw: Uint8Array; /** null: not UTF-8 */ readonly name: string | null; readonly kind: FileKind };
export type FileFacts = {
  readonly kind: FileKind;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
};
/** A regular file held open for reading at positions (pack files). `readAt` answers fewer bytes only at the file's end. */
export type OpenFile = {
  readonly sizeBytes: number;
  readAt(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
};
/** Why a sync is there: without `safety` something is lost; without `no-second-run` a tool may start twice. */
export type SyncWhy = 'safety' | 'no-second-run';

/**
 * The file system. Failures are thrown as the system gives them (`error.code` is ENOENT, EEXIST, ENOSPC …).
 * Nothing here follows a symbolic link in the last part of a path.
 */
export type Fs = {
  list(folder: FilePath): Promise<DirEntry[]>;
  /**
   * Calls `see` for each entry and keeps none of them, in the order of the file system: for folders of any size.
   * A name is one character per byte (latin1), so that none is lost. Others have their turn meanwhile.
   */
  walk(folder: string, see: (name: string, kind: FileKind) => void): Promise<void>;
  /** lstat; null when it is not there. */
  facts(path: FilePath): Promise<FileFacts | null>;
  /** Opens without following and without blocking, refuses anything but a regular file (code EINVAL), stops at the limit (code EFBIG). */
  readBounded(path: FilePath, maxBytes: number): Promise<{ bytes: Uint8Array; facts: FileFacts }>;
  /** The first bytes only, same care. */
  readHead(path: FilePath, maxBytes: number): Promise<{ bytes: Uint8Array; facts: FileFacts }>;
  /** A new file (EEXIST when there is one), written whole and synced. */
  writeNew(path: string, bytes: Uint8Array | string, why: SyncWhy, mode?: number): Promise<void>;
  /** A new content under a name by temporary file, sync and rename; the caller syncs the folder. */
  replace(path: string, bytes: Uint8Array | string, why: SyncWhy, mode?: number): Promise<void>;
  /**
   * A new file (EEXIST when there is one) that is NOT synced: only for what can be made again from something durable.
   * Answers the facts of the file as it was written; removed again when the write fails.
   */
  writeDerived(path: string, bytes: Uint8Array | string, mode?: number): Promise<FileFacts>;
  /** Adds to the end of a file, made when it is not there; not synced. */
  append(path: string, bytes: Uint8Array | string, mode?: number): Promise<void>;
  /** Opens a regular file without following a link. */
  openRead(path: string): Promise<OpenFile>;
  rename(from: FilePath, to: FilePath): Promise<void>;
  link(from: FilePath, to: FilePath): Promise<void>;
  unlink(path: FilePath): Promise<void>;
  chmod(path: FilePath, mode: number): Promise<void>;
  /** EEXIST when it is there. */
  makeFolder(path: string, mode?: number): Promise<void>;
  /** With all parents; fine when it is there. */
  makeFolders(path: string, mode?: number): Promise<void>;
  removeFolder(path: string): Promise<void>;
  /** A whole tree; fine when it is not there. */
  removeTree(path: string): Promise<void>;
  syncFile(path: string, why: SyncWhy): Promise<void>;
  syncFolder(path: string, why: SyncWhy): Promise<void>;
  /** Absolute, all links resolved. */
  realPath(path: string): Promise<string>;
  fileSystem(path: string): Promise<{ readonly type: string; readonly network: boolean; readonly freeBytes: number }>;
  /** Paths among these that some process holds open for writing; null where the system cannot say. */
  openForWriting(paths: readonly string[]): Promise<ReadonlySet<string> | null>;
};

/** A name in in/ that somebody touched, as the system told it: where to look, never what is there. */
export type Noticed = {
  /** The role's folder. */
  readonly folder: string;
  /** One character per byte (latin1). */
  readonly name: string;
  /** False: the name came or went, and nothing else was told; true: the file was written to, or its mode was changed. */
  readonly isWritten: boolean;
};
/** Events only wake and say where to look first. Null: look everywhere, some may not have been told. */
export type OnHint = (noticed: Noticed | null) => void;
export type Watch = { close(): Promise<void> };
export type StartWatch = (root: string, onHint: OnHint, onError: (error: Error) => void) => Promise<Watch>;

/** A lock the kernel drops when its process dies. */
export type KernelLock = {
  /** Throws when the lock file was replaced or removed under us. */
  check(): void;
  release(): void;
};
export type LockHolder = {
  readonly pid: number;
  /** It stands still (SIGSTOP, Ctrl-Z), so it gives nothing back by itself. */
  readonly isStopped: boolean;
};
/** One holder at a time across all processes. `tryAcquire` answers null when somebody holds it. */
export type KernelLocks = {
  tryAcquire(file: string): KernelLock | null;
  /** For words only. Null: nobody holds it, or the system does not tell. */
  holderOf(file: string): LockHolder | null;
  /** Waits; rejects with a `code: 'ELOCKED'` error after `timeoutMs`. */
  acquire(file: string, timeoutMs: number): Promise<KernelLock>;
};
/** The same locks, whose files stay open between two times of holding, until `close`. What is held then stays held. */
export type LocksKeptOpen = KernelLocks & { close(): void };
export type CanKeepOpen = { keepOpen(): LocksKeptOpen };

/** May this text leave, may it be recorded? Fails closed. */
export type SecretScan = {
  /** Name and version of the rules, for evidence. */
  readonly rules: { readonly check: string; readonly version: string };
  /** Null: it passed, and there is nothing to tell. Its place is for the failure's words. */
  scan(where: ScanPlace, text: string): Promise<Result<ScanNote | null, Failure>>;
  close(): Promise<void>;
};

/** The journal: an index of what lies on disk, and the memory of attempts, holds and events. Every `commit` is durable when it resolves. */
export type JournalJob = {
  readonly id: JobId;
  readonly role: string;
  readonly stem: string;
  readonly state: JobState;
  readonly outcome: Outcome | null;
  readonly feature: string | null;
  readonly name: string | null;
  readonly revision: number | null;
  readonly sha256: string | null;
  readonly claimedAt: string;
  readonly changedAt: string;
  readonly attempts: number;
  readonly reason: string | null;
};
export type JournalChange =
  | { readonly do: 'job'; readonly job: JournalJob }
  | {
      readonly do: 'move';
      readonly id: JobId;
      readonly to: JobState;
      readonly outcome?: Outcome;
      readonly reason?: string;
      readonly at: string;
    }
  | {
      readonly do: 'identify';
      readonly id: JobId;
      readonly feature: string;
      readonly name: string | null;
      readonly revision: number;
      readonly at: string;
    }
  | { readonly do: 'attempt'; readonly id: JobId; readonly attempt: AttemptRecord; readonly spent: boolean }
  /** Why an attempt failed is taken from the attempt; `attempt` null: why the job itself ended badly. */
  | { readonly do: 'error'; readonly id: JobId; readonly attempt: number | null; readonly failure: Failure; readonly at: string }
  | { readonly do: 'hold-lane'; readonly lane: string; readonly untilMs: number | null; readonly reason: string; readonly at: string }
  | { readonly do: 'free-lane'; readonly lane: string; readonly at: string }
  | { readonly do: 'lane'; readonly record: LaneRecord; readonly at: string }
  | { readonly do: 'event'; readonly at: string; readonly job: string | null; readonly kind: string; readonly detail: string }
  | { readonly do: 'forget'; readonly id: JobId };
export type LaneHold = { readonly lane: string; readonly untilMs: number | null; readonly reason: string; readonly at: string };
/** A row of the table of errors: what failed, in which class, in which words, when. `attempt` 0: the job's own end. */
export type JobError = {
  readonly attempt: number;
  readonly class: string;
  readonly kind: string;
  readonly words: string;
  readonly at: string;
};
export type Journal = {
  /** Changes of one tick become one transaction; an impossible move is refused, recorded as an event, and rejects. */
  commit(changes: readonly JournalChange[]): Promise<void>;
  /**
   * The same without a sync of its own, for what the files say as well: readers see it, a kill does not undo it, a power cut may. The next `commit`
   * makes it durable too.
   */
  note(changes: readonly JournalChange[]): Promise<void>;
  job(id: JobId): JournalJob | null;
  /** All not done, oldest first. */
  open(): JournalJob[];
  /** Newest first. */
  recent(limit: number): JournalJob[];
  attempts(id: JobId): (AttemptRecord & { readonly spent: boolean })[];
  /** What every run it remembers cost. @param since only those that ended then or later, ISO 8601, UTC */
  spending(since?: string): SpendLine[];
  /** By attempt, the job's own end last. */
  errors(id: JobId): JobError[];
  holds(): LaneHold[];
  /** What lanes remember beside their holds; one that is not as it was written is left out. */
  lanes(): LaneRecord[];
  /** False when the database file was unlinked or replaced under us. */
  isIntact(): boolean;
  /** Not null: what was written cannot be trusted to be there (damage, a failed sync), so every commit is refused with this. */
  brokenBy(): Error | null;
  close(): void;
};

/** What the keeper is asked to do. */
export type StartRun = {
  readonly plan: ProgramPlan;
  readonly dir: string;
  readonly runId: string;
  readonly token: string;
  readonly limits: RunLimits;
};
/** The door to the keeper: starts programs that outlive the daemon, ends them, tells when they ended. */
export type Keeper = {
  /** Starts the program, resolves when a<n>/run.json is durable and the program was told to go. */
  start(run: StartRun): Promise<Result<RunFile, Failure>>;
  /** Resolves when a<n>/exit.json is there; also for runs started before a restart. `null`: the keeper does not know this run. */
  wait(dir: string, runId: string): Promise<ExitFile | null>;
  /** Ends the whole process tree. A keeper of an older docket takes every reason for `cancelled`. */
  stop(runId: string, reason: 'cancelled' | 'budget'): Promise<void>;
  /** Runs that are alive. */
  list(): Promise<readonly string[]>;
  /** Called with what the keeper cannot do for a run and goes on trying: its end cannot be written down. */
  onTrouble?(listen: (failure: Failure) => void): void;
  /** Lets go of the keeper; it ends by itself when no run is left. */
  close(): void;
};

/** Short questions to other programs (versions, git facts): arguments are an array, output is bounded, time is bounded. */
export type AskProgram = (
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; readonly timeoutMs: number; readonly input?: string },
) => Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;

/** One connection of a local socket: JSON lines in both directions. */
export type LineSocket = {
  send(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  onClose(listener: () => void): void;
  close(): void;
};
/** What a server takes: connections at the same time, bytes of one line; absent: any number, and the port's own longest line. */
export type SocketBounds = { readonly clients?: number; readonly lineBytes?: number };

export type Sockets = {
  /** Serves at this path (0600); the path may be a pointer file when it would be too long for the system. */
  serve(path: string, onConnection: (socket: LineSocket) => void, bounds?: SocketBounds): Promise<{ close(): Promise<void> }>;
  /** Rejects when nobody listens. */
  connect(path: string): Promise<LineSocket>;
};
