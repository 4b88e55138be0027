/**
 * Which record is the newest of the repository and of each feature, for the two hashes that the next record names. Read from the commits, each
 * once, only as far back as somebody asks; what is known is noted in `.git/docket/features` now and then, so that a start does not walk
 * a long history again. The note is nothing but a saving: it is believed only when its commit is met on the way along first parents.
 *
 *   nothing known -> (first question) the newest commits walked -> as far as a feature asks -> the note met, or the first commit: complete
 * Invariant: `recent` has the newest record of every feature that has one between `top` and where the walk stands; `noted` what lies below it.
 */

import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Sha256 } from '#core/names.ts';
import { featureKeyOf, firstParents, hashOfCommit, linkOf, newestLink, type PlacedLink, type Step } from './chain.ts';
import { decodeCommit, isOid, type Oid } from './objects.ts';
import type { Repository } from './repository.ts';

/** A short history is known at once, and so noted from its beginning. */
const FIRST_LOOK = 256;
/** A note is written after so many records; after a kill so many are walked again at most. */
const NOTE_EVERY = 4_000;
/** At the end of a daemon that wrote so many. */
const NOTE_AT_END = 100;

const MAGIC = Buffer.from('docket-features1', 'latin1');
const KEY_BYTES = 8;
const ID_BYTES = 20;
const ENTRY_BYTES = KEY_BYTES + ID_BYTES;
const SUM_BYTES = 32;
const HEAD_BYTES = MAGIC.length + ID_BYTES;
const NOTE_BYTES_MAX = 256 * 1024 * 1024;

type Newest = Pick<PlacedLink, 'commit' | 'hash'>;
/** Sorted entries: first bytes of the feature's SHA-256, id of its newest record. */
type Note = { readonly top: Oid; readonly entries: Buffer };

export type ChainHeads = {
  /** Of the newest link at this tip. */
  newest(tip: Oid): Promise<Sha256 | null>;
  newestInFeature(tip: Oid, feature: string): Promise<Sha256 | null>;
  /** Told by the writer: these records are on top of `from` now. */
  advance(from: Oid, to: Oid, links: readonly PlacedLink[]): void;
  /** Resolves when what is worth noting is noted. */
  close(): Promise<void>;
};

const sha256 = (bytes: Uint8Array | string): Buffer => createHash('sha256').update(bytes).digest();
const keyOf = (feature: string): Buffer => sha256(feature).subarray(0, KEY_BYTES);

function positionOf({ entries }: Note, key: Buffer): number {
  let low = 0;
  let high = entries.length / ENTRY_BYTES - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const order = entries.compare(key, 0, KEY_BYTES, middle * ENTRY_BYTES, middle * ENTRY_BYTES + KEY_BYTES);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

function parseNote(bytes: Buffer): Note | null {
  const body = bytes.subarray(0, -SUM_BYTES);
  if (body.length < HEAD_BYTES || !body.subarray(0, MAGIC.length).equals(MAGIC) || !sha256(body).equals(bytes.subarray(-SUM_BYTES)))
    return null;
  const top = body.toString('hex', MAGIC.length, HEAD_BYTES);
  return isOid(top) && (body.length - HEAD_BYTES) % ENTRY_BYTES === 0 ? { top, entries: body.subarray(HEAD_BYTES) } : null;
}

/** What was noted, with what is known since. */
function noteOf(top: Oid, before: Note | null, recent: ReadonlyMap<string, Newest>): Note {
  const fresh = new Map<string, Buffer>();
  for (const [feature, { commit }] of recent) {
    const key = keyOf(feature);
    fresh.set(key.toString('hex'), Buffer.concat([key, Buffer.from(commit, 'hex')]));
  }
  const kept: Buffer[] = [...fresh.values()];
  const old = before?.entries ?? Buffer.alloc(0);
  for (let at = 0; at < old.length; at += ENTRY_BYTES)
    if (!fresh.has(old.toString('hex', at, at + KEY_BYTES))) kept.push(old.subarray(at, at + ENTRY_BYTES));
  return { top, entries: Buffer.concat(kept.toSorted((a, b) => a.compare(b))) };
}

export function makeChainHeads({ fs, store, stateDir, log }: Pick<Repository, 'fs' | 'store' | 'stateDir' | 'log'>): ChainHeads {
  const file = `${stateDir}/features`;
  /** What the next three speak of. */
  let top: Oid | null = null;
  let tipHash: Sha256 | null = null;
  let recent = new Map<string, Newest>();
  /** Where the walk stands; null: it is complete. */
  let older: AsyncGenerator<Step> | null = null;
  /** Met by the walk. */
  let noted: Note | null = null;
  let sinceNote = 0;
  let writing: Promise<void> = Promise.resolve();

  async function readNote(): Promise<Note | null> {
    try {
      const { bytes } = await fs.readBounded(file, NOTE_BYTES_MAX);
      return parseNote(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    } catch {
      return null;
    }
  }

  /** A generator that is complete at the note's commit, and keeps what it met in `recent`, newest first. */
  async function* walk(from: Oid, note: Note | null): AsyncGenerator<Step> {
    for await (const step of firstParents(store, from)) {
      if (step.oid === note?.top) {
        noted = note;
        return;
      }
      const { link } = step;
      if (link !== null && link.feature !== null && !recent.has(link.feature)) recent.set(link.feature, link);
      sinceNote++;
      yield step;
    }
  }

  /** @returns is there more? */
  async function stepOlder(): Promise<boolean> {
    if ((await older?.next())?.done === false) return true;
    older = null;
    return false;
  }

  async function restart(tip: Oid): Promise<void> {
    recent = new Map();
    noted = null;
    sinceNote = 0;
    older = walk(tip, await readNote());
    for (let steps = 0; steps < FIRST_LOOK && (await stepOlder()); steps++);
  }

  /** What others put on top since is read; whoever rewrote the branch makes us begin anew. */
  async function follow(tip: Oid): Promise<void> {
    if (top === tip) return;
    const before = top;
    top = null;
    const fresh = new Map<string, Newest>();
    let isAbove = false;
    if (before !== null)
      for await (const { oid, link } of firstParents(store, tip)) {
        isAbove = oid === before;
        if (isAbove) break;
        if (link !== null && link.feature !== null && !fresh.has(link.feature)) fresh.set(link.feature, link);
      }
    if (isAbove) {
      for (const [feature, newest] of fresh) recent.set(feature, newest);
      sinceNote += fresh.size;
    } else await restart(tip);
    tipHash = (await newestLink(store, tip))?.hash ?? null;
    top = tip;
  }

  /** Null: the note does not speak of it, or speaks of something else than it should. */
  async function fromNote(feature: string): Promise<Sha256 | null | 'wrong'> {
    if (noted === null) return null;
    const at = positionOf(noted, keyOf(feature));
    if (at < 0) return null;
    const oid = noted.entries.toString('hex', at * ENTRY_BYTES + KEY_BYTES, (at + 1) * ENTRY_BYTES);
    const bytes = await store.readType(oid, 'commit').catch(() => null);
    if (bytes === null || linkOf(decodeCommit(bytes))?.feature !== feature) return 'wrong';
    const hash = hashOfCommit(bytes);
    recent.set(feature, { commit: oid, hash });
    return hash;
  }

  async function inFeature(tip: Oid, feature: string): Promise<Sha256 | null> {
    await follow(tip);
    for (;;) {
      const known = recent.get(feature);
      if (known !== undefined) return known.hash;
      if (older === null) break;
      await stepOlder();
    }
    const hash = await fromNote(feature);
    if (hash !== 'wrong') return hash;
    log.debug(`${file} is of no use: the history is walked again`);
    recent = new Map();
    noted = null;
    older = walk(tip, null);
    while (await stepOlder());
    return recent.get(feature)?.hash ?? null;
  }

  async function write(note: Note): Promise<void> {
    const body = Buffer.concat([MAGIC, Buffer.from(note.top, 'hex'), note.entries]);
    const temporary = `${file}.new`;
    await fs.unlink(temporary).catch(() => undefined);
    // Not synced: a torn one has another sum, and all of it can be read from the commits.
    await fs.writeDerived(temporary, Buffer.concat([body, sha256(body)]), 0o600);
    await fs.rename(temporary, file);
  }

  function takeNote(): void {
    if (top === null || older !== null) return;
    const note = noteOf(top, noted, recent);
    noted = note;
    recent = new Map();
    sinceNote = 0;
    writing = writing
      .then(() => write(note))
      .catch((error: unknown) => {
        log.debug(`${file} was not written: ${String(error)}`);
      });
  }

  return {
    async newest(tip) {
      await follow(tip);
      return tipHash;
    },
    newestInFeature: (tip, feature) => inFeature(tip, featureKeyOf(feature)),
    advance(from, to, links) {
      if (top !== from) return;
      for (const link of links) if (link.feature !== null) recent.set(link.feature, link);
      tipHash = links.at(-1)?.hash ?? tipHash;
      top = to;
      sinceNote += links.length;
      if (sinceNote >= NOTE_EVERY) takeNote();
    },
    async close() {
      if (sinceNote >= NOTE_AT_END) takeNote();
      await writing;
    },
  };
}
