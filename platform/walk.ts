/**
 * The names in a folder, one after the other, without a list of them: a million names cost 70 MB and half a second here, where `readdir` with
 * types takes gigabytes. In this thread, a few hundred names per call of the kernel; everything else has its turn every few milliseconds.
 */

import { opendirSync, type Dir } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { FileKind } from '#core/ports.ts';
import { codeOf, kindOf } from './file-facts.ts';
import { breathe } from './small-files.ts';

const NAMES_PER_CALL = 1_024;

/**
 * Where the file system does not tell the kind of an entry with its name, Node asks by a name that it takes for UTF-8, and finds nothing
 * when it is not. Then all are told as files: who cares asks for the facts.
 */
async function namesOnly(folder: string, see: (name: string, kind: FileKind) => void): Promise<void> {
  for (const name of await readdir(folder, { encoding: 'latin1' })) see(name, 'file');
}

/** Throws what the system says of the folder. `see` may be told an entry twice. */
export async function walk(folder: string, see: (name: string, kind: FileKind) => void): Promise<void> {
  const names: Dir = opendirSync(folder, { encoding: 'latin1', bufferSize: NAMES_PER_CALL });
  try {
    for (let told = 0; ; told++) {
      if (told % NAMES_PER_CALL === 0) await breathe();
      const entry = names.readSync();
      if (entry === null) return;
      see(entry.name, kindOf(entry));
    }
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || (error as NodeJS.ErrnoException).syscall !== 'lstat') throw error;
    await namesOnly(folder, see);
  } finally {
    names.closeSync();
  }
}
