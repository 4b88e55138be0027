/**
 * A file that was claimed under a name, but is not the one that was seen there: between the look and the rename somebody took that one away and began another,
 * or wrote into it. It may be half written, so it is not read: it goes back into in/ and settles like any file that is written in place.
 * Invariant: at each moment it has a name in in/ or in work/. A crash leaves it claimed, or with both names; the claim's line tells what was seen, so the next
 * start gives it back too.
 */

import type { FileFacts, FilePath } from '#core/ports.ts';
import type { RoleFolder } from '#core/names.ts';
import { unlinkIfThere, type Parts } from './parts.ts';
import { linkTo, renameIfFree } from './place.ts';

/** More names of files that were given back are not kept in mind; such a file settles sooner than it should. */
const RETURNED_MAX = 1_000;

/**
 * Size and time of the bytes, as the ledger keeps them. Neither device nor inode: some file systems number them anew with each mount, some with each look.
 * @param key of a waiting file (file-key.ts)
 */
export const seenIn = (key: string): string => key.split('.').slice(2, 4).join('.');
export const seenOf = ({ sizeBytes, mtimeNs }: FileFacts): string => `${sizeBytes.toString(36)}.${mtimeNs.toString(36)}`;

/** @returns false: its name was given to another file meanwhile, so it stays claimed: whoever did that has seen it go */
export async function giveBack(parts: Parts, folder: RoleFolder, claimed: FilePath, entry: FilePath, facts: FileFacts): Promise<boolean> {
  const { fs, layout, sights } = parts;
  // Its new names look like those of a rename, which would say that it is whole.
  sights.returned.add(facts.ino);
  for (const oldest of sights.returned) {
    if (sights.returned.size <= RETURNED_MAX) break;
    sights.returned.delete(oldest);
  }
  const linked = await linkTo(fs, claimed, entry);
  if (linked === 'taken') return false;
  if (linked === 'no-links') return (await renameIfFree(fs, claimed, entry)) !== 'taken';
  if (linked === 'gone') return true;
  await parts.sync(layout.in(folder), 'safety');
  await unlinkIfThere(fs, claimed);
  return true;
}
