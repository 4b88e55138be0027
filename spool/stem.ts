/**
 * The stem of a job: the common start of all its names in in/ and out/, chosen once so that every one of them is free.
 */

import path from 'node:path';
import type { JobId, RoleFolder, Stem } from '#core/names.ts';
import { ENDED_SUFFIXES, numberedStem, OUT_PARTS } from './layout.ts';
import { codeOf, makeFolderIfMissing, type Parts } from './parts.ts';

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
  await parts.sync(layout.archive(folder), 'safety');
  for (const part of ['_error.md', '_evidence.json', '_evidence.dsse.json'] as const) {
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
