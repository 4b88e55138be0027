/**
 * The end of old objects: what has a successor, or had to go, is in no pack and no loose file any more, and nothing names it.
 *
 *   names (branches, tags, reflogs, ORIG_HEAD …) -> their successors; packs with such objects -> the rest of them in new packs, synced -> the
 *   old packs removed, index first; loose files removed; indices over packs and commits removed (git and the tender make them again)
 * Invariant: an object that stays is in a synced pack before an old pack that has it is removed. Each step may be repeated.
 */

import { Buffer } from 'node:buffer';
import type { Fs } from '#core/ports.ts';
import type { GitObject, Oid } from './objects.ts';
import { openPack } from './pack-file.ts';
import { makePacker } from './purge-pack.ts';
import { noteFile } from './review-note.ts';
import type { Repository } from './repository.ts';

const NAMES_BYTES_MAX = 256 * 1024 * 1024;
/** In .git, no names of objects as text: objects, docket's own, programs, and indices. */
const SKIPPED = new Set(['objects', 'docket', 'hooks', 'info', 'config', 'description', 'index']);
const OID = /\b[0-9a-f]{40}\b/g;
const PACK = /^(pack-[0-9a-f]{40})\.idx$/;
const ENDINGS = ['idx', 'pack', 'rev', 'bitmap', 'keep', 'mtimes'] as const;
/** Bases kept while a pack is read. */
const SEEN_BYTES_MAX = 48 * 1024 * 1024;
const LIST_BYTES_MAX = 16 * 1024 * 1024;

const isGone = (error: unknown): boolean => (error as { code?: unknown }).code === 'ENOENT';

async function remove(fs: Fs, path: string): Promise<void> {
  await fs.unlink(path).catch((error: unknown) => {
    if (!isGone(error)) throw error;
  });
}

/** Files of .git that name objects: refs, reflogs, packed-refs, FETCH_HEAD, linked worktrees' own. */
async function* namingFiles(fs: Fs, folder: string, isTop: boolean): AsyncGenerator<string> {
  for (const { name, kind } of await fs.list(folder)) {
    if (name === null || (isTop && SKIPPED.has(name)) || name.endsWith('.lock') || name.startsWith('sharedindex.') || name === 'index')
      continue;
    if (kind === 'folder') yield* namingFiles(fs, `${folder}/${name}`, false);
    else if (kind === 'file') yield `${folder}/${name}`;
  }
}

/** Every name of an old object becomes its successor's. A name of one without a successor stays, and leads nowhere. */
export async function renameAll({ fs, gitDir, log }: Repository, successors: ReadonlyMap<Oid, Oid | null>): Promise<void> {
  for await (const path of namingFiles(fs, gitDir, true)) {
    const { bytes, facts } = await fs.readBounded(path, NAMES_BYTES_MAX);
    const before = Buffer.from(bytes).toString('latin1');
    const after = before.replaceAll(OID, (oid) => successors.get(oid) ?? oid);
    if (after === before) continue;
    await fs.replace(path, Buffer.from(after, 'latin1'), 'safety', facts.mode & 0o777);
    log.info(`${path} names the objects after the purge`);
  }
}

export async function dropObjects(repository: Repository, dropped: ReadonlySet<Oid>, check: () => void): Promise<number> {
  const { fs, gitDir, stateDir, store } = repository;
  const folder = `${gitDir}/objects/pack`;
  await store.refresh();
  const names = [...new Set((await fs.list(folder)).flatMap(({ name }) => PACK.exec(name ?? '')?.[1] ?? []))].toSorted();
  const hit: string[] = [];
  for (const name of names) {
    const pack = await openPack(fs, `${folder}/${name}`);
    try {
      const ids = await pack.ids();
      for (let at = 0; at < ids.length; at += 20)
        if (dropped.has(ids.toString('hex', at, at + 20))) {
          hit.push(name);
          break;
        }
    } finally {
      await pack.close();
    }
  }
  const packer = makePacker(repository);
  for (const name of hit) {
    const pack = await openPack(fs, `${folder}/${name}`);
    try {
      const seen = new Map<number, GitObject>();
      let seenBytes = 0;
      for (const { oid, offset } of await pack.contents()) {
        if (dropped.has(oid)) continue;
        const { type, bytes } = await pack.readAt(offset, (base) => store.read(base), seen);
        seenBytes += bytes.length;
        if (seenBytes > SEEN_BYTES_MAX) {
          seen.clear();
          seenBytes = 0;
        }
        await packer.add(type, bytes, type === 'tree' ? familyOf(bytes) : undefined);
      }
    } finally {
      await pack.close();
    }
  }
  await packer.end();
  check();
  // A pack without its index is nobody's to find: the list is on disk before the first one goes.
  const listed = `${stateDir}/purge/packs`;
  const before = await linesOf(fs, listed);
  const old = [...new Set([...before, ...hit])];
  await fs.replace(listed, `${old.join('\n')}\n`, 'safety', 0o600);
  // Comments of verdicts stand in it.
  for (const note of [noteFile(stateDir), `${noteFile(stateDir)}.new`]) await remove(fs, note);
  // Indices over several packs, and over commits, name old objects.
  for (const { name } of await fs.list(folder)) if (name?.startsWith('multi-pack-index') === true) await remove(fs, `${folder}/${name}`);
  for (const name of ['commit-graph', 'packs']) await remove(fs, `${gitDir}/objects/info/${name}`);
  await fs.removeTree(`${gitDir}/objects/info/commit-graphs`);
  for (const name of old) for (const ending of ENDINGS) await remove(fs, `${folder}/${name}.${ending}`);
  await fs.syncFolder(folder, 'safety');
  for (const { name: first, kind } of await fs.list(`${gitDir}/objects`)) {
    if (kind !== 'folder' || first === null || !/^[0-9a-f]{2}$/.test(first)) continue;
    for (const { name: rest } of await fs.list(`${gitDir}/objects/${first}`))
      if (rest !== null && dropped.has(first + rest)) await remove(fs, `${gitDir}/objects/${first}/${rest}`);
  }
  await store.refresh();
  return hit.length;
}

async function linesOf(fs: Fs, file: string): Promise<string[]> {
  try {
    const text = Buffer.from((await fs.readBounded(file, LIST_BYTES_MAX)).bytes).toString('latin1');
    return text.split('\n').filter((line) => /^pack-[0-9a-f]{40}$/.test(line));
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** Versions of one folder mostly begin with the same name and have about the same size. */
function familyOf(tree: Buffer): string {
  const nul = tree.indexOf(0);
  return `${tree.toString('latin1', 0, Math.max(nul, 0))} ${String(Math.ceil(Math.log2(tree.length + 1) * 4))}`;
}
