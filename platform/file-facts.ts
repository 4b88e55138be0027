/** What the system says of a file and of its errors, in the words of core/ports.ts. */

import { Buffer } from 'node:buffer';
import { constants, type BigIntStats } from 'node:fs';
import type { FileFacts, FileKind, FilePath } from '#core/ports.ts';
import { withName } from './error-names.ts';

export const READ_CAREFULLY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
export const CREATE_ONLY = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

type Stats = Pick<BigIntStats, 'isFile' | 'isDirectory' | 'isSymbolicLink'>;

/** An Error with the system's code, as node:fs gives it. */
export function systemError(code: string, message: string, cause?: unknown): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${message}`, cause === undefined ? {} : { cause }), { code });
}

/** The `code` of anything thrown; empty text when it has none. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : '';
}

export const native = (file: FilePath): string | Buffer =>
  typeof file === 'string' ? file : Buffer.from(file.buffer, file.byteOffset, file.byteLength);
export const shown = (file: FilePath): string => native(file).toString();

export function kindOf(stats: Stats): FileKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'link' : 'other';
}

export const factsOf = (stats: BigIntStats): FileFacts => ({
  kind: kindOf(stats),
  dev: stats.dev,
  ino: stats.ino,
  sizeBytes: Number(stats.size),
  mtimeNs: stats.mtimeNs,
  ctimeNs: stats.ctimeNs,
  mode: Number(stats.mode & 0o7777n),
  uid: Number(stats.uid),
  gid: Number(stats.gid),
  nlink: Number(stats.nlink),
});

/** Errors of an open file name no path (`EIO: i/o error, fsync`); these do. */
export async function named<T>(file: FilePath, what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (thrown) {
    const error = withName(thrown);
    const { syscall, path: known, code } = error as NodeJS.ErrnoException;
    if (syscall === undefined || known !== undefined) throw error;
    const message = `${(error as Error).message}, ${what} '${shown(file)}'`;
    throw Object.assign(new Error(message, { cause: error }), { code, syscall, path: shown(file) });
  }
}

/** ELOOP: the last part is a link. ENXIO: a socket, or a device nobody serves. */
export const irregular = (error: unknown, file: FilePath): unknown =>
  codeOf(error) === 'ELOOP' || codeOf(error) === 'ENXIO'
    ? systemError('EINVAL', `not a regular file, open '${shown(file)}'`, error)
    : error;
