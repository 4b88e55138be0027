/**
 * What stays of purged content: a placeholder text in its place, and a tombstone, which says what went, why, and on whose word.
 * A tombstone is an in-toto Statement v1 in `tombstones/<time>-<job>.json`; beside it lies `<same>.commits`, a line `<old> <new>` for each
 * commit of main that got a successor, named by its SHA-256. Source: docs/formats.md "Tombstones".
 * Invariant: nothing in either says more of the content than its size and hashes.
 */

import { Buffer } from 'node:buffer';
import { isSha256, printable, type Sha256 } from '#core/names.ts';
import { STATEMENT_TYPE } from '#core/evidence.ts';
import { isOid, type Oid } from './objects.ts';

export const TOMBSTONES = 'tombstones';
export const TOMBSTONE_TYPE = 'urn:docket:purge:v1';
/** How each placeholder begins. */
export const PURGED_MARK = 'docket: purged\n';
const WORDS_MAX = 1_000;
const MARK_BYTES = Buffer.from(PURGED_MARK);

/** Is this the text that stands for something purged? */
export const isPlaceholder = (bytes: Uint8Array): boolean => MARK_BYTES.equals(bytes.subarray(0, MARK_BYTES.length));

export type PurgedFile = {
  /** Where it lies in main; empty for a blob that only older commits had. */
  readonly paths: readonly string[];
  readonly sha256: Sha256;
  readonly sizeBytes: number;
  /** Its object before, and its placeholder's. */
  readonly blob: Oid;
  readonly placeholder: Oid;
  readonly placeholderSha256: Sha256;
};

export type Tombstone = {
  /** The record it was about; null: bytes were looked for. */
  readonly record: { readonly job: string; readonly identity: string } | null;
  readonly reason: string;
  readonly person: string;
  /** ISO 8601. */
  readonly at: string;
  readonly tipBefore: Oid;
  /** The rewritten chain's tip, which the tombstone's commit stands on. */
  readonly tipAfter: Oid;
  readonly files: readonly PurgedFile[];
  readonly commits: { readonly count: number; readonly path: string; readonly sha256: Sha256 };
};

/** `tombstones/20261121T010203456Z-<job>`: the path without an ending; the time to the millisecond. */
export const tombstoneStem = (at: string, job: string | null): string => `${TOMBSTONES}/${at.replaceAll(/[-:.]/g, '')}-${job ?? 'bytes'}`;

export function placeholderText(facts: {
  readonly sha256: Sha256;
  readonly sizeBytes: number;
  readonly reason: string;
  readonly person: string;
  readonly at: string;
  /** Null: it was not in the history. */
  readonly stem: string | null;
}): string {
  const { sha256, sizeBytes, reason, person, at, stem } = facts;
  return [
    PURGED_MARK,
    'The content of this file was taken out by docket. Its hashes stay where they were.\n\n',
    `when:      ${at}\n`,
    `by:        ${printable(person, WORDS_MAX)}\n`,
    `why:       ${printable(reason, WORDS_MAX)}\n`,
    `sha256:    ${sha256}\n`,
    `bytes:     ${String(sizeBytes)}\n`,
    stem === null ? '' : `tombstone: ${stem}.json\n`,
  ].join('');
}

export function renderTombstone(tombstone: Tombstone): string {
  const { record, reason, person, at, tipBefore, tipAfter, files, commits } = tombstone;
  const subject = files.map(({ paths, blob, sha256 }) => ({ name: paths[0] ?? `git:${blob}`, digest: { sha256, gitBlob: blob } }));
  const predicate = { record, reason, person, at, tipBefore, tipAfter, files, commits };
  return `${JSON.stringify({ _type: STATEMENT_TYPE, subject, predicateType: TOMBSTONE_TYPE, predicate }, null, 2)}\n`;
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isHash = (value: unknown): value is Sha256 => isText(value) && isSha256(value);
const isId = (value: unknown): value is Oid => isText(value) && isOid(value);

const isFile = (value: unknown): value is PurgedFile =>
  isObject(value) &&
  Array.isArray(value['paths']) &&
  value['paths'].every(isText) &&
  isHash(value['sha256']) &&
  typeof value['sizeBytes'] === 'number' &&
  isId(value['blob']) &&
  isId(value['placeholder']) &&
  isHash(value['placeholderSha256']);

const isRecord = (value: unknown): boolean => value === null || (isObject(value) && isText(value['job']) && isText(value['identity']));

/** Null: this is no tombstone. */
export function readTombstone(text: string): Tombstone | null {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(document) || document['_type'] !== STATEMENT_TYPE || document['predicateType'] !== TOMBSTONE_TYPE) return null;
  const said = document['predicate'];
  if (!isObject(said) || !isRecord(said['record'])) return null;
  const { commits, files } = said;
  const isWhole =
    isText(said['reason']) &&
    isText(said['person']) &&
    isText(said['at']) &&
    isId(said['tipBefore']) &&
    isId(said['tipAfter']) &&
    Array.isArray(files) &&
    files.every(isFile) &&
    isObject(commits) &&
    typeof commits['count'] === 'number' &&
    isText(commits['path']) &&
    isHash(commits['sha256']);
  return isWhole ? (said as unknown as Tombstone) : null;
}

export const renderCommits = (commits: readonly (readonly [Oid, Oid])[]): string => commits.map(([old, now]) => `${old} ${now}\n`).join('');

/** Null: these are no such lines. */
export function readCommits(text: string): ReadonlyMap<Oid, Oid> | null {
  const map = new Map<Oid, Oid>();
  for (const line of text.split('\n').slice(0, -1)) {
    const [old = '', now = ''] = line.split(' ');
    if (!isOid(old) || !isOid(now)) return null;
    map.set(old, now);
  }
  return text === '' || text.endsWith('\n') ? map : null;
}
