/**
 * The first bytes of waiting files, for the peek: a hint only. Kept by the key of the file, so an unchanged file is read once;
 * bounded in bytes, oldest out first.
 */

import type { Waiting } from '#core/spool.ts';
import { mayDrop } from './owner.ts';
import { codeOf, type Parts } from './parts.ts';
import { keyOf } from './settle.ts';

/** Longest front matter and its fences (core/settings.ts limits.front_matter_bytes, upper bound is checked by the parser). */
const HEAD_BYTES = 16 * 1024 + 64;
/** For who looks twice in a row; what was seen in a file is remembered by the daemon. */
const CACHE_BYTES = 32_000;

export type Heads = { head(parts: Parts, waiting: Waiting): Promise<Uint8Array | null> };

export function makeHeads(): Heads {
  const cache = new Map<string, Uint8Array>();
  let cachedBytes = 0;
  const remember = (key: string, bytes: Uint8Array): void => {
    if (cache.has(key)) return;
    cache.set(key, bytes);
    cachedBytes += bytes.length + key.length;
    for (const [oldKey, old] of cache) {
      if (cachedBytes <= CACHE_BYTES) break;
      cache.delete(oldKey);
      cachedBytes -= old.length + oldKey.length;
    }
  };
  return {
    /**
     * @returns null when the file is gone, changed or not a regular file any more: the next scan tells. A file without read permission
     * answers no bytes at all, so that it is claimed as invalid and its author is told why; so does one of somebody who may not drop here.
     */
    async head(parts, waiting) {
      const known = cache.get(waiting.key);
      if (known !== undefined) return known;
      try {
        const { bytes, facts } = await parts.fs.readHead(parts.layout.entry(waiting.folder, waiting.rawName), HEAD_BYTES);
        if (keyOf(facts) !== waiting.key) return null;
        if (!mayDrop(parts.settings.owners, facts)) return new Uint8Array(0);
        remember(waiting.key, bytes);
        return bytes;
      } catch (error) {
        const code = codeOf(error);
        if (code === 'ENOENT' || code === 'EINVAL') return null;
        if (code === 'EACCES' || code === 'EPERM') return new Uint8Array(0);
        throw error;
      }
    },
  };
}
