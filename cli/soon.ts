/** An answer that may never come. */

import type { Clock } from '#core/ports.ts';

/** The promise's value, or null when it takes too long. */
export async function soon<T>(clock: Clock, promise: Promise<T>, ms: number): Promise<T | null> {
  const enough = new AbortController();
  try {
    return await Promise.race([promise, clock.sleep(ms, enough.signal).then(() => null)]);
  } finally {
    enough.abort();
  }
}
