/** Removing a work folder whose claim did not come to pass. It can never take a claimed file along: the folder itself goes by rmdir, which refuses one that is not empty. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import { codeOf, unlinkIfThere } from './parts.ts';

export async function removeUnclaimed(fs: Fs, dir: string): Promise<void> {
  try {
    for (const entry of await fs.list(dir))
      if (entry.kind === 'file' && entry.name !== null && entry.name !== 'claimed') await unlinkIfThere(fs, path.join(dir, entry.name));
    await fs.removeFolder(dir);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) throw error;
  }
}
