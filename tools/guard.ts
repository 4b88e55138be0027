/**
 * What a project may hold to make a tool run its code (plugins), where the tool has no switch against it. Looked for in the working folder and above it,
 * up to the root of its repository: that is where such tools look.
 */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';

/** The first such thing, absolute; null when there is none. */
export async function guarded(names: readonly string[], cwd: string, fs: Pick<Fs, 'facts'>): Promise<string | null> {
  if (names.length === 0) return null;
  for (let folder = path.resolve(cwd); ; folder = path.dirname(folder)) {
    for (const name of names) {
      const file = path.join(folder, name);
      if ((await fs.facts(file)) !== null) return file;
    }
    if ((await fs.facts(path.join(folder, '.git'))) !== null || folder === path.dirname(folder)) return null;
  }
}
