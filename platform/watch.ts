/**
 * Watch events as hints. An event says where to look first and nothing more: what there is, a scan of the folders decides, because the
 * kernel's queue drops events under load without a word and network file systems send none.
 *
 * <root> and <root>/<role> are watched with chokidar 6, which finds roles that come and go; each <root>/<role>/in, whose names are the hints, with a
 * plain `fs.watch`: chokidar would name all of a folder's files at the start and whenever it was made again (14 s and 450 MB for a million).
 * Not watched: what lies on a file system that may not answer (foreign-mounts.ts): to watch it takes a look at it in this thread, and nothing is heard there of
 * what others do; out/, work/, archive/, .docket/, whose own traffic would fill that queue.
 *
 * States of an in/: unwatched -> watched (known by its inode) -> gone or another one: looked up again, and everywhere else.
 * Invariant: within one turn of the loop either every event is passed on by its name, or "look everywhere" is.
 */

import { lstatSync, readdirSync, watch as watchFolder, type FSWatcher as FolderWatcher } from 'node:fs';
import path from 'node:path';
import { FSWatcher } from 'chokidar';
import type { OnHint, StartWatch } from '#core/ports.ts';
import { foreignMountOf } from './foreign-mounts.ts';

/** Variables that would override the options below (chokidar's README, "usePolling"). */
const OVERRIDES = ['CHOKIDAR_USEPOLLING', 'CHOKIDAR_INTERVAL'];
/** The kernel queues 16,384 events (inotify(7), max_queued_events) and drops the rest; of so many in one turn, names are not worth passing on. */
const NAMED_PER_TURN = 1_000;

/** <root> = 0, <root>/<role> = 1; nothing below, and nothing hidden. */
function isOutside(root: string, file: string): boolean {
  const parts = path.relative(root, file).split(path.sep);
  if (parts[0] === '' || parts[0] === '..') return false;
  return parts[0]?.startsWith('.') === true || parts.length > 1;
}

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

/** Passes on up to so many names in one turn of the loop, then one "look everywhere". */
function limited(onHint: OnHint): OnHint {
  let told = 0;
  return (noticed) => {
    if (told === 0)
      setImmediate(() => {
        told = 0;
      });
    told++;
    if (told <= NAMED_PER_TURN) onHint(noticed);
    else if (told === NAMED_PER_TURN + 1) onHint(null);
  };
}

/** Its in/ may be one while it is not. */
const isForeign = (role: string): boolean => foreignMountOf(role) !== null || foreignMountOf(path.join(role, 'in')) !== null;

/**
 * <root> and the <root>/<role> of the machine's own file systems, without chokidar: that one asks for the facts of all entries of <root>, whatever is ignored, and
 * is never ready when one of them does not answer. @returns ends it
 */
function watchLocal(root: string, heard: () => void, onError: (error: Error) => void): () => void {
  const watchers = new Map<string, FolderWatcher>();
  const enter = (folder: string): void => {
    try {
      const watcher = watchFolder(folder, () => {
        look();
        heard();
      });
      watcher.on('error', (error) => {
        watchers.delete(folder);
        watcher.close();
        onError(error);
      });
      watchers.set(folder, watcher);
    } catch (error) {
      onError(error instanceof Error ? error : new Error(String(error)));
    }
  };
  /** A role that went away and came back is another folder: what is watched of it is gone. */
  const look = (): void => {
    const roles = rolesIn(root)
      .map((role) => path.join(root, role))
      .filter((role) => !isForeign(role));
    for (const [folder, watcher] of watchers)
      if (folder !== root && !roles.includes(folder)) {
        watcher.close();
        watchers.delete(folder);
      }
    for (const role of roles) if (!watchers.has(role)) enter(role);
  };
  enter(root);
  look();
  return () => {
    for (const watcher of watchers.values()) watcher.close();
  };
}

type Inbox = { readonly inode: string; readonly watcher: FolderWatcher };

/** What an in/ is known by; null: it is not there, is no folder, or may not be asked. */
function inodeOf(folder: string): string | null {
  if (foreignMountOf(folder) !== null) return null;
  try {
    const stats = lstatSync(folder, { bigint: true, throwIfNoEntry: false });
    return stats?.isDirectory() === true ? `${String(stats.dev)}:${String(stats.ino)}` : null;
  } catch {
    return null;
  }
}

function rolesIn(root: string): string[] {
  try {
    return readdirSync(root, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() && !entry.name.startsWith('.') ? [entry.name] : [],
    );
  } catch {
    return [];
  }
}

/**
 * Resolves when the folders that are there are watched; what was dropped before that, the caller's first scan finds.
 * Errors (inotify limits) go to `onError`; the watch stays, the caller scans.
 */
export const startWatch: StartWatch = async (root, onHint, onError) => {
  const inboxes = new Map<string, Inbox>();
  const hint = limited(onHint);
  let isReady = false;
  let isClosed = false;

  const leave = (role: string): void => {
    inboxes.get(role)?.watcher.close();
    inboxes.delete(role);
  };

  const enter = (role: string, folder: string, inode: string): void => {
    try {
      const watcher = watchFolder(folder, { encoding: 'latin1' }, (event, name) => {
        if (name !== null) hint({ folder: role, name, isWritten: event === 'change' });
        // The folder itself, which is told by its own name, or something nobody can name.
        if (name === null || name === 'in') follow();
      });
      watcher.on('error', (error) => {
        leave(role);
        onError(error);
      });
      inboxes.set(role, { inode, watcher });
    } catch (error) {
      onError(error instanceof Error ? error : new Error(String(error)));
    }
  };

  /** Each role's in/ that is there now, by its inode; told when one of them is another than before. */
  const follow = (): void => {
    if (isClosed) return;
    const roles = rolesIn(root);
    let isOther = false;
    for (const role of inboxes.keys()) if (!roles.includes(role)) leave(role);
    for (const role of roles) {
      const folder = path.join(root, role, 'in');
      const inode = inodeOf(folder);
      if (inode === (inboxes.get(role)?.inode ?? null)) continue;
      leave(role);
      isOther = true;
      if (inode !== null) enter(role, folder, inode);
    }
    if (isOther && isReady) hint(null);
  };

  const heard = (): void => {
    follow();
    hint(null);
  };
  if (rolesIn(root).some((role) => isForeign(path.join(root, role)))) {
    const stop = watchLocal(root, heard, onError);
    follow();
    isReady = true;
    return {
      close() {
        isClosed = true;
        stop();
        for (const role of inboxes.keys()) leave(role);
        return Promise.resolve();
      },
    };
  }
  const watcher = makeWatcher(root);
  watcher.on('all', heard);
  watcher.on('raw', heard);
  watcher.on('error', (error) => {
    onError(error instanceof Error ? error : new Error(String(error)));
  });
  await new Promise<void>((resolve) => {
    watcher.once('ready', () => {
      resolve();
    });
    watcher.add(root);
  });
  follow();
  isReady = true;
  return {
    async close() {
      isClosed = true;
      for (const role of inboxes.keys()) leave(role);
      await watcher.close();
    },
  };
};
