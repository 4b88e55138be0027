/**
 * The last rename: work/<job>.claimed -> in/foo.processed (or .rejected, .held, .failed, .cancelled).
 *
 *   hashed again -> (other bytes: they move to archive/, the private copy takes their place) -> mode, synced -> linked -> in/ synced -> unlinked
 *
 * Invariant: claimed gone <=> finished, and the file in in/ has the bytes whose hash was recorded, under no other name
 * through which they could still be changed. What a late writer wrote is never lost and never passes for what was answered.
 */

import path from 'node:path';
import type { Failure } from '#core/failure.ts';
import type { FinalFile } from '#core/job.ts';
import type { FileFacts } from '#core/ports.ts';
import type { Claimed } from '#core/spool.ts';
import { finalOf, writeFinal } from './decide.ts';
import { mustBeHome } from './folder-faults.ts';
import { finishedName } from './layout.ts';
import { isOwn } from './owner.ts';
import { codeOf, unlinkIfThere, type Parts } from './parts.ts';
import { isSameFile, linkTo, renameIfFree } from './place.ts';
import { nextStem } from './publish.ts';
import { copyPrivately, wholeCopy } from './read.ts';

/** @returns the path in archive/ where a late writer's bytes are kept; null when nobody wrote late */
export async function finish(parts: Parts, claimed: Claimed, given: FinalFile): Promise<{ readonly late: string | null }> {
  const { fs, layout } = parts;
  const { folder, id, stem } = claimed.job;
  const paths = layout.job(folder, id);
  const late = layout.late(folder, stem, id);
  await mustBeHome(parts, folder, 'work', 'in');
  let final = (await finalOf(parts, claimed)) ?? given;
  await resumeExchange(parts, claimed, late);
  const facts = await fs.facts(paths.claimed);
  if (facts !== null) {
    if (!(await isSameFile(fs, paths.claimed, path.join(layout.in(folder), final.finished))))
      await settleBytes(parts, claimed, final, facts, late);
    while ((await place(parts, claimed, final, facts.kind)) !== 'placed') final = await otherName(parts, claimed, final);
  }
  await parts.sync(layout.in(folder), 'safety');
  await mustBeHome(parts, folder, 'work');
  await unlinkIfThere(fs, paths.claimed);
  // Beside a claimed file that is gone, a private copy has nothing left to stand for.
  if ((await fs.facts(paths.prompt)) !== null) await unlinkIfThere(fs, paths.prompt);
  await parts.sync(layout.work(folder), 'safety');
  return { late: (await fs.facts(late)) === null ? null : late };
}

/** A crash between the two renames of `exchange`: the late bytes are in archive/, the private copy has not moved up yet. */
async function resumeExchange(parts: Parts, claimed: Claimed, late: string): Promise<void> {
  const paths = parts.layout.job(claimed.job.folder, claimed.job.id);
  if ((await parts.fs.facts(paths.claimed)) !== null || (await parts.fs.facts(late)) === null) return;
  if ((await parts.fs.facts(paths.prompt)) === null) return;
  await moveCopyUp(parts, claimed);
}

async function moveCopyUp(parts: Parts, claimed: Claimed): Promise<void> {
  const paths = parts.layout.job(claimed.job.folder, claimed.job.id);
  await parts.fs.rename(paths.prompt, paths.claimed);
  await parts.sync(parts.layout.work(claimed.job.folder), 'safety');
}

async function settleBytes(parts: Parts, claimed: Claimed, final: FinalFile, facts: FileFacts, late: string): Promise<void> {
  if (facts.kind !== 'file') return;
  const paths = parts.layout.job(claimed.job.folder, claimed.job.id);
  const isChanged = await wasWrittenLate(parts, claimed);
  let isCopy = false;
  // A file of another user could be changed by that user after it was answered.
  const isForeign = final.finished.endsWith('.processed') && !isOwn(parts.settings.owners, facts);
  if (isChanged || ((facts.nlink > 1 || isForeign) && claimed.job.sha256 !== null)) {
    const copy = await wholeCopy(parts, claimed.job);
    isCopy = copy !== null;
    if (copy !== null) await exchange(parts, claimed, copy, isChanged ? late : null);
    else if (isChanged)
      parts.log.error('a claimed file was changed and its private copy is gone: the file in in/ differs from the record', {
        job: claimed.job.id,
      });
  }
  const mode = modeOf(final, facts.mode, isCopy);
  if (mode !== null) await changeMode(parts, paths.claimed, mode);
  if (claimed.job.sha256 !== null) await syncBytes(parts, paths.claimed);
}

/** Whoever dropped the file may not have synced it, and from now on its bytes are said to be on the disk. */
async function syncBytes(parts: Parts, file: string): Promise<void> {
  try {
    await parts.fs.syncFile(file, 'safety');
  } catch (error) {
    // Another user's file in a shared folder whose permissions were taken away after it was read.
    if (codeOf(error) !== 'EACCES' && codeOf(error) !== 'EPERM') throw error;
  }
}

/** True when the bytes are not those that were read and hashed. */
async function wasWrittenLate(parts: Parts, claimed: Claimed): Promise<boolean> {
  const { job } = claimed;
  if (job.sha256 === null) return false;
  try {
    const { bytes } = await parts.fs.readBounded(parts.layout.job(job.folder, job.id).claimed, job.sizeBytes);
    return parts.digest.sha256(bytes) !== job.sha256;
  } catch (error) {
    if (codeOf(error) === 'EFBIG') return true;
    if (codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM') return false;
    throw error;
  }
}

/**
 * The private copy takes the place of the claimed file. With `late`, the claimed inode itself moves to archive/, so whatever its writer
 * still adds lands there too; without, it is only another name of a file that somebody else keeps.
 */
async function exchange(parts: Parts, claimed: Claimed, copy: Uint8Array, late: string | null): Promise<void> {
  const { folder, id } = claimed.job;
  const paths = parts.layout.job(folder, id);
  await copyPrivately(parts, paths, folder, copy, parts.digest.sha256(copy));
  if (late !== null) {
    parts.log.warn('a file was written to after it was claimed: what was answered is the earlier content', { job: id, late });
    await parts.fs.rename(paths.claimed, late);
    await parts.sync(parts.layout.archive(folder), 'safety');
  }
  await moveCopyUp(parts, claimed);
}

/** The file holds what nobody else may read, or nobody knows whether it does. */
export const isPrivate = ({ kind }: Failure): boolean =>
  kind === 'secret-found' || kind === 'personal-data-found' || kind === 'secret-scan-failed';

/** Read-only once it is answered; private when it holds a secret; else as its author had it, because a person mends it. */
function modeOf(final: FinalFile, before: number, isCopy: boolean): number | null {
  if (final.failure !== null && isPrivate(final.failure)) return 0o600;
  if (final.finished.endsWith('.processed')) return (before & 0o444) | 0o400;
  return isCopy ? before & 0o777 : null;
}

async function changeMode(parts: Parts, file: string, mode: number): Promise<void> {
  try {
    await parts.fs.chmod(file, mode);
  } catch (error) {
    // Another user's file in a shared folder: it may be moved, not changed.
    if (codeOf(error) !== 'EPERM') throw error;
    parts.log.debug('the mode of a finished file could not be set', { path: file });
  }
}

const isUnlinkable = (final: FinalFile, id: string): boolean => final.finished.includes(`.${id}.`);

async function place(parts: Parts, claimed: Claimed, final: FinalFile, kind: FileFacts['kind']): Promise<'placed' | 'taken' | 'no-links'> {
  const { fs, layout } = parts;
  const { folder, id } = claimed.job;
  const from = layout.job(folder, id).claimed;
  const to = path.join(layout.in(folder), final.finished);
  if (isUnlinkable(final, id) || kind === 'link' || kind === 'folder') {
    const answer = await renameIfFree(fs, from, to);
    return answer === 'taken' ? 'taken' : 'placed';
  }
  if (parts.linkless.has(folder)) return 'no-links';
  const answer = await linkTo(fs, from, to);
  return answer === 'taken' || answer === 'no-links' ? answer : 'placed';
}

/** The next stem, or, where nothing can be linked, the same with the job's id; durable before it is used. */
async function otherName(parts: Parts, claimed: Claimed, final: FinalFile): Promise<FinalFile> {
  const { folder, id } = claimed.job;
  const isTaken = (await parts.fs.facts(path.join(parts.layout.in(folder), final.finished))) !== null;
  const stem = isTaken ? await nextStem(parts, claimed, final.stem) : final.stem;
  const withId = !isTaken || isUnlinkable(final, id);
  const next: FinalFile = { ...final, stem, finished: finishedName(withId ? `${stem}.${id}` : stem, final.outcome) };
  await writeFinal(parts, claimed, next);
  return next;
}
