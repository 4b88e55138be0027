/** The submodules that are checked out in a work tree: their git folders lie in that of the worktree, so their commits go with it unless a remote has them. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import type { GitWork } from '#core/worktrees.ts';
import { askLine } from './repository.ts';

const DEPTH_MAX = 4;

export type Submodules = { readonly paths: readonly string[]; readonly unpushed: readonly string[] };

/** @param from what stands before the names that are told */
export async function readSubmodules(git: GitWork, fs: Pick<Fs, 'facts'>, folder: string, from = '', depth = 0): Promise<Submodules> {
  const { stdout } = await git(folder, ['ls-files', '-s', '-z']);
  const named = stdout.split('\0').flatMap((line) => (line.startsWith('160000 ') ? [line.slice(line.indexOf('\t') + 1)] : []));
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
      const below = await readSubmodules(git, fs, inner, `${from}${name}/`, depth + 1);
      paths.push(...below.paths);
      unpushed.push(...below.unpushed);
    }
  }
  return { paths, unpushed };
}
