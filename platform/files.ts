/**
 * The file system as the port `Fs`: node:fs/promises with the care the spool needs.
 * Invariant: nothing follows a link in the last part of a path, nothing blocks on a FIFO, nothing reads without a limit,
 * a write is whole and synced or it is gone. An error of fsync is never retried: after it the kernel may have dropped the bytes,
 * and a second fsync would answer "fine" (PostgreSQL wiki, "Fsync Errors").
 */

import { Buffer, isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { constants, lstatSync, type BigIntStats, type Dirent } from 'node:fs';
import * as files from 'node:fs/promises';
import path from 'node:path';
import type { DirEntry, FileFacts, FileKind, FilePath, Fs, OpenFile, SyncWhy } from '#core/ports.ts';
import { fileSystemFacts } from './filesystems.ts';
import { openForWriting } from './writers.ts';

const FIRST_READ_BYTES = 64 * 1024;
const READ_CAREFULLY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const CREATE_ONLY = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

type Handle = files.FileHandle;
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

const native = (file: FilePath): string | Buffer =>
  typeof file === 'string' ? file : Buffer.from(file.buffer, file.byteOffset, file.byteLength);
const shown = (file: FilePath): string => native(file).toString();

function kindOf(stats: Stats): FileKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'link' : 'other';
}

const factsOf = (stats: BigIntStats): FileFacts => ({
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
async function named<T>(file: FilePath, what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const { syscall, path: known, code } = error as NodeJS.ErrnoException;
    if (syscall === undefined || known !== undefined) throw error;
    const message = `${(error as Error).message}, ${what} '${shown(file)}'`;
    throw Object.assign(new Error(message, { cause: error }), { code, syscall, path: shown(file) });
  }
}

async function using<T>(handle: Handle, act: (handle: Handle) => Promise<T>): Promise<T> {
  try {
    return await act(handle);
  } finally {
    await handle.close();
  }
}

async function openRegular(file: FilePath): Promise<{ handle: Handle; facts: FileFacts }> {
  let handle: Handle;
  try {
    handle = await files.open(native(file), READ_CAREFULLY);
  } catch (error) {
    // ELOOP: the last part is a link. ENXIO: a socket, or a device nobody serves.
    if (codeOf(error) === 'ELOOP' || codeOf(error) === 'ENXIO')
      throw systemError('EINVAL', `not a regular file, open '${shown(file)}'`, error);
    throw error;
  }
  try {
    const facts = factsOf(await handle.stat({ bigint: true }));
    if (facts.kind !== 'file') throw systemError('EINVAL', `not a regular file (${facts.kind}), open '${shown(file)}'`);
    return { handle, facts };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Reads until `maxBytes` are there or the file ends, whatever size the file claimed. */
async function readUpTo(handle: Handle, maxBytes: number, expectedBytes: number): Promise<Uint8Array> {
  let buffer = Buffer.alloc(Math.min(maxBytes, Math.max(expectedBytes + 1, 1)));
  let length = 0;
  for (;;) {
    if (length === buffer.length) {
      if (length >= maxBytes) break;
      buffer = Buffer.concat([buffer], Math.min(maxBytes, Math.max(buffer.length * 2, FIRST_READ_BYTES)));
    }
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

async function read(file: FilePath, maxBytes: number, isWhole: boolean): Promise<{ bytes: Uint8Array; facts: FileFacts }> {
  const { handle, facts } = await openRegular(file);
  return named(file, 'read', () =>
    using(handle, async () => {
      const tooLarge = (): NodeJS.ErrnoException => systemError('EFBIG', `larger than ${String(maxBytes)} bytes, read '${shown(file)}'`);
      if (isWhole && facts.sizeBytes > maxBytes) throw tooLarge();
      const bytes = await readUpTo(handle, isWhole ? maxBytes + 1 : maxBytes, facts.sizeBytes);
      if (isWhole && bytes.length > maxBytes) throw tooLarge();
      return { bytes, facts };
    }),
  );
}

/** write(2) may take less than it was given, without an error. */
async function writeAll(handle: Handle, bytes: Uint8Array): Promise<void> {
  let at = 0;
  while (at < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, null);
    if (bytesWritten === 0) throw systemError('EIO', 'the system took no byte of a write');
    at += bytesWritten;
  }
}

async function folderOnly(folder: FilePath): Promise<void> {
  const stats = await files.lstat(native(folder));
  if (!stats.isDirectory()) throw systemError('ENOTDIR', `not a folder (links are not followed), '${shown(folder)}'`);
}

/**
 * In this thread: the kernel answers from memory in a few microseconds, a trip through the thread pool takes ten times as long
 * and waits behind the syncs there.
 */
function lstatOrNull(file: FilePath): BigIntStats | null {
  try {
    return lstatSync(native(file), { bigint: true, throwIfNoEntry: false }) ?? null;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    throw error;
  }
}

/** mkdir -p by hand: node's own never returns where a parent refuses children with ENOENT (`/proc/x/y`, Node 24). */
async function makeFolders(folder: string, mode: number): Promise<void> {
  const missing: string[] = [];
  for (let at = path.resolve(folder); lstatOrNull(at) === null; at = path.dirname(at)) missing.push(at);
  for (const at of missing.toReversed()) {
    await files.mkdir(at, { mode }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  }
  await folderOnly(folder);
}

async function changeMode(file: FilePath, mode: number): Promise<void> {
  const stats = await files.lstat(native(file));
  if (stats.isSymbolicLink()) throw systemError('ELOOP', `a symbolic link, chmod '${shown(file)}'`);
  const handle = await files.open(native(file), READ_CAREFULLY).catch((error: unknown) => {
    // Our own file without read permission: there is no way to open it, so the name is used.
    if (codeOf(error) === 'EACCES') return null;
    throw error;
  });
  if (handle === null) await files.chmod(native(file), mode);
  else await named(file, 'chmod', () => using(handle, (open) => open.chmod(mode)));
}

const bytesOf = (content: Uint8Array | string): Uint8Array => (typeof content === 'string' ? Buffer.from(content) : content);

/** A new file with all its bytes, or none: it is removed again when they cannot be written. */
async function create<T>(file: string, content: Uint8Array | string, mode: number, last: (handle: Handle) => Promise<T>): Promise<T> {
  const handle = await files.open(file, CREATE_ONLY, mode);
  try {
    return await named(file, 'write', () =>
      using(handle, async () => {
        await writeAll(handle, bytesOf(content));
        return last(handle);
      }),
    );
  } catch (error) {
    await files.unlink(file).catch(() => undefined);
    throw error;
  }
}

async function append(file: string, content: Uint8Array | string, mode = 0o600): Promise<void> {
  const handle = await files.open(file, APPEND, mode);
  await named(file, 'append', () => using(handle, () => writeAll(handle, bytesOf(content))));
}

async function openRead(file: string): Promise<OpenFile> {
  const { handle, facts } = await openRegular(file);
  return {
    sizeBytes: facts.sizeBytes,
    readAt: (offset, length) =>
      named(file, 'read', async () => {
        const buffer = Buffer.allocUnsafe(length);
        let filled = 0;
        while (filled < length) {
          const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return buffer.subarray(0, filled);
      }),
    close: () => handle.close(),
  };
}

/** @param options.onSync called at each fsync, for the bench and for tests that count them */
export function makeFs(options: { readonly onSync?: (why: SyncWhy) => void } = {}): Fs {
  const sync = async (handle: Handle, why: SyncWhy): Promise<void> => {
    options.onSync?.(why);
    await handle.sync();
  };
  const writeNew: Fs['writeNew'] = (file, content, why, mode = 0o600) => create(file, content, mode, (handle) => sync(handle, why));
  return {
    async list(folder) {
      await folderOnly(folder);
      const entries = (await files.readdir(native(folder), { withFileTypes: true, encoding: 'buffer' })) as Dirent<Buffer>[];
      return entries.map((entry): DirEntry => ({
        raw: entry.name,
        name: isUtf8(entry.name) ? entry.name.toString() : null,
        kind: kindOf(entry),
      }));
    },
    facts: async (file) =>
      Promise.resolve().then(() => {
        const stats = lstatOrNull(file);
        return stats === null ? null : factsOf(stats);
      }),
    readBounded: (file, maxBytes) => read(file, maxBytes, true),
    readHead: (file, maxBytes) => read(file, maxBytes, false),
    writeNew,
    async replace(file, bytes, why, mode) {
      // A crash may leave one; the spool knows the shape (spool/layout.ts), passes it over, and sweeps it.
      const temporary = path.join(path.dirname(file), `.docket-${randomBytes(10).toString('hex')}.tmp`);
      await writeNew(temporary, bytes, why, mode);
      try {
        await files.rename(temporary, file);
      } catch (error) {
        await files.unlink(temporary).catch(() => undefined);
        throw error;
      }
    },
    writeDerived: (file, content, mode = 0o600) =>
      create(file, content, mode, async (handle) => factsOf(await handle.stat({ bigint: true }))),
    append,
    openRead,
    rename: (from, to) => files.rename(native(from), native(to)),
    link: (from, to) => files.link(native(from), native(to)),
    unlink: (file) => files.unlink(native(file)),
    chmod: changeMode,
    async makeFolder(folder, mode = 0o777) {
      await files.mkdir(folder, { mode });
    },
    makeFolders: (folder, mode = 0o777) => makeFolders(folder, mode),
    removeFolder: (folder) => files.rmdir(folder),
    removeTree: (folder) => files.rm(folder, { recursive: true, force: true }),
    async syncFile(file, why) {
      const { handle } = await openRegular(file);
      await named(file, 'fsync', () => using(handle, (open) => sync(open, why)));
    },
    async syncFolder(folder, why) {
      const handle = await files.open(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
      await named(folder, 'fsync', () => using(handle, (open) => sync(open, why))).catch((error: unknown) => {
        // Some network file systems cannot sync a folder at all; that is an answer about the system, not about the data.
        if (codeOf(error) !== 'EINVAL' && codeOf(error) !== 'ENOTSUP') throw error;
      });
    },
    realPath: (file) => files.realpath(file),
    fileSystem: fileSystemFacts,
    openForWriting,
  };
}
