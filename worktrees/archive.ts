/**
 * Moves a folder of files to a place that keeps it: by one rename, and between file systems by a copy that is read back and compared before the first byte
 * of the source goes. Repeated after a crash it goes on: what is under the last name is whole.
 */

import path from 'node:path';
import { Buffer } from 'node:buffer';
import type { Fs } from '#core/ports.ts';

export type ArchiveFs = Pick<
  Fs,
  'facts' | 'list' | 'readBounded' | 'writeNew' | 'makeFolders' | 'makeFolder' | 'rename' | 'removeTree' | 'syncFolder' | 'chmod'
>;
const FILE_BYTES_MAX = 1_000_000_000;
const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/** Where it came to stand; null: there is nothing to move. A name that is taken by something else is passed over: `queues-2`. */
export async function moveFolder(fs: ArchiveFs, from: string, to: string): Promise<string | null> {
  if ((await fs.facts(from)) === null) return (await fs.facts(to)) === null ? null : to;
  await fs.makeFolders(path.dirname(to), 0o700);
  let free = to;
  for (let n = 2; (await fs.facts(free)) !== null; n++) {
    if (await isCopyOf(fs, from, free)) {
      await fs.removeTree(from);
      return free;
    }
    free = `${to}-${String(n)}`;
  }
  try {
    await fs.rename(from, free);
  } catch (error) {
    if (codeOf(error) !== 'EXDEV') throw error;
    await copyFolder(fs, from, free);
    await fs.removeTree(from);
  }
  await fs.syncFolder(path.dirname(free), 'safety');
  await fs.syncFolder(path.dirname(from), 'safety');
  return free;
}

/** Under a hidden name first, so that what has the name is whole. */
export async function copyFolder(fs: ArchiveFs, from: string, to: string): Promise<void> {
  const part = path.join(path.dirname(to), `.${path.basename(to)}.part`);
  await fs.removeTree(part);
  await copyBelow(fs, from, part);
  if (!(await isCopyOf(fs, from, part)))
    throw new Error(`the copy of ${from} is not what it was made from: something wrote to it meanwhile`);
  await fs.rename(part, to);
}

async function copyBelow(fs: ArchiveFs, from: string, to: string): Promise<void> {
  await fs.makeFolder(to, 0o700);
  for (const { name, kind } of await fs.list(from)) {
    // A socket, a FIFO: they hold nothing.
    if (kind === 'other') continue;
    if (name === null || kind === 'link')
      throw new Error(
        `${path.join(from, name ?? '?')} is a link, or has no name in UTF-8, so it cannot be carried to another file system: move it away`,
      );
    const [source, target] = [path.join(from, name), path.join(to, name)];
    if (kind === 'folder') await copyBelow(fs, source, target);
    else {
      const { bytes, facts } = await fs.readBounded(source, FILE_BYTES_MAX);
      await fs.writeNew(target, bytes, 'safety', facts.mode & 0o777);
    }
  }
  await fs.syncFolder(to, 'safety');
}

/** Does `to` have everything that is still in `from`, byte for byte? */
async function isCopyOf(fs: ArchiveFs, from: string, to: string): Promise<boolean> {
  if ((await fs.facts(to))?.kind !== 'folder') return false;
  for (const { name, kind } of await fs.list(from)) {
    if (kind === 'other') continue;
    if (name === null) return false;
    const [source, target] = [path.join(from, name), path.join(to, name)];
    const there = await fs.facts(target);
    if (there?.kind !== kind || (kind !== 'file' && kind !== 'folder')) return false;
    if (kind === 'folder' ? !(await isCopyOf(fs, source, target)) : !(await isSameFile(fs, source, target))) return false;
  }
  return true;
}

async function isSameFile(fs: ArchiveFs, a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([fs.readBounded(a, FILE_BYTES_MAX), fs.readBounded(b, FILE_BYTES_MAX)]);
  return Buffer.compare(one.bytes, other.bytes) === 0;
}
