/** What every step of the spool is given: the outside as plain objects, and the little the spool remembers between steps. */

import type { JobId, RoleFolder, RoleName } from '#core/names.ts';
import type { Failure } from '#core/failure.ts';
import type { Clock, Digest, FilePath, Fs, Log } from '#core/ports.ts';
import type { FolderSync } from './folder-sync.ts';
import type { Layout } from './layout.ts';
import type { Ledger } from './ledger.ts';
import type { Listings } from './listing.ts';
import { codeOf } from './error-code.ts';
import { randomText } from './random-text.ts';
import type { SpoolSettings } from './limits.ts';
import type { Sights } from './settle.ts';
import type { StemsInFlight } from './stems-in-flight.ts';

export type SpoolRole = { readonly folder: RoleFolder; readonly name: RoleName };

export { codeOf, randomText };
export type { SpoolSettings };

/** What makeSpool is handed. `processId` only makes temporary names of two processes differ for people. */
export type SpoolInput = {
  /** Absolute path of queues/. */
  readonly queues: string;
  readonly roles: readonly SpoolRole[];
  readonly fs: Fs;
  readonly clock: Clock;
  readonly digest: Digest;
  readonly log: Log;
  readonly settings: SpoolSettings;
  readonly processId: string;
  /** True: the name of a file itself holds a secret, so docket takes the file under a name of its own and forgets that one. */
  readonly isSecretName?: (name: string) => boolean;
  /** The job whose content was being parsed when the process before died; null: none. */
  readonly suspect?: JobId | null;
};

/** Under way, or cut short by an error: `claimed` and `entry` may both be names of it, so it is not claimed under its own name until this is done. */
export type GivingBack = { readonly folder: RoleFolder; readonly claimed: FilePath; readonly entry: FilePath };

export type Parts = Omit<SpoolInput, 'queues'> & {
  readonly layout: Layout;
  readonly sync: FolderSync;
  readonly ledgerOf: (folder: RoleFolder) => Ledger;
  readonly sights: Sights;
  readonly listings: Listings;
  readonly stems: StemsInFlight;
  /** Jobs whose private copies this very process wrote: a second link of one is then not its publication. */
  readonly decidedHere: Set<JobId>;
  /** Jobs whose claim is under way: what lies in work/ of them looks like a claim that crashed. */
  readonly claiming: Set<JobId>;
  /** Claims that took another file than was seen and are being undone (give-back.ts); they count as under way. */
  readonly owed: Map<JobId, GivingBack>;
  /** Roles whose work/ this process has looked through once. */
  readonly lookedAt: Set<RoleFolder>;
  /** Jobs that this process has read. */
  readonly counted: Set<JobId>;
  /** Folders on a network file system; filled at the first look. */
  readonly network: Map<RoleFolder, boolean>;
  /** Which folder work/ was when it was prepared: its inode, or its mark where inodes do not last (home-mark.ts). */
  readonly works: Map<RoleFolder, bigint | string>;
  /** Roles whose file system has no hard links, or none that can be told from two files. */
  readonly linkless: Set<RoleFolder>;
  /** Roles whose folders could not be used at the start, and why (prepare.ts). */
  readonly unready: Map<RoleFolder, Failure>;
  /** When the oldest file ended that the last round of retention left in in/ (its ctime). */
  readonly oldestEnded: Map<RoleFolder, bigint>;
};

export function roleOf(parts: Parts, name: RoleName): SpoolRole {
  const role = parts.roles.find((known) => known.name === name);
  if (role === undefined)
    throw new Error(`there is no role ${name} in ${parts.layout.root} (roles: ${parts.roles.map((known) => known.name).join(', ')})`);
  return role;
}

export function roleOfFolder(parts: Parts, folder: RoleFolder): SpoolRole {
  const role = parts.roles.find((known) => known.folder === folder);
  if (role === undefined) throw new Error(`there is no role folder ${folder} in ${parts.layout.root}`);
  return role;
}

/** Like unlink, rename: an effect that is already there is fine when a step is repeated after a crash. */
export async function unlinkIfThere(fs: Fs, path: FilePath): Promise<void> {
  try {
    await fs.unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

export async function makeFolderIfMissing(fs: Fs, path: string, mode: number): Promise<void> {
  try {
    await fs.makeFolder(path, mode);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

/** All of a list, at most `width` at a time, answers in order. All are tried; the first error is thrown afterwards. */
export async function inBatches<T, R>(items: readonly T[], width: number, act: (item: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = [];
  for (let start = 0; start < items.length; start += width) {
    const settled = await Promise.allSettled(items.slice(start, start + width).map(act));
    for (const one of settled) {
      if (one.status === 'rejected') throw one.reason;
      answers.push(one.value);
    }
  }
  return answers;
}
