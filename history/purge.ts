/**
 * Takes content out of the history and leaves its hashes: what `docket purge` does to the repository, alone under its lock.
 *
 *   found -> planned (on disk) -> placeholders, successors and tombstone in new packs -> main moved, index and work tree with it
 *   -> every other name -> old objects dropped -> done
 * Invariant: a purge that was cut off anywhere is brought to its end by `resume`; until main has moved, nothing that was recorded is changed,
 * and from then on nothing is missing: every record is there, with its message byte for byte, its content or its placeholder.
 */

import { Buffer } from 'node:buffer';
import type { KernelLock } from '#core/ports.ts';
import type { Signer } from '#core/signing.ts';
import { makeCommit, signCommit } from './commit-signature.ts';
import { diffTrees, type FileChange } from './diff.ts';
import { IN_TOTO, wrap } from './dsse.ts';
import type { IndexKeeper } from './index-keeper.ts';
import { ATTRIBUTES } from './layout.ts';
import { decodeCommit, identLine, type Oid } from './objects.ts';
import { buildPack, newObject, type NewObject } from './pack.ts';
import { writePack } from './pack-writer.ts';
import { dropObjects, renameAll } from './purge-drop.ts';
import { findTargets, identityWords, type PurgeTarget, type Survey, type Wanted } from './purge-find.ts';
import { makePacker } from './purge-pack.ts';
import { endPlan, readMap, readPlan, writeMap, writePlan, type PlannedTarget, type PurgeMap, type PurgePlan } from './purge-plan.ts';
import { rewriteAll, takeCensus, type Census, type SignCommit, type Successors } from './purge-rewrite.ts';
import { holds } from './purge-spellings.ts';
import { readTombstones, type Tombstones } from './purge-verify.ts';
import { walkCommits } from './record-index.ts';
import { freeTip, isOnMain, lockTip, moveTip, readTip, syncTip } from './ref.ts';
import { signerOf, type Alone, type Repository } from './repository.ts';
import { openSnapshot } from './snapshot.ts';
import { placeholderText, renderCommits, renderTombstone, tombstoneStem, type PurgedFile } from './tombstone.ts';

const TEND_WAIT_MS = 60_000;
/** A person's git may move main between two looks. */
const MOVES_MAX = 5;

export type Purging = {
  /** What would go; nothing is changed. */
  survey(wanted: Wanted): Promise<Survey>;
  /** Null: there is nothing to take out. Throws `code: 'EHISTORY'` with words when it cannot begin. */
  purge(wanted: Wanted, why: { readonly reason: string; readonly person: string }): Promise<PurgeDone | null>;
  /** What `again` would take out. @param theirs a fetched tip, whose tombstones count, too */
  returned(theirs: Oid | null): Promise<readonly PurgeTarget[]>;
  /** Bytes of a target. */
  content(blob: Oid): Promise<Uint8Array>;
  /** Brings a purge that was cut off to its end. Null: there is none. */
  resume(): Promise<PurgeDone | null>;
  /** Content of earlier tombstones that came back (fetched from a clone that still had it) goes again. Null: none is here. @param theirs a fetched tip, whose tombstones count, too */
  again(theirs: Oid | null): Promise<PurgeDone | null>;
};
export type PurgeDone = {
  /** ISO 8601: of the tombstone. */
  readonly at: string;
  readonly tipBefore: Oid;
  readonly tip: Oid;
  readonly commits: number;
  readonly objects: number;
  readonly tombstone: string | null;
};

const refuse = (words: string): Error => Object.assign(new Error(words), { code: 'EHISTORY' });

/** A merge must not bring back what a tombstone, here or there, says is gone. Throws `code: 'EHISTORY'` with words. */
export async function refuseReturned(repository: Repository, theirs: Oid): Promise<void> {
  const ours = await readTip(repository.fs, repository.gitDir);
  for (const tip of ours === null ? [theirs] : [ours, theirs])
    for (const { tombstone, path } of (await readTombstones(repository, tip)).all)
      for (const { blob, sha256 } of tombstone.files)
        if (await repository.store.has(blob))
          throw refuse(
            `content that was purged would come back (${path}, SHA-256 ${sha256}): \`docket purge --again\` takes it out of what was fetched, and of this history; then merge`,
          );
}

export function makePurging(repository: Repository, keeper: IndexKeeper, alone: Alone): Purging {
  const { fs, gitDir, stateDir, dir, store, author, clock, digest, locks } = repository;

  /** Under both locks: nobody writes, nobody packs. */
  const inPeace: Alone = async (act) =>
    alone(async (lock) => {
      const tending = await locks.acquire(`${stateDir}/tend.db`, TEND_WAIT_MS);
      try {
        // What a killed git had begun to pack may hold the content, too.
        await fs.removeTree(`${stateDir}/fold`);
        return await act(lock);
      } finally {
        tending.release();
      }
    });

  async function tombstonesNow(): Promise<Tombstones> {
    const tip = await tipNow();
    return readTombstones(repository, tip);
  }

  async function tipNow(): Promise<Oid> {
    const tip = await readTip(fs, gitDir);
    if (tip === null) throw new Error(`${dir} has no branch main any more`);
    return tip;
  }

  async function returned(theirs: Oid | null): Promise<readonly PlannedTarget[]> {
    const all = [await tombstonesNow(), ...(theirs === null ? [] : [await readTombstones(repository, theirs)])];
    const targets = new Map<Oid, PlannedTarget>();
    for (const { files } of all)
      for (const { blob, placeholder, sha256, sizeBytes, paths } of files)
        if ((await store.has(blob)) && (await store.has(placeholder))) targets.set(blob, { blob, placeholder, sha256, sizeBytes, paths });
    return [...targets.values()];
  }

  async function survey(wanted: Wanted): Promise<Survey> {
    const { placeholders } = await tombstonesNow();
    return (await findTargets(repository, wanted, (blob) => placeholders.has(blob))).survey;
  }

  async function signing(): Promise<{ readonly signer: Signer | null; readonly sign: SignCommit }> {
    const signer = await signerOf(repository);
    return { signer, sign: signer === null ? null : (commit): Buffer => signCommit(signer, commit) };
  }

  async function refuseWhenUnready(): Promise<void> {
    if ((await readPlan(repository)) !== null) throw refuse('a purge was begun here and is not at its end: `docket purge --resume` first');
    if (!(await isOnMain(fs, gitDir)))
      throw refuse(
        `${dir} has another branch checked out, whose files and index would keep the content: git -C ${dir} switch main, then again`,
      );
  }

  /** Writes placeholders, successors and the tombstone's commit; then the map. Nothing that is there is changed. */
  async function prepare(plan: PurgePlan, census: Census, lock: KernelLock): Promise<PurgeMap> {
    const packer = makePacker(repository);
    const stem = tombstoneStem(plan.at, plan.record?.job ?? null);
    const placeholders = new Map<Oid, Oid>();
    const files: PurgedFile[] = [];
    for (const { placeholder: known, ...target } of plan.targets) {
      const text = Buffer.from(placeholderText({ ...target, ...plan, stem }));
      const placeholder = known ?? (await packer.add('blob', text));
      placeholders.set(target.blob, placeholder);
      files.push({ ...target, placeholder, placeholderSha256: digest.sha256(text) });
    }
    const { signer, sign } = await signing();
    const successors = await rewriteAll(store, census, placeholders, packer, sign);
    // Successors must be readable before the tombstone is put on them.
    await packer.end();
    const from = await tipNow();
    const after = successors.of.get(from) ?? from;
    const to = plan.hasTombstone ? await putTombstone(plan, stem, files, successors, { from, after }, signer) : after;
    lock.check();
    const map: PurgeMap = { from, to, commits: successors.commits.length, of: successors.of };
    await writeMap(repository, map);
    return map;
  }

  /** On top of the rewritten chain. @returns its commit */
  async function putTombstone(
    plan: PurgePlan,
    stem: string,
    files: readonly PurgedFile[],
    successors: Successors,
    tips: { readonly from: Oid; readonly after: Oid },
    signer: Signer | null,
  ): Promise<Oid> {
    const list = renderCommits(successors.commits);
    const text = renderTombstone({
      record: plan.record,
      reason: plan.reason,
      person: plan.person,
      at: plan.at,
      tipBefore: tips.from,
      tipAfter: tips.after,
      files,
      commits: { count: successors.commits.length, path: `${stem}.commits`, sha256: digest.sha256(list) },
    });
    const added = [
      { path: `${stem}.json`, text },
      { path: `${stem}.commits`, text: list },
    ];
    if (signer !== null) added.push({ path: `${stem}.dsse.json`, text: wrap(signer, IN_TOTO, text) });
    const snapshot = await openSnapshot(store, decodeCommit(await store.readType(tips.after, 'commit')).tree);
    const objects: NewObject[] = [];
    for (const { path, text: content } of added) {
      const blob = newObject('blob', Buffer.from(content));
      objects.push(blob);
      await snapshot.put(path, blob.oid);
    }
    const tree = snapshot.seal(objects);
    const at = new Date(plan.at);
    const count = files.length === 1 ? '1 file' : `${String(files.length)} files`;
    const what = plan.record === null ? '' : ` of ${plan.record.identity}`;
    const job = plan.record === null ? '' : `Docket-Purge: ${plan.record.job}\n`;
    const message = `docket: purged ${count}${what}\n\n${job}Docket-Tombstone: ${stem}.json\n`;
    const commit = newObject(
      'commit',
      makeCommit(signer, { tree, parents: [tips.after], author, authoredAt: at, committedAt: at, message }),
    );
    objects.push(commit);
    const pack = await writePack(fs, gitDir, await buildPack(objects));
    await store.addPack(pack.name, pack.index);
    return commit.oid;
  }

  /** Main, its index and its files go to the new tip. */
  async function publish({ from, to }: PurgeMap, lock: KernelLock): Promise<boolean> {
    const held = await keeper.lock(to);
    let isMoved = false;
    try {
      await lockTip(repository, gitDir, dir, to);
      const changes: FileChange[] = [];
      const treeOf = async (commit: Oid): Promise<Oid> => decodeCommit(await store.readType(commit, 'commit')).tree;
      try {
        for await (const change of diffTrees(store, await treeOf(from), await treeOf(to))) changes.push(change);
        lock.check();
      } catch (error) {
        await freeTip(fs, gitDir);
        throw error;
      }
      const show = held.isOnMain
        ? await keeper.prepare(from, to, changes, (oid) => store.readType(oid, 'blob'))
        : (): Promise<void> => Promise.resolve();
      const ident = identLine(author, clock.now());
      isMoved = await moveTip(fs, gitDir, { from, to, ident, message: 'commit: docket: purge', isOnMain: held.isOnMain }, show);
      if (isMoved) await syncTip(fs, gitDir);
      else if (held.isOnMain) await keeper.takeBack(to, await tipNow());
      if (isMoved && held.isOnMain) await keeper.settle(to);
    } finally {
      await keeper.unlock();
    }
    return isMoved;
  }

  /** What came on top of a published purge meanwhile changes nothing about it. */
  async function leadsTo(tip: Oid, commit: Oid): Promise<boolean> {
    if (tip === commit) return true;
    for await (const { commit: one } of walkCommits(store, [tip], commit)) if (one.parents.includes(commit)) return true;
    return false;
  }

  async function finish(plan: PurgePlan, known: { map: PurgeMap | null; census: Census | null }, lock: KernelLock): Promise<PurgeDone> {
    let { map } = known;
    for (let tries = 0; ; tries++) {
      // A map that is not about main as it is was made before somebody moved it.
      const tip = await tipNow();
      if (map !== null && (await leadsTo(tip, map.to))) break;
      if (tries > MOVES_MAX)
        throw refuse(`the tip of ${dir} was moved by somebody else again and again; \`docket purge --resume\` goes on`);
      if (map?.from !== tip) {
        const isFirst = tries === 0 && map === null;
        map = await prepare(plan, (isFirst ? known.census : null) ?? (await takeCensus(store, [])), lock);
      }
      await publish(map, lock);
    }
    await renameAll(repository, map.of);
    await dropObjects(repository, new Set(map.of.keys()), () => {
      lock.check();
    });
    await endPlan(repository);
    return {
      at: plan.at,
      tipBefore: map.from,
      tip: map.to,
      commits: map.commits,
      objects: map.of.size,
      tombstone: plan.hasTombstone ? `${tombstoneStem(plan.at, plan.record?.job ?? null)}.json` : null,
    };
  }

  return {
    survey,
    returned,
    content: async (blob) => store.readType(blob, 'blob'),
    purge: async (wanted, { reason, person }) =>
      inPeace(async (lock) => {
        await refuseWhenUnready();
        const { placeholders } = await tombstonesNow();
        const { survey: found, census } = await findTargets(repository, wanted, (blob) => placeholders.has(blob));
        if (found.targets.length === 0) return null;
        if (found.targets.some(({ paths }) => paths.includes(ATTRIBUTES)))
          throw refuse(`${ATTRIBUTES} holds the bytes, and without it this is no history: take them out of it by hand, commit, then again`);
        if ('spellings' in wanted && holds(Buffer.from(`${reason}\n${person}`), wanted.spellings))
          throw refuse('the reason holds the very bytes that are to go: say it without them');
        const record = 'record' in wanted ? { job: wanted.record.filed.job, identity: identityWords(wanted.record.identity) } : null;
        const plan: PurgePlan = {
          v: 1,
          record,
          reason,
          person,
          at: clock.now().toISOString(),
          targets: found.targets,
          hasTombstone: true,
        };
        await writePlan(repository, plan);
        return finish(plan, { map: null, census }, lock);
      }),
    resume: async () =>
      inPeace(async (lock) => {
        const plan = await readPlan(repository);
        if (plan !== null) return finish(plan, { map: await readMap(repository), census: null }, lock);
        await endPlan(repository);
        return null;
      }),
    again: async (theirs) =>
      inPeace(async (lock) => {
        await refuseWhenUnready();
        const targets = await returned(theirs);
        if (targets.length === 0) return null;
        const plan: PurgePlan = {
          v: 1,
          record: null,
          reason: 'content of an earlier tombstone came back',
          person: '',
          at: clock.now().toISOString(),
          targets,
          hasTombstone: false,
        };
        await writePlan(repository, plan);
        return finish(plan, { map: null, census: null }, lock);
      }),
  };
}
