/** A file system whose n-th changing call fails or kills, counted from `arm` on; sticky: every later one too. */

import type { Fs } from '#core/ports.ts';
import { makeFs } from '#platform/files.ts';

export type Step = { readonly call: string; readonly path: string };
export type FaultyFs = { readonly fs: Fs; readonly steps: Step[]; arm(failAt: number, isSticky: boolean): void };

/** @param onHit instead of failing with the code */
export function faultyFs(code: string, onHit?: () => void): FaultyFs {
  const real = makeFs();
  const steps: Step[] = [];
  let failAt = Number.POSITIVE_INFINITY;
  let isSticky = false;
  const guarded =
    <A extends readonly unknown[], R>(call: string, act: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const file = String(args[0]);
      steps.push({ call, path: file });
      const isHit = steps.length === failAt || (isSticky && steps.length > failAt);
      if (isHit && onHit !== undefined) onHit();
      else if (isHit) throw Object.assign(new Error(`${code}: injected, ${call} '${file}'`), { code });
      return act(...args);
    };
  return {
    steps,
    fs: {
      ...real,
      writeNew: guarded('writeNew', real.writeNew),
      writeDerived: guarded('writeDerived', real.writeDerived),
      append: guarded('append', real.append),
      unlink: guarded('unlink', real.unlink),
      replace: guarded('replace', real.replace),
      rename: guarded('rename', real.rename),
      makeFolder: guarded('makeFolder', real.makeFolder),
      makeFolders: guarded('makeFolders', real.makeFolders),
      syncFolder: guarded('syncFolder', real.syncFolder),
    },
    arm(at, sticky) {
      steps.length = 0;
      failAt = at;
      isSticky = sticky;
    },
  };
}
