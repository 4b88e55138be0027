/**
 * The one writer: collects what is handed in while a group is being written and writes it as the next group.
 * A group: kernel lock -> read the tip -> judge and stage each item on it -> index.lock -> one pack, and the branch's lock -> move the ref
 * -> work tree and index.
 * Each item is a commit of its own; the group has one pack, one move of the ref and one index. Order in a group is the order of calls.
 *
 *   idle -> (item) writing -> (more items came) writing -> idle
 * Invariant: an item's promise resolves after the ref that holds it is on disk, and never before.
 */

import type { JobId } from '#core/names.ts';
import type { KernelLock } from '#core/ports.ts';
import type { FileChange } from './diff.ts';
import type { IndexKeeper } from './index-keeper.ts';
import { decodeCommit, encodeCommit, identLine, type Oid } from './objects.ts';
import { buildPack, newObject, type BuiltPack, type NewObject } from './pack.ts';
import { writePack } from './pack-writer.ts';
import type { RecordIndex } from './record-index.ts';
import { freeTip, lockTip, moveTip, readTip } from './ref.ts';
import { withKernelLock, type Repository } from './repository.ts';
import { openSnapshot, type Snapshot } from './snapshot.ts';
import { stage, stageMerge, type Item, type Outcome, type Staged, type Waiting } from './stage.ts';

const GROUP_ITEMS_MAX = 256;
const GROUP_BYTES_MAX = 64 * 1024 * 1024;
/** A person's git may move the tip between our look and our move; it does not do so often. */
const MOVES_MAX = 20;
/** Between two tries to bring index and work tree up to date. */
const MEND_MS = 1_000;
const MEND_MS_MAX = 60_000;

export type MergeOutcome = { readonly commit: Oid; readonly beside: readonly JobId[] };

export type Writer = {
  write(item: Item): Promise<Outcome>;
  /** Takes another clone's chain in, between two groups. Null: there is nothing in it that is not here. */
  merge(theirs: Oid): Promise<MergeOutcome | null>;
  /** Resolves when nothing is being written any more. */
  idle(): Promise<void>;
  /** A last try to mend what is behind. */
  close(): Promise<void>;
};

/** @param onGroup told after each group */
export function makeWriter(repository: Repository, records: RecordIndex, keeper: IndexKeeper, onGroup: () => void): Writer {
  const { fs, gitDir, dir, store, clock, log, author } = repository;
  let waiting: Waiting[] = [];
  let merges: (() => Promise<void>)[] = [];
  let running: Promise<void> | null = null;
  let snapshot: Snapshot | null = null;
  /** Something failed between ref and index: the next group mends it first. */
  let isBehind = false;
  /** A wait for the next try is under way. */
  let isMending = false;
  const closed = new AbortController();
  /** Our last tip and its tree: nearly always the tip the next group starts from. */
  let newest: { readonly tip: Oid; readonly tree: Oid } | null = null;
  /** What our last group changed. */
  let lastChanges: readonly FileChange[] = [];

  async function snapshotAt(tip: Oid): Promise<Snapshot> {
    const tree = newest?.tip === tip ? newest.tree : decodeCommit(await store.readType(tip, 'commit')).tree;
    if (snapshot === null) snapshot = await openSnapshot(store, tree);
    else await snapshot.moveTo(tree);
    return snapshot;
  }

  function takeGroup(): Waiting[] {
    let count = 0;
    let sizeBytes = 0;
    while (count < waiting.length && count < GROUP_ITEMS_MAX) {
      sizeBytes += waiting[count]?.item.sizeBytes ?? 0;
      if (count > 0 && sizeBytes > GROUP_BYTES_MAX) break;
      count++;
    }
    return waiting.splice(0, count);
  }

  async function run(): Promise<void> {
    // Calls of the same turn of the event loop belong to one group.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0 || merges.length > 0) {
      const [first, ...others] = merges;
      merges = others;
      await first?.();
      if (waiting.length === 0) continue;
      const group = takeGroup();
      try {
        await withKernelLock(repository, (lock) => writeGroup(group, lock));
      } catch (error) {
        snapshot = null;
        for (const { reject } of group) reject(error);
      }
      onGroup();
    }
    running = null;
  }

  /** Stages on the tip as it is, again when somebody moved it meanwhile. @param stageAt null: there is nothing to write */
  async function onTip<T extends Staged>(lock: KernelLock, stageAt: (from: Oid, at: Snapshot) => Promise<T | null>): Promise<T | null> {
    for (let tries = 0; tries < MOVES_MAX; tries++) {
      const from = await readTip(fs, gitDir);
      if (from === null) throw new Error(`${dir} has no branch main any more; start docket again to set the history up`);
      if (isBehind) await catchUp(from);
      const back = await stagePutBack(from);
      if (back !== null) {
        if (await publish(from, back, await buildPack(back.objects), lock)) newest = { tip: back.tip, tree: back.tree };
        snapshot?.endPack();
        continue;
      }
      const staged = await stageAt(from, await snapshotAt(from));
      if (staged === null || staged.tip === from) return staged;
      const pack = staged.objects.length === 0 ? null : await buildPack(staged.objects);
      snapshot?.endPack();
      if (await publish(from, staged, pack, lock)) {
        newest = { tip: staged.tip, tree: staged.tree };
        lastChanges = staged.changes;
        // A merge is read from the log by whoever asks next.
        if (staged.records.length > 0) records.advance(from, staged.tip, staged.records);
        return staged;
      }
      log.info('the tip of the history was moved by somebody else; the group is put on top of it');
    }
    throw new Error(`the tip of ${dir} was moved by somebody else ${String(MOVES_MAX)} times in a row`);
  }

  /**
   * `git commit` reads the index before it takes its lock. One that read it between our move of the branch and our write of the index commits
   * the files of before over ours, and nobody meant it: what our last group changed is as it was before, though the files lie in the work tree.
   */
  async function stagePutBack(from: Oid): Promise<Staged | null> {
    if (newest === null || from === newest.tip) return null;
    const at = await snapshotAt(from);
    const changes: FileChange[] = [];
    for (const change of lastChanges) {
      const isThere = change.to === null || (await fs.facts(`${dir}/${change.path}`)) !== null;
      if (isThere && change.to !== change.from && (await at.file(change.path)) === change.from) changes.push(change);
    }
    if (changes.length === 0) return null;
    for (const { path, to } of changes) await (to === null ? at.remove(path) : at.put(path, to));
    const objects: NewObject[] = [];
    const tree = at.seal(objects);
    const now = clock.now();
    const subject = 'docket: put back what a commit made from an older index took away';
    const commit = newObject(
      'commit',
      encodeCommit({ tree, parents: [from], author, authoredAt: now, committedAt: now, message: `${subject}\n` }),
    );
    objects.push(commit);
    log.warn(`a git commit was made from an index of before: ${String(changes.length)} files it took away are put back`);
    return { tip: commit.oid, tree, subject, objects, changes, blobs: new Map(), records: [], settle: [] };
  }

  async function writeGroup(group: readonly Waiting[], lock: KernelLock): Promise<void> {
    const staged = await onTip(lock, (from, at) => stage(repository, at, records, from, group));
    for (const settle of staged?.settle ?? []) settle();
  }

  async function writeMerge(theirs: Oid, lock: KernelLock): Promise<MergeOutcome | null> {
    const staged = await onTip(lock, (from, at) => stageMerge(repository, at, records, from, theirs));
    return staged === null ? null : { commit: staged.tip, beside: staged.beside };
  }

  async function catchUp(tip: Oid): Promise<void> {
    try {
      await keeper.mend(tip);
      isBehind = false;
    } catch (error) {
      log.warn(`the work tree of ${dir} is still behind the history: ${String(error)}`);
    }
  }

  /** A daemon at rest would leave index.lock to people's git until the next record. */
  async function mendLater(): Promise<void> {
    if (isMending) return;
    isMending = true;
    for (let waitMs = MEND_MS; ; waitMs = Math.min(MEND_MS_MAX, waitMs * 2)) {
      await clock.sleep(waitMs, closed.signal);
      if (isClosed()) return;
      await mendNow();
      if (!isStillBehind()) break;
    }
    isMending = false;
  }
  // Asked again after a wait, so what the compiler knew before it does not count.
  const isClosed = (): boolean => closed.signal.aborted;
  const isStillBehind = (): boolean => isBehind;

  const mendNow = async (): Promise<void> =>
    new Promise((resolve) => {
      merges.push(async () => {
        try {
          if (isBehind)
            await withKernelLock(repository, async () => {
              const tip = await readTip(fs, gitDir);
              if (tip !== null) await catchUp(tip);
            });
        } catch (error) {
          log.warn(`the work tree of ${dir} is still behind the history: ${String(error)}`);
        }
        resolve();
      });
      running ??= run();
    });

  /** Everything before the move of the ref: on disk, or taken back. */
  async function prepare(staged: Staged, pack: BuiltPack | null, lock: KernelLock): Promise<void> {
    // Two files that do not know of each other: the disk takes both syncs at once.
    const done = await Promise.allSettled([
      pack === null ? null : writePack(fs, gitDir, pack),
      lockTip(repository, gitDir, dir, staged.tip),
    ]);
    const [written, locked] = done;
    try {
      for (const outcome of done) if (outcome.status === 'rejected') throw outcome.reason;
      if (written.status === 'fulfilled' && written.value !== null) await store.addPack(written.value.name, written.value.index);
      // Somebody who removed the lock file let a second writer in: stop before anything is moved.
      lock.check();
    } catch (error) {
      if (locked.status === 'fulfilled') await freeTip(fs, gitDir);
      throw error;
    }
  }

  async function publish(from: Oid, staged: Staged, pack: BuiltPack | null, lock: KernelLock): Promise<boolean> {
    const message = `commit: ${staged.subject}`;
    const { isOnMain } = await keeper.lock(staged.tip);
    try {
      await prepare(staged, pack, lock);
      const move = { from, to: staged.tip, ident: identLine(author, clock.now()), message, isOnMain };
      if (!(await moveTip(fs, gitDir, move))) {
        await keeper.unlock();
        return false;
      }
    } catch (error) {
      isBehind = true;
      await keeper.unlock();
      throw error;
    }
    // From here on it is recorded. The lock stays when this fails: index and work tree are behind, and nobody may commit over them.
    try {
      if (isOnMain)
        await keeper.bring(from, staged.tip, staged.changes, async (oid) => staged.blobs.get(oid) ?? store.readType(oid, 'blob'));
      await keeper.unlock();
    } catch (error) {
      isBehind = true;
      void mendLater();
      log.error(`recorded, but the work tree of ${dir} is behind and its index.lock stays until docket mends it: ${String(error)}`);
    }
    return true;
  }

  return {
    write: (item) =>
      new Promise<Outcome>((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        running ??= run();
      }),
    merge: (theirs) =>
      new Promise((resolve, reject) => {
        merges.push(async () => {
          try {
            resolve(await withKernelLock(repository, (lock) => writeMerge(theirs, lock)));
          } catch (error) {
            snapshot = null;
            reject(error);
          }
        });
        running ??= run();
      }),
    async close() {
      closed.abort();
      if (isBehind) await mendNow();
    },
    async idle() {
      // A next run may begin while the last one ends.
      for (let current = running; current !== null; current = running) await current;
    },
  };
}
