/**
 * What a stop or a crash left in work/, told from the files alone.
 *
 *   .clean-<job>/                          finished: removed
 *   <job>/ without claimed and job.json    the claim never happened, the file is still in in/: removed
 *   the same with other records of a job   not explained by any crash: moved to archive/, told
 *   any other <job>/                       a leftover: the daemon goes on from it
 */

import path from 'node:path';
import { isJobId, type JobId, type RoleFolder } from '#core/names.ts';
import type { DirEntry } from '#core/ports.ts';
import type { Leftover } from '#core/spool.ts';
import { idOfGone } from './layout.ts';
import { codeOf, type Parts } from './parts.ts';
import { readFinal, readJob, readOrigin } from './records.ts';
import { removeUnclaimed } from './unclaimed.ts';

type Dated = { readonly leftover: Leftover; readonly since: string };

/** Oldest claim first. */
export async function leftovers(parts: Parts): Promise<readonly Leftover[]> {
  const found: Dated[] = [];
  for (const { folder } of parts.roles) {
    for (const entry of await parts.fs.list(parts.layout.work(folder))) {
      if (entry.name === null || entry.kind !== 'folder') continue;
      if (idOfGone(entry.name) !== null) await parts.fs.removeTree(path.join(parts.layout.work(folder), entry.name));
      else if (isJobId(entry.name) && !parts.claiming.has(entry.name)) {
        const one = await inspect(parts, folder, entry.name);
        if (one !== null) found.push(one);
      }
    }
  }
  return found.toSorted((a, b) => compare(a.since, b.since) || compare(a.leftover.id, b.leftover.id)).map((one) => one.leftover);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function inspect(parts: Parts, folder: RoleFolder, id: JobId): Promise<Dated | null> {
  const { fs, layout } = parts;
  const paths = layout.job(folder, id);
  const entries = await entriesOf(parts, paths.dir);
  const has = (name: string): boolean => entries.some((entry) => entry.name === name);
  const job = await readJob(fs, paths);
  const final = await readFinal(fs, paths);
  const hasClaimed = has('claimed');
  const hasPrompt = has('prompt');
  if (!hasClaimed && job === null) {
    if (has('job.json') || has('final.json') || hasPrompt) await setAside(parts, folder, id);
    else await removeUnclaimed(fs, paths.dir);
    return null;
  }
  const attempts = entries.flatMap((entry) =>
    entry.name !== null && /^a[1-9][0-9]*$/.test(entry.name) ? [Number(entry.name.slice(1))] : [],
  );
  const since = job?.claimedAt ?? (await readOrigin(fs, paths))?.claimedAt ?? '';
  return { leftover: { dir: paths.dir, id, folder, job, final, hasClaimed, hasPrompt, lastAttempt: Math.max(0, ...attempts) }, since };
}

/** A job that is cleaned at this very moment goes away while it is looked at. */
async function entriesOf(parts: Parts, dir: string): Promise<readonly DirEntry[]> {
  try {
    return await parts.fs.list(dir);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Nothing is deleted that nobody can explain. */
async function setAside(parts: Parts, folder: RoleFolder, id: JobId): Promise<void> {
  const target = path.join(parts.layout.archive(folder), `unclear-${id}`);
  try {
    await parts.fs.rename(parts.layout.job(folder, id).dir, target);
    parts.log.warn('a work folder has neither a claimed file nor a record that can be read: it was moved to archive/', {
      job: id,
      path: target,
    });
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
