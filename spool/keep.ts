/** Private files of a job in flight: brief.md, a<n>/answer. Names are checked, because they become paths. */

import path from 'node:path';
import type { Claimed, KeptFile } from '#core/spool.ts';
import { mustBeHome } from './folder-faults.ts';
import { codeOf, makeFolderIfMissing, type Parts } from './parts.ts';

const NAME = /^(?:a[1-9][0-9]*\/)?[a-z0-9][a-z0-9._-]*$/; /** What docket 0.1 kept there, and old-folders.ts would take for it. */
const OLD = new Set(['claimed', 'prompt', 'job.json', 'final.json', 'origin.json', 'record.json', 'publish']);

function pathOf(parts: Parts, claimed: Claimed, name: string): string {
  if (!NAME.test(name) || OLD.has(name)) throw new Error(`a private file of a job is called like brief.md or a1/answer, not ${name}`);
  return path.join(parts.layout.job(claimed.job.folder, claimed.job.id).dir, name);
}

export async function keep(parts: Parts, claimed: Claimed, name: string, bytes: Uint8Array | string): Promise<void> {
  const file = pathOf(parts, claimed, name);
  const isNew = await makeJobFolder(parts, claimed);
  await makeFolderIfMissing(parts.fs, path.dirname(file), 0o700);
  await keepIn(parts, claimed, isNew, { name, bytes });
  await parts.sync(path.dirname(file), 'safety');
}

/** @returns true when it was not there: its name is not certain before work/ is synced */
async function makeJobFolder(parts: Parts, { job }: Claimed): Promise<boolean> {
  const { dir } = parts.layout.job(job.folder, job.id);
  await mustBeHome(parts, job.folder, 'work');
  if ((await parts.fs.facts(dir)) !== null) return false;
  await makeFolderIfMissing(parts.fs, dir, 0o700);
  return true;
}

/** A private file, and the names above it: one wait for the disk. */
async function keepIn(parts: Parts, claimed: Claimed, isNew: boolean, file: KeptFile | null): Promise<void> {
  await Promise.all([
    isNew ? parts.sync(parts.layout.work(claimed.job.folder), 'safety') : null,
    file === null ? null : parts.fs.replace(pathOf(parts, claimed, file.name), file.bytes, 'safety', 0o600),
  ]);
}

/** While its job waits for a slot: attemptFolder() syncs the folder that has the name, together with that of a<n>/. */
export async function keepAhead(parts: Parts, claimed: Claimed, file: KeptFile): Promise<void> {
  await keepIn(parts, claimed, await makeJobFolder(parts, claimed), file);
}

export async function kept(parts: Parts, claimed: Claimed, name: string): Promise<Uint8Array | null> {
  try {
    return (await parts.fs.readBounded(pathOf(parts, claimed, name), parts.settings.keptBytes)).bytes;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/**
 * work/<job>/a<n>/, made when it is not there: what an earlier start of this attempt left stays for agents/attempt.ts. `beside` is kept as
 * by keep(), with one sync for both; null: no program will be started, so nothing is made.
 */
export async function attemptFolder(parts: Parts, claimed: Claimed, n: number, beside?: KeptFile | null): Promise<string> {
  if (!Number.isSafeInteger(n) || n < 1) throw new RangeError(`attempts count from 1, got ${String(n)}`);
  const paths = parts.layout.job(claimed.job.folder, claimed.job.id);
  const dir = path.join(paths.dir, `a${String(n)}`);
  if (beside === null) return dir;
  const isNew = await makeJobFolder(parts, claimed);
  await keepIn(parts, claimed, isNew, beside ?? null);
  await makeFolderIfMissing(parts.fs, dir, 0o700);
  await parts.sync(paths.dir, beside === undefined ? 'no-second-run' : 'safety');
  return dir;
}
