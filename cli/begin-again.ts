/**
 * A daemon's first start after an installation or a change has to compile its sources, and the TypeScript compiler's 15 to 25 MB would stay for as long
 * as the daemon runs. What was compiled is kept, and the same process begins once more (execve), small.
 *
 *   started -> compiled something -> kept it -> the same process, from its beginning -> nothing to compile -> serves
 *
 * Invariant: it happens before anything is open, and once at most.
 */

import { flushCompileCache, getCompileCacheDir } from 'node:module';
import { makeFs } from '#platform/files.ts';

/** Set in the second life, so that there is no third one. */
const SECOND = 'DOCKET_SECOND';

/** Node renames each kept file into place, a new one and one that replaces another. */
const changedAt = async (folder: string): Promise<unknown> => (await makeFs().facts(folder))?.mtimeNs;

/** Returns only when this process is what it will stay. A system without execve, and a folder that cannot be written, leave it as it is. */
export async function beginAgainIfCompiled(): Promise<void> {
  const isSecond = process.env[SECOND] !== undefined;
  delete process.env[SECOND];
  const folder = getCompileCacheDir();
  if (isSecond || folder === undefined || process.execve === undefined || process.connected) return;
  const before = await changedAt(folder);
  flushCompileCache();
  if ((await changedAt(folder)) !== before)
    process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], { ...process.env, [SECOND]: '1' });
}
