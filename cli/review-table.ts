/**
 * A table of Markdown in the columns there are: cells are wrapped inside their column. Where that would leave too little for a column, each row is
 * told as a list of `head: cell`. Pure.
 */

import { inlineSpans } from './review-inline.ts';
import { span, widthOf, widthOfSpans, wrap, type Line, type Margin, type Span } from './review-line.ts';

const DIVIDER = /^ {0,3}\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;
const BETWEEN = ' │ ';
const COLUMN_MIN = 8;
const CELL_ROWS_MAX = 10_000;

export const isDivider = (text: string): boolean => text.includes('|') && DIVIDER.test(text);

/** Cells between unescaped bars. */
export function cellsOf(text: string): string[] {
  const cells = text
    .trim()
    .replace(/^\|/, '')
    .split(/(?<!\\)\|/);
  if (cells.length > 1 && (cells.at(-1) ?? '').trim() === '') cells.pop();
  return cells.map((cell) => cell.trim().replaceAll(String.raw`\|`, '|'));
}

/** How wide each column is so that all fit; null: they cannot. */
function widthsFor(natural: readonly number[], columns: number): number[] | null {
  const room = columns - BETWEEN.length * (natural.length - 1);
  let [left, count] = [room, natural.length];
  const widths = natural.map(() => 0);
  const smallestFirst = natural.map((width, index) => ({ width, index })).toSorted((a, b) => a.width - b.width);
  for (const { width, index } of smallestFirst) {
    const share = Math.floor(left / count);
    widths[index] = Math.min(width, share);
    left -= widths[index] ?? 0;
    count--;
  }
  return widths.some((width, index) => width < Math.min(COLUMN_MIN, natural[index] ?? 0)) ? null : widths;
}

/** @param head and rows cells as they are written */
export function tableLines(head: readonly string[], rows: readonly (readonly string[])[], columns: number, margin: Margin): Line[] {
  const cells = [head, ...rows].map((row) => head.map((_name, index) => inlineSpans(row[index] ?? '', row === head ? 'strong' : 'plain')));
  const room = columns - widthOfSpans(margin.rest);
  const natural = head.map((_name, index) => Math.max(1, ...cells.slice(0, CELL_ROWS_MAX).map((row) => widthOfSpans(row[index] ?? []))));
  const widths = widthsFor(natural, room);
  if (widths === null) return told(head, cells.slice(1), columns, margin);
  const lines: Line[] = [];
  const before = (): readonly Span[] => (lines.length === 0 ? margin.first : margin.rest);
  for (const [row, one] of cells.entries()) {
    const wrapped = one.map((cell, index) => wrap(cell, widths[index] ?? 1));
    const height = Math.max(...wrapped.map((part) => part.length));
    for (let at = 0; at < height; at++)
      lines.push({
        spans: [
          ...before(),
          ...joined(
            wrapped.map((part) => part[at]?.spans ?? []),
            widths,
          ),
        ],
      });
    if (row === 0) lines.push({ spans: [...before(), span(widths.map((width) => '─'.repeat(width)).join('─┼─'), 'quiet')] });
  }
  return lines;
}

function joined(parts: readonly (readonly Span[])[], widths: readonly number[]): Span[] {
  return parts.flatMap((part, index) => {
    const isLast = index === parts.length - 1;
    const filler = isLast ? '' : ' '.repeat(Math.max(0, (widths[index] ?? 0) - widthOfSpans(part)));
    return [...part, ...(isLast ? [] : [span(filler), span(BETWEEN, 'quiet')])];
  });
}

function told(head: readonly string[], rows: readonly (readonly (readonly Span[])[])[], columns: number, margin: Margin): Line[] {
  const lines: Line[] = [];
  for (const [row, cells] of rows.entries()) {
    if (row > 0) lines.push({ spans: [...margin.rest] });
    for (const [index, cell] of cells.entries()) {
      const name = head[index] ?? '';
      const first = lines.length === 0 ? margin.first : margin.rest;
      const indent = [...margin.rest, span(' '.repeat(Math.min(2, widthOf(name))))];
      lines.push(...wrap([span(`${name}: `, 'strong'), ...cell], columns, { first, rest: indent }));
    }
  }
  return lines.length > 0
    ? lines
    : wrap(
        head.flatMap((name) => [span(name, 'strong'), span(' ')]),
        columns,
        margin,
      );
}
