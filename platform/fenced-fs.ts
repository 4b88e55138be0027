/**
 * A file system that asks before it changes anything: `check` throws when it is not this process's turn any more (epoch.ts), and nothing is changed.
 * Wrapped once where the daemon's objects are made, so no step can forget to ask. Reading is free, and so is a sync: it changes nothing that is there.
 */

import type { Fs } from '#core/ports.ts';
import { makeFs } from './files.ts';

export type FencedFs = Fs & {
  /** Resolves when no change is under way: one that was begun in turn and is refused in its middle takes back what it made. */
  settled(): Promise<void>;
};

/**
 * Three windows are left between a question and its system call, a few microseconds each: a rename, a link, an unlink. Each moves or takes away one name that
 * is there once, so whoever has taken over in between has either used that name already (ENOENT), or finds the effect as a crash would have left it.
 * @param check throws to refuse; called before each change, and again right before the step that shows (files.ts, `beforeWrite`)
 */
export function fencedFs(check: () => void): FencedFs {
  const fs = makeFs({ beforeWrite: check });
  const underWay = new Set<Promise<unknown>>();
  const tracked =
    <A extends readonly unknown[], R>(act: (...given: A) => Promise<R>, ask: () => void) =>
    async (...given: A): Promise<R> => {
      ask();
      const change = act(...given);
      underWay.add(change);
      try {
        return await change;
      } finally {
        underWay.delete(change);
      }
    };
  /** These make something, or wait for the disk, before they ask again. */
  const fenced = <A extends readonly unknown[], R>(act: (...given: A) => Promise<R>): ((...given: A) => Promise<R>) => tracked(act, check);
  /** One system call in the same step as files.ts's own question: to ask twice within a few microseconds finds out nothing more. */
  const asking = <A extends readonly unknown[], R>(act: (...given: A) => Promise<R>): ((...given: A) => Promise<R>) =>
    tracked(act, () => undefined);
  return {
    ...fs,
    async settled() {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
    writeNew: fenced((...given: Parameters<Fs['writeNew']>) => fs.writeNew(...given)),
    writeDerived: fenced((...given: Parameters<Fs['writeDerived']>) => fs.writeDerived(...given)),
    append: fenced((...given: Parameters<Fs['append']>) => fs.append(...given)),
    rename: asking((...given: Parameters<Fs['rename']>) => fs.rename(...given)),
    link: asking((...given: Parameters<Fs['link']>) => fs.link(...given)),
    unlink: asking((...given: Parameters<Fs['unlink']>) => fs.unlink(...given)),
    chmod: fenced((...given: Parameters<Fs['chmod']>) => fs.chmod(...given)),
    makeFolder: fenced((...given: Parameters<Fs['makeFolder']>) => fs.makeFolder(...given)),
    makeFolders: fenced((...given: Parameters<Fs['makeFolders']>) => fs.makeFolders(...given)),
    removeFolder: fenced((...given: Parameters<Fs['removeFolder']>) => fs.removeFolder(...given)),
    removeTree: fenced((...given: Parameters<Fs['removeTree']>) => fs.removeTree(...given)),
    replace: fenced((...given: Parameters<Fs['replace']>) => fs.replace(...given)),
  };
}
