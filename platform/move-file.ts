/** A rename that replaces nothing and takes a missing file as done: for setting a damaged database aside before anything is opened. */

import { existsSync, renameSync } from 'node:fs';

export function moveFile(from: string, to: string): void {
  if (!existsSync(from)) return;
  if (existsSync(to)) throw Object.assign(new Error(`EEXIST: a file is in the way, rename '${from}' -> '${to}'`), { code: 'EEXIST' });
  renameSync(from, to);
}
