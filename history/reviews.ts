/**
 * All that people said, read back: each verdict and closing that a commit of docket states, from the file that lies in the tip.
 * The commits say what there is and in which order; a file counts when its SHA-256 is the one stated and it can be understood. When the tip moves only
 * the new commits are read, and each file once.
 *
 *   nothing known -> (first question) all commits walked -> (the tip moved) what came on top;  merged, rewritten, a commit of a person -> anew
 * Invariant: `said` is what the commits up to `top` state, oldest first; a file that was read for it lies in the tree of `top`.
 */

import type { Written } from '#core/history.ts';
import { identityKey } from '#core/prompt.ts';
import type { Closing, Judged, Verdict } from '#core/verdict.ts';
import * as layout from './layout.ts';
import { featureKey, roleKey } from './log.ts';
import { parseMessage, parseRecord } from './message.ts';
import type { Oid } from './objects.ts';
import { walkCommits } from './record-index.ts';
import type { Repository } from './repository.ts';
import { parseReviewFile, type Review } from './review-format.ts';
import { parseReview, type ReviewFacts } from './review-message.ts';
import type { WrittenReview } from './review.ts';
import type { Snapshot } from './snapshot.ts';

type Said = {
  readonly facts: ReviewFacts;
  readonly commit: Oid;
  read: { readonly path: string; readonly review: Review } | null | 'unread';
};
type At = { readonly commit: Oid; readonly snapshot: Snapshot };
type Filter = { readonly feature?: string; readonly role?: string };

export type Reviews = {
  verdicts(at: At, filter: Filter): Promise<readonly Judged[]>;
  closings(at: At, feature: string | null): Promise<readonly Closing[]>;
  /** Which commit states a file that was there before. Throws `code: 'EVERDICT'` when none does. */
  written(at: At, file: WrittenReview): Promise<Written>;
  /** Told by the writer: these commits, and nothing that a person said, are on top of `from` now. */
  advance(from: Oid, to: Oid): void;
};

const keyOf = (facts: ReviewFacts): string =>
  `${facts.kind === 'verdict' ? identityKey(facts.identity) : `${facts.feature.toLowerCase()} ${facts.kind}`} ${facts.sha256}`;

const asTold = (error: string, path: string): string => `${path} is no verdict and counts as nothing: ${error}`;

export function makeReviews({ store, digest, log }: Pick<Repository, 'store' | 'digest' | 'log'>): Reviews {
  let top: Oid | null = null;
  let said: Said[] = [];
  let known = new Set<string>();
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
      if (facts !== null) fresh.push({ facts, commit: oid, read: 'unread' });
      if (top === null) continue;
      // A merge brings commits from below along; a person's commit may have changed any file.
      if (commit.parents.length > 1 || (facts === null && parseRecord(trailers) === null)) return null;
      isAbove ||= commit.parents.includes(top);
    }
    return isAbove ? fresh : null;
  }

  async function follow(tip: Oid): Promise<void> {
    if (top === tip) return;
    let fresh = await newer(tip);
    if (fresh === null || top === null) {
      top = null;
      said = [];
      known = new Set();
      fresh ??= (await newer(tip)) ?? [];
    }
    for (const one of fresh.toReversed()) {
      const key = keyOf(one.facts);
      if (known.has(key)) continue;
      known.add(key);
      said.push(one);
    }
    top = tip;
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

  function matches({ facts }: Said, { feature, role }: Filter): boolean {
    if (feature !== undefined && facts.feature.toLowerCase() !== featureKey(feature)) return false;
    return role === undefined || (facts.kind === 'verdict' && facts.identity.role === roleKey(role));
  }

  /** One at a time: a walk that is under way has one place. */
  let turn: Promise<unknown> = Promise.resolve();
  async function all(at: At, filter: Filter): Promise<readonly Said[]> {
    const mine = turn.then(async () => {
      await follow(at.commit);
      const found = said.filter((one) => matches(one, filter));
      for (const one of found) if (one.read === 'unread') one.read = await readFile(at.snapshot, one.facts);
      return found;
    });
    turn = mine.catch(() => undefined);
    return mine;
  }

  return {
    async verdicts(at, filter) {
      const found: Judged[] = [];
      for (const { facts, commit, read } of await all(at, filter))
        if (facts.kind === 'verdict' && read !== null && read !== 'unread' && read.review.kind === 'verdict')
          found.push({ verdict: read.review, identity: facts.identity, path: read.path, commit });
      return found;
    },
    async closings(at, feature) {
      const found: Closing[] = [];
      for (const { read } of await all(at, feature === null ? {} : { feature }))
        if (read !== null && read !== 'unread' && read.review.kind !== 'verdict') found.push(read.review);
      return found;
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
