/**
 * Mentions: some tools send along the file that a prompt names by `@path`, and nothing switches that off. A prompt is to be inert, so each `@` of
 * a path that is there gets a backslash: before it, which such tools take for a plain sign, or behind it for a tool that does not (`split`). Mail addresses, decorators and packages stay as they are.
 */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';

/** What Gemini CLI 0.61 and Qwen Code 0.24 take for a path: up to a blank or a sign of a sentence; quoted, or with escaped signs. */
const MENTION = /(?<!\\)@("[^"]*"|(?:\\[\s\S]|[^ \t\n\r,;!?()[\]{}.\\]|\.(?!$|[ \t\n\r]))+)/g;
/** More than this many different ones are not looked for one by one. */
const LOOKS_MAX = 2_000;

export type Inertly = 'escape' | 'split';

async function isThere(fs: Pick<Fs, 'facts'>, cwd: string, mention: string): Promise<boolean> {
  const name = mention.replaceAll(/^"|"$/g, '').replaceAll(/\\([\s\S])/g, '$1');
  if (name.includes('\0')) return false;
  // Of somebody's home, whose ever the tool takes it for.
  if (name.startsWith('~')) return true;
  try {
    return (await fs.facts(path.resolve(cwd, name))) !== null;
  } catch {
    // A path through a file, or too long: not sure, so it is made inert.
    return true;
  }
}

/** The brief with a backslash before (`split`: behind) each `@` that names something there; the very same text when there is none. */
export async function inertMentions(brief: string, cwd: string, fs: Pick<Fs, 'facts'>, how: Inertly = 'escape'): Promise<string> {
  const names = new Set([...brief.matchAll(MENTION)].map((match) => match[1] ?? ''));
  const there = new Set<string>();
  if (names.size <= LOOKS_MAX) for (const name of names) if (await isThere(fs, cwd, name)) there.add(name);
  return brief.replaceAll(MENTION, (whole, name: string) =>
    names.size > LOOKS_MAX || there.has(name) ? (how === 'split' ? `@\\${name}` : `\\${whole}`) : whole,
  );
}
