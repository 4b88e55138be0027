/**
 * Puts one pack on disk so that it is there whole or not at all: temporary names, both files synced, the pack renamed first and its
 * index last (git knows a pack by its index), then the folder synced.
 * A crash leaves `tmp_docket_<sum>.*`, and at most a pack without an index: `sweepPacks` removes both.
 */

import type { Buffer } from 'node:buffer';
import type { Fs } from '#core/ports.ts';
import type { BuiltPack } from './pack.ts';

const TEMPORARY = /^tmp_docket_([0-9a-f]{40})\.(?:pack|idx)$/;
/** As git makes them. */
const MODE = 0o444;

async function remove(fs: Fs, path: string): Promise<void> {
  await fs.unlink(path).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
  });
}

/** Durable when it resolves. @returns the pack's name, `pack-<sum>`, and the bytes of its index */
export async function writePack(fs: Fs, gitDir: string, built: BuiltPack): Promise<{ name: string; index: Buffer }> {
  const folder = `${gitDir}/objects/pack`;
  const { sum, pack, index } = built;
  const temporary = `${folder}/tmp_docket_${sum}`;
  const write = async (): Promise<void> => {
    const written = await Promise.allSettled([
      fs.writeNew(`${temporary}.pack`, pack, 'safety', MODE),
      fs.writeNew(`${temporary}.idx`, index, 'safety', MODE),
    ]);
    for (const outcome of written) if (outcome.status === 'rejected') throw outcome.reason;
  };
  try {
    await write().catch(async (error: unknown) => {
      // The same pack, begun by a docket that was killed.
      if ((error as { code?: unknown }).code !== 'EEXIST') throw error;
      await removeTorn(fs, folder, sum);
      await write();
    });
    await fs.rename(`${temporary}.pack`, `${folder}/pack-${sum}.pack`);
    await fs.rename(`${temporary}.idx`, `${folder}/pack-${sum}.idx`);
  } catch (error) {
    await removeTorn(fs, folder, sum).catch(() => undefined);
    throw error;
  }
  await fs.syncFolder(folder, 'safety');
  return { name: `pack-${sum}`, index };
}

/** What one unfinished pack leaves. A pack that has its index is finished, and stays. */
async function removeTorn(fs: Fs, folder: string, sum: string): Promise<void> {
  const temporary = `${folder}/tmp_docket_${sum}`;
  const isUnfinished = (await fs.facts(`${temporary}.idx`)) !== null && (await fs.facts(`${folder}/pack-${sum}.idx`)) === null;
  if (isUnfinished) await remove(fs, `${folder}/pack-${sum}.pack`);
  await remove(fs, `${temporary}.pack`);
  await remove(fs, `${temporary}.idx`);
}

/** Removes what a killed writer left. Only under the kernel lock: then no docket is writing. */
export async function sweepPacks(fs: Fs, gitDir: string): Promise<void> {
  const folder = `${gitDir}/objects/pack`;
  for (const { name } of await fs.list(folder)) {
    const sum = TEMPORARY.exec(name ?? '')?.[1];
    if (sum !== undefined) await removeTorn(fs, folder, sum);
  }
}
