/**
 * The acts of files.ts that are done in this thread there, done in the pool: for file systems that may not answer (patience.ts). Same care, same errors.
 * Nothing here asks for more than one thread at a time.
 */

import { Buffer, isUtf8 } from 'node:buffer';
import { constants, type Dirent } from 'node:fs';
import * as files from 'node:fs/promises';
import path from 'node:path';
import type { DirEntry, FileFacts, FileKind, FilePath } from '#core/ports.ts';
import { codeOf, factsOf, irregular, kindOf, named, native, READ_CAREFULLY, shown, systemError } from './file-facts.ts';

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const NAMES_PER_CALL = 1_024;

/** Null: it is not there. */
export async function factsLater(file: FilePath): Promise<FileFacts | null> {
  try {
    return factsOf(await files.lstat(native(file), { bigint: true }));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    throw error;
  }
}

export async function folderOnly(folder: FilePath): Promise<void> {
  const stats = await files.lstat(native(folder));
  if (!stats.isDirectory()) throw systemError('ENOTDIR', `not a folder (links are not followed), '${shown(folder)}'`);
}

export async function listLater(folder: FilePath): Promise<DirEntry[]> {
  await folderOnly(folder);
  const entries = (await files.readdir(native(folder), { withFileTypes: true, encoding: 'buffer' })) as Dirent<Buffer>[];
  return entries.map((entry): DirEntry => ({
    raw: entry.name,
    name: isUtf8(entry.name) ? entry.name.toString() : null,
    kind: kindOf(entry),
  }));
}

/** As walk.ts: one after the other, an entry may be told twice. */
export async function walkLater(folder: string, see: (name: string, kind: FileKind) => void): Promise<void> {
  await folderOnly(folder);
  const names = await files.opendir(folder, { encoding: 'latin1', bufferSize: NAMES_PER_CALL });
  try {
    for (let entry = await names.read(); entry !== null; entry = await names.read()) see(entry.name, kindOf(entry));
  } catch (error) {
    // Where the kind of an entry is not told with its name, Node asks for it by a name that it takes for UTF-8.
    if (codeOf(error) !== 'ENOENT' || (error as NodeJS.ErrnoException).syscall !== 'lstat') throw error;
    for (const name of await files.readdir(folder, { encoding: 'latin1' })) see(name, 'file');
  } finally {
    await names.close();
  }
}

export async function makeFoldersLater(folder: string, mode: number): Promise<void> {
  const missing: string[] = [];
  for (let at = path.resolve(folder); (await factsLater(at)) === null; at = path.dirname(at)) missing.push(at);
  for (const at of missing.toReversed())
    await files.mkdir(at, { mode }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  await folderOnly(folder);
}

export async function changeModeLater(file: FilePath, mode: number): Promise<void> {
  const facts = await factsLater(file);
  if (facts?.kind === 'link') throw systemError('ELOOP', `a symbolic link, chmod '${shown(file)}'`);
  let handle: files.FileHandle;
  try {
    handle = await files.open(native(file), READ_CAREFULLY);
  } catch (error) {
    if (codeOf(error) !== 'EACCES') throw error;
    await files.chmod(native(file), mode);
    return;
  }
  try {
    await handle.chmod(mode);
  } finally {
    await handle.close();
  }
}

/** One after the other, where `rm` asks for several at once. */
export async function removeTreeLater(file: FilePath): Promise<void> {
  const facts = await factsLater(file);
  if (facts === null) return;
  if (facts.kind !== 'folder') return files.unlink(native(file));
  const here = Buffer.from(native(file));
  for (const { raw } of await listLater(file)) await removeTreeLater(Buffer.concat([here, Buffer.from('/'), raw]));
  await files.rmdir(native(file));
}

export async function syncFileLater(file: string, onSync: () => void): Promise<void> {
  const handle = await files.open(native(file), READ_CAREFULLY).catch((error: unknown) => {
    throw irregular(error, file);
  });
  try {
    if (!(await handle.stat()).isFile()) throw systemError('EINVAL', `not a regular file, open '${shown(file)}'`);
    onSync();
    await named(file, 'fsync', async () => handle.sync());
  } finally {
    await handle.close();
  }
}

export async function syncFolderLater(folder: string, onSync: () => void): Promise<void> {
  const handle = await files.open(folder, FOLDER);
  try {
    onSync();
    await named(folder, 'fsync', async () => handle.sync());
  } catch (error) {
    // Some network file systems cannot sync a folder at all; that is an answer about the system, not about the data.
    if (codeOf(error) !== 'EINVAL' && codeOf(error) !== 'ENOTSUP') throw error;
  } finally {
    await handle.close();
  }
}
