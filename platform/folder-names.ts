/** Names in a folder, all at once: for a glance at folders of ten thousand files, in a process that has nothing else to do meanwhile. */

import { lstatSync, readdirSync } from 'node:fs';
import { codeOf } from './file-facts.ts';

/** One character per byte (latin1). A folder that is not there has none. Throws what the system says. */
export function namesInFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder, 'latin1');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Of a file that stands there: its inode, and when its name or its content changed last. Null: it is gone. */
export function changeOf(file: string): { readonly inode: number; readonly atMs: number } | null {
  try {
    const { ino, ctimeMs } = lstatSync(file);
    return { inode: ino, atMs: ctimeMs };
  } catch {
    return null;
  }
}
