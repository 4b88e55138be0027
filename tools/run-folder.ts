/** A folder of one run, `<queue>/work/<job>/a<n>` or one in it: made when it is not there, and nothing above it. */

import type { Fs } from '#core/ports.ts';

/**
 * Throws ENOENT when what should hold it is gone. Made anew, or made in something that was mounted over it, that would be empty, and what is missing in
 * it would look finished; and a run that was started there would be out of sight when the real one comes back.
 */
export async function makeRunFolder(fs: Pick<Fs, 'facts' | 'makeFolder'>, dir: string): Promise<void> {
  // Asked several times around a run, and there but for the first time.
  if ((await fs.facts(dir)) !== null) return;
  await fs.makeFolder(dir, 0o700).catch((error: unknown) => {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error;
  });
}
