/**
 * Is a waiting file whole? (ARCHITECTURE "Peek")
 *
 *   first sight -> settling -> settled -> (changed: settling again) -> claimed or gone: forgotten
 *
 * Settled is a file that this process announced (drop), one that came by an atomic rename or link (its ctime was later than its
 * mtime when it was first seen: writing sets both, a rename only the ctime) and has no writer, and one that stayed unchanged
 * long enough and has no writer. Invariant: no wall clock takes part, so a file dated 1970 or 2100 settles like any other;
 * the memory holds one small entry per file that is there, no more.
 */

import { Buffer } from 'node:buffer';
import type { RoleFolder } from '#core/names.ts';
import type { FileFacts } from '#core/ports.ts';
import type { Waiting } from '#core/spool.ts';
import type { SpoolSettings } from './limits.ts';

export type Sight = {
  /** Which bytes: inode, size, mtime. A rename or chmod leaves it. */
  readonly content: string;
  /** `content` and ctime: what a `Waiting` carries. */
  readonly key: string;
  readonly sizeBytes: number;
  nlink: number;
  /** Monotonic, of the first sight of this key. */
  readonly sinceMs: number;
  readonly isAtomic: boolean;
  isSettled: boolean;
  /** Monotonic, of the last lstat. */
  lookedAtMs: number;
  /** Number of the last scan that met it. */
  scan: number;
  /** What the last scan answered for this key: ten thousand waiting files are not described anew each time. */
  waiting: Waiting | null;
};

/** What is remembered of all in/ folders: bounded by what lies there, pruned by each scan. */
export type Sights = {
  readonly byName: Map<string, Sight>;
  /** Contents that drop() of this process put in whole: content -> monotonic time of the announcement. */
  readonly announced: Map<string, number>;
  scans: number;
};

export const makeSights = (): Sights => ({ byName: new Map(), announced: new Map(), scans: 0 });

/** An announcement that no scan met after this long is dropped: its file was taken away. */
const ANNOUNCED_MS = 60_000;

/** One text per entry of in/: its bytes, one character each. */
export const sightName = (folder: RoleFolder, raw: Uint8Array): string =>
  `${folder}/${Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('latin1')}`;

/** Joined, not added up: a sum of texts keeps all its parts in memory. */
export const contentOf = ({ dev, ino, sizeBytes, mtimeNs }: FileFacts): string => [dev, ino, sizeBytes, mtimeNs].join('.');
export const keyOf = ({ dev, ino, sizeBytes, mtimeNs, ctimeNs }: FileFacts): string => [dev, ino, sizeBytes, mtimeNs, ctimeNs].join('.');

/** The new memory of a file that was just looked at. */
export function look(before: Sight | undefined, facts: FileFacts, nowMs: number): Sight {
  const key = keyOf(facts);
  if (before?.key === key) {
    // In place: ten thousand new objects per scan would be the most of what the collector has to do.
    before.nlink = facts.nlink;
    before.lookedAtMs = nowMs;
    return before;
  }
  const content = contentOf(facts);
  // Same bytes, other ctime: a chmod, or the second half of link-and-unlink. It stays what it was at first sight.
  const isSameBytes = before?.content === content;
  return {
    content,
    key,
    sizeBytes: facts.sizeBytes,
    nlink: facts.nlink,
    sinceMs: nowMs,
    isAtomic: isSameBytes ? before.isAtomic : isFirstSightAtomic(before, facts),
    isSettled: isSameBytes && before.isSettled,
    lookedAtMs: nowMs,
    scan: 0,
    waiting: null,
  };
}

/** Other bytes in the inode that was here before were written in place, whatever its times say. */
function isFirstSightAtomic(before: Sight | undefined, facts: FileFacts): boolean {
  const isSameInode = before?.content.startsWith(`${String(facts.dev)}.${String(facts.ino)}.`) === true;
  return !isSameInode && facts.ctimeNs > facts.mtimeNs;
}

/** What this system can say about writers, and how long a file must lie still because of it. */
export type SettleRule = { readonly waitMs: number; readonly trustsRename: boolean };

/** @param isNetwork files come from machines whose writers and renames are not seen here @param seesWriters false: the system cannot list writers */
export function settleRule(settings: SpoolSettings, isNetwork: boolean, seesWriters: boolean): SettleRule {
  if (isNetwork) return { waitMs: settings.settleNetworkMs, trustsRename: false };
  return seesWriters ? { waitMs: settings.settleMs, trustsRename: true } : { waitMs: settings.settleMs * 2, trustsRename: false };
}

/** Milliseconds until this file has settled if nobody writes to it; 0: it has. */
export function settlesInMs(sight: Sight, rule: SettleRule, isAnnounced: boolean, nowMs: number): number {
  if (sight.isSettled || isAnnounced) return 0;
  // A second link may be a producer's link-and-unlink half way, or another name under which somebody still writes.
  if (rule.trustsRename && sight.isAtomic && sight.nlink === 1) return 0;
  return Math.max(0, Math.ceil(rule.waitMs - (nowMs - sight.sinceMs)));
}

/** Forgets what the scan of this number did not meet. */
export function prune(sights: Sights, scan: number, nowMs: number): void {
  for (const [name, sight] of sights.byName) if (sight.scan !== scan) sights.byName.delete(name);
  for (const [content, atMs] of sights.announced) if (nowMs - atMs > ANNOUNCED_MS) sights.announced.delete(content);
}
