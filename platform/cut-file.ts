/** Shortens a file in place. Its bytes up to that length stay as they are; durable only when it is synced afterwards. */

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { foreignMountOf } from './foreign-mounts.ts';
import { patiently } from './patience.ts';

const WRITE_CAREFULLY = constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Does not follow a link in the last part of the path. Rejects with the system's code. */
export async function cutFile(path: string, bytes: number): Promise<void> {
  const foreign = foreignMountOf(path);
  return foreign === null ? cut(path, bytes) : patiently(foreign, 'truncate', path, async () => cut(path, bytes));
}

async function cut(path: string, bytes: number): Promise<void> {
  const handle = await open(path, WRITE_CAREFULLY);
  try {
    await handle.truncate(bytes);
  } finally {
    await handle.close();
  }
}
