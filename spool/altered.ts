/**
 * What becomes of a private copy that somebody wrote to after the end of its job was decided (decided-bytes.ts finds it).
 *
 *   AlteredCopy -> what was written is kept in archive/ -> the decided bytes are put back, or the job is held (daemon/altered.ts decides which)
 *
 * Invariant: altered bytes never reach out/ or the history, and are never lost.
 */

import type { FinalFile } from '#core/job.ts';
import type { Claimed } from '#core/spool.ts';
import { finalOf, writeFinal } from './decide.ts';
import { bytesOf, type File } from './decided-bytes.ts';
import { mustBeHome } from './folder-faults.ts';
import { codeOf, type Parts } from './parts.ts';

/**
 * What somebody wrote is kept in archive/, and these bytes take its place. Other bytes than those decided are a new decision about this file.
 * @param as `_result.md`
 */
export async function putBack(
  parts: Parts,
  claimed: Claimed,
  given: FinalFile,
  as: string,
  bytes: Uint8Array | string,
): Promise<FinalFile> {
  const { job } = claimed;
  const paths = parts.layout.job(job.folder, job.id);
  await mustBeHome(parts, job.folder, 'work');
  const final = (await finalOf(parts, claimed)) ?? given;
  const file = final.files.find((one) => one.private.endsWith(as));
  if (file === undefined) throw new Error(`job ${job.id} has no ${as}`);
  await setAside(parts, claimed, file);
  const sha256 = parts.digest.sha256(bytes);
  const next: FinalFile = { ...final, files: final.files.map((one) => (one === file ? { ...one, sha256 } : one)) };
  await parts.fs.replace(paths.own(file.private), bytes, 'safety', 0o600);
  await parts.sync(parts.layout.work(job.folder), 'safety');
  if (sha256 !== file.sha256) await writeFinal(parts, claimed, next);
  return next;
}

/** Bytes that were changed go to archive/ before anything takes their place; nobody can explain them, so nobody may lose them. */
export async function keepAltered(parts: Parts, claimed: Claimed, given: FinalFile): Promise<void> {
  const final = (await finalOf(parts, claimed)) ?? given;
  for (const file of final.files) await setAside(parts, claimed, file);
}

async function setAside(parts: Parts, { job }: Claimed, file: File): Promise<void> {
  const bytes = await bytesOf(parts, parts.layout.job(job.folder, job.id), file);
  if (bytes === null || bytes === 'gone' || parts.digest.sha256(bytes) === file.sha256) return;
  const target = parts.layout.altered(job.folder, job.stem, job.id, file.private);
  try {
    await parts.fs.writeNew(target, bytes, 'safety', 0o400);
  } catch (error) {
    // A try before this one kept it.
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  await parts.sync(parts.layout.archive(job.folder), 'safety');
}
