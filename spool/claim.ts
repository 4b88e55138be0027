/**
 * Taking a waiting file by one rename into a folder of its own: in/foo.md -> work/<job>/claimed. Whoever comes second finds ENOENT.
 * Invariant: the original name is on disk before the file leaves in/, and the new folder is in work/ for good before the file enters it.
 * A crash leaves either an empty-handed folder (removed by recovery) or a whole claim.
 */

import { Buffer } from 'node:buffer';
import { jobIdFrom, type JobId, type RoleFolder } from '#core/names.ts';
import type { Waiting } from '#core/spool.ts';
import type { JobPaths } from './layout.ts';
import { codeOf, inBatches, type Parts } from './parts.ts';
import { jsonText, type OriginFile } from './records.ts';
import { keyOf, sightName } from './settle.ts';
import { removeUnclaimed } from './unclaimed.ts';

export type Claim = { readonly waiting: Waiting; readonly id: JobId; readonly dir: string };
type Room = { readonly waiting: Waiting; readonly id: JobId; readonly paths: JobPaths };

const AT_ONCE = 16;

/**
 * Entries that are gone, changed or not settled are left out. When some cannot be taken (no permission, no space) the others still are,
 * and the trouble is logged; when none can, its error is thrown.
 */
export async function claim(parts: Parts, entries: readonly Waiting[]): Promise<readonly Claim[]> {
  const troubles: Error[] = [];
  const ids: JobId[] = [];
  const guarded =
    <T, R>(act: (item: T) => Promise<R | null>) =>
    async (item: T): Promise<R | null> => {
      try {
        return await act(item);
      } catch (error) {
        troubles.push(error instanceof Error ? error : new Error(String(error)));
        return null;
      }
    };
  try {
    const rooms = present(
      await inBatches(
        entries,
        AT_ONCE,
        guarded((entry: Waiting) => makeRoom(parts, entry, ids)),
      ),
    );
    for (const folder of foldersOf(rooms)) await parts.sync(parts.layout.work(folder), 'safety');
    const claims = present(
      await inBatches(
        rooms,
        AT_ONCE,
        guarded((room: Room) => take(parts, room)),
      ),
    );
    // Before anything is written about the file its place must be certain: a power cut may not take the claim back and leave its records.
    await inBatches(claims, AT_ONCE, (one) => parts.sync(one.dir, 'safety'));
    for (const folder of foldersOf(claims)) await parts.sync(parts.layout.in(folder), 'no-second-run');
    const [first] = troubles;
    if (first !== undefined) {
      if (claims.length === 0) throw first;
      parts.log.warn('some files could not be claimed', { count: troubles.length, code: codeOf(first) });
    }
    return claims;
  } finally {
    for (const id of ids) parts.claiming.delete(id);
  }
}

const present = <T>(items: readonly (T | null)[]): T[] => items.filter((item) => item !== null);
const foldersOf = (items: readonly { readonly waiting: Waiting }[]): Set<RoleFolder> => new Set(items.map((item) => item.waiting.folder));

/** work/<job>/ with the name of the file that is about to move in; null when the file is not what was seen. */
async function makeRoom(parts: Parts, waiting: Waiting, ids: JobId[]): Promise<Room | null> {
  if (waiting.kind === 'settling') return null;
  const facts = await parts.fs.facts(parts.layout.entry(waiting.folder, waiting.rawName));
  if (facts === null || keyOf(facts) !== waiting.key) {
    parts.sights.byName.delete(sightName(waiting.folder, waiting.rawName));
    return null;
  }
  const id = jobIdFrom(parts.digest.randomBytes(10));
  ids.push(id);
  parts.claiming.add(id);
  const paths = parts.layout.job(waiting.folder, id);
  const origin: OriginFile = {
    v: 1,
    id,
    folder: waiting.folder,
    nameHex: Buffer.from(waiting.rawName).toString('hex'),
    claimedAt: parts.clock.now().toISOString(),
  };
  await parts.fs.makeFolder(paths.dir, 0o700);
  try {
    await parts.fs.writeNew(paths.origin, jsonText(origin), 'safety');
    await parts.sync(paths.dir, 'safety');
  } catch (error) {
    await leave(parts, paths);
    throw error;
  }
  return { waiting, id, paths };
}

async function take(parts: Parts, room: Room): Promise<Claim | null> {
  const { waiting, id, paths } = room;
  try {
    await parts.fs.rename(parts.layout.entry(waiting.folder, waiting.rawName), paths.claimed);
  } catch (error) {
    // Some network file systems answer with an error although the rename happened: the file's place decides.
    if ((await parts.fs.facts(paths.claimed)) === null) {
      await leave(parts, paths);
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    }
  }
  parts.sights.byName.delete(sightName(waiting.folder, waiting.rawName));
  return { waiting, id, dir: paths.dir };
}

/** Removes a folder without a claimed file; what stays behind is recovery's. */
async function leave(parts: Parts, paths: JobPaths): Promise<void> {
  try {
    await removeUnclaimed(parts.fs, paths.dir);
  } catch (error) {
    parts.log.debug('a work folder without a file stays until the next start', { path: paths.dir, code: codeOf(error) });
  }
}
