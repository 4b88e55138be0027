/**
 * What a stop or a crash left in work/, told from names and the ledger alone.
 *
 *   .clean-<job>/                              finished: removed
 *   <job>/ of an older docket                  taken over first (old-folders.ts)
 *   <job>.claimed, or a decided end            a leftover: the daemon goes on from it
 *   private copies that no decision names      a decision that was not made, or was replaced: removed
 *   <job>/ with nothing in it                  removed
 *   anything else of a job                     not explained by any crash: moved to archive/, told
 */

import { Buffer } from 'node:buffer';
import path from 'node:path';
import type { JobId, RoleFolder } from '#core/names.ts';
import type { DirEntry } from '#core/ports.ts';
import type { Leftover } from '#core/spool.ts';
import { attemptNumbers } from './clean.ts';
import { CLAIMED, idOfGone, isPrivateName, PROMPT } from './layout.ts';
import { mustBeHome } from './folder-faults.ts';
import { giveBack, seenOf } from './give-back.ts';
import type { Entry } from './ledger.ts';
import { takeOverOldFolders } from './old-folders.ts';
import { codeOf, makeFolderIfMissing, unlinkIfThere, type Parts } from './parts.ts';
import { workNames, type WorkNames } from './work-names.ts';

type Dated = { readonly leftover: Leftover; readonly since: string };

/** Oldest claim first. */
export async function leftovers(parts: Parts, only?: RoleFolder): Promise<readonly Leftover[]> {
  const found: Dated[] = [];
  for (const { folder } of parts.roles) {
    if ((only !== undefined && folder !== only) || parts.unready.has(folder)) continue;
    await mustBeHome(parts, folder, 'work');
    const isFirstLook = !parts.lookedAt.has(folder);
    if (isFirstLook) {
      // What a killed process did here may not be on the disk yet, and from now on more is written that relies on it.
      await parts.sync(parts.layout.work(folder), 'safety');
      await takeOverOldFolders(parts, folder);
    }
    for (const [id, names] of await namesByJob(parts, folder)) {
      const one = parts.claiming.has(id) ? null : await inspect(parts, folder, id, names, isFirstLook);
      if (one !== null) found.push(one);
    }
    parts.lookedAt.add(folder);
  }
  return found.toSorted((a, b) => compare(a.since, b.since) || compare(a.leftover.id, b.leftover.id)).map((one) => one.leftover);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function namesByJob(parts: Parts, folder: RoleFolder): Promise<WorkNames> {
  const work = parts.layout.work(folder);
  const gone: string[] = [];
  const byJob = await workNames(parts.fs, work, (name) => {
    if (idOfGone(name) !== null) gone.push(name);
  });
  for (const name of gone) await parts.fs.removeTree(path.join(work, name));
  return byJob;
}

/** @param isFirstLook no decision of this process can be under way */
async function inspect(parts: Parts, folder: RoleFolder, id: JobId, names: Set<string>, isFirstLook: boolean): Promise<Dated | null> {
  const { fs, layout } = parts;
  const paths = layout.job(folder, id);
  const entry = await parts.ledgerOf(folder).entry(id);
  if (isFirstLook)
    for (const name of undecided(names, entry)) {
      await unlinkIfThere(fs, paths.own(name));
      names.delete(name);
    }
  const hasClaimed = names.has(CLAIMED);
  if (hasClaimed && isFirstLook && (await isGivenBack(parts, folder, id, entry))) return null;
  if (!hasClaimed && ((entry?.job ?? null) === null || (entry?.final ?? null) === null)) {
    // Later it is a job that goes away while it is looked at.
    if (isFirstLook) await setAside(parts, folder, id, names);
    return null;
  }
  const attempts = names.has('') ? await attemptNumbers(parts, paths.dir) : [];
  const since = entry?.job?.claimedAt ?? entry?.claim?.at ?? '';
  const { job = null, final = null } = entry ?? {};
  return { leftover: { dir: paths.dir, id, folder, job, final, hasClaimed, lastAttempt: Math.max(0, ...attempts) }, since };
}

/** A claim that was cut short before it was seen whose file it had taken (give-back.ts). */
async function isGivenBack(parts: Parts, folder: RoleFolder, id: JobId, entry: Entry | null): Promise<boolean> {
  const { claim = null, job = null } = entry ?? {};
  const { claimed } = parts.layout.job(folder, id);
  if (job !== null || claim === null || claim.seen === null) return false;
  const facts = await parts.fs.facts(claimed);
  if (facts === null || seenOf(facts) === claim.seen) return false;
  return giveBack(parts, id, { folder, claimed, entry: parts.layout.entry(folder, Buffer.from(claim.nameHex, 'hex')) }, facts);
}

const undecided = (names: ReadonlySet<string>, entry: Entry | null): string[] =>
  [...names].filter((name) => isPrivateName(name) && entry?.final?.files.some((file) => file.private === name) !== true);

/** Nothing is deleted that nobody can explain; a folder with nothing in it needs no explanation. */
async function setAside(parts: Parts, folder: RoleFolder, id: JobId, names: ReadonlySet<string>): Promise<void> {
  const { fs, layout } = parts;
  const paths = layout.job(folder, id);
  const files = [...names].filter((name) => name === PROMPT || isPrivateName(name)).map((name) => paths.own(name));
  if (files.length === 0 && names.has('') && isEmpty(await entriesOf(parts, paths.dir))) {
    await fs.removeFolder(paths.dir).catch((error: unknown) => {
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) throw error;
    });
    return;
  }
  const target = path.join(layout.archive(folder), `unclear-${id}`);
  try {
    await makeFolderIfMissing(fs, target, 0o700);
    await parts.sync(layout.archive(folder), 'safety');
    for (const file of files) await fs.rename(file, path.join(target, path.basename(file)));
    if (names.has('')) await fs.rename(paths.dir, path.join(target, id));
    parts.log.warn('files in work/ belong to no job that the ledger knows: they were moved to archive/', { job: id, path: target });
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

const isEmpty = (entries: readonly DirEntry[]): boolean => entries.length === 0;

async function entriesOf(parts: Parts, dir: string): Promise<readonly DirEntry[]> {
  try {
    return await parts.fs.list(dir);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
