/**
 * Is a waiting file whole? (ARCHITECTURE "Peek")
 *
 *   first sight -> settling -> settled -> (changed: settling again) -> claimed or gone: forgotten
 *
 * Settled is a file that nobody holds open for writing and that
 *   - this process announced (drop), or
 *   - came by an atomic rename or link: its ctime was later than its mtime when it was first seen (writing sets both, a rename only the ctime), or
 *   - is clean: the system told that its name came, and had nothing to tell of a write to it when it was looked at a second time
 *     (a rename within the same tick of the file system's clock as the last write, 1 to 10 ms, leaves both times alike), or
 *   - stayed unchanged long enough.
 * Invariant: no wall clock takes part, so a file dated 1970 or 2100 settles like any other; the memory holds one small entry per file that
 * is there, no more.
 */

import { Buffer } from 'node:buffer';
import type { RoleFolder } from '#core/names.ts';
import type { FileFacts } from '#core/ports.ts';
import { contentIn, contentOf, inodeOf, keyOf } from './file-key.ts';
import type { SpoolSettings } from './limits.ts';
import type { Of, Settling, WaitingFile } from './waiting-file.ts';
import { WaitingTable } from './waiting-table.ts';

export { contentOf, keyOf };
export type { Settling } from './waiting-file.ts';

/** What is remembered of all in/ folders: bounded by what lies there, pruned by each listing. */
export type Sights = {
  /** By role's folder and name (its bytes, one character each): a look at one role goes through no other's, and a listed name is found as it comes. */
  readonly known: Map<string, WaitingTable>;
  /** Those in `known` that are not settled yet. */
  readonly open: Set<WaitingFile>;
  /** All in `known` in the order in which they came, and some that are gone, as it was last answered: a scan that found a thousand new ones does not go through all the others. */
  order: readonly WaitingFile[];
  /** Those that came since. */
  fresh: WaitingFile[];
  /** How many in `order` and `fresh` are gone. */
  gone: number;
  /** For the claim, which took the file or saw that it is another one: what stands under the name now, the next scan tells. */
  readonly byName: { delete(name: string): void };
  /** To look at in the next scan, by folder and name (sightName). */
  readonly touched: Set<string>;
  /** Names that were listed, but not looked at yet; the next one last. */
  readonly putOff: Map<RoleFolder, string[]>;
  /** Roles with more waiting files than are kept in mind. */
  readonly crowded: Set<RoleFolder>;
  /** Inodes of files that were given back (give-back.ts): however they look, nobody said that they are whole. */
  readonly returned: Set<bigint>;
  /** Contents that drop() of this process put in whole: content -> monotonic time of the announcement. */
  readonly announced: Map<string, number>;
  scans: number;
  /** Counts whatever changes the answer. */
  changes: number;
  /** How many had changed it when `order` was answered. */
  answered: number;
};

export function makeSights(): Sights {
  const sights: Sights = {
    known: new Map(),
    open: new Set(),
    order: [],
    fresh: [],
    gone: 0,
    byName: {
      delete(at) {
        forget(sights, ...splitSight(at));
        sights.touched.add(at);
      },
    },
    touched: new Set(),
    putOff: new Map(),
    crowded: new Set(),
    returned: new Set(),
    announced: new Map(),
    scans: 0,
    changes: 0,
    answered: 0,
  };
  return sights;
}

export const knownIn = ({ known }: Pick<Sights, 'known'>, of: Of): WaitingTable => {
  const there = known.get(of.folder) ?? new WaitingTable(of);
  known.set(of.folder, there);
  return there;
};

export const countKnown = ({ known }: Pick<Sights, 'known'>): number => {
  let count = 0;
  for (const ofRole of known.values()) count += ofRole.size;
  return count;
};

export function forget(sights: Sights, folder: string, name: string): void {
  const sight = sights.known.get(folder)?.remove(name);
  if (sight === undefined) return;
  countGone(sights, sight);
  sights.changes++;
}

/** It stands for its name no more. */
export function countGone(sights: Sights, sight: WaitingFile): void {
  sights.open.delete(sight);
  sights.gone++;
}

/** An announcement that no scan met after this long is dropped: its file was taken away. */
const ANNOUNCED_MS = 60_000;

export function forgetAnnouncements(sights: Sights, nowMs: number): void {
  for (const [content, atMs] of sights.announced) if (nowMs - atMs > ANNOUNCED_MS) sights.announced.delete(content);
}

/** One text per entry of in/: its folder, its name's bytes, one character each. */
export const sightName = (folder: RoleFolder, raw: Uint8Array): string =>
  `${folder}/${Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('latin1')}`;
/** Folder and name of such a text: neither has a slash in it. */
export const splitSight = (at: string): [folder: string, name: string] => {
  const end = at.indexOf('/');
  return [at.slice(0, end), at.slice(end + 1)];
};

/** What the system told of a name since the last scan: it came (or went), it was written to, nothing. */
export type Heard = 'came' | 'written' | null;

/**
 * What a file that was just looked at means for its settling.
 * @param key of `facts`
 * @param isReturned it was given back, so nothing follows from its times
 * @returns null: these bytes had settled before
 */
export function look(
  before: Pick<WaitingFile, 'key' | 'settling'> | undefined,
  facts: FileFacts,
  key: string,
  nowMs: number,
  heard: Heard = null,
  isReturned = false,
): Settling | null {
  // Same bytes, other ctime: a chmod, or the second half of link-and-unlink. It stays what it was at first sight.
  const isSameBytes = before !== undefined && contentIn(before.key) === contentOf(facts);
  if (isSameBytes && before.settling === null) return null;
  if (before?.key === key && before.settling !== null) {
    const clean = before.settling.clean === null || heard === 'written' ? null : 'again';
    return { ...before.settling, nlink: facts.nlink, clean };
  }
  const isSameInode = isReturned || (before !== undefined && before.key.startsWith(inodeOf(facts)));
  const isClean = heard === 'came' && !isSameInode && facts.sizeBytes > 0;
  return {
    nlink: facts.nlink,
    sinceMs: nowMs,
    // Other bytes in the inode that was here before were written in place, whatever its times say.
    isAtomic: isSameBytes ? before.settling?.isAtomic === true : !isSameInode && facts.ctimeNs > facts.mtimeNs,
    clean: isClean ? 'once' : null,
    againAtMs: 0,
  };
}

/** What this system can say about writers, and how long a file must lie still because of it. */
export type SettleRule = { readonly waitMs: number; readonly trustsRename: boolean };

/** @param isNetwork files come from machines whose writers and renames are not seen here @param seesWriters false: the system cannot list writers */
export function settleRule(settings: SpoolSettings, isNetwork: boolean, seesWriters: boolean): SettleRule {
  if (isNetwork) return { waitMs: settings.settleNetworkMs, trustsRename: false };
  return seesWriters ? { waitMs: settings.settleMs, trustsRename: true } : { waitMs: settings.settleMs * 2, trustsRename: false };
}

/** Between the two looks at a clean file. */
const CLEAN_MS = 1;

/** Milliseconds until this file has settled if nobody writes to it; 0: it has. */
export function settlesInMs(settling: Settling | null, rule: SettleRule, isAnnounced: boolean, nowMs: number): number {
  if (settling === null || isAnnounced) return 0;
  const leftMs = Math.max(0, Math.ceil(rule.waitMs - (nowMs - settling.sinceMs)));
  // A second link may be a producer's link-and-unlink half way, or another name under which somebody still writes.
  if (!rule.trustsRename || settling.nlink !== 1) return leftMs;
  if (settling.isAtomic || settling.clean === 'again') return 0;
  return settling.clean === 'once' ? Math.min(leftMs, CLEAN_MS) : leftMs;
}
