/**
 * Watch events as hints, over chokidar 6. An event says only "look": which files there are, a scan of the folders decides,
 * because the kernel's queue drops events under load without a word and network file systems send none.
 * Watched: <root>/<role>/in, those that are there and those that come. Not watched: out/, work/, archive/, .docket/, whose own traffic
 * would fill that queue.
 */

import path from 'node:path';
import { FSWatcher } from 'chokidar';
import type { StartWatch } from '#core/ports.ts';

/** <root> = 0, <root>/<role> = 1, <root>/<role>/in = 2, a file in it = 3. */
const IN_DEPTH = 2;
/** Variables that would override the options below (chokidar's README, "usePolling"). */
const OVERRIDES = ['CHOKIDAR_USEPOLLING', 'CHOKIDAR_INTERVAL'];

function isOutside(root: string, file: string): boolean {
  const parts = path.relative(root, file).split(path.sep);
  if (parts[0] === '' || parts[0] === '..') return false;
  if (parts[0]?.startsWith('.') === true) return true;
  return parts.length > IN_DEPTH || (parts.length === IN_DEPTH && parts[1] !== 'in');
}

/**
 * Files themselves are ignored, so ten thousand waiting prompts cost chokidar nothing; their coming and going is heard as
 * the folder's `raw` event, which chokidar passes on before it looks at anything.
 */
function makeWatcher(root: string): FSWatcher {
  const saved = OVERRIDES.map((name) => [name, process.env[name]] as const);
  for (const name of OVERRIDES) delete process.env[name];
  try {
    return new FSWatcher({
      backend: 'native',
      ignoreInitial: true,
      followSymlinks: false,
      atomic: false,
      awaitWriteFinish: false,
      ignorePermissionErrors: true,
      ignored: (file) => isOutside(root, file),
    });
  } finally {
    for (const [name, value] of saved) if (value !== undefined) process.env[name] = value;
  }
}

/**
 * Resolves when the folders that are there are watched; what was dropped before that, the caller's first scan finds.
 * Errors (inotify limits come late) go to `onError`; the watcher stays, the caller scans and may start a new one.
 */
export const startWatch: StartWatch = async (root, onHint, onError) => {
  const watcher = makeWatcher(root);
  watcher.on('all', () => {
    onHint();
  });
  watcher.on('raw', () => {
    onHint();
  });
  watcher.on('error', (error) => {
    onError(error instanceof Error ? error : new Error(String(error)));
  });
  await new Promise<void>((resolve) => {
    watcher.once('ready', () => {
      resolve();
    });
    watcher.add(root);
  });
  return { close: () => watcher.close() };
};
