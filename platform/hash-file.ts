/** SHA-256 of a file of any size in constant memory: an AI tool may be 400 MB, a run's output a gigabyte. */

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Sha256 } from '#core/names.ts';
import { systemError } from './file-facts.ts';
import { foreignMountOf } from './foreign-mounts.ts';
import { patiently } from './patience.ts';
import { readSmall, SMALL_BYTES } from './small-files.ts';

const CHUNK_BYTES = 256 * 1024;
const READ_CAREFULLY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

type Hashed = { readonly sha256: Sha256; readonly sizeBytes: number };

/** Reads to the end as it is found; does not follow a link in the last part. Throws the system's error, EINVAL for what is no regular file. */
export async function hashFile(path: string): Promise<Hashed> {
  const foreign = foreignMountOf(path);
  if (foreign !== null) return patiently(foreign, 'hash', path, async () => hashLater(path));
  // Most outputs of a run are small: without a trip through the pool. A whole buffer may not be the whole file.
  const small = readSmall(path, SMALL_BYTES);
  if (small !== null && small.bytes.length < SMALL_BYTES)
    return { sha256: createHash('sha256').update(small.bytes).digest('hex') as Sha256, sizeBytes: small.bytes.length };
  return hashLater(path);
}

async function hashLater(path: string): Promise<Hashed> {
  const handle = await open(path, READ_CAREFULLY);
  try {
    if (!(await handle.stat()).isFile()) throw systemError('EINVAL', `not a regular file, open '${path}'`);
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let sizeBytes = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, null);
      if (bytesRead === 0) return { sha256: hash.digest('hex') as Sha256, sizeBytes };
      hash.update(buffer.subarray(0, bytesRead));
      sizeBytes += bytesRead;
    }
  } finally {
    await handle.close();
  }
}
