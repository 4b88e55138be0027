/**
 * Verdicts, closings and promotions as bytes: one way to write them, and a strict reading. Pure. Source: docs/formats.md "Verdicts".
 * Invariant: what is read is exactly what may be written: every key there, no other key, each value of its kind and bounded. Anything else is no verdict.
 */

import { Buffer } from 'node:buffer';
import { isJobId, isSha256, parseFeature, parsePromptName, parseRoleName, printable } from '#core/names.ts';
import { err, ok, type Result } from '#core/result.ts';
import { LEVELS } from '#core/levels.ts';
import { VERDICTS, type Closing, type Promotion, type Verdict } from '#core/verdict.ts';
import { isObject } from './loose-json.ts';

/** A comment of `review.comment_bytes` at most, with every character escaped, and the files of the largest change. */
export const REVIEW_BYTES_MAX = 8_000_000;
const COMMENT_LENGTH_MAX = 1_000_000;
const FILES_MAX = 20_000;
const VERDICTS_MAX = 20_000;
const PATH_LENGTH_MAX = 4_096;

export type Review = Verdict | Closing | Promotion;
/** The namespace of the SSH signature in a verdict or a closing. */
export const VERDICT_NAMESPACE = 'docket-verdict';

/** JSON with two spaces, keys in the order of core/verdict.ts, ending in a newline. */
export const renderReview = (review: Review): string => `${JSON.stringify(review, null, 2)}\n`;

/** What the signature is over: the same object with `signature: null`, keys sorted, no spaces. */
export const signedBytes = (review: Review): Buffer => Buffer.from(canonical({ ...review, signature: null }));

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const keys = Object.keys(value).toSorted((a, b) => (a < b ? -1 : 1));
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}

type Check = (value: unknown) => boolean;
const isText: (lengthMax: number) => Check = (lengthMax) => (value) => typeof value === 'string' && value.length <= lengthMax;
const isPlain: (lengthMax: number) => Check = (lengthMax) => (value) =>
  typeof value === 'string' && value.trim() !== '' && value.length <= lengthMax && printable(value, lengthMax) === value;
const orNull: (check: Check) => Check = (check) => (value) => value === null || check(value);
const isHash: Check = (value) => typeof value === 'string' && isSha256(value);
const isCommit: Check = (value) => typeof value === 'string' && /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(value);
const isOneOf: (words: readonly unknown[]) => Check = (words) => (value) => words.includes(value);
const isParsed: (parse: (text: string) => { readonly ok: boolean }) => Check = (parse) => (value) =>
  typeof value === 'string' && parse(value).ok;
const isRevision: Check = (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 999_999_999;
const isInstant: Check = (value) =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/.test(value) && !Number.isNaN(Date.parse(value));
const isList: (lengthMax: number, check: Check) => Check = (lengthMax, check) => (value) =>
  Array.isArray(value) && value.length <= lengthMax && value.every((one) => check(one));

/** Every key and no other. */
const isExactly: (checks: Readonly<Record<string, Check>>) => Check = (checks) => (value) =>
  isObject(value) && faultOf(value, checks) === null;

function faultOf(value: Readonly<Record<string, unknown>>, checks: Readonly<Record<string, Check>>): string | null {
  for (const [key, check] of Object.entries(checks)) {
    if (!Object.hasOwn(value, key)) return `it has no ${key}`;
    if (!check(value[key])) return `its ${key} cannot be understood`;
  }
  const unknown = Object.keys(value).find((key) => !Object.hasOwn(checks, key));
  return unknown === undefined ? null : `it has a key that is not known (${printable(unknown, 40)})`;
}

/** As git takes it: what would end the address, or the line, is no part of it. */
const isName: Check = (value) => isPlain(200)(value) && !/[<>]/.test(String(value));
const isEmail: Check = (value) => isPlain(320)(value) && !/[<>\s]/.test(String(value));
export const isPerson: Check = isExactly({ name: isName, email: isEmail });

const isSignature = orNull(isExactly({ key: isPlain(200), sshsig: isText(4_000) }));
const isFile = isExactly({ path: isPlain(PATH_LENGTH_MAX), sha256: orNull(isHash) });

const VERDICT: Readonly<Record<keyof Verdict, Check>> = {
  v: isOneOf([1]),
  kind: isOneOf(['verdict']),
  job: (value) => typeof value === 'string' && isJobId(value),
  feature: isParsed(parseFeature),
  role: isParsed(parseRoleName),
  name: orNull(isParsed(parsePromptName)),
  revision: isRevision,
  verdict: isOneOf(VERDICTS),
  result_sha256: isHash,
  evidence_sha256: isHash,
  code: isExactly({ head: orNull(isCommit), files: isList(FILES_MAX, isFile) }),
  by: isPerson,
  at: isInstant,
  comment: orNull(isText(COMMENT_LENGTH_MAX)),
  how: isOneOf(['terminal', 'key']),
  signature: isSignature,
};

const CLOSING: Readonly<Record<keyof Closing, Check>> = {
  v: isOneOf([1]),
  kind: isOneOf(['closing', 'reopening']),
  feature: isParsed(parseFeature),
  merged: orNull(isExactly({ commit: isCommit, isThere: (value) => typeof value === 'boolean' })),
  by: isPerson,
  at: isInstant,
  comment: orNull(isText(COMMENT_LENGTH_MAX)),
  verdicts: isList(
    VERDICTS_MAX,
    isExactly({
      path: isPlain(PATH_LENGTH_MAX),
      role: isParsed(parseRoleName),
      name: orNull(isParsed(parsePromptName)),
      revision: isRevision,
      verdict: isOneOf(VERDICTS),
      result_sha256: isHash,
      by: isPerson,
      at: isInstant,
    }),
  ),
  signature: isSignature,
};

const PROMOTION: Readonly<Record<keyof Promotion, Check>> = {
  v: isOneOf([1]),
  kind: isOneOf(['promotion']),
  feature: isParsed(parseFeature),
  capability: orNull(isPlain(200)),
  from: isOneOf([...LEVELS, 'open']),
  to: isOneOf([...LEVELS, 'resolved']),
  where: isPlain(200),
  evidence: isExactly({ reference: isPlain(2_000), sha256: orNull(isHash) }),
  by: isPerson,
  at: isInstant,
  comment: orNull(isText(COMMENT_LENGTH_MAX)),
  signature: isSignature,
};

/** @returns else why it is none, in words that hold nothing of it but a key's name */
export function parseReviewFile(bytes: Uint8Array): Result<Review, string> {
  if (bytes.length > REVIEW_BYTES_MAX) return err(`it is longer than ${String(REVIEW_BYTES_MAX)} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return err('it is not JSON');
  }
  if (!isObject(value)) return err('it is not an object');
  const fault = checkReview(value);
  return fault === null ? ok(value as Review) : err(fault);
}

/** Null: it may be written. Else why not, in words. */
export const checkReview = (value: Readonly<Record<string, unknown>> | Review): string | null =>
  faultOf(value, value['kind'] === 'verdict' ? VERDICT : value['kind'] === 'promotion' ? PROMOTION : CLOSING);
