/**
 * Who holds a file open for writing: /proc/<pid>/fd and the `flags` line of /proc/<pid>/fdinfo (proc(5)), Linux only.
 * Only processes that this user may look at are seen (all of them for root). The look is synchronous, which is far cheaper than
 * thousands of promises, but it lets go of the event loop every few milliseconds.
 */

import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { monotonicMs } from './clock.ts';

const TURN_MS = 5;
const ACCESS_MODE = 3;

type Wanted = { readonly byInode: ReadonlyMap<string, string>; readonly names: ReadonlySet<string>; readonly anyName: boolean };

/** What these processes do may end at any moment: a vanished process or a closed file is no news. */
function attempt<T>(act: () => T): T | null {
  try {
    return act();
  } catch {
    return null;
  }
}

function want(paths: readonly string[]): Wanted {
  const byInode = new Map<string, string>();
  const names = new Set<string>();
  let anyName = false;
  for (const file of paths) {
    const stats = attempt(() => lstatSync(file, { bigint: true }));
    if (stats === null) continue;
    byInode.set(`${String(stats.dev)}:${String(stats.ino)}`, file);
    names.add(path.basename(file));
    // With a second link the writer may know the file by its other name.
    if (stats.nlink > 1n) anyName = true;
  }
  return { byInode, names, anyName };
}

/** @returns the wanted file that is written to, if any; false: nothing of this process may be looked at */
function writesTo(processFolder: string, fd: string, wanted: Wanted): string | false | null {
  // The link's text is a cheap first look; only stat() of it proves which file it is (other mount namespaces, deleted files).
  let target: string;
  try {
    target = readlinkSync(`${processFolder}/fd/${fd}`);
  } catch (error) {
    // The right is the same for all of a process (ptrace access mode, proc(5)): some have hundreds of files open.
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? false : null;
  }
  if (!target.startsWith('/')) return null;
  if (!wanted.anyName && !wanted.names.has(path.basename(target))) return null;
  const stats = attempt(() => statSync(`${processFolder}/fd/${fd}`, { bigint: true }));
  const file = stats === null ? undefined : wanted.byInode.get(`${String(stats.dev)}:${String(stats.ino)}`);
  if (file === undefined) return null;
  const info = attempt(() => readFileSync(`${processFolder}/fdinfo/${fd}`, 'latin1'));
  const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info ?? '')?.[1] ?? '0', 8);
  return (flags & ACCESS_MODE) === 0 ? null : file;
}

/** Paths among these that some process holds open for writing; null where the system cannot say. */
export async function openForWriting(paths: readonly string[]): Promise<ReadonlySet<string> | null> {
  if (process.platform !== 'linux') return null;
  const processes = attempt(() => readdirSync('/proc'))?.filter((name) => /^[0-9]+$/.test(name)) ?? [];
  if (!processes.includes(String(process.pid)) && attempt(() => readdirSync('/proc/self/fd')) === null) return null;
  const wanted = want(paths);
  const found = new Set<string>();
  if (wanted.byInode.size === 0) return found;
  let turnEnds = monotonicMs() + TURN_MS;
  for (const id of processes) {
    const folder = `/proc/${id}`;
    for (const fd of attempt(() => readdirSync(`${folder}/fd`)) ?? []) {
      const file = writesTo(folder, fd, wanted);
      if (file === false) break;
      if (file !== null) found.add(file);
    }
    if (found.size === wanted.byInode.size) break;
    if (monotonicMs() > turnEnds) {
      await nextTurn();
      turnEnds = monotonicMs() + TURN_MS;
    }
  }
  return found;
}
