/** Search in laid out text: a match is found also where it was wrapped into two lines. Pure. */

import { span, textOfLine, type Line, type Span } from './review-line.ts';

/** Characters from..to of a line. */
type Part = { readonly line: number; readonly from: number; readonly to: number };
/** A match stands on one line, or goes on on the next ones. */
export type Match = readonly Part[];

const MATCHES_MAX = 10_000;

/** All matches, first to last. A text without a capital letter is found in any case. */
export function findAll(lines: readonly Line[], wanted: string): Match[] {
  if (wanted === '') return [];
  const starts: { readonly at: number; readonly length: number; readonly lead: number }[] = [];
  let text = '';
  for (const one of lines) {
    const full = textOfLine(one);
    const lead = one.joins?.lead ?? 0;
    text += one.joins?.glue ?? '\n';
    starts.push({ at: text.length, length: full.length - lead, lead });
    text += full.slice(lead);
  }
  const literal = new RegExp(wanted.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`), wanted === wanted.toLowerCase() ? 'giu' : 'gu');
  const matches: Match[] = [];
  let row = 0;
  for (const { index, 0: found } of text.matchAll(literal)) {
    const end = index + found.length;
    while (row + 1 < starts.length && (starts[row + 1]?.at ?? 0) <= index) row++;
    const parts: Part[] = [];
    for (let at = row; at < starts.length && (starts[at]?.at ?? end) < end; at++) {
      const start = starts[at] ?? { at: 0, length: 0, lead: 0 };
      const [from, to] = [Math.max(index, start.at), Math.min(end, start.at + start.length)];
      if (from < to) parts.push({ line: at, from: from - start.at + start.lead, to: to - start.at + start.lead });
    }
    if (parts.length > 0) matches.push(parts);
    if (matches.length >= MATCHES_MAX) break;
  }
  return matches;
}

/** The line with the parts of matches on it marked. @param current index of the match that a person is at */
export function withMatches(one: Line, row: number, matches: readonly Match[], current: number): Line {
  let spans: readonly Span[] = one.spans;
  for (const [index, match] of matches.entries())
    for (const part of match) if (part.line === row) spans = marked(spans, part.from, part.to, index === current ? 'current' : 'match');
  return spans === one.spans ? one : { ...one, spans };
}

function marked(spans: readonly Span[], from: number, to: number, mark: 'match' | 'current'): Span[] {
  let at = 0;
  return spans.flatMap((one) => {
    const start = at;
    at += one.text.length;
    const cutAt = (offset: number): number => Math.min(one.text.length, Math.max(0, offset - start));
    const [a, b] = [cutAt(from), cutAt(to)];
    return [span(one.text.slice(0, a), one.mark), span(one.text.slice(a, b), mark), span(one.text.slice(b), one.mark)].filter(
      ({ text }) => text !== '',
    );
  });
}
