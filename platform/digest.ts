/** Hashes and randomness as the port `Digest`: node:crypto. */

import { hash, randomBytes, randomUUID } from 'node:crypto';
import type { Sha256 } from '#core/names.ts';
import type { Digest } from '#core/ports.ts';

export const makeDigest = (): Digest => ({
  sha256: (bytes) => hash('sha256', bytes, 'hex') as Sha256,
  randomBytes: (count) => new Uint8Array(randomBytes(count)),
  uuid: () => randomUUID(),
});
