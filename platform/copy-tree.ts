/** Copies for a new work tree: single files that are not there yet, and whole folders where the file system shares their blocks (copy on write). */

import { constants } from 'node:fs';
import { copyFile, lstat, mkdir, readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from './file-facts.ts';

/** Mode and content of a plain file. EEXIST when something is there. Blocks are shared where that can be. */
export async function copyNewFile(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
}

/** cloned: all of it; unsupported: the file system shares no blocks; too-many: more entries than that. Nothing is left of the last two. */
export type Cloned = { readonly kind: 'cloned'; readonly files: number } | { readonly kind: 'unsupported' | 'too-many' };

/** ioctl_ficlone(2), and what libuv answers where it has none. */
const NO_CLONE = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'EXDEV', 'ENOSYS', 'ENOTTY']);

class TooMany extends Error {}

/** A folder that is not there becomes a copy of another one; links stay links, what is neither file, folder nor link is left out. */
export async function cloneFolder(from: string, to: string, filesMax: number): Promise<Cloned> {
  const half = `${to}.docket-clone`;
  await rm(half, { recursive: true, force: true });
  const count = { files: 0 };
  try {
    await cloneInto(from, half, filesMax, count);
    await rename(half, to);
    return { kind: 'cloned', files: count.files };
  } catch (error) {
    await rm(half, { recursive: true, force: true });
    if (error instanceof TooMany) return { kind: 'too-many' };
    if (NO_CLONE.has(codeOf(error))) return { kind: 'unsupported' };
    throw error;
  }
}

async function cloneInto(from: string, to: string, filesMax: number, count: { files: number }): Promise<void> {
  await mkdir(to, { recursive: true, mode: (await lstat(from)).mode & 0o7777 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    count.files += 1;
    if (count.files > filesMax) throw new TooMany();
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) await cloneInto(source, target, filesMax, count);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else if (entry.isFile()) await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
  }
}
