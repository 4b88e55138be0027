/**
 * Every worktree there is a trace of: what git has registered, what docket has a record of, and folders `<app>-<id>` beside the primary checkout whose `.git`
 * file names this repository. One entry for each, whichever of the three it has. Only reads.
 */

import path from 'node:path';
import { parseFeature, sameFeature, type FeatureId } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import type { WorktreeRecord } from '#core/worktrees.ts';
import type { ReadRecord } from './records.ts';
import type { RegisteredWorktree, RepositoryFacts } from './repository.ts';

export type Entry = {
  readonly id: FeatureId | null;
  readonly folder: string;
  readonly record: WorktreeRecord | null;
  readonly registered: RegisteredWorktree | null;
  /** git's own folder of it, `<common>/worktrees/<name>`; null: none names this folder. */
  readonly admin: string | null;
  readonly hasFolder: boolean;
  /** The folder that it would lie in is there; false: a disk that is not mounted, or a tree that was moved as a whole. */
  readonly hasParent: boolean;
  /** Where its `.git` file leads; null: there is none. */
  readonly link: string | null;
  readonly isLinkGood: boolean;
};

type ReadFs = Pick<Fs, 'list' | 'facts' | 'readBounded' | 'realPath'>;
const LINK_BYTES_MAX = 16_384;
const TICKET = /^[A-Za-z][A-Za-z0-9]*-[0-9]+$/;

async function shortText(fs: ReadFs, file: string): Promise<string | null> {
  const { bytes } = await fs.readBounded(file, LINK_BYTES_MAX).catch(() => ({ bytes: null }));
  return bytes === null ? null : new TextDecoder().decode(bytes).replace(/\r?\n$/, '');
}

const isThere = async (fs: ReadFs, file: string): Promise<boolean> => (await fs.facts(file).catch(() => null)) !== null;

/** Folder of a work tree -> git's own folder of it, as `<admin>/gitdir` says (gitrepository-layout(5)). */
async function adminsOf(fs: ReadFs, common: string): Promise<ReadonlyMap<string, string>> {
  const parent = path.join(common, 'worktrees');
  if (!(await isThere(fs, parent))) return new Map();
  const found = new Map<string, string>();
  for (const { name, kind } of await fs.list(parent)) {
    if (name === null || kind !== 'folder') continue;
    const target = await shortText(fs, path.join(parent, name, 'gitdir'));
    if (target !== null) found.set(path.dirname(path.resolve(parent, name, target)), path.join(parent, name));
  }
  return found;
}

const idIn = (app: string, folder: string, branch: string | null): FeatureId | null => {
  const name = path.basename(folder);
  const byFolder = name.startsWith(`${app}-`) ? parseFeature(name.slice(app.length + 1)) : null;
  if (byFolder?.ok === true) return byFolder.value.id;
  const byBranch = parseFeature(branch?.split('/').at(-1) ?? '');
  return byBranch.ok && TICKET.test(byBranch.value.id) ? byBranch.value.id : null;
};

/** @param beside folders whose `<app>-<id>` are looked at */
export async function readEntries(
  fs: ReadFs,
  repository: RepositoryFacts,
  records: readonly ReadRecord[],
  app: string,
  beside: readonly string[],
): Promise<readonly Entry[]> {
  const known = records.flatMap(({ record }) => (record.ok ? [record.value] : []));
  const admins = await adminsOf(fs, repository.common);
  const linked = repository.worktrees.filter((one) => one !== repository.primary);
  const taken = new Set<WorktreeRecord>();
  const entries: Entry[] = [];
  const add = async (folder: string, registered: RegisteredWorktree | null, record: WorktreeRecord | null): Promise<void> => {
    if (record !== null) taken.add(record);
    const link = (await shortText(fs, path.join(folder, '.git')))?.replace(/^gitdir: /, '') ?? null;
    const target = link === null ? null : path.resolve(folder, link);
    entries.push({
      id: record?.id ?? idIn(app, folder, registered?.branch ?? null),
      folder,
      record,
      registered,
      admin: admins.get(folder) ?? null,
      hasFolder: await isThere(fs, folder),
      hasParent: await isThere(fs, path.dirname(folder)),
      link: target,
      isLinkGood: target !== null && (await isThere(fs, path.join(target, 'HEAD'))),
    });
  };
  for (const registered of linked)
    await add(
      registered.folder,
      registered,
      known.find(({ folder }) => folder === registered.folder) ??
        known.find(({ branch, folder }) => branch === registered.branch && !linked.some((one) => one.folder === folder)) ??
        null,
    );
  for (const record of known) if (!taken.has(record)) await add(record.folder, null, record);
  for (const folder of await strays(fs, repository, app, beside))
    if (!entries.some((one) => one.folder === folder)) await add(folder, null, null);
  return entries;
}

/** Folders `<app>-<id>` whose `.git` file names a place in this repository. */
async function strays(
  fs: ReadFs,
  { common, primary }: RepositoryFacts,
  app: string,
  beside: readonly string[],
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const parent of beside)
    for (const { name, kind } of await fs.list(parent).catch(() => [])) {
      const folder = path.join(parent, name ?? '');
      if (kind !== 'folder' || name?.startsWith(`${app}-`) !== true || folder === primary.folder) continue;
      const link = await shortText(fs, path.join(folder, '.git'));
      const target = link?.startsWith('gitdir: ') === true ? path.resolve(folder, link.slice('gitdir: '.length)) : null;
      if (target?.startsWith(path.join(common, 'worktrees') + path.sep) === true) found.push(folder);
    }
  return found;
}

/** Those that a word of a person means: an id, `FEAT-1-any-slug`, or a folder. */
export const entriesNamed = (entries: readonly Entry[], word: string): readonly Entry[] => {
  const feature = parseFeature(word);
  const byId = feature.ok ? entries.filter(({ id }) => id !== null && sameFeature(id, feature.value.id)) : [];
  return byId.length > 0 ? byId : entries.filter(({ folder }) => folder === path.resolve(word));
};
