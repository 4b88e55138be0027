/** The files that a run changed, as they are in the code now: what a verdict names, and what makes an approval lapse (core/verdict.ts). Reads only. */

import path from 'node:path';
import type { Sha256 } from '#core/names.ts';
import type { Digest, Fs } from '#core/ports.ts';
import type { JudgedCode } from '#core/verdict.ts';
import { listIn, openStatement, textIn } from './loose-json.ts';

/** More changed files than any review looks at. */
const FILES_MAX = 20_000;
const FILE_BYTES_MAX = 1024 * 1024 * 1024;

/** Inside the working folder; `.git: <what>` and absolute paths are no files of the code. */
const isInside = (file: string): boolean =>
  file !== '' && !path.isAbsolute(file) && !file.startsWith('.git: ') && !file.split('/').some((part) => part === '..' || part === '.git');

/** Paths in `predicate.filesChanged`, each once. */
export function changedPaths(evidence: string): readonly string[] {
  const opened = openStatement(evidence);
  if (opened === null) return [];
  const paths = listIn(opened.predicate, 'filesChanged').flatMap((one) => textIn(one, 'path') ?? []);
  return [...new Set(paths.filter(isInside))].slice(0, FILES_MAX);
}

const codeOf = (error: unknown): string => String((error as { readonly code?: unknown }).code);

/** What cannot be looked at (no permission, too large) is left out; `sha256` null: there is no such file any more. @param root of the code */
export async function filesNow(
  fs: Pick<Fs, 'readBounded'>,
  digest: Pick<Digest, 'sha256'>,
  root: string,
  paths: readonly string[],
): Promise<JudgedCode['files']> {
  const files: { path: string; sha256: Sha256 | null }[] = [];
  for (const one of paths) {
    try {
      const { bytes } = await fs.readBounded(path.join(root, one), FILE_BYTES_MAX);
      files.push({ path: one, sha256: digest.sha256(bytes) });
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'EINVAL', 'ELOOP', 'EISDIR'].includes(codeOf(error))) files.push({ path: one, sha256: null });
      else if (!['EACCES', 'EPERM', 'EFBIG'].includes(codeOf(error))) throw error;
    }
  }
  return files;
}
