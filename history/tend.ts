/**
 * Keeps the number of packs small: a prompt that comes alone leaves two packs, and thousands of packs slow every reader. The git program
 * makes one pack of the smallest ones (with deltas between them); docket chooses which, proves that nothing is missing, and takes the old
 * ones away. Nothing is ever pruned: an object that no commit needs is packed like any other.
 *
 *   chosen -> packed, in a folder of our own -> proved -> synced, in its place -> folder synced -> the old ones removed, index first
 * Invariant: an old pack is removed only when each of its objects is in a pack that is synced and in its place. A crash at any step leaves
 * objects twice, never not at all; what lies in the fold (fold.ts) is removed by the next one. Readers that hold an old pack open read on; one that
 * finds it gone looks at the folder again (as git does after its own repack).
 */

import type { Buffer } from 'node:buffer';
import type { Fs, KernelLock } from '#core/ports.ts';
import { writeCommitGraph } from './commit-graph.ts';
import { tryTending, withFold } from './fold.ts';
import { openPack, searchIds } from './pack-file.ts';
import type { Alone, Repository } from './repository.ts';

export type TendSettings = {
  /** So many packs may lie there before the smallest are made one; 0: never. */
  readonly packsMax: number;
  /** How long nothing was written before it begins, ms. */
  readonly idleMs: number;
};

/** The bytes of small packs ask for it as well: each of them has a copy of the widest folder. */
const SMALL_BYTES = 8 * 1024 * 1024;
const SMALL_SUM_BYTES = 256 * 1024 * 1024;
/** A pack joins when it is smaller than so many times all smaller ones together: sizes then grow by this factor, and so does the work. */
const FACTOR = 2;

export type PackSize = { readonly name: string; readonly sizeBytes: number };

/** Packs that could be made one, the smallest first. Those that somebody keeps (`.keep`) or git manages in a way of its own stay. */
export async function listPacks(fs: Fs, gitDir: string): Promise<PackSize[]> {
  const folder = `${gitDir}/objects/pack`;
  const names = new Set((await fs.list(folder)).map(({ name }) => name ?? ''));
  const found: PackSize[] = [];
  for (const file of names) {
    const name = /^(pack-[0-9a-f]{40})\.idx$/.exec(file)?.[1];
    if (name === undefined || ['.keep', '.promisor', '.mtimes'].some((ending) => names.has(name + ending))) continue;
    const facts = await fs.facts(`${folder}/${name}.pack`);
    if (facts !== null) found.push({ name, sizeBytes: facts.sizeBytes });
  }
  return found.toSorted((a, b) => a.sizeBytes - b.sizeBytes);
}

/** @param packs the smallest first. @returns those to make one; none when it is not time */
export function choosePacks(packs: readonly PackSize[], packsMax: number): readonly PackSize[] {
  const small = packs.filter(({ sizeBytes }) => sizeBytes < SMALL_BYTES).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (packsMax <= 0 || packs.length < 2 || (packs.length <= packsMax && small < SMALL_SUM_BYTES)) return [];
  let count = 0;
  let sum = 0;
  for (const [position, { sizeBytes }] of packs.entries()) {
    if (sizeBytes < FACTOR * sum) count = position + 1;
    sum += sizeBytes;
  }
  // Sizes that double from one to the next cannot be that many; but then the smallest half is as good as any.
  return packs.slice(0, Math.max(count, Math.ceil(packs.length / 2)));
}

/**
 * @param alone in turn with the writer of this process, which under load takes the lock again as soon as it has released it
 * @returns how many packs became one; 0: nothing to do, somebody else is at it, or there is no git program
 */
export async function tendPacks(repository: Repository, packsMax: number, signal: AbortSignal, alone: Alone): Promise<number> {
  const lock = tryTending(repository);
  if (lock === null) return 0;
  try {
    return await withFold(repository, async (fold) => {
      const count = await makeOne(repository, fold, packsMax, lock, signal, alone);
      if (count > 0) await writeCommitGraph(repository, fold, signal);
      return count;
    });
  } finally {
    lock.release();
  }
}

async function makeOne(
  repository: Repository,
  fold: string,
  packsMax: number,
  lock: KernelLock,
  signal: AbortSignal,
  alone: Alone,
): Promise<number> {
  const { fs, gitDir, store, log, git } = repository;
  const packs = await listPacks(fs, gitDir);
  const chosen = choosePacks(packs, packsMax).map(({ name }) => name);
  if (chosen.length < 2) return 0;
  const others = packs.map(({ name }) => name).filter((name) => !chosen.includes(name));
  const made = await git.packTogether(gitDir, fold, chosen, others, signal);
  if (made === null) return 0;
  await prove(fs, gitDir, `${fold}/${made}`, chosen, others, signal);
  const folder = `${gitDir}/objects/pack`;
  if (!packs.some(({ name }) => name === made)) {
    for (const ending of ['pack', 'idx']) await fs.syncFile(`${fold}/${made}.${ending}`, 'safety');
    for (const ending of ['pack', 'idx']) await fs.rename(`${fold}/${made}.${ending}`, `${folder}/${made}.${ending}`);
    await fs.syncFolder(folder, 'safety');
  }
  const old = chosen.filter((name) => name !== made);
  await alone((writing) => {
    lock.check();
    writing.check();
    return removePacks(fs, folder, old);
  });
  await store.refresh();
  log.info(`${String(old.length)} packs of the history are one now, ${made}`);
  return old.length;
}

/** Throws when the new pack is damaged, or an object of an old one is neither in it nor in a pack that stays. */
async function prove(
  fs: Fs,
  gitDir: string,
  made: string,
  chosen: readonly string[],
  others: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const idsOf = async (path: string, isProved: boolean): Promise<Buffer> => {
    const pack = await openPack(fs, path);
    try {
      const damaged = isProved ? await pack.damagedFiles() : [];
      if (damaged.length > 0) throw new Error(`git made a damaged pack, nothing is changed: ${damaged.join(', ')}`);
      return await pack.ids();
    } finally {
      await pack.close();
    }
  };
  const folder = `${gitDir}/objects/pack`;
  // All ids in memory: 20 bytes for each object of the history, for a moment.
  const known = [await idsOf(made, true)];
  for (const name of others) known.push(await idsOf(`${folder}/${name}`, false));
  for (const name of chosen) {
    signal.throwIfAborted();
    const ids = await idsOf(`${folder}/${name}`, false);
    for (let at = 0; at < ids.length; at += 20) {
      const id = ids.subarray(at, at + 20);
      if (!known.some((some) => searchIds(some, id) >= 0))
        throw new Error(`the new pack lacks the object ${id.toString('hex')} of ${name}; nothing is changed`);
    }
    await breathe();
  }
}

/** Everything else has its turn between two packs. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function remove(fs: Fs, file: string): Promise<void> {
  await fs.unlink(file).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
  });
}

/** A pack without its index is invisible to git, so the index goes first; an index over all packs (of a person's git) goes before any. */
async function removePacks(fs: Fs, folder: string, names: readonly string[]): Promise<void> {
  const listed = (await fs.list(folder)).flatMap(({ name }) => (name?.startsWith('multi-pack-index') === true ? [name] : []));
  for (const name of listed.toSorted()) await remove(fs, `${folder}/${name}`);
  for (const name of names) for (const ending of ['idx', 'pack', 'rev', 'bitmap']) await remove(fs, `${folder}/${name}.${ending}`);
}
