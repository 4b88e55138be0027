/** The port of the spool: the queue folders' protocol. Body: spool/. Nobody else builds a path into queues/. */

import type { Failure } from './failure.ts';
import type { EmitPoint, FinalFile, JobFile, JobView, Outcome } from './job.ts';
import type { JobId, RoleFolder, RoleName, Sha256, Stem } from './names.ts';
import type { Noticed } from './ports.ts';

/** An entry of in/ that docket may have to deal with. */
export type Waiting = {
  readonly role: RoleName;
  readonly folder: RoleFolder;
  /** Made printable; for words only. */
  readonly shownName: string;
  readonly rawName: Uint8Array;
  /** `file`: settled and may be peeked at; `settling`: not yet; `refused`: a link, FIFO, device or socket, never opened. */
  readonly kind: 'file' | 'settling' | 'refused';
  /** inode, size, mtime and ctime in one text: changes when the file does. */
  readonly key: string;
  /** Number of the user whose file it is, as the last look saw it. */
  readonly ownerId: number;
  readonly sizeBytes: number;
  /** Set when kind is `settling`: milliseconds until it is worth looking again, as it was at the last look at it. */
  readonly againInMs: number | null;
  /** Set when kind is `refused`. */
  readonly refusal: string | null;
};

/** What a scan looks at. With nothing given: at everything, to its end. */
export type ScanOptions = {
  /** Names that somebody touched since the last scan. Without `isWhole` only they are looked at, and what settles or was put off. */
  readonly noticed?: readonly Noticed[];
  /** Default: true. */
  readonly isWhole?: boolean;
  /** Some may not have been told of: nothing follows from what was not noticed. */
  readonly hasMissed?: boolean;
  /** Most files that are looked at for the first time; the others are put off to the next scan. */
  readonly looksMax?: number;
};

export type ScanResult = {
  /** All that is known to wait, not only what this scan looked at, in the order in which it came: what stayed has kept its order, what is new stands behind it. The same array as the last time: nothing changed. */
  readonly waiting: readonly Waiting[];
  /** Files that were put off: scan again soon. */
  readonly putOff: number;
  /** Milliseconds until one that is settling is worth looking at again; null: none is. */
  readonly againInMs: number | null;
  /** Folders that could not be read: environment faults with words; their lane pauses. */
  readonly faults: readonly { readonly role: RoleName; readonly failure: Failure }[];
};

/** A job whose files are in work/; `dir` is its own folder there, which is made when something is kept in it. */
export type Claimed = { readonly job: JobFile; readonly dir: string };

/** What recovery finds of one job in work/. */
export type Leftover = {
  readonly dir: string;
  readonly id: JobId;
  readonly folder: RoleFolder;
  /** Null: claimed, but not read yet. */
  readonly job: JobFile | null;
  readonly final: FinalFile | null;
  /** The claimed file is still there (not yet renamed to .processed …). */
  readonly hasClaimed: boolean;
  /** Highest n of a<n>/, 0 for none. */
  readonly lastAttempt: number;
};

export type Decided = {
  readonly outcome: Outcome;
  readonly failure: Failure | null;
  /** Content for out/: written privately first. `as` is the part behind the stem: `_evidence.json`, `_evidence.dsse.json`, `_result.md`, `_error.md`, `_duplicate.json`. Order is publishing order. */
  readonly files: readonly { readonly as: string; readonly bytes: Uint8Array | string }[];
  /** Kept with the decision, for whoever goes on after a crash: what history will be told. */
  readonly note?: Readonly<Record<string, unknown>>;
  /** Prompts that the answer enqueues: names that childStems gave, in the order of the answer. */
  readonly children?: readonly { readonly folder: RoleFolder; readonly stem: Stem; readonly bytes: Uint8Array }[];
  /** What the note refers to by its hash and no file holds. */
  readonly blobs?: readonly { readonly sha256: Sha256; readonly bytes: Uint8Array | string }[];
};

/** A prompt in in/ that is held and never ran. */
export type HeldPrompt = {
  readonly role: RoleName;
  readonly stem: Stem;
  /** The job whose answer it came out of; null: none. */
  readonly parent: JobId | null;
};

/** A private file of a job in flight, by its name in work/<job>/: brief.md, a1/answer. */
export type KeptFile = { readonly name: string; readonly bytes: Uint8Array | string };

export type Spool = {
  /** Makes what is missing (in, out, work, archive of every role), checks that in, out and work of a role are on one local file system. A role whose folders cannot be used waits, and each whole scan tries it again. */
  prepare(): Promise<void>;
  /** Roles that could not be used since the start: nothing of theirs was taken up, and leftovers() has nothing of them. */
  unready(): readonly RoleName[];
  /** A look at the in/ folders. Cheap for names that are not ours. */
  scan(options?: ScanOptions): Promise<ScanResult>;
  /** The first bytes of a waiting file (at most 16 KiB + a little), cached by key. */
  head(waiting: Waiting): Promise<Uint8Array | null>;
  /** By rename into work/; entries that are gone are left out. Folders are synced once for all. What keeps a role's files from being taken goes to `told`, where there is one. */
  claim(
    entries: readonly Waiting[],
    told?: (role: RoleName, error: Error) => void,
  ): Promise<readonly { readonly waiting: Waiting; readonly id: JobId; readonly dir: string }[]>;
  /**
   * Reads the claimed file (no-follow, bounded), hashes it, picks the stem and writes all of it, bytes included, into the ledger.
   * Also the first step of recovery. A file that may not be read gets a job with sha256 null and a failure.
   */
  read(
    dir: string,
    id: JobId,
    folder: RoleFolder,
  ): Promise<{ readonly claimed: Claimed; readonly bytes: Uint8Array | null; readonly failure: Failure | null }>;
  /** The private copy again (recovery). Null when it is missing or its hash differs: read() again then. */
  prompt(claimed: Claimed): Promise<Uint8Array | null>;
  /** Makes work/<job>/a<n>/ when it is not there. What an earlier start of this attempt left in it stays: agents/attempt.ts takes it up. `beside` is written into work/<job>/ as by keep(), with one sync for both; null: no program will be started, so nothing is made. */
  attemptFolder(claimed: Claimed, n: number, beside?: KeptFile | null): Promise<string>;
  /** A private file that the next attemptFolder() makes certain: its bytes are on the disk, its name not yet. */
  keepAhead(claimed: Claimed, file: KeptFile): Promise<void>;
  /** Writes a private file into work/<job>/, synced: brief.md, a<n>/answer. */
  keep(claimed: Claimed, name: string, bytes: Uint8Array | string): Promise<void>;
  kept(claimed: Claimed, name: string): Promise<Uint8Array | null>;
  /** Writes the private copies and a line in the ledger: from here on the end is decided. */
  decide(claimed: Claimed, decided: Decided): Promise<FinalFile>;
  /** What was kept with the decision. */
  note(claimed: Claimed): Promise<Readonly<Record<string, unknown>> | null>;
  blob(claimed: Claimed, sha256: Sha256): Promise<Uint8Array | null>;
  /** The bytes of a decided file that is not published yet; null when it is. Throws AlteredCopy when they are not what was decided. @param as `_evidence.json` */
  privateCopy(claimed: Claimed, final: FinalFile, as: string): Promise<Uint8Array | null>;
  /** Keeps what somebody wrote over a private copy in archive/, and puts these bytes in its place; other bytes than those decided are a new decision about this file. */
  putBack(claimed: Claimed, final: FinalFile, as: string, bytes: Uint8Array | string): Promise<FinalFile>;
  /** Only the first half: for a job that is going to be held. */
  keepAltered(claimed: Claimed, final: FinalFile): Promise<void>;
  /** Free names for prompts that an answer will enqueue; kept for this job until it has. */
  childStems(claimed: Claimed, wanted: readonly { readonly folder: RoleFolder; readonly stem: Stem }[]): Promise<readonly Stem[]>;
  /** Writes the children of a decided end into in/ of their roles as `<stem>.held`, each once, whatever became of it since. Throws what keeps a folder from being used. Returns the final with the names that they got. @param reached told the points of a crash test */
  enqueue(claimed: Claimed, final: FinalFile, reached?: (point: EmitPoint) => void): Promise<FinalFile>;
  /** All prompts that are held and never ran, of the roles whose folders can be read. */
  heldPrompts(): Promise<readonly HeldPrompt[]>;
  /** The first bytes of `foo.held`; null: it is not there. */
  heldHead(role: RoleName, stem: Stem): Promise<Uint8Array | null>;
  /** `foo.md` -> `foo.held`. Null: it is not there any more, somebody took it. @param file its name in in/ */
  hold(role: RoleName, file: string): Promise<{ readonly stem: Stem } | null>;
  /** `foo.held` -> `foo.md`, of those that never ran; `name` null: it is not there any more. @param onOne after each one has its name */
  release(
    held: readonly Pick<HeldPrompt, 'role' | 'stem'>[],
    onOne?: () => void,
  ): Promise<readonly { readonly role: RoleName; readonly stem: Stem; readonly name: string | null }[]>;
  /** Throws AlteredCopy (spool/decided-bytes.ts) when one of them is not what was decided. Links every private copy that is still there into out/, evidence first, result last; takes the next stem when a name is taken. Returns the final as it was published. */
  publish(claimed: Claimed, final: FinalFile): Promise<FinalFile>;
  /** Re-hashes the claimed file and renames it into in/. `late` names where a late writer's bytes were kept. */
  finish(claimed: Claimed, final: FinalFile): Promise<{ readonly late: string | null }>;
  /** Moves raw output of attempts worth keeping to archive/, removes work/<job>/ when there is one. */
  clean(claimed: Claimed): Promise<void>;
  /** All jobs that names in work/ speak of, of all roles or of one, oldest first; what no job needs is removed. */
  leftovers(folder?: RoleFolder): Promise<readonly Leftover[]>;
  /** Everything in the folders as people list it: waiting, in flight, ended. Answers without a daemon and without a journal. What cannot be read goes to `onFault`, where there is one. */
  list(options: {
    readonly role?: RoleName;
    readonly ended?: boolean;
    readonly waiting?: boolean;
    readonly limit?: number;
    readonly onFault?: (role: RoleName, failure: Failure) => void;
  }): Promise<readonly JobView[]>;
  /** Writes a new prompt into in/ durably (temporary name, sync, link, sync): it needs no settling. Returns the file's name. EEXIST: next stem. @param isStated the name states the SHA-256 of the content, `foo.sha256-….md`: the claim checks it */
  drop(
    role: RoleName,
    stem: Stem,
    bytes: Uint8Array | string,
    isStated?: boolean,
  ): Promise<{ readonly name: string; readonly path: string }>;
  /** Several at once: all are written, durable, before the first has its name. With `isHeld` as `.held`. The files' names, in this order. */
  dropAll(
    prompts: readonly { readonly role: RoleName; readonly stem: Stem; readonly bytes: Uint8Array; readonly isHeld: boolean }[],
  ): Promise<readonly { readonly name: string; readonly path: string }[]>;
  /** `foo.failed`, `.held`, `.rejected`, `.cancelled` -> `foo.md`, so that it is taken again; the old error file goes to archive/. */
  reopen(role: RoleName, stem: Stem): Promise<{ readonly name: string }>;
  /** Moves `.processed` files that ended before this moment to archive/<YYYY-MM>/, a small batch at a time. Answers how many each batch moved; who asks for the next decides when. */
  retire(endedBefore: Date): AsyncIterable<number>;
  /** Facts for `why` and `verify`: ended files of a role, those in archive/ first, with their recomputed hash. */
  ended(
    role: RoleName,
  ): AsyncIterable<{ readonly stem: string; readonly outcome: Outcome; readonly path: string; readonly sha256: Sha256 }>;
};
