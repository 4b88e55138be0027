/** Symbolic links: those that docket makes (to a person's login, in the configuration folder of a tool), and where a path leads through them. */

import { lstat, readlink, realpath, symlink, unlink } from 'node:fs/promises';

const isCode = (error: unknown, code: string): boolean => error instanceof Error && 'code' in error && error.code === code;

/** A link at `at` to `target` (absolute). One that points elsewhere is replaced; anything else that is there is left alone. */
export async function linkTo(target: string, at: string): Promise<void> {
  try {
    await symlink(target, at);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    if (!(await lstat(at)).isSymbolicLink() || (await readlink(at)) === target) return;
    await unlink(at);
    await symlink(target, at).catch((again: unknown) => {
      // Somebody else made it in this moment.
      if (!isCode(again, 'EEXIST')) throw again;
    });
  }
}

/** The path with all links on it resolved; as it is when there is nothing, or nothing that may be looked at. */
export const realPath = async (path: string): Promise<string> => realpath(path).catch(() => path);
