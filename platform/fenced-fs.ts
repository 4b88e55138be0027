/**
 * A file system that asks before it changes anything: `check` throws when it is not this process's turn any more (epoch.ts), and nothing is changed.
 * Wrapped once where the daemon's objects are made, so no step can forget to ask. Reading is free, and so is a sync: it changes nothing that is there.
 */

import type { Fs } from '#core/ports.ts';
import { makeFs } from './files.ts';

/**
 * Three windows are left between a question and its system call, a few microseconds each: a rename, a link, an unlink. Each moves or takes away one name that
 * is there once, so whoever has taken over in between has either used that name already (ENOENT), or finds the effect as a crash would have left it.
 * @param check throws to refuse; called before each change, and again right before the step that shows (files.ts, `beforeWrite`)
 */
export function fencedFs(check: () => void): Fs {
  const fs = makeFs({ beforeWrite: check });
  const fenced =
    <A extends readonly unknown[], R>(act: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      check();
      return act(...given);
    };
  return {
    ...fs,
    writeNew: fenced(fs.writeNew),
    writeDerived: fenced(fs.writeDerived),
    append: fenced(fs.append),
    rename: fenced(fs.rename),
    link: fenced(fs.link),
    unlink: fenced(fs.unlink),
    chmod: fenced(fs.chmod),
    makeFolder: fenced(fs.makeFolder),
    makeFolders: fenced(fs.makeFolders),
    removeFolder: fenced(fs.removeFolder),
    removeTree: fenced(fs.removeTree),
    replace: fenced(fs.replace),
  };
}
