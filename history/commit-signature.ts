/**
 * The signature of a commit: an SSH signature over the commit as it would be without it, in the header `gpgsig` behind the committer, its lines
 * indented by one space. Source: git's Documentation/gitformat-signature ("Commit signatures"). Pure.
 */

import { Buffer } from 'node:buffer';
import type { Signer } from '#core/signing.ts';
import { encodeCommit, type CommitParts } from './objects.ts';
import { GIT_NAMESPACE, makeSshSignature } from './ssh-signature.ts';

const HEADER = Buffer.from('\ngpgsig ', 'latin1');
const NEWLINE = 0x0a;
const SPACE = 0x20;

/** @param signer null: signing is off, and the commit is as it always was */
export const makeCommit = (signer: Signer | null, parts: CommitParts): Buffer => {
  const unsigned = encodeCommit(parts);
  return signer === null ? unsigned : signCommit(signer, unsigned);
};

/** @param unsigned the bytes of a commit object without a signature */
export function signCommit(signer: Signer, unsigned: Buffer): Buffer {
  const armour = makeSshSignature(signer, GIT_NAMESPACE, unsigned);
  const end = unsigned.indexOf('\n\n') + 1;
  const header = `gpgsig ${armour.trimEnd().replaceAll('\n', '\n ')}\n`;
  return Buffer.concat([unsigned.subarray(0, end), Buffer.from(header), unsigned.subarray(end)]);
}

export type SignedCommit = { readonly armour: string; readonly signed: Buffer };

/** The signature of a commit object and the bytes that it is over; null: it has none. */
export function readCommitSignature(bytes: Buffer): SignedCommit | null {
  const headerEnd = bytes.indexOf('\n\n');
  const at = bytes.indexOf(HEADER);
  if (at < 0 || headerEnd < 0 || at > headerEnd) return null;
  const lines: string[] = [];
  let next = at + HEADER.length;
  for (let isMore = true; isMore;) {
    const lineEnd = bytes.indexOf(NEWLINE, next);
    lines.push(bytes.toString('latin1', next, lineEnd));
    isMore = bytes[lineEnd + 1] === SPACE;
    next = lineEnd + (isMore ? 2 : 1);
  }
  return { armour: `${lines.join('\n')}\n`, signed: Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(next)]) };
}
