/**
 * The chain of records. The hash of a record is the SHA-256 of its commit's message; each record's message names the hash of the record
 * before it. The message names the hashes of prompt, result and evidence, so the chain covers all content, whatever becomes of the commits'
 * own ids (SHA-1; a purge makes new ones without touching a message).
 *
 *   a link    a record, what a person said of one (a verdict, a closing), or a commit of docket that joins two clones' chains
 *   before    the nearest link reached along first parents at the time of writing; `none`: there is none
 * Invariant: a chain may begin late (records of earlier versions name nothing), but it never ends again.
 * Source: docs/formats.md "The chain".
 */

import { hash } from 'node:crypto';
import type { Buffer } from 'node:buffer';
import type { Sha256 } from '#core/names.ts';
import { parseMessage, parseRecord } from './message.ts';
import { decodeCommit, type Commit, type Oid } from './objects.ts';
import type { ObjectStore } from './read-objects.ts';
import { parseReview } from './review-message.ts';

export const BEFORE = 'Docket-Before';
export const BEFORE_IN_FEATURE = 'Docket-Before-In-Feature';
/** Of a merge: the newest link of the chain that was taken in. */
export const BEFORE_THEIRS = 'Docket-Before-Theirs';
export const NONE = 'none';

export const MERGE_SUBJECT = 'docket: the chain ';

export const hashOfMessage = (message: string): Sha256 => hash('sha256', message) as Sha256;

/** @param bytes of a commit object: the message is what follows its first empty line, byte for byte */
export function hashOfCommit(bytes: Buffer): Sha256 {
  const end = bytes.indexOf('\n\n');
  return hash('sha256', end < 0 ? bytes.subarray(bytes.length) : bytes.subarray(end + 2)) as Sha256;
}

/** `FEAT-1` and `feat-1` are one. */
export const featureKeyOf = (feature: string): string => feature.toLowerCase();

export type Link = {
  /** Null: a merge, which belongs to no feature. */
  readonly feature: string | null;
  readonly trailers: Readonly<Record<string, string>>;
};

/** What a commit is in the chain; null: nothing (a first commit, one of a person, files put back). */
export function linkOf(commit: Pick<Commit, 'message' | 'parents'>): Link | null {
  const { trailers } = parseMessage(commit.message);
  const record = parseRecord(trailers);
  if (record !== null) return { feature: featureKeyOf(record.identity.feature), trailers };
  const review = parseReview(trailers);
  if (review !== null) return { feature: featureKeyOf(review.feature), trailers };
  return commit.parents.length > 1 && commit.message.startsWith(MERGE_SUBJECT) ? { feature: null, trailers } : null;
}

export type PlacedLink = { readonly commit: Oid; readonly hash: Sha256; readonly feature: string | null };
export type Step = { readonly oid: Oid; readonly link: PlacedLink | null };

/** Every commit along first parents, the newest first. */
export async function* firstParents(store: ObjectStore, from: Oid): AsyncGenerator<Step> {
  for (let at: Oid | undefined = from; at !== undefined;) {
    const bytes: Buffer = await store.readType(at, 'commit');
    const commit = decodeCommit(bytes);
    const link = linkOf(commit);
    yield { oid: at, link: link === null ? null : { commit: at, hash: hashOfCommit(bytes), feature: link.feature } };
    [at] = commit.parents;
  }
}

/** The newest link at or below a commit. */
export async function newestLink(store: ObjectStore, from: Oid): Promise<PlacedLink | null> {
  for await (const { link } of firstParents(store, from)) if (link !== null) return link;
  return null;
}

/** What a merge's message says of the chain. */
export const mergeTrailers = (ours: Sha256 | null, theirs: Sha256 | null): string =>
  `${BEFORE}: ${ours ?? NONE}\n${BEFORE_THEIRS}: ${theirs ?? NONE}\n`;
