/** Git objects as bytes: header, id, and what a commit says. Source of the formats: git's Documentation (gitformat-commit, user-manual "Object storage format"). */

import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';

export type ObjectType = 'commit' | 'tree' | 'blob' | 'tag';
/** An object id: 40 lower-case hex characters of SHA-1. */
export type Oid = string;

export const NO_OID: Oid = '0'.repeat(40);
export const isOid = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

/**
 * A copy in memory of its own, for what is kept long: a small Buffer is else a window of a shared slab (64 KB in Node 24) or of
 * zlib's output, and would keep all of it alive.
 */
export function own(...parts: readonly Uint8Array[]): Buffer {
  const copy = Buffer.alloc(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    copy.set(part, at);
    at += part.length;
  }
  return copy;
}

export type GitObject = { readonly type: ObjectType; readonly bytes: Buffer };

export const header = (type: ObjectType, sizeBytes: number): Buffer => Buffer.from(`${type} ${String(sizeBytes)}\0`, 'latin1');

export const oidOf = (type: ObjectType, bytes: Uint8Array): Oid =>
  createHash('sha1').update(header(type, bytes.length)).update(bytes).digest('hex');

export const sha1 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha1');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

export type Person = { readonly name: string; readonly email: string };

/** Characters git itself drops from a name. */
const forIdent = (text: string, fallback: string): string => {
  // eslint-disable-next-line no-control-regex -- a newline in a name would be a forged header
  const clean = text.replaceAll(/[\u0000-\u001f\u007f<>]/g, '').trim();
  return clean === '' ? fallback : clean;
};

/** `Name <email> seconds +0000`, as commit headers and reflog lines have it. */
export const identLine = (person: Person, at: Date): string =>
  `${forIdent(person.name, 'docket')} <${forIdent(person.email, 'docket@localhost')}> ${String(Math.floor(at.getTime() / 1000))} +0000`;

export type CommitParts = {
  readonly tree: Oid;
  readonly parents: readonly Oid[];
  readonly author: Person;
  readonly authoredAt: Date;
  readonly committedAt: Date;
  readonly message: string;
};

export function encodeCommit(commit: CommitParts): Buffer {
  const parents = commit.parents.map((oid) => `parent ${oid}\n`).join('');
  const author = `author ${identLine(commit.author, commit.authoredAt)}\n`;
  const committer = `committer ${identLine(commit.author, commit.committedAt)}\n`;
  return Buffer.from(`tree ${commit.tree}\n${parents}${author}${committer}\n${commit.message}`);
}

export type Commit = {
  readonly tree: Oid;
  readonly parents: readonly Oid[];
  /** Seconds since 1970. */
  readonly authoredAtS: number;
  readonly committedAtS: number;
  readonly message: string;
};

/** Throws when the bytes are no commit. */
export function decodeCommit(bytes: Buffer): Commit {
  const text = bytes.toString('utf8');
  const end = text.indexOf('\n\n');
  const head = end < 0 ? text : text.slice(0, end);
  const tree = /^tree ([0-9a-f]{40})$/m.exec(head)?.[1];
  if (tree === undefined) throw new Error('a commit object without a tree line');
  const secondsOf = (who: string): number => Number(new RegExp(`^${who} .*> (-?[0-9]+) [+-][0-9]{4}$`, 'm').exec(head)?.[1] ?? 0);
  return {
    tree,
    parents: Array.from(head.matchAll(/^parent ([0-9a-f]{40})$/gm), (match) => match[1] ?? ''),
    authoredAtS: secondsOf('author'),
    committedAtS: secondsOf('committer'),
    message: end < 0 ? '' : text.slice(end + 2),
  };
}
