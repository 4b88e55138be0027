/** How much a work tree takes on disk, and when something in its queues was last touched: a walk that ends after so many entries. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';

export type Disk = { readonly bytes: number; readonly files: number; readonly isWhole: boolean };

/** Links are not followed; a folder that cannot be read counts as nothing. */
export async function diskUse(fs: Pick<Fs, 'list' | 'facts'>, folder: string, filesMax: number): Promise<Disk> {
  const open = [folder];
  let bytes = 0;
  let files = 0;
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const { name, kind } of await fs.list(at).catch(() => [])) {
      if (files >= filesMax) return { bytes, files, isWhole: false };
      files++;
      if (name === null) continue;
      const inner = path.join(at, name);
      if (kind === 'folder') open.push(inner);
      else bytes += (await fs.facts(inner).catch(() => null))?.sizeBytes ?? 0;
    }
  }
  return { bytes, files, isWhole: true };
}
