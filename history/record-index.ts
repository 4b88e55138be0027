/**
 * Which job an identity belongs to and how it stands: the newest commit about it, read from the trailers of the log.
 * The log is walked only as far back as somebody asks, each commit once; when the tip moves, only the new commits are read.
 * Nothing of it is on disk: the commits are the truth. Only asked for a prompt whose file is in the tip, so a new prompt costs nothing.
 *
 * Invariant: `newest` holds for every identity it knows the newest commit reachable from `top`; `frontier` are the commits not walked yet.
 */

import type { JobId } from '#core/names.ts';
import { identityKey, type Identity } from '#core/prompt.ts';
import { MERGE_SUBJECT } from './chain.ts';
import { parseMessage, parseRecord, type RecordFacts } from './message.ts';
import { decodeCommit, type Commit, type Oid } from './objects.ts';
import type { ObjectStore } from './read-objects.ts';

export type FiledRecord = RecordFacts & { readonly commit: Oid };

export type LoggedCommit = { readonly oid: Oid; readonly commit: Commit };

/** Newest first by commit time; a commit reached on two ways comes once as long as clocks did not jump. */
export async function* walkCommits(store: ObjectStore, from: readonly Oid[], stopAt: Oid | null = null): AsyncGenerator<LoggedCommit> {
  const waiting = new Map<Oid, Commit>();
  const add = async (oid: Oid): Promise<void> => {
    if (oid !== stopAt && !waiting.has(oid)) waiting.set(oid, decodeCommit(await store.readType(oid, 'commit')));
  };
  for (const oid of from) await add(oid);
  while (waiting.size > 0) {
    let newest: LoggedCommit | null = null;
    for (const [oid, commit] of waiting) if (newest === null || commit.committedAtS > newest.commit.committedAtS) newest = { oid, commit };
    if (newest === null) return;
    waiting.delete(newest.oid);
    for (const parent of newest.commit.parents) await add(parent);
    yield newest;
  }
}

export const recordOf = ({ oid, commit }: LoggedCommit): FiledRecord | null => {
  const facts = parseRecord(parseMessage(commit.message).trailers);
  return facts === null ? null : { ...facts, commit: oid };
};

export type RecordIndex = {
  /** The newest record of an identity; null when no commit speaks of it. @param known the tip, by whoever holds the kernel lock */
  find(identity: Identity, known?: Oid): Promise<FiledRecord | null>;
  /** Told by the writer: these records are on top of `from` now. */
  advance(from: Oid | null, to: Oid, records: readonly FiledRecord[]): void;
};

/** Records of our own latest groups: their answers mostly come soon. About 500 B each; an older one is read from its commit. */
const RECENT_MAX = 512;
/** So many of our own are known without a look at the log, some 200 B each; then the log is walked again, as after a start, as far back as somebody asks. */
const OWN_MAX = 50_000;

/** Jobs whose files a merge laid beside, as its message says (merge.ts). */
export const besideOf = (message: string): readonly JobId[] =>
  message.startsWith(MERGE_SUBJECT)
    ? Array.from(message.matchAll(/^Docket-Beside: ([a-z2-7]{16})$/gm), (found) => (found[1] ?? '') as JobId)
    : [];

/** The first word about an identity, newest first, is the newest. */
function note(into: Map<string, Oid>, record: FiledRecord): void {
  const key = identityKey(record.identity);
  if (!into.has(key)) into.set(key, record.commit);
}

export function makeRecordIndex(store: ObjectStore, readTip: () => Promise<Oid | null>): RecordIndex {
  let top: Oid | null = null;
  /** Only the commit is kept: its hashes are read again when somebody wants them. */
  let newest = new Map<string, Oid>();
  /** How many of them were told by the writer. */
  let ownCount = 0;
  let older: AsyncGenerator<LoggedCommit> | null = null;
  /** Jobs that a merge laid beside: their commits say nothing about the identity any more. */
  const beside = new Set<JobId>();
  /** By commit, oldest first. */
  const recent = new Map<Oid, FiledRecord>();

  function restart(tip: Oid): void {
    top = tip;
    newest = new Map();
    ownCount = 0;
    older = walkCommits(store, [tip]);
  }

  /** Reads what came on top since; starts over when the old top is not right below (a person merged, or rewrote the branch). */
  async function follow(tip: Oid): Promise<void> {
    if (top === tip) return;
    if (top === null) {
      restart(tip);
      return;
    }
    const fresh = new Map<string, Oid>();
    let isAbove = false;
    for await (const logged of walkCommits(store, [tip], top)) {
      const { parents } = logged.commit;
      // A merge brings commits from below the old top along; what is newest is then only known by walking anew.
      if (parents.length > 1) break;
      isAbove ||= parents.includes(top);
      const record = recordOf(logged);
      if (record !== null) note(fresh, record);
    }
    if (!isAbove) {
      restart(tip);
      return;
    }
    for (const [key, known] of fresh) newest.set(key, known);
    top = tip;
  }

  async function find(identity: Identity, known: Oid | null): Promise<FiledRecord | null> {
    const tip = known ?? (await readTip());
    if (tip === null) return null;
    await follow(tip);
    const key = identityKey(identity);
    while (!newest.has(key) && older !== null) {
      const next = await older.next();
      if (next.done === true) {
        older = null;
        break;
      }
      for (const job of besideOf(next.value.commit.message)) beside.add(job);
      const record = recordOf(next.value);
      if (record !== null && !beside.has(record.job)) note(newest, record);
    }
    const commit = newest.get(key);
    if (commit === undefined) return null;
    const ours = recent.get(commit);
    if (ours !== undefined) return ours;
    return recordOf({ oid: commit, commit: decodeCommit(await store.readType(commit, 'commit')) });
  }

  function take(from: Oid | null, to: Oid, records: readonly FiledRecord[]): void {
    if (top === null && from !== null) restart(from);
    // From another top these commits are read from disk by the next `find`.
    if (top !== from) return;
    for (const record of records) {
      newest.set(identityKey(record.identity), record.commit);
      recent.set(record.commit, record);
    }
    for (const oldest of recent.keys()) {
      if (recent.size <= RECENT_MAX) break;
      recent.delete(oldest);
    }
    top = to;
    ownCount += records.length;
    if (ownCount > OWN_MAX) restart(to);
  }

  /** One at a time: the walk has one place. */
  let turn: Promise<unknown> = Promise.resolve();
  return {
    find(identity, known) {
      const mine = turn.then(() => find(identity, known ?? null));
      turn = mine.catch(() => undefined);
      return mine;
    },
    advance(from, to, records) {
      const before = turn;
      turn = (async () => {
        await before;
        take(from, to, records);
      })();
    },
  };
}
