/**
 * Edits of an issue log and of a table of features as texts. Pure. Invariant: what is not the edit stays byte for byte, line ends, byte order mark and a
 * missing last line end with it; what is written is read again by issue-log.ts as what was meant.
 */

import { columnsOf, type IssueLog } from './issue-log.ts';
import type { Field, Severity } from './issue-words.ts';
import { plain, readMarkdown, type Block, type Markdown } from './markdown.ts';

export type NewEntry = {
  readonly title: string;
  readonly severity: Severity;
  /** Markdown; empty: none. */ readonly steps: string;
  /** `2026-11-21`. */ readonly day: string;
};
/** `at`: 1-based line of what was added. */
export type Edited = { readonly text: string; readonly number: number; readonly line: number };

/** The next number, in the form that the log has: a row of its last table of issues, a heading like its last one, an item like its last one. */
export function withIssue(text: string, log: Pick<IssueLog, 'issues'>, entry: NewEntry): Edited {
  const number = log.issues.reduce((most, issue) => Math.max(most, issue.number), 0) + 1;
  const markdown = readMarkdown(text);
  const { eol } = markdown;
  const last = log.issues.toSorted((a, b) => a.line - b.line).at(-1);
  const style =
    last?.form === 'row' && entry.steps.includes('\n') && log.issues.some(({ form }) => form === 'heading') ? 'heading' : last?.form;
  if (style === 'row') {
    const table = markdown.blocks.findLast((block) => block.kind === 'table' && columnsOf(block.header).has('number'));
    if (table?.kind === 'table') return withRow(text, markdown, table, rowText(table, number, entry));
  }
  const model = log.issues.filter(({ form }) => form === style).toSorted((a, b) => a.line - b.line).at(-1); // prettier-ignore
  const line = model === undefined ? undefined : markdown.lines[model.line - 1]?.text;
  const block = style === 'item' && line !== undefined ? itemText(line, number, entry) : headingText(line, number, entry);
  return atEnd(text, block, eol, number);
}

/** Steps hold no heading that would end them, and no fence that nobody closes. */
function stepLines(steps: string): readonly string[] {
  const lines: string[] = [];
  let fence = '';
  for (const line of steps.trim().split(/\r?\n/)) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1] ?? '';
    if (mark !== '' && (fence === '' || mark.startsWith(fence))) fence = fence === '' ? mark : '';
    lines.push(fence === '' && /^ {0,3}#{1,6}[ \t]/.test(line) ? line.replace('#', String.raw`\#`) : line);
  }
  return fence === '' ? lines : [...lines, fence];
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();
const cellText = (text: string): string => text.trim().replaceAll(/\\?\|/g, String.raw`\|`).replaceAll(/\r?\n/g, '<br>'); // prettier-ignore

function rowText(table: Extract<Block, { kind: 'table' }>, number: number, entry: NewEntry): string {
  const sample = table.rows.at(-1)?.cells[columnsOf(table.header).get('number') ?? 0]?.text ?? '';
  const columns = new Map([...columnsOf(table.header)].map(([field, index]) => [index, field]));
  const words: Readonly<Partial<Record<Field, string>>> = {
    number: numbered(sample, number),
    title: cellText(oneLine(entry.title)),
    severity: entry.severity,
    status: 'open',
    steps: cellText(entry.steps),
    opened: entry.day,
  };
  const cells = table.header.cells.map((_, index) => words[columns.get(index) ?? 'assignee'] ?? '');
  return `| ${cells.join(' | ')} |`;
}

/** `#14` -> `#15`, `ISSUE-014` -> `ISSUE-015`; what is no such form -> `15`. */
function numbered(sample: string, number: number): string {
  const found = /^(\[?(?:[A-Za-z]{1,20}[-# ]+|#)?)(0*)([0-9]+)(\]?)$/.exec(plain(sample));
  if (found === null) return String(number);
  const digits = found[2] === '' ? String(number) : String(number).padStart((found[2] ?? '').length + (found[3] ?? '').length, '0');
  return `${found[1] ?? ''}${digits}${found[4] ?? ''}`;
}

function withRow(text: string, { lines, eol }: Markdown, table: Extract<Block, { kind: 'table' }>, row: string): Edited {
  const last = lines[table.last];
  const at = last?.end ?? text.length;
  const number = Number(/\d+/.exec(row)?.[0] ?? 0);
  return { text: `${text.slice(0, at)}${eol}${row}${text.slice(at)}`, number, line: (last?.line ?? 0) + 1 };
}

/** Like the heading of the last issue: its level and what stands around its number. */
function headingText(model: string | undefined, number: number, entry: NewEntry): readonly string[] {
  const found = /^( {0,3}#{1,6}[ \t]+)(?:\[[ xX]\][ \t]*)?(\[?(?:[A-Za-z]+[\s#-]+|#)?)0*[0-9]+(\]?[\s:.)–—-]*)/.exec(model ?? '');
  const head = found === null ? `## #${String(number)} ` : `${found[1] ?? ''}${found[2] ?? ''}${String(number)}${(found[3] ?? ' ') || ' '}`;
  return [
    `${head}${oneLine(entry.title)}`,
    '',
    `- Severity: ${entry.severity}`,
    '- Status: open',
    `- Found: ${entry.day}`,
    ...(entry.steps.trim() === '' ? [] : ['', 'Steps to reproduce:', '', ...stepLines(entry.steps)]),
  ];
}

function itemText(model: string, number: number, entry: NewEntry): readonly string[] {
  const lead = /^(\s*[-*+][ \t]+)/.exec(model)?.[1] ?? '- ';
  const pad = ' '.repeat(lead.length);
  return [
    `${lead}[ ] #${String(number)} ${oneLine(entry.title)}`,
    `${pad}- Severity: ${entry.severity}`,
    ...(entry.steps.trim() === '' ? [] : [`${pad}- Steps: ${cellText(entry.steps).replaceAll(String.raw`\|`, '|')}`]),
  ];
}

function atEnd(text: string, block: readonly string[], eol: string, number: number): Edited {
  const hasEnd = text === '' || text.endsWith('\n');
  const gap = text.trim() === '' || /\n\r?\n$/.test(text) || (block[0] ?? '').trimStart().startsWith('- ') ? '' : eol;
  const before = `${text}${hasEnd ? '' : eol}${gap}`;
  return { text: `${before}${block.join(eol)}${eol}`, number, line: before.split('\n').length };
}

/** Other words where these stand. */
export const withWords = (text: string, at: { readonly start: number; readonly end: number }, words: string): string =>
  `${text.slice(0, at.start)}${words}${text.slice(at.end)}`;

/** A line under `## Gaps` of a spec, made at its end where there is none. */
export function withGap(
  text: string,
  gap: { readonly title: string; readonly severity: Severity; readonly steps: string; readonly day: string },
): { readonly text: string; readonly line: number } {
  const { lines, blocks, eol } = readMarkdown(text);
  const steps = gap.steps.trim() === '' ? [] : stepLines(gap.steps).map((line) => `  ${line}`.trimEnd());
  const item = [`- [ ] ${oneLine(gap.title)} (${gap.severity}, found ${gap.day})`, ...steps];
  const at = blocks.findIndex((block) => block.kind === 'heading' && /^(?:known )?gaps$/i.test(plain(block.text)));
  if (at < 0) {
    const made = atEnd(text, ['## Gaps', '', ...item], eol, 0);
    return { text: made.text, line: made.line + 2 };
  }
  const own = blocks[at];
  let end = at + 1;
  while (end < blocks.length && blocks[end]?.kind !== 'heading') end++;
  const last = lines[blocks[end - 1]?.last ?? 0];
  const offset = last?.end ?? text.length;
  const gapLine = blocks[end - 1] === own || blocks[end - 1]?.kind !== 'item' ? eol : '';
  return {
    text: `${text.slice(0, offset)}${eol}${gapLine}${item.join(eol)}${text.slice(offset)}`,
    line: (last?.line ?? 0) + (gapLine === '' ? 1 : 2),
  };
}
