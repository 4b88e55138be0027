/**
 * A look at the in/ folders. Events only wake, this decides what is there. A folder is gone through when it may have changed (listing.ts); only
 * names that may be prompts cost an lstat, so a folder with a million `.processed` files stays cheap. Nothing is opened here.
 *
 * A whole scan looks at everything; one for names that were noticed looks at these, and at what settles or was put off.
 * Invariant: a folder that cannot be read stops its own role, no other; what is told is what was there at its last lstat.
 */

import { Buffer, isUtf8 } from 'node:buffer';
import path from 'node:path';
import type { Failure } from '#core/failure.ts';
import type { RoleName } from '#core/names.ts';
import type { FileFacts } from '#core/ports.ts';
import type { ScanOptions, ScanResult, Waiting } from '#core/spool.ts';
import { checkFolders, folderFailure, mustBeHome, ROLE_FAULTS } from './folder-faults.ts';
import { giveBackOwed } from './give-back.ts';
import { isPromptText } from './layout.ts';
import { promptsIn } from './listing.ts';
import { mustBeOurs } from './owner.ts';
import { makeReady } from './prepare.ts';
import { codeOf, inBatches, type Parts, type SpoolRole } from './parts.ts';
import { contentIn, keyOf } from './file-key.ts';
import {
  countGone,
  countKnown,
  forget,
  forgetAnnouncements,
  knownIn,
  look,
  settleRule,
  settlesInMs,
  splitSight,
  type Heard,
  type Settling,
  type Sights,
} from './settle.ts';
import type { More, WaitingFile } from './waiting-file.ts';

/**
 * Of more waiting files than this in all, settled ones are looked at again only after a while, and only so many in one scan: an edit in place
 * that no event told of is seen late. A claim looks anyway.
 */
const MANY = 256;
const LOOK_AGAIN_MS = 30_000;
const LOOKS_AGAIN_MAX = 500;
const LSTATS_AT_ONCE = 64;

type Scan = {
  readonly number: number;
  readonly isWhole: boolean;
  readonly looksMax: number;
  /** By role, by name. */
  readonly heard: ReadonlyMap<string, ReadonlyMap<string, Heard>>;
  readonly again: ReadonlyMap<SpoolRole, readonly string[]>;
};
/** A file that is not settled yet. */
type Candidate = {
  readonly role: SpoolRole;
  readonly name: string;
  readonly facts: FileFacts;
  readonly settling: Settling | null;
  readonly isAnnounced: boolean;
  readonly file: string | null;
};

export async function scan(parts: Parts, options: ScanOptions = {}): Promise<ScanResult> {
  const { sights } = parts;
  const isWhole = options.isWhole !== false;
  const given: Scan = {
    number: ++sights.scans,
    isWhole,
    looksMax: options.looksMax ?? Number.POSITIVE_INFINITY,
    heard: heardOf(parts, options),
    again: isWhole ? settledToSeeAgain(parts) : new Map(),
  };
  const faults: { role: RoleName; failure: Failure }[] = [];
  let putOff = 0;
  for (const role of parts.roles) {
    const unready = parts.unready.get(role.folder);
    const failure = unready === undefined || !isWhole ? unready : await makeReady(parts, role);
    if (failure !== undefined && failure !== null) {
      faults.push({ role: role.name, failure });
      continue;
    }
    try {
      await scanRole(parts, role, given);
      putOff += sights.putOff.get(role.folder)?.length ?? 0;
    } catch (error) {
      const code = codeOf(error);
      if (!ROLE_FAULTS.has(code)) throw error;
      forgetRole(parts, role);
      faults.push({ role: role.name, failure: folderFailure(parts.layout.in(role.folder), code, error) });
    }
  }
  forgetAnnouncements(sights, parts.clock.monotonicMs());
  return { waiting: answer(parts), putOff, againInMs: againInMs(parts), faults };
}

function heardOf(parts: Parts, options: ScanOptions): Map<string, Map<string, Heard>> {
  const heard = new Map<string, Map<string, Heard>>();
  const of = (folder: string): Map<string, Heard> => {
    const there = heard.get(folder) ?? new Map<string, Heard>();
    heard.set(folder, there);
    return there;
  };
  for (const at of parts.sights.touched) {
    const [folder, name] = splitSight(at);
    of(folder).set(name, null);
  }
  parts.sights.touched.clear();
  if (options.hasMissed === true) for (const { folder, name } of parts.sights.open) of(folder).set(name, 'written');
  for (const { folder, name, isWritten } of options.noticed ?? []) {
    if (!isPromptText(name)) continue;
    const ofRole = of(folder);
    ofRole.set(name, isWritten || ofRole.get(name) === 'written' ? 'written' : 'came');
  }
  return heard;
}

function settledToSeeAgain(parts: Parts): Map<SpoolRole, string[]> {
  const again = new Map<SpoolRole, string[]>();
  const nowMs = parts.clock.monotonicMs();
  const isMany = countKnown(parts.sights) > MANY;
  let left = isMany ? LOOKS_AGAIN_MAX : MANY;
  for (const role of parts.roles) {
    const names: string[] = [];
    again.set(role, names);
    for (const sight of knownIn(parts.sights, role).values()) {
      if (left === 0) return again;
      if (sight.settling !== null || (isMany && nowMs - sight.lookedAtMs < LOOK_AGAIN_MS)) continue;
      names.push(sight.name);
      left--;
    }
  }
  return again;
}

/** What could not be read is not there; when it can be again, all of it is new. */
function forgetRole(parts: Parts, role: SpoolRole): void {
  parts.listings.delete(role.folder);
  parts.sights.putOff.delete(role.folder);
  // Another file system may be mounted there next time.
  parts.network.delete(role.folder);
  for (const { name } of knownIn(parts.sights, role).values()) forget(parts.sights, role.folder, name);
}

async function scanRole(parts: Parts, role: SpoolRole, given: Scan): Promise<void> {
  const { sights } = parts;
  const isNetwork = await isNetworkFolder(parts, role);
  const { layout } = parts;
  await giveBackOwed(parts, role.folder);
  if (given.isWhole || !parts.listings.has(role.folder)) {
    await listRole(parts, role, given.number, isNetwork);
    const others = [layout.work(role.folder), layout.out(role.folder), layout.archive(role.folder)];
    await checkFolders(parts.fs, layout.in(role.folder), others);
    await mustBeOurs(parts, layout.in(role.folder));
    await mustBeHome(parts, role.folder, 'work');
  }
  const known = knownIn(sights, role);
  const heard = given.heard.get(role.folder);
  const names = new Set<string>(heard?.keys());
  for (const sight of sights.open) if (sight.of === role && isDue(parts, sight, given)) names.add(sight.name);
  for (const name of given.again.get(role) ?? []) names.add(name);
  const putOff = sights.putOff.get(role.folder) ?? [];
  for (let name = putOff.pop(); name !== undefined; name = putOff.pop()) {
    if (!known.has(name)) names.add(name);
    if (names.size >= given.looksMax) break;
  }
  const looked = await inBatches([...names], LSTATS_AT_ONCE, (name) => lookAt(parts, role, name, heard?.get(name) ?? null));
  await settle(
    parts,
    looked.filter((one) => one !== null),
    isNetwork,
  );
}

/** While a few files settle all of them are looked at each time, so that a change starts the wait again at once. */
const isDue = (parts: Parts, sight: WaitingFile, given: Scan): boolean =>
  (given.isWhole && parts.sights.open.size <= MANY) || (sight.settling?.againAtMs ?? 0) <= parts.clock.monotonicMs();

/**
 * Names that are new are put off; what is not there any more is forgotten. A large folder whose names were not all looked at yet is not gone through
 * meanwhile: with a hundred thousand files that was most of the work of the first look. What comes is told by events, what went by its lstat.
 */
async function listRole(parts: Parts, role: SpoolRole, number: number, isNetwork: boolean): Promise<void> {
  const { sights } = parts;
  const { folder } = role;
  if (parts.listings.get(folder)?.isLarge === true && (sights.putOff.get(folder)?.length ?? 0) > 0) return;
  const known = knownIn(sights, role);
  const fresh: string[] = [];
  const request = {
    folder,
    path: parts.layout.in(folder),
    now: () => parts.clock.monotonicMs(),
    isNetwork,
    isDoubtful: !parts.listings.has(folder),
  };
  const most = parts.settings.waitingMax ?? Number.POSITIVE_INFINITY;
  const kept = known.size;
  let unseen = 0;
  const isListed = await promptsIn(parts.listings, parts.fs, request, (name) => {
    const sight = known.get(name);
    if (sight !== undefined) sight.setSeen(sight.lookedAtMs, number);
    else if (kept + fresh.length < most) fresh.push(name);
    else unseen++;
  });
  if (!isListed) return;
  tellUnseen(parts, role, unseen);
  for (const sight of known.values()) if (sight.scan !== number) forget(sights, folder, sight.name);
  sights.putOff.set(
    folder,
    fresh.toSorted((a, b) => (a < b ? 1 : -1)),
  );
}

/** Told when it begins, not at each look. A file that is taken changes the folder, so it is listed again when there is room. */
function tellUnseen({ sights, settings, log, layout }: Parts, { folder }: SpoolRole, unseen: number): void {
  const isNew = unseen > 0 && !sights.crowded.has(folder);
  if (unseen > 0) sights.crowded.add(folder);
  else sights.crowded.delete(folder);
  if (isNew)
    log.warn(
      `${layout.in(folder)} holds ${String(unseen)} files more than limits.waiting (${String(settings.waitingMax)}): they have their turn when there is room`,
    );
}

/** lstat and memory of one entry; null: gone meanwhile, settled, refused, or a folder (left alone: it may still be being copied). */
async function lookAt(parts: Parts, role: SpoolRole, name: string, heard: Heard): Promise<Candidate | null> {
  const { sights } = parts;
  const before = knownIn(sights, role).get(name);
  const raw = Buffer.from(name, 'latin1');
  const file = isUtf8(raw) ? `${parts.layout.in(role.folder)}${path.sep}${raw.toString()}` : null;
  const facts = await parts.fs.facts(file ?? parts.layout.entry(role.folder, raw));
  if (facts === null || facts.kind === 'folder') {
    forget(sights, role.folder, name);
    return null;
  }
  const nowMs = parts.clock.monotonicMs();
  const key = keyOf(facts);
  if (facts.kind !== 'file') {
    if (before?.key === key) return null;
    const refusal = `${refusalOf(facts.kind === 'link' ? 'link' : 'other')}, not a file: it is not opened`;
    remember(sights, { role, name, facts }, refusal, null, nowMs);
    return null;
  }
  const settling = look(before, facts, key, nowMs, heard, sights.returned.size > 0 && sights.returned.has(facts.ino));
  if (before !== undefined && before.key === key) {
    before.setSeen(Math.floor(nowMs), before.scan);
    if (settling === null) return null;
  }
  return {
    role,
    name,
    facts,
    settling,
    isAnnounced: sights.announced.size > 0 && sights.announced.has(contentIn(key)),
    file,
  };
}

type Found = Pick<Candidate, 'role' | 'name' | 'facts'>;

function remember(sights: Sights, { role, name, facts }: Found, more: More, settling: Settling | null, nowMs: number): void {
  const known = knownIn(sights, role);
  const before = known.get(name);
  // The number of this scan: what is seen for the first time was met by its listing, or will be by the next.
  const number = before?.scan ?? sights.scans;
  const waiting = known.put(name, facts, more, settling);
  waiting.setSeen(Math.floor(nowMs), number);
  if (before !== undefined) countGone(sights, before);
  sights.fresh.push(waiting);
  if (settling !== null) sights.open.add(waiting);
  sights.changes++;
}

/** Why something that is no regular file is not opened. */
export const refusalOf = (kind: 'link' | 'other' | 'folder'): string =>
  ({ link: 'a symbolic link', other: 'a FIFO, a socket or a device', folder: 'a folder' })[kind];

async function settle(parts: Parts, candidates: readonly Candidate[], isNetwork: boolean): Promise<void> {
  const { sights, settings } = parts;
  const hopeful = settleRule(settings, isNetwork, true);
  // One moment for all of it: a file whose time comes while writers are asked for was not asked about.
  const nowMs = parts.clock.monotonicMs();
  const still = candidates.filter(
    (one) => one.settling !== null && !one.isAnnounced && settlesInMs(one.settling, hopeful, false, nowMs) === 0,
  );
  const files = still.flatMap((one) => one.file ?? []);
  const writers = isNetwork || files.length === 0 ? new Set<string>() : await parts.fs.openForWriting(files);
  const rule = settleRule(settings, isNetwork, writers !== null);
  const blind = settleRule(settings, isNetwork, false);
  for (const candidate of candidates) {
    const { settling, isAnnounced, file } = candidate;
    const againMs = settlesInMs(settling, file === null ? blind : rule, isAnnounced, nowMs);
    const isHeld = settling !== null && file !== null && writers?.has(file) === true;
    if (settling === null || (!isHeld && againMs === 0)) {
      remember(sights, candidate, null, null, nowMs);
      continue;
    }
    const inMs = isHeld ? Math.max(rule.waitMs, 50) : Math.max(againMs, 1);
    remember(sights, candidate, inMs, { ...settling, againAtMs: Math.ceil(nowMs + inMs) }, nowMs);
  }
}

/** The same array as the last time when nothing changed. */
function answer({ sights }: Parts): readonly Waiting[] {
  if (sights.answered === sights.changes) return sights.order;
  const all = sights.order.concat(sights.fresh);
  sights.order = sights.gone > 0 ? all.filter(({ isGone }) => !isGone) : all;
  sights.fresh = [];
  sights.gone = 0;
  sights.answered = sights.changes;
  return sights.order;
}

/** Milliseconds until the first of those that settle is worth looking at again. */
function againInMs({ sights, clock }: Parts): number | null {
  let firstMs = Number.POSITIVE_INFINITY;
  for (const { settling } of sights.open) firstMs = Math.min(firstMs, settling?.againAtMs ?? firstMs);
  return Number.isFinite(firstMs) ? Math.max(1, Math.ceil(firstMs - clock.monotonicMs())) : null;
}

async function isNetworkFolder(parts: Parts, role: SpoolRole): Promise<boolean> {
  const known = parts.network.get(role.folder);
  if (known !== undefined) return known;
  const { network } = await parts.fs.fileSystem(parts.layout.in(role.folder));
  parts.network.set(role.folder, network);
  return network;
}
