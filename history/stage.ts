/**
 * A group, or a merge, as it would be on top of the tip: commits, trees and blobs in memory, nothing on disk yet.
 * Order in a group is the order of calls; each item sees what the ones before it left.
 */

import type { Buffer } from 'node:buffer';
import type { JobId, Sha256 } from '#core/names.ts';
import { identityKey, type Identity } from '#core/prompt.ts';
import type { FeatureId } from '#core/names.ts';
import { featureKeyOf, hashOfMessage, mergeTrailers, newestLink, type PlacedLink } from './chain.ts';
import type { ChainHeads } from './chain-heads.ts';
import { makeCommit } from './commit-signature.ts';
import type { FileChange } from './diff.ts';
import { planMerge } from './merge.ts';
import type { Before } from './message.ts';
import type { Oid } from './objects.ts';
import { newObject, type NewObject } from './pack.ts';
import type { Plan, Planned, Tip } from './record.ts';
import type { FiledRecord, RecordIndex } from './record-index.ts';
import { signerOf, type Repository } from './repository.ts';
import type { Snapshot } from './snapshot.ts';

export type Item<T> = {
  /** Rough size, so that a group fits in memory. */
  readonly sizeBytes: number;
  plan(tip: Tip): Promise<Plan<T>>;
};
export type Waiting = {
  readonly item: Item<unknown>;
  readonly resolve: (outcome: unknown) => void;
  readonly reject: (error: unknown) => void;
};

export type Staged = {
  readonly tip: Oid;
  /** The tip's tree. */
  readonly tree: Oid;
  readonly subject: string;
  readonly objects: readonly NewObject[];
  readonly changes: readonly FileChange[];
  readonly blobs: ReadonlyMap<Oid, Buffer>;
  readonly records: readonly FiledRecord[];
  /** The same records in the chain, oldest first. */
  readonly links: readonly PlacedLink[];
  /** Tells the callers, once it is on disk. */
  readonly settle: readonly (() => void)[];
};

/** Judges and stages each item on what the ones before it left. An item that cannot be staged fails alone. */
export async function stage(
  repository: Repository,
  snapshot: Snapshot,
  index: RecordIndex,
  heads: ChainHeads,
  from: Oid,
  group: readonly Waiting[],
): Promise<Staged> {
  const { store, digest, author, clock } = repository;
  const objects: NewObject[] = [];
  const changes = new Map<string, FileChange>();
  const blobs = new Map<Oid, Buffer>();
  const pending = new Map<string, FiledRecord>();
  const records: FiledRecord[] = [];
  const links: PlacedLink[] = [];
  /** Of this group, by feature. */
  const inFeature = new Map<string, Sha256>();
  const settle: (() => void)[] = [];
  const atTip = { find: (identity: Identity) => index.find(identity, from) };
  const signer = await signerOf(repository);
  const tip: Tip = { signer, snapshot, store, records: atTip, digest, pending, blobs };
  let top = from;
  let root = '';
  let subject = '';
  const committedAt = clock.now();

  async function chainedTo(feature: FeatureId): Promise<Before> {
    const ours = inFeature.get(featureKeyOf(feature));
    const inRepository = links.at(-1)?.hash ?? (await heads.newest(from));
    if (ours !== undefined) return { inRepository, inFeature: ours };
    // A feature without a folder has no record yet, and no log need be walked for it.
    const isNew = snapshot.featureFolder(feature) === null;
    return { inRepository, inFeature: isNew ? null : await heads.newestInFeature(from, feature) };
  }

  /** @returns the commit */
  async function apply(planned: Planned<unknown>): Promise<Oid> {
    const chained = await chainedTo(planned.feature);
    for (const change of planned.changes) {
      const old = await snapshot.file(change.path);
      const to = change.kind === 'put' ? change.oid : null;
      const before = changes.get(change.path);
      changes.set(change.path, { path: change.path, from: before === undefined ? old : before.from, to });
      if (change.kind === 'remove') await snapshot.remove(change.path);
      else {
        await snapshot.put(change.path, change.oid);
        if (change.bytes === null) continue;
        blobs.set(change.oid, change.bytes);
        objects.push(newObject('blob', change.bytes, change.oid));
      }
    }
    const tree = snapshot.seal(objects);
    root = tree;
    const message = planned.message(chained);
    const commit = newObject('commit', makeCommit(signer, { tree, parents: [top], author, authoredAt: planned.at, committedAt, message }));
    objects.push(commit);
    const feature = featureKeyOf(planned.feature);
    const hash = hashOfMessage(message);
    links.push({ commit: commit.oid, hash, feature });
    inFeature.set(feature, hash);
    top = commit.oid;
    subject = message.slice(0, message.indexOf('\n'));
    return commit.oid;
  }

  for (const { item, resolve, reject } of group) {
    let plan: Plan<unknown>;
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
    const { record, done } = plan.write;
    const commit = await apply(plan.write);
    if (record !== null) {
      pending.set(identityKey(record.identity), { ...record, commit });
      records.push({ ...record, commit });
    }
    settle.push(() => {
      resolve(done(commit));
    });
  }
  return { tip: top, tree: root, subject, objects, changes: [...changes.values()], blobs, records, links, settle };
}

/** Another clone's chain on top of ours, or ours going forward to it. */
export async function stageMerge(
  repository: Repository,
  snapshot: Snapshot,
  index: RecordIndex,
  from: Oid,
  theirs: Oid,
): Promise<(Staged & { readonly beside: readonly JobId[] }) | null> {
  const { store, digest, author, clock } = repository;
  const records = { find: (identity: Identity) => index.find(identity, from) };
  const merged = await planMerge({ snapshot, store, records, digest, pending: new Map(), blobs: new Map() }, from, theirs);
  if (merged === null) return null;
  const changes: FileChange[] = [];
  for (const change of merged.changes)
    changes.push({ path: change.path, from: await snapshot.file(change.path), to: change.kind === 'put' ? change.oid : null });
  const shared = { changes, blobs: new Map<Oid, Buffer>(), records: [], links: [], settle: [] };
  if ('forward' in merged) {
    await snapshot.moveTo(merged.root);
    return { ...shared, tip: merged.forward, tree: merged.root, subject: 'the chain of another clone', objects: [], beside: [] };
  }
  const objects: NewObject[] = [];
  for (const change of merged.changes) {
    if (change.kind === 'put') await snapshot.put(change.path, change.oid);
    else await snapshot.remove(change.path);
  }
  const tree = snapshot.seal(objects);
  const signer = await signerOf(repository);
  const at = clock.now();
  const { parent, beside } = merged;
  const ours = await newestLink(store, from);
  const other = await newestLink(store, parent);
  const message = merged.message + mergeTrailers(ours?.hash ?? null, other?.hash ?? null);
  const commit = newObject(
    'commit',
    makeCommit(signer, { tree, parents: [from, parent], author, authoredAt: at, committedAt: at, message }),
  );
  objects.push(commit);
  return { ...shared, tip: commit.oid, tree, subject: message.slice(0, message.indexOf('\n')), objects, beside };
}
