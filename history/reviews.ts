/**
 * All that people said, read back: each verdict and closing that a commit of docket states, from the file that lies in the tip.
 * The commits say what there is and in which order; a file counts when its SHA-256 is the one stated and it can be understood. When the tip moves only
 * the new commits are read, and each file once.
 *
 *   nothing known -> (first question) the note of before and what is on top of it, or all commits -> (the tip moved) what came on top
 *   merged, rewritten, a commit of a person -> all anew
 * Invariant: `said` is what the commits up to `top` state, oldest first; a file that was read for it lies in the tree of `top`.
 */

import type { Written } from '#core/history.ts';
import type { Digest, Log } from '#core/ports.ts';
import { identityKey } from '#core/prompt.ts';
import type { Closing, Judged, Promotion, Verdict } from '#core/verdict.ts';
import { parseAllowedSigners, type AllowedSigner } from './allowed-signers.ts';
import * as layout from './layout.ts';
import { featureKey, roleKey } from './log.ts';
import { parseMessage, parseRecord } from './message.ts';
import type { Oid } from './objects.ts';
import { walkCommits } from './record-index.ts';
import { readTip } from './ref.ts';
import type { Repository } from './repository.ts';
import { parseReviewFile, type Review } from './review-format.ts';
import { fileIn, readNote, restOf, writeNote, type NotedFile } from './review-note.ts';
import { parseReview, type ReviewFacts } from './review-message.ts';
import { checkReviewSignature } from './review-signature.ts';
import type { WrittenReview } from './review.ts';
import type { Snapshot } from './snapshot.ts';

type Said = {
  readonly facts: ReviewFacts;
  readonly commit: Oid;
  read: NotedFile | null | 'unread';
  /** In the note: what was read of it. */
  readonly rest: string;
};
type At = { readonly commit: Oid; readonly snapshot: Snapshot };
type Filter = { readonly feature?: string; readonly role?: string };

export type Reviews = {
  verdicts(at: At, filter: Filter): Promise<readonly Judged[]>;
  closings(at: At, feature: string | null): Promise<readonly Closing[]>;
  promotions(at: At, feature: string | null): Promise<readonly Promotion[]>;
  /** Both kinds, in the order in which they were recorded. */
  all(at: At, filter: Filter): Promise<readonly (NotedFile & { readonly commit: Oid })[]>;
  /** Which commit states a file that was there before. Throws `code: 'EVERDICT'` when none does. */
  written(at: At, file: WrittenReview): Promise<Written>;
  /** Told by the writer: these commits, and nothing that a person said, are on top of `from` now. */
  advance(from: Oid, to: Oid): void;
};

const keyOf = (facts: ReviewFacts): string =>
  `${facts.kind === 'verdict' ? identityKey(facts.identity) : `${facts.feature.toLowerCase()} ${facts.kind}`} ${facts.sha256}`;

const isVerdict = ({ facts }: Said): boolean => facts.kind === 'verdict';
const isClosing = ({ facts }: Said): boolean => facts.kind === 'closing' || facts.kind === 'reopening';
const isPromotion = ({ facts }: Said): boolean => facts.kind === 'promotion';

const asTold = (error: string, path: string): string => `${path} is no verdict and counts as nothing: ${error}`;

/** So many commits walked, or files read, are worth a new note. */
const NOTE_AFTER = 500;

/**
 * @param place where the note lies; null: none is used
 * @param signers the text of an allowed_signers file, asked for when the tip has moved: only what somebody on it signed counts. Null: signatures are not asked for
 */
export function makeReviews(
  { store, digest, log }: Pick<Repository, 'store'> & { readonly digest: Pick<Digest, 'sha256'>; readonly log: Pick<Log, 'warn'> },
  place: Pick<Repository, 'fs' | 'gitDir' | 'stateDir'> | null,
  signers: (() => Promise<string>) | null,
): Reviews {
  let top: Oid | null = null;
  let said: Said[] = [];
  /** The same, by the feature's id in small letters. */
  let inFeature = new Map<string, Said[]>();
  let known = new Set<string>();
  let sinceNote = 0;
  let trusted: { readonly text: string; readonly list: readonly AllowedSigner[] } | null = null;
  /** By blob: files are read once, also when all is walked anew. Null: it is no verdict. */
  const blobs = new Map<Oid, { readonly sha256: string; readonly review: Review | null }>();
  const told = new Set<string>();

  /** Newest first. Null: it cannot be told by what is on top of `top` alone. */
  async function newer(tip: Oid): Promise<Said[] | null> {
    const fresh: Said[] = [];
    let isAbove = top === null;
    for await (const { oid, commit } of walkCommits(store, [tip], top)) {
      const { trailers } = parseMessage(commit.message);
      const facts = parseReview(trailers);
      sinceNote++;
      if (facts !== null) fresh.push({ facts, commit: oid, read: 'unread', rest: '' });
      if (top === null) continue;
      // A merge brings commits from below along; a person's commit may have changed any file.
      if (commit.parents.length > 1 || (facts === null && parseRecord(trailers) === null)) return null;
      isAbove ||= commit.parents.includes(top);
    }
    return isAbove ? fresh : null;
  }

  async function follow(tip: Oid): Promise<void> {
    if (top === tip) return;
    if (signers !== null) takeSigners(await signers());
    if (top === null) await takeNote();
    if (hasComeTo(tip)) return;
    let fresh = await newer(tip);
    if (fresh === null) {
      forget();
      fresh = (await newer(tip)) ?? [];
    }
    for (const one of fresh.toReversed()) add(one);
    top = tip;
  }

  /** A list that cannot be understood trusts nobody. */
  function takeSigners(text: string): void {
    if (text === trusted?.text) return;
    const parsed = parseAllowedSigners(text);
    if (!parsed.ok) tell(`the allowed signers cannot be understood, so no verdict counts: ${parsed.error}`);
    trusted = { text, list: parsed.ok ? parsed.value : [] };
    for (const one of said) one.read = 'unread';
  }

  /** Null: it may count. */
  function whyUntrusted(review: Review): string | null {
    if (trusted === null) return null;
    const checked = checkReviewSignature(review, trusted.list);
    if (checked.ok) return checked.value === null ? 'it is not signed, and signing is required' : null;
    return checked.error.words;
  }

  // Asked again after the note was read, so what the compiler knew before it does not count.
  const hasComeTo = (tip: Oid): boolean => top === tip;

  function forget(): void {
    top = null;
    said = [];
    inFeature = new Map();
    known = new Set();
  }

  function add(one: Said): void {
    const key = keyOf(one.facts);
    if (known.has(key)) return;
    known.add(key);
    said.push(one);
    const feature = one.facts.feature.toLowerCase();
    const beside = inFeature.get(feature);
    if (beside === undefined) inFeature.set(feature, [one]);
    else beside.push(one);
  }

  async function takeNote(): Promise<void> {
    const noted = place === null ? null : await readNote(place.fs, place.stateDir);
    if (noted === null) return;
    for (const { commit, facts, rest } of noted.rows) add({ facts, commit, rest, read: 'unread' });
    top = noted.tip;
  }

  async function note(tip: Oid): Promise<void> {
    if (place === null || sinceNote < NOTE_AFTER) return;
    sinceNote = 0;
    const rows = said.map(({ commit, facts, read, rest }) => ({
      commit,
      facts,
      rest: read === 'unread' || read === null ? rest : restOf(read),
    }));
    await writeNote(place.fs, place.stateDir, { tip, rows }, async () => (await readTip(place.fs, place.gitDir)) === tip);
  }

  async function readBlob(oid: Oid, path: string): Promise<{ readonly sha256: string; readonly review: Review | null }> {
    const before = blobs.get(oid);
    if (before !== undefined) return before;
    const bytes = await store.readType(oid, 'blob');
    const parsed = parseReviewFile(bytes);
    if (!parsed.ok) tell(asTold(parsed.error, path));
    const made = { sha256: digest.sha256(bytes), review: parsed.ok ? parsed.value : null };
    blobs.set(oid, made);
    return made;
  }

  function tell(words: string): void {
    if (told.has(words)) return;
    told.add(words);
    log.warn(words);
  }

  async function readFile(snapshot: Snapshot, facts: ReviewFacts): Promise<{ readonly path: string; readonly review: Review } | null> {
    const first = facts.kind === 'verdict' ? layout.reviewFile(facts.identity.revision) : layout.closingFile(facts.kind);
    for (const folder of await foldersOf(snapshot, facts))
      // Mostly it is the first one; a folder of many revisions is listed only for a file with a number.
      for await (const { path, oid } of candidates(snapshot, folder, first)) {
        const { sha256, review } = await readBlob(oid, path);
        if (sha256 !== facts.sha256 || review === null) continue;
        if (isAbout(facts, review)) return { path, review };
        tell(asTold('it is about something else than its commit says', path));
        return null;
      }
    tell(
      `a ${facts.kind} of ${facts.feature} that was recorded is not in the tip as it was written, and counts as nothing (docket verify)`,
    );
    return null;
  }

  function chosen({ feature, role }: Filter): readonly Said[] {
    const found = feature === undefined ? said : (inFeature.get(featureKey(feature)) ?? []);
    if (role === undefined) return found;
    const wanted = roleKey(role);
    return found.filter(({ facts }) => facts.kind === 'verdict' && facts.identity.role === wanted);
  }

  async function readOne(snapshot: Snapshot, one: Said): Promise<void> {
    const noted = fileIn(one.rest);
    const read = noted ?? (await readFile(snapshot, one.facts));
    if (noted === null) sinceNote++;
    const why = read === null ? null : whyUntrusted(read.review);
    if (read !== null && why !== null) tell(asTold(why, read.path));
    one.read = why === null ? read : null;
  }

  /** One at a time: a walk that is under way has one place. */
  let turn: Promise<unknown> = Promise.resolve();
  async function all(at: At, filter: Filter, isMeant: (one: Said) => boolean = () => true): Promise<readonly Said[]> {
    const mine = turn.then(async () => {
      await follow(at.commit);
      const found = chosen(filter).filter(isMeant);
      for (const one of found) if (one.read === 'unread') await readOne(at.snapshot, one);
      await note(at.commit);
      return found;
    });
    turn = mine.catch(() => undefined);
    return mine;
  }

  return {
    async verdicts(at, filter) {
      const found: Judged[] = [];
      for (const { facts, commit, read } of await all(at, filter, isVerdict))
        if (facts.kind === 'verdict' && read !== null && read !== 'unread' && read.review.kind === 'verdict')
          found.push({ verdict: read.review, identity: facts.identity, path: read.path, commit });
      return found;
    },
    async closings(at, feature) {
      const found: Closing[] = [];
      for (const { read } of await all(at, feature === null ? {} : { feature }, isClosing))
        if (read !== null && read !== 'unread' && (read.review.kind === 'closing' || read.review.kind === 'reopening'))
          found.push(read.review);
      return found;
    },
    async promotions(at, feature) {
      const found: Promotion[] = [];
      for (const { read } of await all(at, feature === null ? {} : { feature }, isPromotion))
        if (read !== null && read !== 'unread' && read.review.kind === 'promotion') found.push(read.review);
      return found;
    },
    async all(at, filter) {
      return (await all(at, filter)).flatMap(({ commit, read }) => (read === null || read === 'unread' ? [] : [{ ...read, commit }]));
    },
    async written(at, { path, sha256 }) {
      const stated = (await all(at, {})).find(({ facts, read }) => facts.sha256 === sha256 && read !== null && read !== 'unread');
      if (stated !== undefined) return { path, commit: stated.commit };
      throw Object.assign(new Error(`${path} lies in the history already, and no commit of docket speaks of it: look at docket verify`), {
        code: 'EVERDICT',
      });
    },
    advance(from, to) {
      const before = turn;
      turn = (async () => {
        await before;
        if (top === from) top = to;
      })();
    },
  };
}

/** `review_v2.json`, then `review_v2_2.json` … as far as there is one; then what else has such a name (a merge may leave a gap). */
async function* candidates(
  snapshot: Snapshot,
  folder: string,
  first: string,
): AsyncGenerator<{ readonly path: string; readonly oid: Oid }> {
  const stem = first.slice(0, -'.json'.length);
  const one = await snapshot.file(`${folder}/${first}`);
  if (one !== null) yield { path: `${folder}/${first}`, oid: one };
  for (const { name, kind, oid } of (await snapshot.list(folder)) ?? [])
    if (kind === 'file' && name !== first && name.startsWith(`${stem}_`) && layout.parseReviewPath(`${folder}/${name}`) !== null)
      yield { path: `${folder}/${name}`, oid };
}

function isAbout(facts: ReviewFacts, review: Review): boolean {
  if (facts.kind === 'promotion' && (review.kind !== 'promotion' || review.to !== facts.to)) return false;
  if (facts.kind !== 'verdict') return review.kind === facts.kind && review.feature.toLowerCase() === facts.feature.toLowerCase();
  return review.kind === 'verdict' && isSameVerdict(facts, review);
}

const isSameVerdict = ({ identity, job, verdict }: Extract<ReviewFacts, { kind: 'verdict' }>, said: Verdict): boolean =>
  featureKey(said.feature) === identity.feature.toLowerCase() &&
  said.role === identity.role &&
  said.name === identity.name &&
  said.revision === identity.revision &&
  said.job === job &&
  said.verdict === verdict;

/** The folders that a feature's files may lie in: two clones may have made one each. */
async function foldersOf(snapshot: Snapshot, facts: ReviewFacts): Promise<string[]> {
  const features = snapshot.featureFolders(facts.feature);
  if (facts.kind !== 'verdict') return [...features];
  const folders: string[] = [];
  for (const feature of features) {
    const role = await snapshot.roleFolder(feature, facts.identity.role);
    if (role !== null) folders.push(layout.seriesFolder(feature, role, facts.identity.name));
  }
  return folders;
}
