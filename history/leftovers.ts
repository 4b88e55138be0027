/**
 * What a killed git of anybody leaves among the objects: unfinished packs, objects and graphs, and the locks of its maintenance. They take
 * room, and such a lock stops the maintenance for ever. (index.lock and the branch's lock: lock-file.ts. What docket's own git leaves: fold.ts.)
 *
 *   found -> an hour old -> open in no process -> no git at work in this repository -> still the same file -> removed
 * Invariant: nothing is removed where the system cannot tell all of that (no /proc): git's own `gc` removes it in time.
 */

import type { FileFacts, Fs } from '#core/ports.ts';
import type { Repository } from './repository.ts';

const LEFT_MS = 60 * 60_000;

/** Folders below `objects/` and the names in them that only an unfinished git makes (git's pack-write.c, object-file.c, midx.c, repack.c). */
const PLACES: readonly { readonly folder: string; readonly name: RegExp }[] = [
  { folder: '', name: /^maintenance\.lock$/ },
  { folder: '/pack', name: /^(?:tmp_[a-z]+_[A-Za-z0-9]{6}|\.tmp-[0-9]+-pack-[0-9a-f]{40}\.[a-z]+|multi-pack-index\.lock)$/ },
  { folder: '/info', name: /^(?:tmp_[a-z]+_[A-Za-z0-9]{6}|commit-graph\.lock)$/ },
  { folder: '/info/commit-graphs', name: /^(?:tmp_graph_[A-Za-z0-9]{6}|commit-graph-chain\.lock)$/ },
];
const LOOSE_FOLDER = /^[0-9a-f]{2}$/;
const LOOSE = /^tmp_obj_[A-Za-z0-9]{6}$/;

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

async function namesIn(fs: Fs, folder: string): Promise<string[]> {
  try {
    return (await fs.list(folder)).flatMap(({ name }) => (name === null ? [] : [name]));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

async function candidates(fs: Fs, objects: string): Promise<string[]> {
  const found: string[] = [];
  for (const { folder, name } of PLACES)
    for (const one of await namesIn(fs, objects + folder)) {
      if (name.test(one)) found.push(`${objects}${folder}/${one}`);
      if (folder === '' && LOOSE_FOLDER.test(one))
        for (const loose of await namesIn(fs, `${objects}/${one}`)) if (LOOSE.test(loose)) found.push(`${objects}/${one}/${loose}`);
    }
  return found;
}

/** @returns how many were removed */
export async function removeLeftovers({ fs, gitDir, dir, clock, git, log }: Repository): Promise<number> {
  const old = new Map<string, FileFacts>();
  for (const path of await candidates(fs, `${gitDir}/objects`)) {
    const facts = await fs.facts(path);
    const ageMs = facts === null ? 0 : clock.now().getTime() - Number(facts.mtimeNs / 1_000_000n);
    if (facts?.kind === 'file' && ageMs > LEFT_MS) old.set(path, facts);
  }
  if (old.size === 0) return 0;
  const open = await fs.openForWriting([...old.keys()]);
  if (open === null) return 0;
  let count = 0;
  for (const [path, { ino, mtimeNs, uid }] of old) {
    if (open.has(path) || (await git.isAtWork(dir, uid)) !== false) continue;
    const now = await fs.facts(path);
    if (now?.ino !== ino || now.mtimeNs !== mtimeNs) continue;
    await fs.unlink(path).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
    });
    count++;
  }
  if (count > 0) log.info(`removed ${String(count)} files that a killed git left among the objects of the history`);
  return count;
}
