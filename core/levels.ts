/**
 * How far a capability is, and who moves it: build forward (`feature`) up to L2, mend backward (`fix`) from there to L4. Pure. docs/streams.md.
 *
 *   L0 named -> L1 built -> L2 built and tested | -> L3 seen on production -> L4 relied on there
 * Invariant: a level is only ever raised, and only by the word of a person (`docket promote`).
 */

import type { Stream } from './prompt.ts';
import { err, ok, type Result } from './result.ts';

export const LEVELS = ['L0', 'L1', 'L2', 'L3', 'L4'] as const;
export type Level = (typeof LEVELS)[number];
export const isLevel = (text: string): text is Level => (LEVELS as readonly string[]).includes(text);

export const LEVEL_WORDS: Readonly<Record<Level, string>> = {
  L0: 'named, and not there',
  L1: 'built',
  L2: 'built and tested',
  L3: 'seen to work on production',
  L4: 'relied on in production',
};

/** Which stream moves a capability to this level. */
export const streamOfLevel = (to: Level): Stream => (to === 'L3' || to === 'L4' ? 'fix' : 'feature');

/** @param stream of the work tree in which it is said; null: of none, then the level decides @returns why not, in words */
export function moveLevel(from: Level, to: Level, stream: Stream | null): Result<Stream, string> {
  const wanted = streamOfLevel(to);
  if (to === from) return err(`it is at ${to} (${LEVEL_WORDS[to]}) already`);
  if (LEVELS.indexOf(to) < LEVELS.indexOf(from))
    return err(`it is at ${from}, and a promotion raises a level: what is wrong with it goes into the issue log (docket found issue)`);
  if (wanted === 'fix' && LEVELS.indexOf(from) < LEVELS.indexOf('L2'))
    return err(`it is at ${from} (${LEVEL_WORDS[from]}), and ${to} begins at L2: build and test it first, docket promote … --to L2`);
  if (stream !== null && stream !== wanted)
    return err(
      `${to} is moved to by the stream ${wanted} (feature: up to L2, fix: L3 and L4), and this work tree belongs to the stream ${stream}: say it in another one, or in the primary checkout`,
    );
  return ok(wanted);
}
