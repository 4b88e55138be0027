/**
 * The names in a large in/ folder, listed again only when the folder changed: ten thousand waiting or a hundred thousand ended files would
 * else be named anew every few seconds. The folder's own mtime tells (any new, renamed or removed name sets it).
 * Invariant: a listing is used again only if it was made so long after its mtime was first seen that no change can hide in the same
 * tick of the file system's clock; never for small folders, never on network file systems, and never for longer than a minute.
 */

import type { RoleFolder } from '#core/names.ts';
import type { DirEntry, FilePath, Fs } from '#core/ports.ts';
import { isPromptName } from './layout.ts';
import { sightName } from './settle.ts';

/** An entry of in/ and the name the spool remembers it by. */
export type Named = { readonly entry: DirEntry; readonly name: string };
type Listing = {
  readonly mtimeNs: bigint;
  /** Monotonic, when this mtime was first seen; not the time of the listing. */
  readonly sinceMs: number;
  readonly madeMs: number;
  readonly isLarge: boolean;
  readonly prompts: readonly Named[];
};
export type Listings = Map<RoleFolder, Listing>;

const LARGE = 1_000;
/** Coarser than any local file system's clock (vfat: 2 s). */
const TICK_MS = 2_500;
const TRUSTED_MS = 60_000;

/** Entries that may be prompts and are no folders. Throws what the system says of the folder. */
export async function promptsIn(
  listings: Listings,
  fs: Pick<Fs, 'list' | 'facts'>,
  folder: RoleFolder,
  path: FilePath,
  nowMs: number,
  isNetwork: boolean,
): Promise<readonly Named[]> {
  const before = listings.get(folder);
  const mtimeNs = (await fs.facts(path))?.mtimeNs ?? null;
  const isSame = before !== undefined && before.mtimeNs === mtimeNs;
  if (isSame && !isNetwork && before.isLarge && before.madeMs - before.sinceMs >= TICK_MS && nowMs - before.madeMs < TRUSTED_MS)
    return before.prompts;
  const entries = await fs.list(path);
  const prompts = entries.flatMap((entry): Named[] =>
    isPromptName(entry.raw) && entry.kind !== 'folder' ? [{ entry, name: sightName(folder, entry.raw) }] : [],
  );
  if (mtimeNs === null) listings.delete(folder);
  else listings.set(folder, { mtimeNs, sinceMs: isSame ? before.sinceMs : nowMs, madeMs: nowMs, isLarge: entries.length > LARGE, prompts });
  return prompts;
}
