/**
 * Takes a folder away with all that is in it. Node's own asks about each entry before and after, by promises of its own: for the folder of a run, a dozen
 * entries, that is four times the work. What takes a name away may wait for the file system's journal, so that is not done in this thread.
 */

import { lstatSync, readdirSync, rmdir, unlink } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { breathe } from './small-files.ts';

/** What has more entries goes to node's own. */
const ENTRIES_MAX = 64;

type Left = { entries: number };

/** By hand: importing node:util loads a dozen modules behind its exports. */
const elsewhere = async (act: (done: (error: Error | null) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    act((error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });

/** Follows no link: what is no folder is unlinked. Throws on anything unusual, however far it came. */
async function removeSmall(folder: string, left: Left): Promise<void> {
  await breathe();
  const entries = readdirSync(folder, { withFileTypes: true });
  left.entries -= entries.length;
  if (left.entries < 0) throw new RangeError('too many');
  for (const entry of entries) {
    const at = path.join(folder, entry.name);
    await (entry.isDirectory()
      ? removeSmall(at, left)
      : elsewhere((done) => {
          unlink(at, done);
        }));
  }
  await elsewhere((done) => {
    rmdir(folder, done);
  });
}

/** Fine when it is not there. */
export async function removeTree(folder: string): Promise<void> {
  await breathe();
  try {
    const stats = lstatSync(folder, { throwIfNoEntry: false });
    if (stats === undefined) return;
    if (stats.isDirectory()) {
      await removeSmall(folder, { entries: ENTRIES_MAX });
      return;
    }
  } catch {
    // Node's own knows what to do about it, or says what is wrong.
  }
  await rm(folder, { recursive: true, force: true });
}
