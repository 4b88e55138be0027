/**
 * The history: prompts, answers and evidence in a git repository of their own, written so that nothing acknowledged is ever lost.
 * States: closed -> open -> closed. The parts: setup.ts (the repository), writer.ts (groups of commits), record.ts (the rules),
 * index-keeper.ts (git's index and the files people see), record-index.ts and log.ts (reading back), verify.ts (proving it), tender.ts
 * (fewer packs, in the background).
 */

import { Buffer } from 'node:buffer';
import {
  NO_TRUST,
  type Answer,
  type Checkpoint,
  type Filed,
  type Finding,
  type History,
  type LogEntry,
  type Submission,
  type Trust,
} from '#core/history.ts';
import type { CanKeepOpen, Clock, Digest, Fs, KernelLocks, LocksKeptOpen, Log } from '#core/ports.ts';
import type { Identity } from '#core/prompt.ts';
import type { Signing } from '#core/signing.ts';
import type { SpendLine } from '#core/spending.ts';
import { makeChainHeads, type ChainHeads } from './chain-heads.ts';
import { makeCheckpoint } from './checkpoint.ts';
import { makeCommit } from './commit-signature.ts';
import { sweepAtStart } from './fold.ts';
import type { RepositoryGit } from './git-door.ts';
import { makeIndexKeeper, type IndexKeeper } from './index-keeper.ts';
import { featureIdOf, storedPath } from './layout.ts';
import { readLog, type LogFilter } from './log.ts';
import { decodeCommit, identLine, type Oid, type Person } from './objects.ts';
import { buildPack, newObject, type NewObject } from './pack.ts';
import { sweepPacks, writePack } from './pack-writer.ts';
import { openObjects } from './read-objects.ts';
import { findFiled, planAnswer, planSubmission, type Tip } from './record.ts';
import { makeRecordIndex, type RecordIndex } from './record-index.ts';
import { planClosing, planPromotion, planVerdict } from './review.ts';
import { makeReviews, type Reviews } from './reviews.ts';
import { makePurging, refuseReturned, type Purging } from './purge.ts';
import { purgedOf, readTombstones, successorOf } from './purge-verify.ts';
import { lockTip, moveTip, readFetched, readTip, syncTip } from './ref.ts';
import { signerOf, withKernelLock, type Repository } from './repository.ts';
import { readRecords, type Recorded } from './records.ts';
import { readSpending } from './spending.ts';
import { choosePlace, FIRST_FILES, FIRST_MESSAGE, firstTip, inspectFolder, makeFolders, setUpRepository } from './setup.ts';
import type { PushRules } from './setup-texts.ts';
import { openSnapshot } from './snapshot.ts';
import type { TendSettings } from './tend.ts';
import { makeTender, type Tender } from './tender.ts';
import { verifyHistory } from './verify.ts';
import { makeWriter, type MergeOutcome, type Writer } from './writer.ts';

export type HistoryOptions = {
  /** The repository's folder; made on first use. */
  readonly dir: string;
  /** The code repository, which the history must not lie in; null: there is none. */
  readonly codeRoot: string | null;
  readonly fs: Fs;
  readonly git: RepositoryGit;
  readonly digest: Digest;
  readonly clock: Clock;
  readonly log: Log;
  readonly locks: KernelLocks & CanKeepOpen;
  /** Author and committer of every commit. */
  readonly author: Person;
  /** Addresses that this history may be pushed to. */
  readonly pushRemotes: readonly string[];
  /** What the hook has a push scanned by; null or absent: pushes are stopped. */
  readonly pushScan?: PushRules['scan'];
  readonly tend: TendSettings;
  /** Null or left out: nothing is signed. */
  readonly signing?: Signing | null;
  /** The text of an allowed_signers file: only verdicts that somebody on it signed count. Null or left out: they need no signature. */
  readonly reviewSigners?: (() => Promise<string>) | null;
  /** For `verify`: threads beside this one; left out: none. */
  readonly verifyThreads?: number;
};

type Open = {
  readonly repository: Repository;
  readonly locks: LocksKeptOpen;
  readonly records: RecordIndex;
  readonly heads: ChainHeads;
  readonly reviews: Reviews;
  readonly writer: Writer;
  readonly tender: Tender;
  readonly purging: Purging;
};

/** A tip as it is read, and its commit. */
type Looked = Tip & { readonly commit: Oid };

/** Beyond the port: what a person asks of the history itself. */
export type Merging = {
  /**
   * Takes the chain of another clone in. Null: there is nothing in it that is not here.
   * `beside`: jobs whose identity this chain had recorded, too; their files lie in attempts/<job>/.
   * @param commit its tip, brought here by git fetch; without it, what was fetched last (FETCH_HEAD)
   */
  merge(commit?: string): Promise<MergeOutcome | null>;
  /** The head of the chain now. */
  checkpoint(): Promise<Checkpoint>;
};

export type Rewritten = {
  readonly purging: () => Purging;
  /** What a commit that somebody remembers (a checkpoint, a note) is called since purges rewrote it; itself when none did. */
  commitNow(commit: Oid): Promise<Oid>;
  /** What git fetched last; null: nothing. */
  fetched(): Promise<Oid | null>;
};

export function makeHistory(options: HistoryOptions): History & Merging & Rewritten {
  const { fs, digest } = options;
  let open: Open | null = null;
  let view: Looked | null = null;

  function opened(): Open {
    if (open === null) throw new Error('the history is not open');
    return open;
  }

  async function start(): Promise<Open> {
    const locks = options.locks.keepOpen();
    try {
      return await startWith(locks);
    } catch (error) {
      locks.close();
      throw error;
    }
  }

  async function startWith(locks: LocksKeptOpen): Promise<Open> {
    const dir = await choosePlace(options, options.dir, options.codeRoot);
    await inspectFolder(options, dir);
    const { gitDir, stateDir } = await makeFolders(fs, dir);
    const store = openObjects(fs, gitDir);
    const repository: Repository = { ...options, locks, dir, gitDir, stateDir, store };
    const records = makeRecordIndex(store, () => readTip(fs, gitDir));
    const heads = makeChainHeads(repository);
    const reviews = makeReviews(repository, repository, options.reviewSigners ?? null);
    const keeper = makeIndexKeeper(repository);
    const tender = makeTender(repository, options.tend, (act) => writer.inTurn(act));
    const onGroup = (): void => {
      tender.nudge(store.packCount());
    };
    const writer: Writer = makeWriter(repository, records, heads, keeper, reviews, onGroup);
    await withKernelLock(repository, async (lock) => {
      await setUpRepository(options, dir, gitDir, { remotes: options.pushRemotes, scan: options.pushScan ?? null });
      await sweepPacks(fs, gitDir);
      await sweepAtStart(repository);
      const first = (await firstTip(fs, gitDir)) ?? (await firstCommit(repository, keeper));
      await writer.putBack(lock);
      await keeper.mend((await readTip(fs, gitDir)) ?? first);
    });
    const purging = makePurging(repository, keeper, writer.inTurn);
    return { repository, locks, records, heads, reviews, tender, writer, purging };
  }

  /** The tip as it is now, for reading; what somebody still reads of an older one stays as it is. */
  async function look(): Promise<Looked> {
    const { repository, records } = opened();
    const { store, gitDir } = repository;
    const commit = await readTip(fs, gitDir);
    if (commit === null) throw new Error(`${repository.dir} has no branch main any more`);
    if (view?.commit === commit) return view;
    const { tree } = decodeCommit(await store.readType(commit, 'commit'));
    const snapshot = await openSnapshot(store, tree);
    view = { commit, snapshot, store, records, digest, pending: new Map(), blobs: new Map() };
    return view;
  }

  async function read(path: string): Promise<Uint8Array | null> {
    const tip = await look();
    const blob = await tip.snapshot.file(storedPath(path));
    return blob === null ? null : tip.store.readType(blob, 'blob');
  }

  async function* log(filter: LogFilter): AsyncGenerator<LogEntry> {
    const { repository } = opened();
    const tip = await readTip(fs, repository.gitDir);
    if (tip !== null) yield* readLog(repository.store, tip, filter, repository);
  }

  async function* recorded(filter: LogFilter): AsyncGenerator<Recorded> {
    yield* readRecords(await look(), filter, () => log(filter));
  }

  async function* spending(): AsyncGenerator<SpendLine> {
    yield* readSpending(await look());
  }

  async function* verify(progress?: (done: number, total: number) => void, trust?: Trust, against?: Checkpoint): AsyncGenerator<Finding> {
    const { repository } = opened();
    yield* verifyHistory(repository, progress ?? (() => undefined), trust ?? NO_TRUST, against ?? null);
  }

  return {
    async open() {
      open ??= await start();
    },
    async find(identity: Identity): Promise<Filed | null> {
      return (await findFiled(await look(), identity))?.filed ?? null;
    },
    submit: (submission: Submission) =>
      opened().writer.write({
        sizeBytes: submission.prompt.length,
        plan: (tip) => planSubmission(tip, submission),
      }),
    record: (answer: Answer) =>
      opened().writer.write({
        sizeBytes: sizeOf(answer),
        plan: (tip) => planAnswer(tip, answer),
      }),
    async judge(verdict) {
      const { writer, reviews } = opened();
      const written = await writer.write({ sizeBytes: sizeOfReview(verdict), plan: (tip) => planVerdict(tip, verdict) });
      return written.commit === null ? reviews.written(await look(), written) : { path: written.path, commit: written.commit };
    },
    async closeFeature(closing) {
      const { writer, reviews } = opened();
      const written = await writer.write({ sizeBytes: sizeOfReview(closing), plan: (tip) => planClosing(tip, closing) });
      return written.commit === null ? reviews.written(await look(), written) : { path: written.path, commit: written.commit };
    },
    async promote(promotion) {
      const { writer, reviews } = opened();
      const written = await writer.write({ sizeBytes: sizeOfReview(promotion), plan: (tip) => planPromotion(tip, promotion) });
      return written.commit === null ? reviews.written(await look(), written) : { path: written.path, commit: written.commit };
    },
    promotions: async (feature) => opened().reviews.promotions(await look(), feature ?? null),
    verdicts: async (filter) => opened().reviews.verdicts(await look(), filter),
    closings: async (feature) => opened().reviews.closings(await look(), feature ?? null),
    merge: async (commit) => {
      const { repository, writer } = opened();
      const theirs = commit ?? (await readFetched(fs, repository.gitDir));
      await refuseReturned(repository, theirs);
      return writer.merge(theirs);
    },
    purging: () => opened().purging,
    fetched: async () => readFetched(fs, opened().repository.gitDir).catch(() => null),
    async commitNow(commit) {
      const { repository } = opened();
      const tip = await readTip(fs, repository.gitDir);
      return tip === null ? commit : successorOf(await readTombstones(repository, tip), commit);
    },
    async purged() {
      const { repository } = opened();
      const tip = await readTip(fs, repository.gitDir);
      return tip === null ? [] : purgedOf(await readTombstones(repository, tip));
    },
    async stamps(features) {
      const { commit, snapshot } = await look();
      const stampOf = (feature: string): string => {
        const id = featureIdOf(feature);
        return id === null
          ? ''
          : snapshot
              .featureFolders(id)
              .map((name) => snapshot.top(name) ?? '')
              .join(' ');
      };
      return { commit, features: features.map(stampOf) };
    },
    log,
    read,
    records: recorded,
    spending,
    verify,
    checkpoint: () => makeCheckpoint(opened().repository),
    async close() {
      const closing = open;
      if (closing === null) return;
      try {
        await closing.writer.idle();
        await closing.writer.close();
        await closing.heads.close();
        await closing.tender.close();
        open = null;
        view = null;
        await closing.repository.store.close();
      } finally {
        // What somebody still holds is closed when it is given back.
        closing.locks.close();
      }
    },
  };
}

const sizeOfReview = ({ comment }: { readonly comment: string | null }): number => 4_000 + (comment?.length ?? 0);

const sizeOf = (answer: Answer): number =>
  (answer.result?.length ?? 0) +
  answer.evidence.length +
  answer.materials.reduce((sum, { bytes }) => sum + bytes.length, 0) +
  answer.attempts.reduce((sum, { bytes }) => sum + bytes.length, 0);

/** README and attributes. @returns the first tip */
async function firstCommit(repository: Repository, keeper: IndexKeeper): Promise<Oid> {
  const { fs, store, gitDir, dir, author, clock } = repository;
  const objects: NewObject[] = [];
  const snapshot = await openSnapshot(store, null);
  for (const { path, text } of FIRST_FILES) {
    const blob = newObject('blob', Buffer.from(text));
    objects.push(blob);
    await snapshot.put(path, blob.oid);
  }
  const tree = snapshot.seal(objects);
  const at = clock.now();
  const parts = { tree, parents: [], author, authoredAt: at, committedAt: at, message: FIRST_MESSAGE };
  const commit = newObject('commit', makeCommit(await signerOf(repository), parts));
  objects.push(commit);
  const pack = await writePack(fs, gitDir, await buildPack(objects));
  await store.addPack(pack.name, pack.index);
  const { isOnMain } = await keeper.lock(commit.oid);
  const move = { from: null, to: commit.oid, ident: identLine(author, at), message: `commit (initial): ${FIRST_MESSAGE.trim()}`, isOnMain };
  await lockTip(repository, gitDir, dir, commit.oid);
  const show = await keeper.prepare(null, commit.oid, [], (oid) => store.readType(oid, 'blob'));
  if (!(await moveTip(fs, gitDir, move, show))) throw new Error(`${dir} got a first commit from somebody else; start docket again`);
  await syncTip(fs, gitDir);
  await keeper.settle(commit.oid);
  await keeper.unlock();
  return commit.oid;
}
