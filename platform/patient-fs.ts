/**
 * Each act on a path is done where the path lies at that moment: on the machine's own file systems as files.ts does it best, elsewhere in the pool and
 * with patience (patience.ts). On a machine without such mounts that costs the look at an empty list.
 */

import type { FilePath, Fs } from '#core/ports.ts';
import { shown } from './file-facts.ts';
import { foreignMountOf } from './foreign-mounts.ts';
import { patiently } from './patience.ts';

/** By their first argument, a path; a rename and a link have two. */
export type OnPaths = Omit<Fs, 'openForWriting'>;
type Act = (file: FilePath, ...rest: readonly unknown[]) => Promise<unknown>;

export function patient(here: Fs, there: OnPaths): OnPaths {
  const acts = Object.entries(here).filter(([name]) => name !== 'openForWriting');
  const chosen = acts.map(([name, act]) => {
    const late = there[name as keyof OnPaths] as Act;
    const isPair = name === 'rename' || name === 'link';
    return [
      name,
      // Not async: a promise more for each act on the machine's own disk would cost more than the look.
      (file: FilePath, ...rest: readonly unknown[]): Promise<unknown> => {
        const at = foreignMountOf(file) ?? (isPair ? foreignMountOf(rest[0] as FilePath) : null);
        return at === null ? (act as Act)(file, ...rest) : patiently(at, name, shown(file), () => late(file, ...rest));
      },
    ];
  });
  const patience = Object.fromEntries(chosen) as OnPaths;
  return {
    ...patience,
    async openRead(file) {
      const opened = await patience.openRead(file);
      const at = foreignMountOf(file);
      if (at === null) return opened;
      return {
        ...opened,
        readAt: (offset, length) => patiently(at, 'read', file, () => opened.readAt(offset, length)),
        close: () => patiently(at, 'close', file, () => opened.close()),
      };
    },
  };
}
