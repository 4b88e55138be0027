/** The folder of one run, `<queue>/work/<job>/a<n>/`: made with the job's folder above it, and no further. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';

/**
 * Throws ENOENT when what holds the jobs' folders is gone: one that is made anew in its place is empty, and what is missing in it would look finished.
 */
export async function makeRunFolder(fs: Pick<Fs, 'makeFolder'>, dir: string): Promise<void> {
  const make = async (folder: string): Promise<void> =>
    fs.makeFolder(folder, 0o700).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error;
    });
  try {
    await make(dir);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    await make(path.dirname(dir));
    await make(dir);
  }
}

const hasCode = (error: unknown, code: string): boolean => error instanceof Error && 'code' in error && error.code === code;
