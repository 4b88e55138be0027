/**
 * Markdown as lines of a terminal: headings, paragraphs, lists, quotes, code, tables. Small on purpose, and our own: a reviewer must see everything that
 * the next role will read, so comments, HTML, where links lead and the fences' info strings are all shown. Pure.
 *
 * Invariants: the text is safe before it is looked at (review-line.ts); the work is linear in its length; every line of it is somewhere in what is shown.
 */

import { inlineSpans } from './review-inline.ts';
import { safeLines, span, widthOfSpans, wrap, wrapHard, type Doc, type Line, type Margin, type Span } from './review-line.ts';
import { cellsOf, isDivider, tableLines } from './review-table.ts';

const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;
const HEADING = /^ {0,3}(#{1,6})(?:\s+(.*?))?(?:\s+#+)?\s*$/;
const RULE = /^ {0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$/;
const ITEM = /^( {0,3})([-*+]|[0-9]{1,9}[.)])(\s+|$)(.*)$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
/** Lists in lists in quotes … end here: what is deeper is shown as it is written. */
const DEPTH_MAX = 8;
/** The least columns that a list or a quote leaves to what is in it; one that would leave less is shown as it is written. */
const ROOM_MIN = 8;

type Out = { readonly columns: number; readonly lines: Line[]; readonly headings: number[] };
/** What stands before the lines of a block, as wide in both; `first` is used once. */
type Edge = { first: readonly Span[]; readonly rest: readonly Span[] };

const isBlank = (text: string): boolean => text.trim() === '';
const roomIn = ({ rest }: Edge, { columns }: Out): number => columns - widthOfSpans(rest);
const take = (edge: Edge): Margin => {
  const margin = { first: edge.first, rest: edge.rest };
  edge.first = edge.rest;
  return margin;
};

export function markdownDoc(text: string, columns: number): Doc {
  const out: Out = { columns, lines: [], headings: [] };
  const lines = safeLines(text);
  const edge: Edge = { first: [], rest: [] };
  let from = 0;
  if (lines[0] === '---') {
    const end = lines.indexOf('---', 1);
    for (const one of lines.slice(0, end + 1))
      out.lines.push(...wrapHard([span(one, 'quiet')], columns, { first: [], rest: [span('  ')] }));
    from = end + 1;
  }
  blocks(lines.slice(from), edge, out, 0);
  return { lines: out.lines, headings: out.headings };
}

function blank(edge: Edge, out: Out): void {
  const last = out.lines.at(-1);
  const isSecond = last !== undefined && last.spans.every(({ text }) => text.trim() === '' || text.trim() === '│');
  if (last !== undefined && !isSecond) out.lines.push({ spans: [...edge.rest] });
}

/** What is in a list or a quote (depth over 0) shows the sign that stands before it, also where there are no words. */
function blocks(lines: readonly string[], edge: Edge, out: Out, depth: number): void {
  const words = depth === 0 ? 0 : lines.findIndex((text) => !isBlank(text));
  if (words === -1) out.lines.push({ spans: [...take(edge).first] });
  for (let at = words === -1 ? lines.length : words; at < lines.length;) {
    const text = lines[at] ?? '';
    if (isBlank(text)) {
      blank(edge, out);
      at++;
      continue;
    }
    at = depth > DEPTH_MAX ? asIs(lines, at, edge, out) : block(lines, at, edge, out, depth);
  }
}

/** @returns the line after the block that begins at this one */
function block(lines: readonly string[], at: number, edge: Edge, out: Out, depth: number): number {
  const text = lines[at] ?? '';
  if (FENCE.test(text)) return fence(lines, at, edge, out);
  const heading = HEADING.exec(text);
  if (heading !== null) {
    addHeading(heading[1] ?? '#', heading[2] ?? '', edge, out);
    return at + 1;
  }
  if (RULE.test(text)) {
    out.lines.push({ spans: [...take(edge).first, span('─'.repeat(Math.max(1, Math.min(40, roomIn(edge, out)))), 'quiet')] });
    return at + 1;
  }
  if (QUOTE.test(text)) return quote(lines, at, edge, out, depth);
  if (ITEM.test(text)) return item(lines, at, edge, out, depth);
  if (text.includes('|') && isDivider(lines[at + 1] ?? '')) return table(lines, at, edge, out);
  if (text.startsWith('    ') || text.trimStart().startsWith('<')) return asIs(lines, at, edge, out);
  return paragraph(lines, at, edge, out);
}

function addHeading(sign: string, text: string, edge: Edge, out: Out): void {
  out.headings.push(out.lines.length);
  const margin = take(edge);
  out.lines.push(...wrap([span(`${sign} `, 'quiet'), ...inlineSpans(text, 'heading')], out.columns, margin));
}

function fence(lines: readonly string[], from: number, edge: Edge, out: Out): number {
  const sign = FENCE.exec(lines[from] ?? '')?.[1] ?? '```';
  const isEnd = (text: string): boolean => {
    const trimmed = text.trim();
    return trimmed.length >= sign.length && trimmed === (sign[0] ?? '`').repeat(trimmed.length);
  };
  let end = from + 1;
  while (end < lines.length && !isEnd(lines[end] ?? '')) end++;
  for (let at = from; at <= end && at < lines.length; at++) {
    const { first, rest } = take(edge);
    const isFence = at === from || at === end;
    const before = isFence ? [] : [span('│ ', 'quiet')];
    out.lines.push(
      ...wrapHard([span(lines[at] ?? '', isFence ? 'quiet' : 'code')], out.columns, {
        first: [...first, ...before],
        rest: [...rest, ...before],
      }),
    );
  }
  return end + 1;
}

/** Lines that keep their ends: code by indent, HTML, what is nested too deep; until a blank line. */
function asIs(lines: readonly string[], from: number, edge: Edge, out: Out): number {
  let at = from;
  for (; at < lines.length && !isBlank(lines[at] ?? ''); at++)
    out.lines.push(...wrapHard([span(lines[at] ?? '', (lines[at] ?? '').startsWith('    ') ? 'code' : 'quiet')], out.columns, take(edge)));
  return at;
}

function quote(lines: readonly string[], from: number, edge: Edge, out: Out, depth: number): number {
  if (roomIn(edge, out) - 2 < ROOM_MIN) return asIs(lines, from, edge, out);
  const inner: string[] = [];
  let at = from;
  for (; at < lines.length; at++) {
    const text = QUOTE.exec(lines[at] ?? '')?.[1];
    if (text === undefined) break;
    inner.push(text);
  }
  const { first, rest } = take(edge);
  blocks(inner, { first: [...first, span('│ ', 'quiet')], rest: [...rest, span('│ ', 'quiet')] }, out, depth + 1);
  return at;
}

function item(lines: readonly string[], from: number, edge: Edge, out: Out, depth: number): number {
  const [, indent = '', sign = '-', gap = ' ', head = ''] = ITEM.exec(lines[from] ?? '') ?? [];
  const bullet = /^[-*+]$/.test(sign) ? '•' : sign;
  if (roomIn(edge, out) - bullet.length - 1 < ROOM_MIN) return asIs(lines, from, edge, out);
  const inset = indent.length + sign.length + Math.min(4, Math.max(1, gap.length));
  const inner = [gap.length > 4 ? gap.slice(1) + head : head];
  let at = from + 1;
  for (; at < lines.length; at++) {
    const text = lines[at] ?? '';
    const isInside = text.startsWith(' '.repeat(inset));
    if (isBlank(text)) {
      // It goes on after a blank line only with what is set in.
      const next = lines.slice(at, at + 50).find((one) => !isBlank(one)) ?? '';
      if (!next.startsWith(' '.repeat(inset))) break;
      inner.push('');
    } else if (isInside) inner.push(text.slice(inset));
    else if (isBlank(lines[at - 1] ?? '') || startsBlock(text)) break;
    else inner.push(text.trimStart());
  }
  const { first, rest } = take(edge);
  const inside: Edge = { first: [...first, span(`${bullet} `, 'strong')], rest: [...rest, span(' '.repeat(bullet.length + 1))] };
  blocks(inner, inside, out, depth + 1);
  return at;
}

const startsBlock = (text: string): boolean =>
  FENCE.test(text) || HEADING.test(text) || RULE.test(text) || ITEM.test(text) || QUOTE.test(text);

function table(lines: readonly string[], from: number, edge: Edge, out: Out): number {
  const head = cellsOf(lines[from] ?? '');
  let at = from + 2;
  const rows: string[][] = [];
  for (; at < lines.length && !isBlank(lines[at] ?? '') && (lines[at] ?? '').includes('|'); at++) {
    const cells = cellsOf(lines[at] ?? '');
    // A row with more cells than the head has: the rest is not lost.
    rows.push(cells.length > head.length ? [...cells.slice(0, head.length - 1), cells.slice(head.length - 1).join(' | ')] : cells);
  }
  out.lines.push(...tableLines(head, rows, out.columns, take(edge)));
  return at;
}

function paragraph(lines: readonly string[], from: number, edge: Edge, out: Out): number {
  const gathered: string[] = [];
  let at = from;
  for (; at < lines.length; at++) {
    const text = lines[at] ?? '';
    const under = at > from ? /^ {0,3}(=+|-+)\s*$/.exec(text)?.[1] : undefined;
    if (under !== undefined) {
      addHeading(under.startsWith('=') ? '#' : '##', gathered.join(' '), edge, out);
      return at + 1;
    }
    if (isBlank(text) || (at > from && startsBlock(text))) break;
    // Two spaces or a backslash at the end of a line are a break.
    const isBreak = /(?: {2,}|\\)$/.test(text);
    gathered.push(text.trim().replace(/\\$/, ''));
    if (isBreak) {
      at++;
      break;
    }
  }
  out.lines.push(...wrap(inlineSpans(gathered.join(' ')), out.columns, take(edge)));
  return at;
}
