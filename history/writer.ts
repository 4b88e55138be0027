/**
 * The one writer: collects what is handed in while a group is being written and writes it as the next group.
 * A group: kernel lock -> read the tip -> judge and stage each item on it -> index.lock -> one pack, and the branch's lock -> move the ref
 * -> work tree and index.
 * Each item is a commit of its own; the group has one pack, one move of the ref and one index. Order in a group is the order of calls.
 *
 *   idle -> (item) writing -> (more items came) writing -> idle
 * Invariant: an item's promise resolves after the ref that holds it is on disk, and never before.
 */

import type { Buffer } from 'node:buffer';
import type { Filed, Taken } from '#core/history.ts';
import type { KernelLock } from '#core/ports.ts';
import { identityKey, type Identity } from '#core/prompt.ts';
import type { Result } from '#core/result.ts';
import { ok } from '#core/result.ts';
import type { FileChange } from './diff.ts';
import type { IndexKeeper } from './index-keeper.ts';
import { commitMessage } from './message.ts';
import { decodeCommit, encodeCommit, identLine, type Oid } from './objects.ts';
import { buildPack, newObject, type BuiltPack, type NewObject } from './pack.ts';
import { writePack } from './pack-writer.ts';
import { toFiled, type Plan, type Planned, type Tip } from './record.ts';
import type { FiledRecord, RecordIndex } from './record-index.ts';
import { freeTip, lockTip, moveTip, readTip } from './ref.ts';
import { withKernelLock, type Repository } from './repository.ts';
import { openSnapshot, type Snapshot } from './snapshot.ts';

const GROUP_ITEMS_MAX = 256;
const GROUP_BYTES_MAX = 64 * 1024 * 1024;
/** A person's git may move the tip between our look and our move; it does not do so often. */
const MOVES_MAX = 20;

export type Item = {
  /** Rough size, so that a group fits in memory. */
  readonly sizeBytes: number;
  plan(tip: Tip): Promise<Plan>;
};
type Outcome = Result<Filed, Taken>;
type Waiting = { readonly item: Item; readonly resolve: (outcome: Outcome) => void; readonly reject: (error: unknown) => void };

export type Writer = {
  write(item: Item): Promise<Outcome>;
  /** Resolves when nothing is being written any more. */
  idle(): Promise<void>;
};

/** @param onGroup told after each group */
export function makeWriter(repository: Repository, records: RecordIndex, keeper: IndexKeeper, onGroup: () => void): Writer {
  const { fs, gitDir, dir, store, clock, log, author } = repository;
  let waiting: Waiting[] = [];
  let running: Promise<void> | null = null;
  let snapshot: Snapshot | null = null;
  /** Something failed between ref and index: the next group mends it first. */
  let isBehind = false;
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
    while (waiting.length > 0) {
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

  async function writeGroup(group: readonly Waiting[], lock: KernelLock): Promise<void> {
    for (let tries = 0; tries < MOVES_MAX; tries++) {
      const from = await readTip(fs, gitDir);
      if (from === null) throw new Error(`${dir} has no branch main any more; start docket again to set the history up`);
      if (isBehind) await catchUp(from);
      const staged = await stage(repository, await snapshotAt(from), records, from, group);
      if (staged.tip !== from) {
        const pack = await buildPack(staged.objects);
        snapshot?.endPack();
        if (!(await publish(from, staged, pack, lock))) {
          log.info('the tip of the history was moved by somebody else; the group is put on top of it');
          continue;
        }
        records.advance(from, staged.tip, staged.records);
        newest = { tip: staged.tip, tree: staged.tree };
      }
      for (const settle of staged.settle) settle();
      return;
    }
    throw new Error(`the tip of ${dir} was moved by somebody else ${String(MOVES_MAX)} times in a row`);
  }

  async function catchUp(tip: Oid): Promise<void> {
    try {
      await keeper.mend(tip);
      isBehind = false;
    } catch (error) {
      log.warn(`the work tree of ${dir} is still behind the history: ${String(error)}`);
    }
  }

  /** Everything before the move of the ref: on disk, or taken back. */
  async function prepare(staged: Staged, pack: BuiltPack, lock: KernelLock): Promise<void> {
    // Two files that do not know of each other: the disk takes both syncs at once.
    const done = await Promise.allSettled([writePack(fs, gitDir, pack), lockTip(repository, gitDir, dir, staged.tip)]);
    const [written, locked] = done;
    try {
      for (const outcome of done) if (outcome.status === 'rejected') throw outcome.reason;
      if (written.status === 'fulfilled') await store.addPack(written.value.name, written.value.index);
      // Somebody who removed the lock file let a second writer in: stop before anything is moved.
      lock.check();
    } catch (error) {
      if (locked.status === 'fulfilled') await freeTip(fs, gitDir);
      throw error;
    }
  }

  async function publish(from: Oid, staged: Staged, pack: BuiltPack, lock: KernelLock): Promise<boolean> {
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
    async idle() {
      // A next run may begin while the last one ends.
      for (let current = running; current !== null; current = running) await current;
    },
  };
}

type Staged = {
  readonly tip: Oid;
  /** The tip's tree. */
  readonly tree: Oid;
  readonly subject: string;
  readonly objects: readonly NewObject[];
  readonly changes: readonly FileChange[];
  readonly blobs: ReadonlyMap<Oid, Buffer>;
  readonly records: readonly FiledRecord[];
  /** Tells the callers, once it is on disk. */
  readonly settle: readonly (() => void)[];
};

/** Judges and stages each item on what the ones before it left. An item that cannot be staged fails alone. */
async function stage(
  repository: Repository,
  snapshot: Snapshot,
  index: RecordIndex,
  from: Oid,
  group: readonly Waiting[],
): Promise<Staged> {
  const { store, digest, author, clock } = repository;
  const objects: NewObject[] = [];
  const changes = new Map<string, FileChange>();
  const blobs = new Map<Oid, Buffer>();
  const pending = new Map<string, FiledRecord>();
  const records: FiledRecord[] = [];
  const settle: (() => void)[] = [];
  const atTip = { find: (identity: Identity) => index.find(identity, from) };
  const tip: Tip = { snapshot, store, records: atTip, digest, pending, blobs };
  let top = from;
  let root = '';
  let subject = '';
  const committedAt = clock.now();

  async function apply(planned: Planned): Promise<FiledRecord> {
    for (const change of planned.changes) {
      const old = await snapshot.file(change.path);
      const to = change.kind === 'put' ? change.oid : null;
      const before = changes.get(change.path);
      changes.set(change.path, { path: change.path, from: before === undefined ? old : before.from, to });
      if (change.kind === 'remove') await snapshot.remove(change.path);
      else {
        await snapshot.put(change.path, change.oid);
        blobs.set(change.oid, change.bytes);
        objects.push(newObject('blob', change.bytes, change.oid));
      }
    }
    const tree = snapshot.seal(objects);
    root = tree;
    const message = commitMessage(planned.facts);
    const commit = newObject('commit', encodeCommit({ tree, parents: [top], author, authoredAt: planned.at, committedAt, message }));
    objects.push(commit);
    top = commit.oid;
    subject = message.slice(0, message.indexOf('\n'));
    return { ...planned.facts, commit: commit.oid };
  }

  for (const { item, resolve, reject } of group) {
    let plan: Plan;
    try {
      plan = await item.plan(tip);
    } catch (error) {
      settle.push(() => {
        reject(error);
      });
      continue;
    }
    if ('settled' in plan) {
      const { settled } = plan;
      settle.push(() => {
        resolve(settled);
      });
      continue;
    }
    const record = await apply(plan.write);
    pending.set(identityKey(record.identity), record);
    records.push(record);
    settle.push(() => {
      resolve(ok(toFiled(record)));
    });
  }
  return { tip: top, tree: root, subject, objects, changes: [...changes.values()], blobs, records, settle };
}
