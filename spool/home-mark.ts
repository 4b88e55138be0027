/**
 * By what work/ is known where inodes do not last: a file system in user space (sshfs) numbers its files anew with each mount, and when memory is short. There a small
 * file in work/ holds a word that no other folder has. It stays: the next start reads the same one.
 */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import { codeOf } from './error-code.ts';
import { HOME_MARK } from './layout.ts';

const MARK_BYTES_MAX = 256;
const LASTING = new Set(['ESTALE', 'ENOENT', 'ENOTDIR', 'EINVAL', 'EFBIG']);

export const hasLastingInodes = async (fs: Pick<Fs, 'fileSystem'>, work: string): Promise<boolean> =>
  (await fs.fileSystem(work)).type !== 'fuse';

/** Null: there is none, so it is another folder. */
export async function markIn(fs: Pick<Fs, 'readBounded'>, work: string): Promise<string | null> {
  try {
    return new TextDecoder().decode((await fs.readBounded(path.join(work, HOME_MARK), MARK_BYTES_MAX)).bytes);
  } catch (error) {
    if (LASTING.has(codeOf(error))) return null;
    throw error;
  }
}

/** The mark that is there, or a new one. */
export async function makeMark(fs: Pick<Fs, 'readBounded' | 'replace'>, work: string, word: string): Promise<string> {
  const known = await markIn(fs, work);
  // One that a crash left empty is none.
  if (known !== null && known !== '') return known;
  await fs.replace(path.join(work, HOME_MARK), word, 'safety');
  return word;
}
