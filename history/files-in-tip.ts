/** Every file below a folder of the tip, in git's order. */

import type { Oid } from './objects.ts';
import type { Snapshot } from './snapshot.ts';

export async function* entriesBelow(
  snapshot: Pick<Snapshot, 'list'>,
  folder: string,
): AsyncGenerator<{ path: string; oid: Oid; mode: string }> {
  for (const { name, kind, oid, mode } of (await snapshot.list(folder)) ?? []) {
    const path = folder === '' ? name : `${folder}/${name}`;
    if (kind === 'folder') yield* entriesBelow(snapshot, path);
    else yield { path, oid, mode };
  }
}
