/**
 * The stem of a job: the common start of all its names in in/ and out/, chosen once so that every one of them is free.
 * Invariant: two jobs in flight of one role never hold the same stem, whatever the case of its letters (core: `Twin.md`, `twin.md`),
 * also when one of them was left by a crash: the first question of a process reads what lies in work/.
 */

import path from 'node:path';
import { isJobId, type JobId, type RoleFolder, type Stem } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import { ENDED_SUFFIXES, numberedStem, OUT_PARTS, type Layout } from './layout.ts';
import { codeOf, makeFolderIfMissing, type Parts } from './parts.ts';
import { readFinal, readJob } from './records.ts';

type Held = Map<string, JobId>;

export type StemsInFlight = {
  /** Takes the stem for this job if no other job in flight has it. */
  reserve(folder: RoleFolder, stem: string, id: JobId): Promise<boolean>;
  /** Gives back one stem of a job. */
  free(folder: RoleFolder, stem: string, id: JobId): void;
  /** Gives back all stems of a job that is over. */
  forget(folder: RoleFolder, id: JobId): void;
};

/** One spelling for names that some file system would take for the same. */
const folded = (stem: string): string => stem.normalize('NFC').toLowerCase();

export function makeStemsInFlight(fs: Fs, layout: Layout): StemsInFlight {
  const roles = new Map<RoleFolder, Promise<Held>>();
  const loaded = new Map<RoleFolder, Held>();

  const load = async (folder: RoleFolder): Promise<Held> => {
    const held: Held = new Map();
    for (const entry of await fs.list(layout.work(folder))) {
      if (entry.kind !== 'folder' || entry.name === null || !isJobId(entry.name)) continue;
      const paths = layout.job(folder, entry.name);
      for (const record of [await readJob(fs, paths), await readFinal(fs, paths)])
        if (record !== null) held.set(folded(record.stem), entry.name);
    }
    loaded.set(folder, held);
    return held;
  };

  return {
    async reserve(folder, stem, id) {
      let loading = roles.get(folder);
      if (loading === undefined) {
        loading = load(folder);
        roles.set(folder, loading);
        loading.catch(() => roles.delete(folder));
      }
      const held = await loading;
      const holder = held.get(folded(stem));
      if (holder !== undefined && holder !== id) return false;
      held.set(folded(stem), id);
      return true;
    },
    free(folder, stem, id) {
      const held = loaded.get(folder);
      if (held?.get(folded(stem)) === id) held.delete(folded(stem));
    },
    forget(folder, id) {
      const held = loaded.get(folder);
      for (const [stem, holder] of held ?? []) if (holder === id) held?.delete(stem);
    },
  };
}

/**
 * The first stem of the series `base`, `base~2`, `base~3` … of which no name is taken.
 * @param from number of the series to begin with: 2 when `base` itself was just found taken
 */
export async function chooseStem(parts: Parts, folder: RoleFolder, id: JobId, base: Stem, from = 1): Promise<Stem> {
  for (let n = from; ; n++) {
    const stem = numberedStem(base, n);
    if (!(await parts.stems.reserve(folder, stem, id))) continue;
    if (await isFree(parts, folder, id, stem)) return stem;
    parts.stems.free(folder, stem, id);
  }
}

async function isFree(parts: Parts, folder: RoleFolder, id: JobId, stem: Stem): Promise<boolean> {
  const { fs, layout } = parts;
  // One after the other, the likeliest first: in a series of a thousand `todo.md` each taken name costs one lstat.
  for (const suffix of ENDED_SUFFIXES) if ((await fs.facts(path.join(layout.in(folder), `${stem}.${suffix}`))) !== null) return false;
  const taken: string[] = [];
  for (const part of OUT_PARTS) if ((await fs.facts(path.join(layout.out(folder), `${stem}${part}`))) !== null) taken.push(part);
  if (taken.length === 0) return true;
  if (!taken.includes('_error.md') || taken.includes('_result.md') || taken.includes('_duplicate.json')) return false;
  await supersede(parts, folder, stem, id);
  return true;
}

/**
 * The words about a bad end whose input is not in in/ any more: somebody mended `foo.rejected` and renamed it to `foo.md`.
 * They move to archive/superseded/, so that the new try may be called `foo` again.
 * @param mark makes the name there unique
 */
export async function supersede(parts: Parts, folder: RoleFolder, stem: Stem, mark: string): Promise<void> {
  const { fs, layout } = parts;
  await makeFolderIfMissing(fs, layout.superseded(folder), 0o700);
  for (const part of ['_error.md', '_evidence.json'] as const) {
    const target = path.join(layout.superseded(folder), `${stem}.${mark}${part}`);
    try {
      await fs.rename(path.join(layout.out(folder), `${stem}${part}`), target);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
  await parts.sync(layout.superseded(folder), 'safety');
  await parts.sync(layout.out(folder), 'safety');
}
