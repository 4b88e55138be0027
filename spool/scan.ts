/**
 * One look at all in/ folders. Events only wake, this decides what is there. One readdir per folder; only names that may be prompts
 * cost an lstat, so a folder with 100,000 `.processed` files stays cheap. Nothing is opened here.
 * Invariant: a folder that cannot be read stops its own role, no other.
 */

import { Buffer, isUtf8 } from 'node:buffer';
import path from 'node:path';
import type { RoleName } from '#core/names.ts';
import type { Failure } from '#core/failure.ts';
import type { DirEntry, FileFacts } from '#core/ports.ts';
import type { ScanResult, Waiting } from '#core/spool.ts';
import { shownName } from './layout.ts';
import { promptsIn, type Named } from './listing.ts';
import { codeOf, inBatches, type Parts, type SpoolRole } from './parts.ts';
import { keyOf, look, prune, settleRule, settlesInMs, type Sight } from './settle.ts';

/** Troubles of one folder that may heal: its role waits. Anything else (EIO above all) is thrown. */
const ROLE_FAULTS = new Set([
  'EACCES',
  'EPERM',
  'ENOENT',
  'ENOTDIR',
  'EROFS',
  'ENOSPC',
  'EDQUOT',
  'EMFILE',
  'ENFILE',
  'ESTALE',
  'ENOTCONN',
]);
/**
 * In a folder with more waiting files than this, a settled one is looked at again only after a while, and only so many in one scan:
 * who edits a file in place there waits half a minute until it is seen. A claim looks anyway.
 */
const MANY = 256;
const LOOK_AGAIN_MS = 30_000;
const LOOKS_MAX = 2_000;
const LSTATS_AT_ONCE = 64;

/** A prompt that may be there whole, if only nobody writes to it. */
type Candidate = {
  readonly role: SpoolRole;
  readonly entry: DirEntry;
  readonly name: string;
  readonly sight: Sight;
  readonly isAnnounced: boolean;
};

export async function scan(parts: Parts): Promise<ScanResult> {
  const waiting: Waiting[] = [];
  const faults: { role: RoleName; failure: Failure }[] = [];
  const number = ++parts.sights.scans;
  for (const role of parts.roles) {
    try {
      for (const one of await scanRole(parts, role, number)) waiting.push(one);
    } catch (error) {
      const code = codeOf(error);
      if (!ROLE_FAULTS.has(code)) throw error;
      faults.push({ role: role.name, failure: folderFailure(parts.layout.in(role.folder), code, error) });
    }
  }
  prune(parts.sights, number, parts.clock.monotonicMs());
  return { waiting, faults };
}

function folderFailure(folder: string, code: string, error: unknown): Failure {
  const mend = code === 'ENOENT' || code === 'ENOTDIR' ? 'make the folder again' : 'mend it; docket looks again by itself';
  const said = error instanceof Error ? error.message : String(error);
  return { kind: 'environment', what: 'a queue folder cannot be read', path: folder, code, message: `${said} (${mend})` };
}

async function scanRole(parts: Parts, role: SpoolRole, number: number): Promise<Waiting[]> {
  const folder = parts.layout.in(role.folder);
  const isNetwork = await isNetworkFolder(parts, role);
  const nowMs = parts.clock.monotonicMs();
  const entries = await promptsIn(parts.listings, parts.fs, role.folder, folder, nowMs, isNetwork);
  const found: Waiting[] = [];
  const toLook: Named[] = [];
  for (const named of entries) {
    const known = parts.sights.byName.get(named.name);
    const isFresh =
      entries.length > MANY && known !== undefined && (toLook.length >= LOOKS_MAX || nowMs - known.lookedAtMs < LOOK_AGAIN_MS);
    if (isFresh && known.isSettled && known.waiting !== null) {
      known.scan = number;
      found.push(known.waiting);
    } else toLook.push(named);
  }
  const candidates: Candidate[] = [];
  for (const one of await inBatches(toLook, LSTATS_AT_ONCE, (named) => lookAt(parts, role, named))) {
    if (one === null) continue;
    if ('refusal' in one) found.push(one);
    else {
      one.sight.scan = number;
      candidates.push(one);
    }
  }
  for (const one of await settle(parts, candidates, isNetwork)) found.push(one);
  return found;
}

/** lstat and memory of one entry; null: gone meanwhile, or a folder (left alone: it may still be being copied). */
async function lookAt(parts: Parts, role: SpoolRole, { entry, name }: Named): Promise<Candidate | Waiting | null> {
  const before = parts.sights.byName.get(name);
  const facts = await parts.fs.facts(parts.layout.entry(role.folder, entry.raw));
  if (facts === null || facts.kind === 'folder') return null;
  if (facts.kind !== 'file') return refusedEntry(role, entry, facts);
  const sight = look(before, facts, parts.clock.monotonicMs());
  parts.sights.byName.set(name, sight);
  return { role, entry, name, sight, isAnnounced: parts.sights.announced.has(sight.content) };
}

/** Why something that is no regular file is not opened. */
export const refusalOf = (kind: 'link' | 'other' | 'folder'): string =>
  ({ link: 'a symbolic link', other: 'a FIFO, a socket or a device', folder: 'a folder' })[kind];

const refusedEntry = (role: SpoolRole, entry: DirEntry, facts: FileFacts): Waiting => ({
  role: role.name,
  folder: role.folder,
  shownName: shownName(entry.raw),
  rawName: entry.raw,
  kind: 'refused',
  key: keyOf(facts),
  sizeBytes: facts.sizeBytes,
  againInMs: null,
  refusal: `${refusalOf(facts.kind === 'link' ? 'link' : 'other')}, not a file: it is not opened`,
});

async function settle(parts: Parts, candidates: readonly Candidate[], isNetwork: boolean): Promise<Waiting[]> {
  const hopeful = settleRule(parts.settings, isNetwork, true);
  // One moment for all of it: a file whose time comes while writers are asked for was not asked about.
  const nowMs = parts.clock.monotonicMs();
  const still = candidates.filter((one) => !one.sight.isSettled && !one.isAnnounced && settlesInMs(one.sight, hopeful, false, nowMs) === 0);
  const writers =
    isNetwork || still.length === 0 ? new Set<string>() : await parts.fs.openForWriting(still.flatMap((one) => pathOf(parts, one)));
  const rule = settleRule(parts.settings, isNetwork, writers !== null);
  return candidates.map((one) => {
    const file = pathOf(parts, one)[0];
    const againMs = settlesInMs(
      one.sight,
      file === undefined ? settleRule(parts.settings, isNetwork, false) : rule,
      one.isAnnounced,
      nowMs,
    );
    const isHeld = !one.sight.isSettled && file !== undefined && writers?.has(file) === true;
    const againInMs = isHeld ? Math.max(rule.waitMs, 50) : againMs > 0 ? Math.max(againMs, 1) : null;
    if (againInMs !== null) return waitingOf(one, againInMs);
    const waiting = one.sight.waiting ?? waitingOf(one, null);
    one.sight.isSettled = true;
    one.sight.waiting = waiting;
    return waiting;
  });
}

/** The path of a name that is text; writers of others cannot be asked for. */
const pathOf = (parts: Parts, one: Candidate): string[] =>
  isUtf8(one.entry.raw) ? [path.join(parts.layout.in(one.role.folder), Buffer.from(one.entry.raw).toString())] : [];

const waitingOf = (one: Candidate, againInMs: number | null): Waiting => ({
  role: one.role.name,
  folder: one.role.folder,
  shownName: shownName(one.entry.raw),
  rawName: one.entry.raw,
  kind: againInMs === null ? 'file' : 'settling',
  key: one.sight.key,
  sizeBytes: one.sight.sizeBytes,
  againInMs,
  refusal: null,
});

async function isNetworkFolder(parts: Parts, role: SpoolRole): Promise<boolean> {
  const known = parts.network.get(role.folder);
  if (known !== undefined) return known;
  const { network } = await parts.fs.fileSystem(parts.layout.in(role.folder));
  parts.network.set(role.folder, network);
  return network;
}
