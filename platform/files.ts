/**
 * The file system as the port `Fs`, with the care the spool needs: small files and names in this thread (small-files.ts), the rest in node's pool.
 * Invariant: nothing follows a link in the last part of a path, nothing blocks on a FIFO, nothing reads without a limit,
 * a write is whole and synced or it is gone. An error of fsync is never retried: after it the kernel may have dropped the bytes,
 * and a second fsync would answer "fine" (PostgreSQL wiki, "Fsync Errors").
 */

import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, constants, fchmodSync, fstatSync, linkSync, openSync, renameSync, unlinkSync } from 'node:fs';
import * as files from 'node:fs/promises';
import path from 'node:path';
import type { FileFacts, FilePath, Fs, OpenFile, SyncWhy } from '#core/ports.ts';
import { namingErrors } from './error-names.ts';
import { codeOf, CREATE_ONLY, factsOf, irregular, named, native, READ_CAREFULLY, shown, systemError } from './file-facts.ts';
import { fileSystemFacts } from './filesystems.ts';
import { patient, type OnPaths } from './patient-fs.ts';
import {
  changeModeLater,
  factsLater,
  folderOnly,
  listLater,
  makeFoldersLater,
  removeTreeLater,
  syncFileLater,
  syncFolderLater,
  walkLater,
} from './pooled-files.ts';
import {
  APPEND,
  appendSmall,
  breathe,
  createSmall,
  FIRST_READ_BYTES,
  lstatOrNull,
  readSmall,
  SMALL_BYTES,
  soon,
  syncDescriptor,
  syncing,
} from './small-files.ts';
import { removeTree } from './remove-tree.ts';
import { walk } from './walk.ts';
import { openForWriting } from './writers.ts';

export { codeOf, systemError } from './file-facts.ts';

type Handle = files.FileHandle;

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
    throw irregular(error, file);
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

type ReadBytes = { bytes: Uint8Array; facts: FileFacts };
const tooLarge = (file: FilePath, maxBytes: number): NodeJS.ErrnoException =>
  systemError('EFBIG', `larger than ${String(maxBytes)} bytes, read '${shown(file)}'`);

async function read(file: FilePath, maxBytes: number, isWhole: boolean): Promise<ReadBytes> {
  const small = await named(
    file,
    'read',
    soon(() => readSmall(file, isWhole ? maxBytes + 1 : maxBytes)),
  );
  if (small !== null && isWhole && small.bytes.length > maxBytes) throw tooLarge(file, maxBytes);
  return small ?? readLater(file, maxBytes, isWhole);
}

async function readLater(file: FilePath, maxBytes: number, isWhole: boolean): Promise<ReadBytes> {
  const { handle, facts } = await openRegular(file);
  return named(file, 'read', () =>
    using(handle, async () => {
      if (isWhole && facts.sizeBytes > maxBytes) throw tooLarge(file, maxBytes);
      const bytes = await readUpTo(handle, isWhole ? maxBytes + 1 : maxBytes, facts.sizeBytes);
      if (isWhole && bytes.length > maxBytes) throw tooLarge(file, maxBytes);
      return { bytes, facts };
    }),
  );
}

function openToSync(file: FilePath): number {
  let fd: number;
  try {
    fd = openSync(native(file), READ_CAREFULLY);
  } catch (error) {
    throw irregular(error, file);
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw systemError('EINVAL', `not a regular file, open '${shown(file)}'`);
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

/** In this thread: between the question and the change nothing else may come. */
function changeMode(file: FilePath, mode: number, beforeWrite: () => void): void {
  if (lstatOrNull(file)?.isSymbolicLink() === true) throw systemError('ELOOP', `a symbolic link, chmod '${shown(file)}'`);
  let fd: number;
  try {
    fd = openSync(native(file), READ_CAREFULLY);
  } catch (error) {
    // Our own file without read permission: there is no way to open it, so the name is used.
    if (codeOf(error) !== 'EACCES') throw error;
    beforeWrite();
    chmodSync(native(file), mode);
    return;
  }
  try {
    beforeWrite();
    fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}

const bytesOf = (content: Uint8Array | string): Uint8Array => (typeof content === 'string' ? Buffer.from(content) : content);

/** A new file with all its bytes, or none: it is removed again when they cannot be written. */
async function create<T>(
  file: string,
  content: Uint8Array | string,
  mode: number,
  beforeWrite: () => void,
  last: (handle: Handle) => Promise<T>,
): Promise<T> {
  const handle = await files.open(file, CREATE_ONLY, mode);
  try {
    return await named(file, 'write', () =>
      using(handle, async () => {
        beforeWrite();
        await writeAll(handle, bytesOf(content));
        return last(handle);
      }),
    );
  } catch (error) {
    await files.unlink(file).catch(() => undefined);
    throw error;
  }
}

async function append(file: string, content: Uint8Array | string, mode: number, beforeWrite: () => void): Promise<void> {
  const bytes = bytesOf(content);
  return bytes.length <= SMALL_BYTES ? appendSmall(file, bytes, mode, beforeWrite) : appendLater(file, bytes, mode, beforeWrite);
}

async function appendLater(file: string, bytes: Uint8Array, mode: number, beforeWrite: () => void): Promise<void> {
  const handle = await files.open(file, APPEND, mode);
  await named(file, 'append', () =>
    using(handle, async () => {
      // After the open: whoever takes over later puts another file in this one's place, and ours goes into the old one.
      beforeWrite();
      await writeAll(handle, bytes);
    }),
  );
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

/** @param move in this thread, or in the pool */
const replacing =
  (
    writeNew: Fs['writeNew'],
    beforeWrite: () => void,
    move: (from: string, to: string) => void | Promise<void> = renameSync,
  ): Fs['replace'] =>
  async (file, bytes, why, mode) => {
    // A crash may leave one; the spool knows the shape (spool/layout.ts), passes it over, and sweeps it.
    const temporary = path.join(path.dirname(file), `.docket-${randomBytes(10).toString('hex')}.tmp`);
    await writeNew(temporary, bytes, why, mode);
    try {
      // The sync may have taken seconds.
      beforeWrite();
      await move(temporary, file);
    } catch (error) {
      await files.unlink(temporary).catch(() => undefined);
      throw error;
    }
  };

/**
 * @param options.onSync called at each fsync, for the bench and for tests that count them
 * @param options.beforeWrite throws to refuse: called inside the operations of several steps, right before the one that shows (fenced-fs.ts)
 */
export function makeFs(options: { readonly onSync?: (why: SyncWhy) => void; readonly beforeWrite?: () => void } = {}): Fs {
  const beforeWrite = options.beforeWrite ?? ((): void => undefined);
  const sync = async (handle: Handle, why: SyncWhy): Promise<void> => {
    options.onSync?.(why);
    await syncing(() => handle.sync());
  };
  const writeNew: Fs['writeNew'] = async (file, content, why, mode = 0o600) => {
    const bytes = bytesOf(content);
    if (bytes.length > SMALL_BYTES) return create(file, bytes, mode, beforeWrite, (handle) => sync(handle, why));
    return createSmall(file, bytes, mode, beforeWrite, async (fd) => {
      // Files that are made together are all written before one of them is synced: then one write of the journal has them all.
      await Promise.resolve();
      options.onSync?.(why);
      await syncDescriptor(fd);
    });
  };
  const here: Fs = {
    list: listLater,
    async walk(folder, see) {
      await folderOnly(folder);
      await walk(folder, see);
    },
    facts: soon((file: FilePath) => {
      const stats = lstatOrNull(file);
      return stats === null ? null : factsOf(stats);
    }),
    readBounded: (file, maxBytes) => read(file, maxBytes, true),
    readHead: (file, maxBytes) => read(file, maxBytes, false),
    writeNew,
    replace: replacing(writeNew, beforeWrite),
    async writeDerived(file, content, mode = 0o600) {
      const bytes = bytesOf(content);
      await breathe();
      return bytes.length > SMALL_BYTES
        ? create(file, bytes, mode, beforeWrite, async (handle) => factsOf(await handle.stat({ bigint: true })))
        : createSmall(file, bytes, mode, beforeWrite, (fd) => factsOf(fstatSync(fd, { bigint: true })));
    },
    append: (file, content, mode = 0o600) => append(file, content, mode, beforeWrite),
    openRead,
    rename: soon((from: FilePath, to: FilePath) => {
      beforeWrite();
      renameSync(native(from), native(to));
    }),
    link: soon((from: FilePath, to: FilePath) => {
      beforeWrite();
      linkSync(native(from), native(to));
    }),
    unlink: soon((file: FilePath) => {
      beforeWrite();
      unlinkSync(native(file));
    }),
    chmod: soon((file: FilePath, mode: number) => {
      changeMode(file, mode, beforeWrite);
    }),
    makeFolder: async (folder, mode = 0o777) => {
      await files.mkdir(folder, { mode });
    },
    makeFolders: (folder, mode = 0o777) => makeFolders(folder, mode),
    removeFolder: (folder) => files.rmdir(folder),
    removeTree,
    async syncFile(file, why) {
      // Opening what is there is a matter of microseconds, in this thread; only the sync itself waits for the disk.
      await breathe();
      const fd = openToSync(file);
      options.onSync?.(why);
      await named(file, 'fsync', async () => syncDescriptor(fd).finally(() => closeSync(fd)));
    },
    async syncFolder(folder, why) {
      const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
      options.onSync?.(why);
      const synced = named(folder, 'fsync', async () => syncDescriptor(fd).finally(() => closeSync(fd)));
      await synced.catch((error: unknown) => {
        // Some network file systems cannot sync a folder at all; that is an answer about the system, not about the data.
        if (codeOf(error) !== 'EINVAL' && codeOf(error) !== 'ENOTSUP') throw error;
      });
    },
    realPath: (file) => files.realpath(file),
    fileSystem: fileSystemFacts,
    openForWriting,
  };
  return namingErrors<Fs>({ ...here, ...patient(here, pooled(here, sync, options.onSync ?? ((): void => undefined), beforeWrite)) });
}

/** The same acts for file systems that may not answer: none in this thread. */
function pooled(
  here: Fs,
  sync: (handle: Handle, why: SyncWhy) => Promise<void>,
  onSync: (why: SyncWhy) => void,
  beforeWrite: () => void,
): OnPaths {
  const writeNew: Fs['writeNew'] = (file, content, why, mode = 0o600) =>
    create(file, content, mode, beforeWrite, (handle) => sync(handle, why));
  const asked =
    <A extends readonly unknown[]>(act: (...given: A) => Promise<void>) =>
    async (...given: A): Promise<void> => {
      beforeWrite();
      return act(...given);
    };
  return {
    ...here,
    walk: walkLater,
    facts: factsLater,
    readBounded: (file, maxBytes) => readLater(file, maxBytes, true),
    readHead: (file, maxBytes) => readLater(file, maxBytes, false),
    writeNew,
    replace: replacing(writeNew, beforeWrite, files.rename),
    writeDerived: (file, content, mode = 0o600) =>
      create(file, content, mode, beforeWrite, async (handle) => factsOf(await handle.stat({ bigint: true }))),
    append: (file, content, mode = 0o600) => appendLater(file, bytesOf(content), mode, beforeWrite),
    rename: asked((from: FilePath, to: FilePath) => files.rename(native(from), native(to))),
    link: asked((from: FilePath, to: FilePath) => files.link(native(from), native(to))),
    unlink: asked((file: FilePath) => files.unlink(native(file))),
    chmod: asked(changeModeLater),
    makeFolders: (folder, mode = 0o777) => makeFoldersLater(folder, mode),
    removeTree: removeTreeLater,
    syncFile: (file, why) =>
      syncFileLater(file, () => {
        onSync(why);
      }),
    syncFolder: (folder, why) =>
      syncFolderLater(folder, () => {
        onSync(why);
      }),
  };
}
