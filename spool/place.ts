/**
 * Putting a private file under a public name without ever replacing one: link(), which answers EEXIST, then unlink() of the private name.
 * Where the file system has no hard links, a rename to a name that carries the job's id, after a look that it is free.
 */

import type { FilePath, Fs } from '#core/ports.ts';
import { codeOf } from './parts.ts';

/** `already`: this very file stands there, a crash came between link and unlink. */
export type Linked = 'linked' | 'already' | 'taken' | 'gone' | 'no-links';

/** EPERM is also the kernel's answer for another user's file (fs.protected_hardlinks, proc_sys_fs(5)). */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EMLINK']);

export async function linkTo(fs: Fs, from: FilePath, to: FilePath): Promise<Linked> {
  try {
    await fs.link(from, to);
    return 'linked';
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return (await isSameFile(fs, from, to)) ? 'already' : 'taken';
    if (code === 'ENOENT' && (await fs.facts(from)) === null) return 'gone';
    if (NO_LINKS.has(code)) return 'no-links';
    throw error;
  }
}

export async function isSameFile(fs: Fs, a: FilePath, b: FilePath): Promise<boolean> {
  const [one, other] = [await fs.facts(a), await fs.facts(b)];
  return one !== null && other !== null && one.dev === other.dev && one.ino === other.ino;
}

/** For what cannot be linked. The look and the rename are two steps, so the name must be one that nobody else would make. */
export async function renameIfFree(fs: Fs, from: FilePath, to: FilePath): Promise<'renamed' | 'taken' | 'gone'> {
  if ((await fs.facts(to)) !== null) return 'taken';
  try {
    await fs.rename(from, to);
    return 'renamed';
  } catch (error) {
    if (codeOf(error) === 'ENOENT' && (await fs.facts(from)) === null) return 'gone';
    throw error;
  }
}
