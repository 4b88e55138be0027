/**
 * The one writer: collects what is handed in while a group is being written and writes it as the next group.
 * A group: kernel lock -> read the tip -> judge and stage each item on it -> index.lock -> one pack, and the branch's lock, on disk -> files of the
 * work tree, the new index beside the old one -> index renamed -> branch moved, synced. What fails before the branch has moved is taken back.
 * Each item is a commit of its own; the group has one pack, one move of the ref and one index. Order in a group is the order of calls.
 *
 *   idle -> (item) writing -> (more items came) writing -> idle
 * Invariant: an item's promise resolves after the ref that holds it is on disk, and never before.
 */

import { Buffer } from 'node:buffer';
import type { JobId } from '#core/names.ts';
import type { KernelLock } from '#core/ports.ts';
import type { ChainHeads } from './chain-heads.ts';
import type { IndexKeeper } from './index-keeper.ts';
import { decodeCommit, identLine, type Oid } from './objects.ts';
import { buildPack, type BuiltPack, type PackRoom } from './pack.ts';
import { sweepPacks, writePack } from './pack-writer.ts';
import { putBack, takenAway } from './put-back.ts';
import type { RecordIndex } from './record-index.ts';
import type { Reviews } from './reviews.ts';
import { freeTip, lockTip, moveTip, readTip, syncTip } from './ref.ts';
import { withKernelLock, type Alone, type Repository } from './repository.ts';
import { openSnapshot, type Snapshot } from './snapshot.ts';
import { stage, stageMerge, type Item, type Staged, type Waiting } from './stage.ts';

const GROUP_ITEMS_MAX = 256;
const GROUP_BYTES_MAX = 64 * 1024 * 1024;
/** A person's git may move the tip between our look and our move; it does not do so often. */
const MOVES_MAX = 20;
/** Between two tries to bring index and work tree up to date. */
const MEND_MS = 1_000;
const MEND_MS_MAX = 60_000;
/** After so long without a pause the lock is left free for so long: other processes look at least every 30 ms whether it is (platform/lock.ts). */
const BUSY_MS_MAX = 2_000;
const GIVE_WAY_MS = 40;

export type MergeOutcome = { readonly commit: Oid; readonly beside: readonly JobId[] };

export type Writer = {
  write<T>(item: Item<T>): Promise<T>;
  /** Takes another clone's chain in, between two groups. Null: there is nothing in it that is not here. */
  merge(theirs: Oid): Promise<MergeOutcome | null>;
  /** Something else that needs the history alone, between two groups: who waited for the lock beside a busy writer would wait for ever. */
  readonly inTurn: Alone;
  /** At start, under the lock: what somebody's commit took away without meaning to is put back before files and index follow it. */
  putBack(lock: KernelLock): Promise<void>;
  /** Resolves when nothing is being written any more. */
  idle(): Promise<void>;
  /** A last try to mend what is behind. */
  close(): Promise<void>;
};

/** @param onGroup told after each group */
export function makeWriter(
  repository: Repository,
  records: RecordIndex,
  heads: ChainHeads,
  keeper: IndexKeeper,
  reviews: Pick<Reviews, 'advance'>,
  onGroup: () => void,
): Writer {
  const { fs, gitDir, dir, store, clock, log, author } = repository;
  let waiting: Waiting[] = [];
  /** What is done between two groups. */
  let turns: (() => Promise<void>)[] = [];
  let running: Promise<void> | null = null;
  let snapshot: Snapshot | null = null;
  /** Under the kernel lock one pack is built and written at a time. */
  const room: PackRoom = { bytes: Buffer.alloc(0) };
  /** Something failed between ref and index: the next group mends it first. */
  let isBehind = false;
  /** A wait for the next try is under way. */
  let isMending = false;
  const closed = new AbortController();
  /** Our last tip and its tree: nearly always the tip the next group starts from. */
  let newest: { readonly tip: Oid; readonly tree: Oid } | null = null;

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
    for (let busySinceMs = clock.monotonicMs(); waiting.length > 0 || turns.length > 0;) {
      const [first, ...others] = turns;
      turns = others;
      await first?.();
      if (waiting.length === 0) continue;
      if (clock.monotonicMs() - busySinceMs > BUSY_MS_MAX) {
        await clock.sleep(GIVE_WAY_MS, closed.signal);
        busySinceMs = clock.monotonicMs();
      }
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
      const back = await stagePutBack(from);
      if (back !== null) {
        if (await publish(from, back, await buildPack(back.objects, room), lock)) newest = { tip: back.tip, tree: back.tree };
        snapshot?.endPack();
        continue;
      }
      if (isBehind) await catchUp(from);
      const staged = await stageAt(from, await snapshotAt(from));
      if (staged === null || staged.tip === from) return staged;
      const pack = staged.objects.length === 0 ? null : await buildPack(staged.objects, room);
      snapshot?.endPack();
      if (await publish(from, staged, pack, lock)) {
        newest = { tip: staged.tip, tree: staged.tree };
        // A merge is read from the log by whoever asks next.
        if (staged.links.length > 0) {
          records.advance(from, staged.tip, staged.records);
          heads.advance(from, staged.tip, staged.links);
          if (staged.records.length === staged.links.length) reviews.advance(from, staged.tip);
        }
        return staged;
      }
      log.info('the tip of the history was moved by somebody else; the group is put on top of it');
    }
    throw new Error(`the tip of ${dir} was moved by somebody else ${String(MOVES_MAX)} times in a row`);
  }

  async function stagePutBack(from: Oid): Promise<Staged | null> {
    if (from === newest?.tip) return null;
    const lost = await takenAway(repository, from);
    return lost.length === 0 ? null : putBack(repository, await snapshotAt(from), from, lost);
  }

  async function writeGroup(group: readonly Waiting[], lock: KernelLock): Promise<void> {
    const staged = await onTip(lock, (from, at) => stage(repository, at, records, heads, from, group));
    for (const settle of staged?.settle ?? []) settle();
  }

  async function writeMerge(theirs: Oid, lock: KernelLock): Promise<MergeOutcome | null> {
    const staged = await onTip(lock, (from, at) => stageMerge(repository, at, records, from, theirs));
    return staged === null ? null : { commit: staged.tip, beside: staged.beside };
  }

  async function catchUp(tip: Oid): Promise<void> {
    try {
      await keeper.mend(tip);
      // Of a pack that could neither be written nor taken away.
      await sweepPacks(fs, gitDir);
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

  const inTurn: Alone = async (act) =>
    new Promise((resolve, reject) => {
      turns.push(async () => {
        try {
          resolve(await withKernelLock(repository, act));
        } catch (error) {
          reject(error);
        }
      });
      running ??= run();
    });

  const mendNow = async (): Promise<void> =>
    inTurn(async () => {
      const tip = isBehind ? await readTip(fs, gitDir) : null;
      if (tip !== null) await catchUp(tip);
    }).catch((error: unknown) => {
      log.warn(`the work tree of ${dir} is still behind the history: ${String(error)}`);
    });

  /** The pack and the branch's lock: on disk, or taken back. @returns false when somebody moved the tip before it was locked */
  async function prepare(from: Oid, staged: Staged, pack: BuiltPack | null, lock: KernelLock): Promise<boolean> {
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
      if ((await readTip(fs, gitDir)) === from) return true;
    } catch (error) {
      if (locked.status === 'fulfilled') await freeTip(fs, gitDir);
      throw error;
    }
    await freeTip(fs, gitDir);
    return false;
  }

  /** Files and index; null: they are behind, and why was logged. A work tree that cannot be written keeps nothing from being recorded. */
  async function prepareFiles(from: Oid, staged: Staged, isOnMain: boolean): Promise<(() => Promise<void>) | null> {
    if (!isOnMain) return () => Promise.resolve();
    try {
      return await keeper.prepare(from, staged.tip, staged.changes, async (oid) => staged.blobs.get(oid) ?? store.readType(oid, 'blob'));
    } catch (error) {
      fallBehind(error);
      return null;
    }
  }

  function fallBehind(error: unknown): void {
    isBehind = true;
    void mendLater();
    log.error(`recorded, but the work tree of ${dir} is behind and its index.lock stays until docket mends it: ${String(error)}`);
  }

  /** The branch did not move. */
  async function takeBack(staged: Staged, isOnMain: boolean): Promise<void> {
    try {
      const tip = await readTip(fs, gitDir);
      if (isOnMain && tip !== null) await keeper.takeBack(staged.tip, tip);
      await keeper.unlock();
    } catch (error) {
      isBehind = true;
      void mendLater();
      log.error(
        `the work tree of ${dir} has files that are not recorded, and its index.lock stays until docket mends it: ${String(error)}`,
      );
    }
  }

  async function publish(from: Oid, staged: Staged, pack: BuiltPack | null, lock: KernelLock): Promise<boolean> {
    const { isOnMain } = await keeper.lock(staged.tip);
    try {
      if (!(await prepare(from, staged, pack, lock))) {
        await keeper.unlock();
        return false;
      }
    } catch (error) {
      isBehind = true;
      await keeper.unlock();
      throw error;
    }
    // Index and branch are locked: nobody else moves either of them now.
    const show = await prepareFiles(from, staged, isOnMain);
    const move = { from, to: staged.tip, ident: identLine(author, clock.now()), message: `commit: ${staged.subject}`, isOnMain };
    let isMoved = false;
    try {
      isMoved = await moveTip(fs, gitDir, move, show ?? ((): Promise<void> => Promise.resolve()));
    } finally {
      if (!isMoved) await takeBack(staged, isOnMain);
    }
    if (!isMoved) return false;
    const [synced] = await Promise.allSettled([syncTip(fs, gitDir), show === null ? null : finishFiles(staged.tip, isOnMain)]);
    if (synced.status === 'rejected') throw synced.reason;
    return true;
  }

  async function finishFiles(tip: Oid, isOnMain: boolean): Promise<void> {
    try {
      if (isOnMain) await keeper.settle(tip);
      await keeper.unlock();
    } catch (error) {
      fallBehind(error);
    }
  }

  return {
    write: <T>(item: Item<T>) =>
      new Promise<T>((resolve, reject) => {
        // Only this item's own plan says what it is told.
        waiting.push({ item, resolve: resolve as (outcome: unknown) => void, reject });
        running ??= run();
      }),
    async merge(theirs) {
      return inTurn(async (lock) => {
        try {
          return await writeMerge(theirs, lock);
        } catch (error) {
          snapshot = null;
          throw error;
        }
      });
    },
    inTurn,
    async putBack(lock) {
      await onTip(lock, () => Promise.resolve(null));
    },
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
