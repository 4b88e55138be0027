/** Takes a folder away with all that is in it. The folder of a run has a dozen entries: they are gone before a trip through the pool would have begun. */

import { lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { breathe } from './small-files.ts';

/** Entries that are removed in this thread; what has more goes elsewhere. */
const HERE_MAX = 64;

type Left = { entries: number };

/** Follows no link: what is no folder is unlinked. Throws on anything unusual, however far it came. */
function removeHere(folder: string, left: Left): void {
  const entries = readdirSync(folder, { withFileTypes: true });
  left.entries -= entries.length;
  if (left.entries < 0) throw new RangeError('too many');
  for (const entry of entries) {
    const at = path.join(folder, entry.name);
    if (entry.isDirectory()) removeHere(at, left);
    else unlinkSync(at);
  }
  rmdirSync(folder);
}

/** Fine when it is not there. */
export async function removeTree(folder: string): Promise<void> {
  await breathe();
  try {
    const stats = lstatSync(folder, { throwIfNoEntry: false });
    if (stats === undefined) return;
    if (stats.isDirectory()) {
      removeHere(folder, { entries: HERE_MAX });
      return;
    }
  } catch {
    // Node's own knows what to do about it, or says what is wrong.
  }
  await rm(folder, { recursive: true, force: true });
}
