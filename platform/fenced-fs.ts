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
  const rename = fenced((...given: Parameters<Fs['rename']>) => fs.rename(...given));
  return {
    ...fs,
    writeNew: fenced((...given: Parameters<Fs['writeNew']>) => fs.writeNew(...given)),
    writeDerived: fenced((...given: Parameters<Fs['writeDerived']>) => fs.writeDerived(...given)),
    append: fenced((...given: Parameters<Fs['append']>) => fs.append(...given)),
    rename,
    link: fenced((...given: Parameters<Fs['link']>) => fs.link(...given)),
    unlink: fenced((...given: Parameters<Fs['unlink']>) => fs.unlink(...given)),
    chmod: fenced((...given: Parameters<Fs['chmod']>) => fs.chmod(...given)),
    makeFolder: fenced((...given: Parameters<Fs['makeFolder']>) => fs.makeFolder(...given)),
    makeFolders: fenced((...given: Parameters<Fs['makeFolders']>) => fs.makeFolders(...given)),
    removeFolder: fenced((...given: Parameters<Fs['removeFolder']>) => fs.removeFolder(...given)),
    removeTree: fenced((...given: Parameters<Fs['removeTree']>) => fs.removeTree(...given)),
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
