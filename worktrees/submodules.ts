/** The submodules that are checked out in a work tree: their git folders lie in that of the worktree, so their commits go with it unless a remote has them. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import type { GitWork } from '#core/worktrees.ts';
import { askLine } from './repository.ts';
import { readIndex, type Indexed } from './status.ts';

const DEPTH_MAX = 4;

export type Submodules = { readonly paths: readonly string[]; readonly unpushed: readonly string[] };

/** @param index of the work tree @param from what stands before the names that are told */
export async function readSubmodules(
  git: GitWork,
  fs: Pick<Fs, 'facts'>,
  folder: string,
  index: readonly Indexed[],
  from = '',
  depth = 0,
): Promise<Submodules> {
  const named = index.flatMap(({ mode, name }) => (mode === '160000' ? [name] : []));
  const paths: string[] = [];
  const unpushed: string[] = [];
  for (const name of named) {
    const inner = path.join(folder, name);
    if ((await fs.facts(path.join(inner, '.git')).catch(() => null)) === null) continue;
    paths.push(`${from}${name}`);
    const own = await askLine(git, inner, ['rev-list', '--count', '--max-count=1', 'HEAD', '--all', '--not', '--remotes']);
    // One that cannot be asked, or stands too deep, is not known to be elsewhere.
    if (own !== '0' || depth >= DEPTH_MAX) unpushed.push(`${from}${name}`);
    else {
      const inside = await readIndex(git, inner);
      const below = await readSubmodules(git, fs, inner, inside.ok ? inside.value : [], `${from}${name}/`, depth + 1);
      if (!inside.ok) unpushed.push(`${from}${name}`);
      paths.push(...below.paths);
      unpushed.push(...below.unpushed);
    }
  }
  return { paths, unpushed };
}
