/**
 * The bytes of a private copy, held against the hash that the decision names. Private copies are private by their mode alone: whoever has the account can
 * write to work/<job>.1_result.md between the decision and its publishing.
 * Invariant: what has another SHA-256 than was decided is neither recorded nor published; AlteredCopy is thrown instead (altered.ts mends it).
 */

import type { FinalFile } from '#core/job.ts';
import type { Sha256 } from '#core/names.ts';
import { partOfPrivate, type JobPaths } from './layout.ts';
import { codeOf, type Parts } from './parts.ts';

export type File = FinalFile['files'][number];

/** Above the upper bound of limits.answer_bytes (core/settings.ts): what is longer was not written by docket. */
const COPY_BYTES_MAX = 300_000_000;

/** A private copy is not what was decided. */
export class AlteredCopy extends Error {
  /** `_result.md` */
  readonly as: string;
  readonly expected: Sha256;
  constructor(file: string, as: string, expected: Sha256) {
    super(`${file} was changed after the end of the job was decided: it has not the SHA-256 ${expected}`);
    this.name = 'AlteredCopy';
    this.as = as;
    this.expected = expected;
  }
}

/** The bytes as decided; null: published already. Throws AlteredCopy. Copies of an older docket have no hash to be held against. */
export async function decidedBytes(parts: Parts, paths: JobPaths, file: File): Promise<Uint8Array | null> {
  const bytes = await bytesOf(parts, paths, file);
  if (bytes === 'gone') return null;
  if (file.sha256 === undefined) return bytes;
  if (bytes === null || parts.digest.sha256(bytes) !== file.sha256)
    throw new AlteredCopy(paths.own(file.private), partOfPrivate(file.private), file.sha256);
  return bytes;
}

/** Null: it is no file that docket wrote. */
export async function bytesOf(parts: Parts, paths: JobPaths, file: File): Promise<Uint8Array | 'gone' | null> {
  try {
    return (await parts.fs.readBounded(paths.own(file.private), COPY_BYTES_MAX)).bytes;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return 'gone';
    if (code === 'EFBIG' || code === 'EINVAL' || code === 'EACCES') return null;
    throw error;
  }
}
