/**
 * A file system that asks before it changes anything: `check` throws when it is not this process's turn any more (epoch.ts), and nothing is changed.
 * Wrapped once where the daemon's objects are made, so no step can forget to ask. Reading is free, and so is a sync: it changes nothing that is there.
 */

import type { Fs } from '#core/ports.ts';
import { temporaryBeside } from './files.ts';

/** @param check throws to refuse; called right before each change, and once more before the rename that ends a `replace` */
export function fencedFs(fs: Fs, check: () => void): Fs {
  const fenced =
    <A extends readonly unknown[], R>(act: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      check();
      return act(...given);
    };
  const rename = fenced(fs.rename);
  return {
    ...fs,
    writeNew: fenced(fs.writeNew),
    writeDerived: fenced(fs.writeDerived),
    append: fenced(fs.append),
    rename,
    link: fenced(fs.link),
    unlink: fenced(fs.unlink),
    chmod: fenced(fs.chmod),
    makeFolder: fenced(fs.makeFolder),
    makeFolders: fenced(fs.makeFolders),
    removeFolder: fenced(fs.removeFolder),
    removeTree: fenced(fs.removeTree),
    async replace(file, bytes, why, mode) {
      check();
      const temporary = temporaryBeside(file);
      await fs.writeNew(temporary, bytes, why, mode);
      try {
        // The sync before may have taken seconds.
        await rename(temporary, file);
      } catch (error) {
        await fs.unlink(temporary).catch(() => undefined);
        throw error;
      }
    },
  };
}
