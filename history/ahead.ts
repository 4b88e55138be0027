/**
 * Commits that were made for the tip of now and never came into the branch: a loss of power right before the branch moved may leave their files in the
 * work tree, and no lock that names them. Their pack is on disk before the first of their files is written, so one of the newest packs has them.
 */

import { Buffer } from 'node:buffer';
import type { Fs } from '#core/ports.ts';
import { decodeCommit, isOid, oidOf, type Oid } from './objects.ts';
import { openPack } from './pack-file.ts';
import { BRANCH } from './ref.ts';
import type { Repository } from './repository.ts';

const NEWEST_PACKS = 8;
/** More commits than any group has. */
const STEPS_MAX = 1_000;
/** A pack's header; the newest commit of a group stands right behind it (pack.ts). */
const FIRST_OFFSET = 12;

/** First object of each of the newest packs, when it is a commit. */
async function newestCommits(repository: Repository): Promise<Oid[]> {
  const { fs, gitDir, store } = repository;
  const folder = `${gitDir}/objects/pack`;
  const packs: { readonly name: string; readonly mtimeNs: bigint }[] = [];
  for (const { name } of await fs.list(folder)) {
    if (name === null || !/^pack-[0-9a-f]{40}\.idx$/.test(name)) continue;
    const facts = await fs.facts(`${folder}/${name}`);
    if (facts !== null) packs.push({ name: name.slice(0, -4), mtimeNs: facts.mtimeNs });
  }
  const found: Oid[] = [];
  for (const { name } of packs.toSorted((a, b) => Number(b.mtimeNs - a.mtimeNs)).slice(0, NEWEST_PACKS)) {
    try {
      const pack = await openPack(fs, `${folder}/${name}`);
      try {
        const first = await pack.readAt(FIRST_OFFSET, (oid) => store.read(oid));
        if (first.type === 'commit') found.push(oidOf('commit', first.bytes));
      } finally {
        await pack.close();
      }
    } catch (error) {
      // A damaged pack is for `docket verify` to tell.
      repository.log.debug(`${name} was not looked at: ${String(error)}`);
    }
  }
  return found;
}

/** A merge that only goes forward has no pack; the branch's lock names its commit. */
async function lockedCommit(fs: Fs, gitDir: string): Promise<Oid | null> {
  try {
    const text = Buffer.from((await fs.readHead(`${gitDir}/${BRANCH}.lock`, 100)).bytes)
      .toString('latin1')
      .trim();
    return isOid(text) ? text : null;
  } catch {
    return null;
  }
}

/** Commits on top of the tip by first parents that are not in the branch. */
export async function findAhead(repository: Repository, tip: Oid): Promise<Oid[]> {
  const { fs, gitDir, store } = repository;
  const found = new Set<Oid>();
  for (const commit of await newestCommits(repository)) {
    let at: Oid | undefined = commit === tip ? undefined : commit;
    for (let steps = 0; at !== undefined && steps < STEPS_MAX; steps++) {
      if (at === tip) found.add(commit);
      if (at === tip || !(await store.has(at))) break;
      [at] = decodeCommit(await store.readType(at, 'commit')).parents;
    }
  }
  const locked = await lockedCommit(fs, gitDir);
  if (locked !== null && locked !== tip && (await store.has(locked))) found.add(locked);
  return [...found];
}
