/**
 * What lies below a folder, as the system tells it: for the question what a run changed. Nothing is opened, no link is followed on the way down.
 * In this thread (an answer from the kernel's memory takes microseconds), with a turn for everything else every few milliseconds.
 */

import { Buffer, isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync, type Stats } from 'node:fs';
import path from 'node:path';
import type { Sha256 } from '#core/names.ts';
import type { AskProgram } from '#core/ports.ts';
import type { Tree, TreePort } from '#core/scope.ts';
import { codeOf, systemError } from './files.ts';
import { gitDiff, gitSiblings, gitState } from './git-state.ts';
import { hashFile } from './hash-file.ts';
import { breathe, readSmall, SMALL_BYTES, soon } from './small-files.ts';

const kindOf = (stats: Stats): string => (stats.isFile() ? 'file' : stats.isSymbolicLink() ? 'link' : 'other');

/** `file <mode> <bytes> <inode> <links> <changed> <written>`: whoever writes to a file changes at least `changed`, which no program can set. */
const keyOf = (stats: Stats): string =>
  `${kindOf(stats)} ${stats.mode.toString(8)} ${String(stats.size)} ${String(stats.ino)} ${String(stats.nlink)} ${String(stats.ctimeMs)} ${String(stats.mtimeMs)}`;

/** Also what it leads to: a program may write through a link that was there before. */
function linkKey(file: string, stats: Stats): string {
  const target = readlinkSync(file);
  try {
    const led = statSync(file);
    return `${keyOf(stats)} -> ${target}${led.isFile() ? ` ${keyOf(led)}` : ''}`;
  } catch {
    return `${keyOf(stats)} -> ${target}`;
  }
}

function factsAt(file: string): string {
  try {
    const stats = lstatSync(file);
    return stats.isSymbolicLink() ? linkKey(file, stats) : keyOf(stats);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'gone';
    throw error;
  }
}

/** Names that are no UTF-8, under their bytes in hex; what lies in such a folder is not looked at, only the folder. No rule allows them. */
function strangers(root: string, folder: string, tree: Map<string, string>): void {
  const at = path.join(root, folder);
  for (const raw of readdirSync(at, { encoding: 'buffer' })) {
    if (isUtf8(raw) && !raw.toString().includes('\ufffd')) continue;
    const stats = lstatSync(Buffer.concat([Buffer.from(`${at}/`), raw]), { throwIfNoEntry: false });
    if (stats !== undefined) tree.set(`${folder === '' ? '' : `${folder}/`}\ufffd${raw.toString('hex')}`, keyOf(stats));
  }
}

/** @param leftOut asked for folders and files; `.git` at the top is left out always */
async function readTree(root: string, leftOut: (relative: string) => boolean, max: number): Promise<Tree> {
  const tree = new Map<string, string>();
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    await breathe();
    let entries;
    try {
      entries = readdirSync(path.join(root, folder), { withFileTypes: true });
    } catch (error) {
      if (codeOf(error) === 'ENOENT') continue;
      if (codeOf(error) !== 'EACCES') throw error;
      // Whoever hides what it wrote makes a folder that was not like this before.
      tree.set(`${folder}/`, factsAt(path.join(root, folder)));
      continue;
    }
    for (const entry of entries) {
      const relative = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.name.includes('\ufffd')) {
        strangers(root, folder, tree);
        continue;
      }
      if (relative === '.git' || leftOut(relative)) continue;
      if (entry.isDirectory()) {
        folders.push(relative);
        continue;
      }
      const facts = factsAt(path.join(root, relative));
      if (facts !== 'gone') tree.set(relative, facts);
      if (tree.size > max) throw systemError('EFBIG', `more than ${String(max)} files below '${root}'`);
      if (tree.size % 256 === 0) await breathe();
    }
  }
  return tree;
}

/** SHA-256 of a regular file; null: it is none, is gone, or is larger than that. */
async function hash(file: string, maxBytes: number): Promise<Sha256 | null> {
  await breathe();
  try {
    const stats = lstatSync(file);
    if (!stats.isFile() || stats.size > maxBytes) return null;
    const small = stats.size <= SMALL_BYTES ? readSmall(file, SMALL_BYTES) : null;
    return small === null ? (await hashFile(file)).sha256 : (createHash('sha256').update(small.bytes).digest('hex') as Sha256);
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EINVAL', 'ELOOP', 'ENOTDIR'].includes(codeOf(error))) return null;
    throw error;
  }
}

function leads(file: string): string | null {
  try {
    if (!lstatSync(file).isSymbolicLink()) return null;
    const target = path.resolve(path.dirname(file), readlinkSync(file));
    try {
      return realpathSync(target);
    } catch {
      // It leads nowhere yet: the last folder that is there says where.
      return path.join(realpathSync(path.dirname(target)), path.basename(target));
    }
  } catch {
    return file;
  }
}

export const makeTreePort = (ask: AskProgram): TreePort => ({
  root: soon((folder: string) => realpathSync.native(folder)),
  read: readTree,
  hash,
  leads: async (file) => Promise.resolve(leads(file)),
  git: gitState,
  siblings: gitSiblings,
  diff: async (root, paths) => gitDiff(ask, root, paths),
});
