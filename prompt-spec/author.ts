/** Who wrote a prompt, by its front matter: whose approval may not count (core/verdict.ts). */

import { readHeader, splitFences } from './front-matter.ts';

/** The e-mail address in `Ada Example <ada@example.com>` or `ada@example.com`; null: it says nothing, or is no prompt. */
export function authorOf(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
  const parts = splitFences(text);
  // It was accepted once: its header was small enough then.
  const front = parts.ok ? readHeader(parts.value, bytes.length) : parts;
  return front.ok ? emailOf(front.value.data['author']) : null;
}

/** @param author as front matter has it */
export const emailOf = (author: unknown): string | null =>
  typeof author === 'string' ? (/<([^<>\s]+)>$/.exec(author.trim())?.[1] ?? author.trim()) : null;
