/** A file system whose n-th changing call fails or kills, counted from `arm` on (those of some paths only, if wanted); sticky: every later one too. */

import type { Fs } from '#core/ports.ts';
import { makeFs } from '#platform/files.ts';

export type Step = { readonly call: string; readonly path: string };
export type FaultyFs = {
  readonly fs: Fs;
  readonly steps: Step[];
  arm(failAt: number, isSticky: boolean, counts?: (path: string) => boolean): void;
};

const EVERY_PATH = (): boolean => true;

/** @param onHit instead of failing with the code */
export function faultyFs(code: string, onHit?: () => void): FaultyFs {
  const real = makeFs();
  const steps: Step[] = [];
  let failAt = Number.POSITIVE_INFINITY;
  let isSticky = false;
  let counts: (path: string) => boolean = EVERY_PATH;
  type Guarded =
    | 'writeNew'
    | 'writeDerived'
    | 'append'
    | 'unlink'
    | 'replace'
    | 'rename'
    | 'link'
    | 'makeFolder'
    | 'makeFolders'
    | 'syncFolder';
  const guarded = <Name extends Guarded>(name: Name): Fs[Name] => {
    const call = async (...args: unknown[]): Promise<unknown> => {
      const file = String(args[0]);
      // A full disk does not stop a removal; a kill may come before one.
      if ((name === 'unlink' && onHit === undefined) || !counts(file))
        return (real[name] as (...all: unknown[]) => Promise<unknown>)(...args);
      steps.push({ call: name, path: file });
      const isHit = steps.length === failAt || (isSticky && steps.length > failAt);
      if (isHit && onHit !== undefined) onHit();
      else if (isHit) throw Object.assign(new Error(`${code}: injected, ${name} '${file}'`), { code });
      return (real[name] as (...all: unknown[]) => Promise<unknown>)(...args);
    };
    return call as Fs[Name];
  };
  return {
    steps,
    fs: {
      ...real,
      writeNew: guarded('writeNew'),
      writeDerived: guarded('writeDerived'),
      append: guarded('append'),
      unlink: guarded('unlink'),
      replace: guarded('replace'),
      rename: guarded('rename'),
      link: guarded('link'),
      makeFolder: guarded('makeFolder'),
      makeFolders: guarded('makeFolders'),
      syncFolder: guarded('syncFolder'),
    },
    arm(at, sticky, which = EVERY_PATH) {
      counts = which;
      steps.length = 0;
      failAt = at;
      isSticky = sticky;
    },
  };
}
