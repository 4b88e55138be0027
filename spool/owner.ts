/**
 * Whose files are taken: those of the user docket runs as, and those of a group that the settings name (intake.groups).
 * The folder says who can put a file there, the file says who did; a world-writable folder is refused before anything is claimed (prepare.ts).
 */

import type { FileFacts, Fs } from '#core/ports.ts';

/** Null: the system has no such numbers, or nobody asked (verbs that claim nothing). */
export type Owners = { readonly uid: number; readonly gids: readonly number[] } | null;

export const isOwn = (owners: Owners | undefined, facts: Pick<FileFacts, 'uid'>): boolean =>
  owners === undefined || owners === null || facts.uid === owners.uid;

export const mayDrop = (owners: Owners | undefined, facts: Pick<FileFacts, 'uid' | 'gid'>): boolean =>
  isOwn(owners, facts) || owners?.gids.includes(facts.gid) === true;

export const wordsOfOwner = (owners: Owners | undefined): string =>
  `a file of user ${String(owners?.uid)}${(owners?.gids.length ?? 0) === 0 ? '' : ` or of group ${owners?.gids.join(', ') ?? ''}`}`;

const OTHERS_WRITE = 0o002;

/** What is wrong with a folder of the queue, in words that say how to mend it; null: nothing. */
export function faultOfFolder(owners: Owners | undefined, folder: string, facts: Pick<FileFacts, 'uid' | 'mode'>): string | null {
  if (owners === undefined || owners === null) return null;
  const user = String(owners.uid);
  if (facts.uid !== owners.uid)
    return `${folder} belongs to user ${String(facts.uid)}, docket runs as user ${user}: run it as the owner of the queue, or give the queue to user ${user} (chown -R)`;
  if ((facts.mode & OTHERS_WRITE) !== 0)
    return `every user of this machine may write to ${folder} (mode 0${(facts.mode & 0o7777).toString(8)}): chmod o-w ${folder}; whoever shall drop prompts there belongs into a group, see intake.groups (a file system without modes takes them when it is mounted: umask=077)`;
  return null;
}

/** Name of the error of a queue that is not the user's, or anybody's: the daemon does not start, and a role of which it becomes so waits (EPERM). */
export const NOT_OURS = 'QueueNotOurs';

/** Whoever else may write here could put prompts in, or take answers out and put others in their place. */
export async function mustBeOurs(
  { fs, settings }: { readonly fs: Pick<Fs, 'facts'>; readonly settings: { readonly owners?: Owners } },
  folder: string,
): Promise<void> {
  if (settings.owners === undefined || settings.owners === null) return;
  const facts = await fs.facts(folder);
  const words = facts === null ? null : faultOfFolder(settings.owners, folder, facts);
  if (words !== null) throw Object.assign(new Error(words), { name: NOT_OURS, code: 'EPERM', path: folder });
}
