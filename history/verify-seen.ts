/**
 * What the one look at all objects leaves for the later questions, so that nothing is read twice: hashes of the tip's files, evidence that was
 * read, and of each commit what it says of its record and of the chain.
 * Invariant: an object is in here only when its bytes gave its id.
 */

import { Buffer } from 'node:buffer';
import type { JobId, Sha256 } from '#core/names.ts';
import { BEFORE, BEFORE_IN_FEATURE, BEFORE_THEIRS, featureKeyOf, hashOfCommit, MERGE_SUBJECT } from './chain.ts';
import { ATTEMPTS, MATERIALS } from './layout.ts';
import { parseMessage, parseRecord, type RecordFacts } from './message.ts';
import { decodeCommit, type Oid } from './objects.ts';
import { besideOf } from './record-index.ts';
import { parseReview, type ReviewFacts } from './review-message.ts';
import { readStatement, type ReadStatement } from './statement.ts';
import { isPlaceholder } from './tombstone.ts';

export type SeenCommit = {
  readonly oid: Oid;
  readonly tree: Oid;
  readonly parents: readonly Oid[];
  readonly committedAtS: number;
  /** Of its message. */
  readonly hash: Sha256;
  readonly record: RecordFacts | null;
  /** What a person said, when it is a commit of that. */
  readonly review: ReviewFacts | null;
  /** Null: no link of the chain. */
  readonly link: LinkWords | null;
  /** Jobs whose files a merge laid beside. */
  readonly beside: readonly JobId[];
};

/** The trailers as they stand there; undefined: they do not. */
export type LinkWords = {
  readonly feature: string | null;
  readonly before: string | undefined;
  /** Of a record: in its feature; of a merge: the head that was taken in. */
  readonly second: string | undefined;
};

export type TipFile = { readonly path: string; readonly oid: Oid; readonly sha256: string | null };

export type Seen = {
  /** SHA-256 of blobs. */
  readonly hashes: Map<Oid, Sha256>;
  readonly statements: Map<Oid, ReadStatement>;
  /** Is there a commit with a signature? */
  isSigned: boolean;
  readonly commits: Map<Oid, SeenCommit>;
  /** Bytes of signed commits. */
  readonly signed: Map<Oid, Buffer>;
  /** Blobs that look purged. */
  readonly marked: Set<Oid>;
};

export const emptySeen = (): Seen => ({
  hashes: new Map(),
  statements: new Map(),
  isSigned: false,
  commits: new Map(),
  signed: new Map(),
  marked: new Set(),
});

const EVIDENCE = /^(?:evidence_v[0-9]+|evidence(?:_[0-9]+)?|(?:brief|twice)_evidence(?:_[0-9]+)?)\.json$/;

export function isEvidence(path: string): boolean {
  const parts = path.split('/');
  return parts[0] !== MATERIALS && parts.length >= 3 && EVIDENCE.test(parts.at(-1) ?? '');
}

/** Job of a file in `attempts/<job>/`. */
export function attemptOf(path: string): string | null {
  const parts = path.split('/');
  return parts[2] === ATTEMPTS ? (parts[3] ?? null) : null;
}

const SIGNATURE = Buffer.from('\ngpgsig ');

export function seeCommit(seen: Seen, oid: Oid, bytes: Buffer): void {
  if (bytes.includes(SIGNATURE)) {
    seen.isSigned = true;
    seen.signed.set(oid, bytes);
  }
  seen.commits.set(oid, readCommit(oid, bytes));
}

function readCommit(oid: Oid, bytes: Buffer): SeenCommit {
  const { tree, parents, committedAtS, message } = decodeCommit(bytes);
  const { trailers } = parseMessage(message);
  const record = parseRecord(trailers);
  const review = record === null ? parseReview(trailers) : null;
  const feature = record?.identity.feature ?? review?.feature ?? null;
  const isMerge = feature === null && parents.length > 1 && message.startsWith(MERGE_SUBJECT);
  const link =
    feature === null && !isMerge
      ? null
      : {
          feature: feature === null ? null : featureKeyOf(feature),
          before: trailers[BEFORE],
          second: trailers[isMerge ? BEFORE_THEIRS : BEFORE_IN_FEATURE],
        };
  return { oid, tree, parents, committedAtS, hash: hashOfCommit(bytes), record, review, link, beside: besideOf(message) };
}

/** A blob that the store read; what a look at a part saw comes as hashes (verify-objects.ts). */
export function seeBlob(seen: Seen, oid: Oid, bytes: Buffer, sha256: Sha256): void {
  seen.hashes.set(oid, sha256);
  if (isPlaceholder(bytes)) seen.marked.add(oid);
  const statement = readStatement(bytes.toString('utf8'));
  if (statement !== null) seen.statements.set(oid, statement);
}

/** Every commit that a tip reaches, the newest first as far as clocks tell. Throws with the id of one that was not seen. */
export function reachable(seen: Seen, tip: Oid): SeenCommit[] {
  const known = new Set<Oid>([tip]);
  const waiting: SeenCommit[] = [];
  const found: SeenCommit[] = [];
  const add = (oid: Oid): void => {
    const commit = seen.commits.get(oid);
    if (commit === undefined) throw new Error(`the history lacks the commit ${oid}`);
    waiting.push(commit);
  };
  add(tip);
  while (waiting.length > 0) {
    let at = 0;
    for (const [index, { committedAtS }] of waiting.entries()) if (committedAtS > (waiting[at]?.committedAtS ?? 0)) at = index;
    const [next] = waiting.splice(at, 1);
    if (next === undefined) break;
    found.push(next);
    for (const parent of next.parents) {
      if (known.has(parent)) continue;
      known.add(parent);
      add(parent);
    }
  }
  return found;
}
