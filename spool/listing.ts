/**
 * Which names stand in an in/ folder. A large folder is gone through again only when it changed: a hundred thousand waiting or a million
 * ended files would else be named anew every few seconds. The folder's own mtime tells (any new, renamed or removed name sets it).
 * Nothing is kept of a listing but the names that were not looked at yet.
 *
 * Invariant: a listing is taken for what is there only if it was made so long after its mtime was first seen that no change can hide in the same
 * tick of the file system's clock; never for small folders, never on network file systems, and never for longer than a minute
 * (or a hundred times what it costs).
 */

import type { RoleFolder } from '#core/names.ts';
import type { FileKind, Fs } from '#core/ports.ts';
import { isPromptText } from './layout.ts';

export type Listing = {
  readonly mtimeNs: bigint;
  /** Monotonic, when this mtime was first seen; not the time of the listing. */
  readonly sinceMs: number;
  readonly madeMs: number;
  readonly tookMs: number;
  readonly isLarge: boolean;
};
export type Listings = Map<RoleFolder, Listing>;

const LARGE = 1_000;
/** Coarser than any local file system's clock (vfat: 2 s). */
const TICK_MS = 2_500;
const TRUSTED_MS = 60_000;
/** To name a folder again because nothing was heard of it may take this share of the time, whatever its size. */
const TRUSTED_TIMES = 100;
/** To name a large folder again because it changed may take this share of the time: what was noticed by name is looked at anyway. */
const CHANGED_TIMES = 20;

export type ListingRequest = {
  readonly folder: RoleFolder;
  readonly path: string;
  /** Monotonic. */
  readonly now: () => number;
  readonly isNetwork: boolean;
  /** What was found last time may not be complete any more: the folder is gone through whatever its mtime says. */
  readonly isDoubtful: boolean;
};

/**
 * Calls `see` for each name that may be a prompt's and is no folder's, unless the last time is still good enough.
 * @returns true: all names were told. Throws what the system says of the folder
 */
export async function promptsIn(
  listings: Listings,
  fs: Pick<Fs, 'walk' | 'facts'>,
  request: ListingRequest,
  see: (name: string) => void,
): Promise<boolean> {
  const { folder, path, now, isNetwork, isDoubtful } = request;
  const nowMs = now();
  const before = listings.get(folder);
  const mtimeNs = (await fs.facts(path))?.mtimeNs ?? null;
  const isSame = before !== undefined && before.mtimeNs === mtimeNs;
  if (before?.isLarge === true && !isNetwork && !isDoubtful && mtimeNs !== null) {
    const ageMs = nowMs - before.madeMs;
    if (isSame && before.madeMs - before.sinceMs >= TICK_MS && ageMs < Math.max(TRUSTED_MS, before.tookMs * TRUSTED_TIMES)) return false;
    if (ageMs < before.tookMs * CHANGED_TIMES) return false;
  }
  let count = 0;
  await fs.walk(path, (name: string, kind: FileKind) => {
    count++;
    if (kind !== 'folder' && isPromptText(name)) see(name);
  });
  if (mtimeNs === null) listings.delete(folder);
  else
    listings.set(folder, {
      mtimeNs,
      sinceMs: isSame ? before.sinceMs : nowMs,
      madeMs: nowMs,
      tookMs: now() - nowMs,
      isLarge: count > LARGE,
    });
  return true;
}
