/**
 * What the one look at all objects leaves for the later questions, so that nothing is read twice: hashes of the tip's files, evidence that was
 * read, and of each commit what it says of its record and of the chain.
 * Invariant: an object is in here only when its bytes gave its id.
 */

import type { Buffer } from 'node:buffer';
import type { JobId, Sha256 } from '#core/names.ts';
import { BEFORE, BEFORE_IN_FEATURE, BEFORE_THEIRS, featureKeyOf, hashOfCommit, MERGE_SUBJECT } from './chain.ts';
import { ATTEMPTS, MATERIALS } from './layout.ts';
import { parseMessage, parseRecord, type RecordFacts } from './message.ts';
import { decodeCommit, type Oid } from './objects.ts';
import { besideOf } from './record-index.ts';
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

/** Which objects are worth more than a look at their id. */
export type Wanted = { readonly files: ReadonlySet<Oid>; readonly evidence: ReadonlySet<Oid> };

export type Seen = {
  /** SHA-256 of the tip's files. */
  readonly hashes: Map<Oid, Sha256>;
  /** Null: no evidence statement. */
  readonly statements: Map<Oid, ReadStatement | null>;
  readonly commits: Map<Oid, SeenCommit>;
  /** Those of the tip's files that look purged. */
  readonly marked: Set<Oid>;
};

export const emptySeen = (): Seen => ({ hashes: new Map(), statements: new Map(), commits: new Map(), marked: new Set() });

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

export function seeCommit(oid: Oid, bytes: Buffer): SeenCommit {
  const { tree, parents, committedAtS, message } = decodeCommit(bytes);
  const { trailers } = parseMessage(message);
  const record = parseRecord(trailers);
  const isMerge = record === null && parents.length > 1 && message.startsWith(MERGE_SUBJECT);
  const link =
    record === null && !isMerge
      ? null
      : {
          feature: record === null ? null : featureKeyOf(record.identity.feature),
          before: trailers[BEFORE],
          second: trailers[isMerge ? BEFORE_THEIRS : BEFORE_IN_FEATURE],
        };
  return { oid, tree, parents, committedAtS, hash: hashOfCommit(bytes), record, link, beside: besideOf(message) };
}

/** @param sha256 of the bytes, when the object is one of the tip's files */
export function seeBlob(seen: Seen, wanted: Wanted, oid: Oid, bytes: Buffer, sha256: Sha256): void {
  seen.hashes.set(oid, sha256);
  if (isPlaceholder(bytes)) seen.marked.add(oid);
  if (wanted.evidence.has(oid)) seen.statements.set(oid, readStatement(bytes.toString('utf8')));
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
