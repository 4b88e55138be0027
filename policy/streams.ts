/**
 * The two streams kept apart: `feature` builds forward from the requirements documents, `fix` mends backward from the issue log, and a run of one reads
 * and changes nothing of the other's input. Pure. docs/streams.md.
 *
 *   a work tree with a record -> its stream;   none -> the stream that the prompt names;   neither -> nothing is kept apart
 */

import type { Fault } from '#core/fault.ts';
import type { Stream } from '#core/prompt.ts';

type Inputs = { readonly 'streams.prd': string; readonly 'streams.issues': readonly string[] };

/** As a pattern that means itself: its signs stand for any one character. */
const itself = (path: string): string =>
  path
    .replace(/^(?:\.\/)+/, '')
    .replace(/\/+$/, '')
    .replaceAll(/[*?[\]{}()!+@|]/g, '?');

/** What a run of this stream may neither read nor change, relative to the code. */
export function inputOfOther(settings: Inputs, stream: Stream | null): readonly string[] {
  if (stream === null) return [];
  const paths = stream === 'fix' ? [settings['streams.prd']] : settings['streams.issues'];
  return paths.map(itself).filter((path) => path !== '' && path !== '.');
}

/** Why this prompt cannot run here: its work tree belongs to the other stream. @param own of the work tree; null: it has no record */
export function streamFaults(
  own: Stream | null | undefined,
  stream: Stream | null,
  placeOf: () => { readonly line: number; readonly column: number },
): readonly Fault[] {
  if (own === null || own === undefined || stream === null || stream === own) return [];
  return [
    {
      code: 'stream-other',
      ...placeOf(),
      field: 'stream',
      message: `this work tree belongs to the stream ${own}, and a prompt belongs to exactly one`,
      expected: own,
      found: stream,
      mend: `write stream: ${own} or leave the line out; work of the stream ${stream} has a work tree of its own (docket ${stream === 'fix' ? 'fix' : 'work-on'})`,
    },
  ];
}
