/**
 * A file that was claimed under a name, but is not the one that was seen there: between the look and the rename somebody took that one away and began another,
 * or wrote into it. It may be half written, so it is not read: it goes back into in/ and settles like any file that is written in place.
 * Invariant: at each moment it has a name in in/ or in work/. A crash leaves it claimed, or with both names; the claim's line tells what was seen, so the next
 * start gives it back too.
 */

import { Buffer } from 'node:buffer';
import type { FileFacts, FilePath } from '#core/ports.ts';
import type { JobId, RoleFolder } from '#core/names.ts';
import { codeOf, unlinkIfThere, type GivingBack, type Parts } from './parts.ts';
import { isSameFile, linkTo, renameIfFree } from './place.ts';

/** More names of files that were given back are not kept in mind; such a file settles sooner than it should. */
const RETURNED_MAX = 1_000;

/**
 * Size and time of the bytes, as the ledger keeps them. Neither device nor inode: some file systems number them anew with each mount, some with each look.
 * @param key of a waiting file (file-key.ts)
 */
export const seenIn = (key: string): string => key.split('.').slice(2, 4).join('.');
export const seenOf = ({ sizeBytes, mtimeNs }: FileFacts): string => `${sizeBytes.toString(36)}.${mtimeNs.toString(36)}`;

/**
 * After an error it is owed, and every scan tries again (giveBackOwed).
 * @returns false: its name was given to another file meanwhile, so it stays claimed: whoever did that has seen it go
 */
export async function giveBack(parts: Parts, id: JobId, back: GivingBack, facts: FileFacts): Promise<boolean> {
  const { fs, layout, sights } = parts;
  const { folder, claimed, entry } = back;
  // Its new names look like those of a rename, which would say that it is whole.
  sights.returned.add(facts.ino);
  for (const oldest of sights.returned) {
    if (sights.returned.size <= RETURNED_MAX) break;
    sights.returned.delete(oldest);
  }
  parts.owed.set(id, back);
  const linked = parts.linkless.has(folder) ? 'no-links' : await linkTo(fs, claimed, entry);
  const isFree = linked === 'no-links' ? (await renameIfFree(fs, claimed, entry)) !== 'taken' : linked !== 'taken';
  if (!isFree) {
    parts.owed.delete(id);
    return false;
  }
  await parts.sync(layout.in(folder), 'safety');
  await unlinkIfThere(fs, claimed);
  // Before it can be claimed anew: a power cut may not bring this claim back beside the next one of the same file.
  await parts.sync(layout.work(folder), 'safety');
  parts.owed.delete(id);
  parts.ledgerOf(folder).forget(id);
  return true;
}

/** What an error cut short. Never throws: what fails once more stays owed, and whoever asked was told the first time. */
export async function giveBackOwed(parts: Parts, folder: RoleFolder): Promise<void> {
  const here = [...parts.owed].filter(([, back]) => back.folder === folder);
  for (const [id, back] of here) {
    try {
      const facts = await parts.fs.facts(back.claimed);
      if (facts === null) {
        // It went back, by an unlink or by one rename, and a sync after that failed.
        await parts.sync(parts.layout.in(folder), 'safety');
        await parts.sync(parts.layout.work(folder), 'safety');
        parts.owed.delete(id);
        parts.ledgerOf(folder).forget(id);
      } else if (!(await giveBack(parts, id, back, facts))) {
        // Another file has its name, and will be claimed: then it is free.
        parts.owed.set(id, back);
      }
      if (!parts.owed.has(id)) parts.claiming.delete(id);
    } catch (error) {
      parts.log.debug('a file cannot be given back yet', { path: back.claimed, code: codeOf(error) });
    }
  }
}

/** Is this a name of a file that is claimed still? Another file that has that name meanwhile is like any other. */
export async function isOwed({ fs, owed }: Parts, entry: FilePath): Promise<boolean> {
  if (owed.size === 0) return false;
  const bytes = Buffer.from(entry);
  const back = [...owed.values()].find((one) => bytes.equals(Buffer.from(one.entry)));
  return back !== undefined && isSameFile(fs, back.claimed, entry);
}
