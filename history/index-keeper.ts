/**
 * Keeps git's index (in two files when it is large: split-index.ts) and the work tree in step with the tip, under git's own `index.lock`,
 * so that a person's `git status` is clean and a person's `git commit -a` undoes nothing. `<gitdir>/docket/index-tip` names the tip the
 * index was last brought to.
 *
 *   in step -> index.lock held -> files written, new index beside the old one -> index shown -> (the branch moves) -> in step, lock removed
 * Index before branch: a `git commit` that finds the branch moved finds the new index as well, whatever it reads first. Before the branch has moved it
 * cannot commit, because docket holds the branch's lock, too; and one that read the branch before is refused by git itself, since it has moved.
 * A crash leaves index.lock with docket's mark, the commit that was written: no git can commit over it. When it never came into the branch, the next
 * docket takes files and index back to the tip; else it brings them forward from `index-tip` as `git read-tree -m` would. After a loss of power the mark may
 * be lost: ahead.ts finds the commit. While a person is on another branch, index and work tree are not ours to touch.
 */

import { Buffer } from 'node:buffer';
import type { FileFacts } from '#core/ports.ts';
import { findAhead } from './ahead.ts';
import { diffTrees, type FileChange } from './diff.ts';
import { damaged, EMPTY_INDEX, encodeIndex, parseIndex, type Link } from './index-file.ts';
import { lockMark, markOf, removeLock, takeLock } from './lock-file.ts';
import { decodeCommit, isOid, type Oid } from './objects.ts';
import { BRANCH, isOnMain, readTip } from './ref.ts';
import type { Repository } from './repository.ts';
import { openShared, sharedInMemory, headOf, type Shared } from './shared-index.ts';
import { EMPTY_SPLIT, isDue, isPlain, joinIndex, newestEntries, spliceSplit, wholeOf, type SplitIndex } from './split-index.ts';
import { writeShared } from './write-shared.ts';
import { bringWorkTree, takeWorkTreeBack } from './work-tree.ts';

const INDEX_BYTES_MAX = 1024 * 1024 * 1024;
/** Files written this long before the last one may have been torn by a loss of power. */
const TORN_WINDOW_S = 120;
const TORN_FILES_MAX = 2_000;
const TIP_BYTES_MAX = 64 * 1024;
/** Shared files of before that stay: a git that has just read the old index still opens the one it names. */
const SHARED_KEPT = 2;

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

export type IndexKeeper = {
  /** Takes index.lock (what a dead docket left of it and of the branch's lock is removed). While it is held, HEAD does not change. */
  lock(tip: Oid): Promise<{ readonly isOnMain: boolean }>;
  unlock(): Promise<void>;
  /**
   * While locked, and on main: files are written, and the new index lies beside the old one. `known`: all that changed since `from`, when the
   * index is at `from`. @returns makes the new index git's: one rename
   */
  prepare(from: Oid | null, to: Oid, known: readonly FileChange[], blob: (oid: Oid) => Promise<Buffer>): Promise<() => Promise<void>>;
  /** While locked: index and files are at this tip. */
  settle(tip: Oid): Promise<void>;
  /** While locked: what `prepare` (and its rename) did for a commit that did not come into the branch is undone. */
  takeBack(ahead: Oid, tip: Oid): Promise<void>;
  /** Mends what a crash or a loss of power left; takes the lock only when something is not in step. */
  mend(tip: Oid): Promise<void>;
};

/** Git and docket write a new index under a new inode each time. */
const isUnchanged = (a: FileFacts, b: FileFacts): boolean =>
  a.ino === b.ino && a.dev === b.dev && a.sizeBytes === b.sizeBytes && a.mtimeNs === b.mtimeNs;

export function makeIndexKeeper(repository: Repository): IndexKeeper {
  const { fs, gitDir, stateDir, dir, store, log } = repository;
  const lockPath = `${gitDir}/index.lock`;
  const indexPath = `${gitDir}/index`;
  const tipPath = `${stateDir}/index-tip`;
  /** The machine's start in which the newest files were looked at: a verb that only reads need not look again. */
  const checkedPath = `${stateDir}/checked`;
  /** `tip`: what the index was brought to, by us; null: index-tip tells. */
  let cached: { index: SplitIndex; facts: FileFacts; tip: Oid | null } | null = null;
  /** Commits whose files may lie in the work tree, though they never came into the branch. */
  const aheads = new Set<Oid>();

  /** The shared file that the small one names; the one in memory when it is the same. */
  async function sharedOf(link: Link | null): Promise<Shared | null> {
    if (link === null) return null;
    const known = cached?.index.shared ?? null;
    if (known?.sum === link.sum) return known;
    const path = `${gitDir}/sharedindex.${link.sum}`;
    try {
      const { version, count } = headOf(Buffer.from((await fs.readHead(path, 12)).bytes));
      if (version < 4) return await openShared(fs, path, link.sum, count);
      const bytes = Buffer.from((await fs.readBounded(path, INDEX_BYTES_MAX)).bytes);
      const { index } = parseIndex(bytes);
      if (bytes.toString('hex', bytes.length - 20) === link.sum) return sharedInMemory(link.sum, index);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    throw damaged(`its shared part sharedindex.${link.sum} is not there`);
  }

  /** Null: there is none, or it is torn (then set aside). */
  async function load(): Promise<SplitIndex | null> {
    const facts = await fs.facts(indexPath);
    if (facts === null) return null;
    if (cached !== null && isUnchanged(cached.facts, facts)) return cached.index;
    try {
      const read = await fs.readBounded(indexPath, INDEX_BYTES_MAX);
      const { index: own, link } = parseIndex(Buffer.from(read.bytes));
      cached = { index: await joinIndex(own, link, await sharedOf(link)), facts: read.facts, tip: null };
      return cached.index;
    } catch (error) {
      if (codeOf(error) !== 'EDAMAGED') throw error;
      const aside = `${stateDir}/index.damaged-${String(repository.clock.now().getTime())}`;
      log.warn(`${(error as Error).message}; it is kept as ${aside} and made anew`);
      await fs.rename(indexPath, aside);
      return null;
    }
  }

  async function writeFresh(path: string, bytes: Uint8Array | string): Promise<{ fresh: string; facts: FileFacts }> {
    const fresh = `${stateDir}/${path.slice(path.lastIndexOf('/') + 1).slice(0, 11)}.new`;
    const write = (): Promise<FileFacts> => fs.writeDerived(fresh, bytes, 0o644);
    const facts = await write().catch(async (error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
      await removeLock(fs, fresh);
      return write();
    });
    return { fresh, facts };
  }

  async function putFile(path: string, bytes: Uint8Array | string): Promise<void> {
    await fs.rename((await writeFresh(path, bytes)).fresh, path);
  }

  /** Null: not known, or a commit that is not here any more. @param expected is believed to be here */
  async function indexTip(expected: Oid | null): Promise<Oid | null> {
    try {
      const lines = Buffer.from((await fs.readBounded(tipPath, TIP_BYTES_MAX * 2)).bytes)
        .toString('latin1')
        .split('\n');
      // The last line counts; a torn one was written for nothing.
      const text = lines.at(-2) ?? '';
      return isOid(text) && (text === expected || (await store.has(text))) ? text : null;
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EFBIG') return null;
      throw error;
    }
  }

  /** A line more, now and then a new file: a file that takes the place of another one is written to the disk at once by some file systems. */
  async function putTip(tip: Oid): Promise<void> {
    const sizeBytes = (await fs.facts(tipPath))?.sizeBytes ?? TIP_BYTES_MAX;
    if (sizeBytes < TIP_BYTES_MAX) await fs.append(tipPath, `${tip}\n`, 0o644);
    else await putFile(tipPath, `${tip}\n`);
  }

  const rootOf = async (commit: Oid): Promise<Oid> => decodeCommit(await store.readType(commit, 'commit')).tree;

  async function differences(from: Oid | null, to: Oid): Promise<FileChange[]> {
    const changes: FileChange[] = [];
    for await (const change of diffTrees(store, from === null ? null : await rootOf(from), await rootOf(to))) changes.push(change);
    return changes;
  }

  /** What a dead docket left: its work is taken back when it never came into the branch, under its own lock of the index. */
  async function clearOwnLocks(): Promise<boolean> {
    const mark = await markOf(fs, lockPath);
    if (mark === null) return false;
    log.info(`a docket that was killed left ${lockPath}; its work is brought to its end, or taken back`);
    if (isOid(mark)) aheads.add(mark);
    await takeAheadBack();
    const branchLock = `${gitDir}/${BRANCH}.lock`;
    const facts = await fs.facts(branchLock);
    if (facts?.kind === 'file') {
      const content = Buffer.from((await fs.readHead(branchLock, 100)).bytes)
        .toString('latin1')
        .trim();
      if (content === '' || content === mark) await removeLock(fs, branchLock);
    }
    await removeLock(fs, lockPath);
    return true;
  }

  /** A work tree that cannot be written must not keep anybody from recording: what fails is tried again with the next mend. */
  async function takeAheadBack(): Promise<void> {
    const tip = await readTip(fs, gitDir);
    if (tip === null || !(await isOnMain(fs, gitDir))) return;
    for (const ahead of aheads)
      try {
        await takeBack(ahead, tip);
        aheads.delete(ahead);
      } catch (error) {
        log.warn(`the work tree of ${dir} has files of ${ahead}, which was not recorded: ${String(error)}`);
      }
  }

  async function takeBack(ahead: Oid, tip: Oid): Promise<void> {
    // Its pack was not in its place: then nothing was written after it.
    if (ahead === tip || !(await store.has(ahead))) return;
    const index = await load();
    const tree = { fs, log, dir, blob: (oid: Oid) => store.readType(oid, 'blob') };
    const splices = await takeWorkTreeBack(tree, index ?? EMPTY_SPLIT, await differences(ahead, tip));
    if (index === null || splices.length === 0) return;
    const show = await readyIndex(await spliceSplit(index, splices), splices.length);
    await show();
  }

  async function lock(tip: Oid): Promise<{ readonly isOnMain: boolean }> {
    await takeLock(repository, lockPath, dir, lockMark(tip), { draft: `${stateDir}/index-lock.new`, clearOwn: clearOwnLocks });
    return { isOnMain: await isOnMain(fs, gitDir) };
  }

  type Blob = (oid: Oid) => Promise<Buffer>;
  type Show = () => Promise<void>;
  async function prepare(from: Oid | null, to: Oid, known: readonly FileChange[], blob: Blob): Promise<Show> {
    try {
      return await prepareAt(from, to, known, blob);
    } catch (error) {
      if (codeOf(error) !== 'EDAMAGED') throw error;
      // The shared file is not what it was when it was read: the next look at it says so, and all of the index is made anew.
      cached = null;
      return prepareAt(from, to, known, blob);
    }
  }

  async function prepareAt(from: Oid | null, to: Oid, known: readonly FileChange[], blob: Blob): Promise<Show> {
    const loaded = await load();
    const at = loaded === null ? null : (cached?.tip ?? (await indexTip(from)));
    const changes = at !== null && at === from ? known : await differences(at, to);
    const index = loaded ?? EMPTY_SPLIT;
    const splices = await bringWorkTree({ fs, log, dir, blob }, index, changes);
    if (splices.length === 0 && loaded !== null) return () => Promise.resolve();
    return readyIndex(await spliceSplit(index, splices), splices.length);
  }

  async function settle(tip: Oid): Promise<void> {
    await putTip(tip);
    if (cached !== null) cached = { ...cached, tip };
  }

  /** The index as files beside git's own. @returns makes it git's */
  async function readyIndex(changed: SplitIndex, count: number): Promise<() => Promise<void>> {
    const isShared = !isPlain(changed);
    const isNew = isShared && isDue(changed, count);
    const next: SplitIndex = !isShared
      ? { ...EMPTY_SPLIT, own: await wholeOf(changed) }
      : isNew
        ? { shared: await writeShared(fs, changed, gitDir, stateDir), deleted: new Set(), own: EMPTY_INDEX }
        : changed;
    const link = next.shared === null ? null : { sum: next.shared.sum, deleted: [...next.deleted].toSorted((a, b) => a - b) };
    const { fresh, facts } = await writeFresh(indexPath, encodeIndex(next.own, link));
    return async () => {
      cached = null;
      await fs.rename(fresh, indexPath);
      cached = { index: next, facts, tip: null };
      if (isNew) await removeOldShared(next.shared?.sum ?? '');
    };
  }

  async function removeOldShared(current: string): Promise<void> {
    const old: { readonly path: string; readonly mtimeNs: bigint }[] = [];
    for (const { name } of await fs.list(gitDir)) {
      if (name === null || !/^sharedindex\.[0-9a-f]{40}$/.test(name) || name.endsWith(current)) continue;
      const facts = await fs.facts(`${gitDir}/${name}`);
      if (facts !== null) old.push({ path: `${gitDir}/${name}`, mtimeNs: facts.mtimeNs });
    }
    const newestFirst = old.toSorted((a, b) => Number(b.mtimeNs - a.mtimeNs));
    for (const { path } of newestFirst.slice(SHARED_KEPT)) await removeLock(fs, path);
  }

  /**
   * Files that a loss of power cut short: the index knows the very same inode with these times or later ones, and a larger size. Writing of the work tree is
   * never synced, so the newest files may be empty after it; the index then would let `git commit -a` record the empty file.
   */
  async function mendTorn(index: SplitIndex): Promise<void> {
    for (const entry of await newestEntries(index, TORN_WINDOW_S, TORN_FILES_MAX)) {
      if (entry.stage !== 0 || entry.inode === 0) continue;
      const file = `${dir}/${entry.path}`;
      const facts = await fs.facts(file);
      if (facts?.kind !== 'file' || facts.sizeBytes >= entry.sizeBytes) continue;
      // What a person did to it is later. The disk may have the times of its making, which are earlier.
      const isSame =
        BigInt.asUintN(32, facts.ino) === BigInt(entry.inode) &&
        facts.mtimeNs <= BigInt(entry.mtimeS) * 1_000_000_000n + BigInt(entry.mtimeNs) &&
        facts.ctimeNs <= BigInt(entry.ctimeS) * 1_000_000_000n + BigInt(entry.ctimeNs);
      if (!isSame) continue;
      log.warn(`${file} was cut short by a loss of power and is written again from the history`);
      // Made beside the index: a temporary file in the work tree would be left there by a crash.
      const { fresh } = await writeFresh(`${stateDir}/torn`, await store.readType(entry.oid, 'blob'));
      await fs.syncFile(fresh, 'safety');
      await fs.rename(fresh, file);
    }
  }

  async function textAt(file: string): Promise<string | null> {
    try {
      return Buffer.from((await fs.readBounded(file, 1024)).bytes)
        .toString('latin1')
        .trim();
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EFBIG') return null;
      throw error;
    }
  }

  /** Another one after each start of the machine (random(4)): while it is the same, no power was lost. Null: the system has none. */
  const bootId = (): Promise<string | null> => textAt('/proc/sys/kernel/random/boot_id').catch(() => null);

  return {
    lock,
    unlock: () => removeLock(fs, lockPath),
    prepare,
    settle,
    takeBack,
    async mend(tip) {
      const isLeft = (await markOf(fs, lockPath)) !== null;
      const boot = await bootId();
      const isOtherBoot = boot === null || boot !== (await textAt(checkedPath));
      if (isOtherBoot) {
        const index = await load();
        if (index !== null) await mendTorn(index);
        for (const ahead of await findAhead(repository, tip)) aheads.add(ahead);
      }
      const isInStep = !isLeft && aheads.size === 0 && (await fs.facts(indexPath)) !== null && (await indexTip(tip)) === tip;
      if (!isInStep && (isLeft || (await isOnMain(fs, gitDir)))) {
        const held = await lock(tip);
        if (held.isOnMain) {
          await takeAheadBack();
          const show = await prepare(null, tip, [], (oid) => store.readType(oid, 'blob'));
          await show();
          await settle(tip);
        }
        await removeLock(fs, lockPath);
      }
      if (isOtherBoot && boot !== null) await putFile(checkedPath, boot);
    },
  };
}
