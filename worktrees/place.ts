/** Where a work tree may lie: in no work tree of any repository, in no git folder, not in the history; beside the primary checkout unless a setting says otherwise. */

import path from 'node:path';
import { printable, type FeatureId } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { GitWork } from '#core/worktrees.ts';
import type { RepositoryFacts } from './repository.ts';

export const isInside = (folder: string, inner: string): boolean => {
  const relative = path.relative(folder, inner);
  return relative === '' || (relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative));
};

const MEND = 'set worktrees.folder in docket.yaml to a folder outside';

/** The folder of a new work tree. Its parent is made. @param setting worktrees.folder */
export async function choosePlace(
  { git, fs }: { readonly git: GitWork; readonly fs: Pick<Fs, 'makeFolders' | 'realPath'> },
  facts: RepositoryFacts,
  wanted: { readonly app: string; readonly id: FeatureId; readonly setting: string; readonly history: string },
): Promise<Result<string, string>> {
  const { primary, common } = facts;
  const parent = wanted.setting === '' ? path.dirname(primary.folder) : path.resolve(primary.folder, wanted.setting);
  const trees = [...facts.worktrees.filter((one) => !one.isBare).map((one) => one.folder), common];
  const holder = trees.find((tree) => isInside(tree, parent));
  if (holder !== undefined) return err(`a work tree in ${printable(parent)} would lie inside ${printable(holder)}: ${MEND}`);
  if (isInside(wanted.history, parent))
    return err(`a work tree in ${printable(parent)} would lie inside the history ${printable(wanted.history)}: ${MEND}`);
  await fs.makeFolders(parent);
  const folder = path.join(await fs.realPath(parent), `${wanted.app}-${wanted.id}`);
  const isTree = (await git(parent, ['rev-parse', '--is-inside-work-tree'])).stdout.trim() === 'true';
  // A repository inside another one: fine where the outer one ignores the place.
  if (isTree && (await git(parent, ['check-ignore', '-q', folder])).code !== 0) {
    const top = (await git(parent, ['rev-parse', '--show-toplevel'])).stdout.replace(/\n$/, '');
    return err(
      `${printable(folder)} would lie inside the work tree of another repository, ${printable(top)}: ${MEND}, or let that repository ignore it`,
    );
  }
  return ok(folder);
}
