/** Names and words that must not clash. */

import type { Digest } from '#core/ports.ts';

/** Lower-case hex. */
export const randomText = (digest: Digest, bytes = 6): string =>
  Array.from(digest.randomBytes(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
