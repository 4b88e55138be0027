/**
 * The issue log of a repository: a Markdown file with issues as rows of tables, as headings (`## #14 Totals are wrong`) with fields below them, or as items
 * of a checklist. Pure; nothing is changed here (issue-write.ts). docs/streams.md.
 *
 *   a row, a heading or an item that names a number -> an issue;  the same number as a row and as a heading -> one, the row first
 *   a section called `High` or `Closed` -> what the issues in it are when they say nothing themselves
 * Invariant: what cannot be understood is told with its place and counts as what keeps it in sight: medium, and open.
 */

import { printable } from '#core/names.ts';
import { FAULTS_MAX, plain, readMarkdown, type Block, type Cell, type LogFault, type Markdown, type Row } from './markdown.ts';
import { fieldOf, headlineOf, numberIn, numbersIn, SEVERITY_WORDS, severityIn, STATE_WORDS, stateIn, type Field, type Severity, type State } from './issue-words.ts'; // prettier-ignore

export type Issue = {
  readonly number: number;
  readonly title: string;
  readonly severity: Severity;
  /** As it is written; null: the log says nothing. */
  readonly severityText: string | null;
  readonly state: State;
  readonly assignee: string | null;
  readonly opened: string | null;
  /** Numbers. */
  readonly blockedBy: readonly number[];
  /** Markdown; empty: none are written down. */
  readonly steps: string;
  readonly form: 'row' | 'heading' | 'item';
  /** 1-based, in the log. */
  readonly line: number;
  /** Of the status as it is written, for whoever edits it: offsets in the text. Null: there is none. */
  readonly statusAt: { readonly start: number; readonly end: number } | null;
};
export type IssueLog = {
  readonly issues: readonly Issue[];
  readonly faults: readonly LogFault[];
  /** Beyond FAULTS_MAX. */ readonly faultsLeftOut: number;
};

type Found = Partial<
  Record<Field, { readonly text: string; readonly line: number; readonly column: number; readonly start: number; readonly end: number }>
>;
type Draft = {
  number: number;
  title: string;
  form: Issue['form'];
  line: number;
  fields: Found;
  steps: string;
  isStruck: boolean;
  tag: Severity | null;
  section: Section;
};
type Section = { readonly severity: Severity | null; readonly state: State | null };
const NOTHING: Section = { severity: null, state: null };

/** @param file as it is told in faults @param issuesMax more are told and left out */
export function readIssueLog(file: string, text: string, issuesMax: number): IssueLog {
  const markdown = readMarkdown(text);
  const faults: LogFault[] = [];
  let faultsLeftOut = 0;
  const tell = (fault: Omit<LogFault, 'file'>): void => {
    if (faults.length < FAULTS_MAX) faults.push({ file, ...fault, found: printable(fault.found, 60) });
    else faultsLeftOut++;
  };
  const known = new Map<number, Draft>();
  const add = (draft: Draft): Draft => {
    const before = known.get(draft.number);
    if (before === undefined) {
      if (known.size < issuesMax) known.set(draft.number, draft);
      else if (known.size === issuesMax) tell({ line: draft.line, column: 1, message: 'the log holds more issues than are read', expected: `at most ${String(issuesMax)}`, found: `#${String(draft.number)}`, mend: 'move closed issues to another file, or raise streams.issues_max' }); // prettier-ignore
      return draft;
    }
    if (before.form === draft.form) {
      tell({ line: draft.line, column: 1, message: `number ${String(draft.number)} is there twice, first in line ${String(before.line)}; the first one counts`, expected: 'a number of its own for each issue', found: `#${String(draft.number)}`, mend: 'give this one the next free number' }); // prettier-ignore
      return draft;
    }
    before.title ||= draft.title;
    before.steps ||= draft.steps;
    before.tag ??= draft.tag;
    before.fields = { ...draft.fields, ...before.fields };
    return before;
  };
  readBlocks(text, markdown, add, tell);
  const issues = [...known.values()].map((draft) => finished(draft, tell)).toSorted((a, b) => a.number - b.number);
  return { issues, faults, faultsLeftOut };
}

type Tell = (fault: Omit<LogFault, 'file'>) => void;

function readBlocks(text: string, markdown: Markdown, add: (draft: Draft) => Draft, tell: Tell): void {
  const { blocks } = markdown;
  const sections: { level: number; section: Section }[] = [];
  const section = (): Section => sections.at(-1)?.section ?? NOTHING;
  for (let at = 0; at < blocks.length; at++) {
    const block = blocks[at];
    if (block?.kind === 'table') addRows(block, section(), add, tell);
    const line = block === undefined ? undefined : markdown.lines[block.first];
    if (block?.kind === 'heading' && line !== undefined) {
      while ((sections.at(-1)?.level ?? 0) >= block.level) sections.pop();
      const headline = headlineOf(block.text);
      if (headline === null) {
        sections.push({ level: block.level, section: sectionOf(block.text, section()) });
        continue;
      }
      let end = at + 1;
      for (let next = blocks[end]; next !== undefined; next = blocks[++end])
        if (next.kind === 'heading' && (next.level <= block.level || headlineOf(next.text) !== null)) break;
      add(withBody(text, markdown, { ...draftOf('heading', line.line, section()), ...partsOf(headline) }, blocks.slice(at + 1, end)));
      at = end - 1;
    } else if (block?.kind === 'item' && line !== undefined) {
      const headline = headlineOf(block.text, true);
      if (headline === null || (block.checked === null && !/^(?:\[?#|\*\*#|issue)/i.test(block.text))) continue;
      let end = at + 1;
      for (let next = blocks[end]; next !== undefined; next = blocks[++end])
        if (next.kind === 'heading' || next.kind === 'table' || (next.kind === 'item' && next.indent <= block.indent)) break;
      const draft = { ...draftOf('item', line.line, section()), ...partsOf(headline), isStruck: headline.isDone || block.checked === true };
      add(withBody(text, markdown, draft, blocks.slice(at + 1, end)));
      at = end - 1;
    }
  }
}

const draftOf = (form: Issue['form'], line: number, section: Section): Draft => ({
  number: 0, title: '', form, line, fields: {}, steps: '', isStruck: false, tag: null, section,
}); // prettier-ignore
const partsOf = ({ number, title, isDone, severity }: NonNullable<ReturnType<typeof headlineOf>>): Pick<Draft, 'number' | 'title' | 'isStruck' | 'tag'> => ({
  number, title, isStruck: isDone, tag: severity,
}); // prettier-ignore

/** `High`, `P1`, `Closed issues`, `Open (3)`: a heading of one or two words says what is below it. */
function sectionOf(text: string, outer: Section): Section {
  const words = plain(text).replace(/\(\d+\)$/, '').trim().split(/\s+/); // prettier-ignore
  if (words.length > 3) return outer;
  return { severity: severityIn(text) ?? outer.severity, state: stateIn(words[0] ?? '') ?? outer.state };
}

function addRows(table: Extract<Block, { kind: 'table' }>, section: Section, add: (draft: Draft) => Draft, tell: Tell): void {
  const columns = columnsOf(table.header);
  if (!columns.has('number') || !(columns.has('title') || columns.has('severity') || columns.has('status'))) return;
  for (const wanted of ['title', 'severity'] as const)
    if (!columns.has(wanted))
      tell({ line: table.header.line, column: 1, message: `this table of issues has no column for the ${wanted}`, expected: wanted === 'title' ? 'a column Title' : `a column Severity: ${SEVERITY_WORDS}`, found: table.header.cells.map((cell) => cell.text).join(' | '), mend: `add a column ${wanted === 'title' ? 'Title' : 'Severity'}` }); // prettier-ignore
  for (const row of table.rows) {
    if (row.cells.every((cell) => cell.text === '')) continue;
    const cell = (field: Field): Cell | undefined => row.cells[columns.get(field) ?? -1];
    const number = numberIn(cell('number')?.text ?? '');
    if (number === null) {
      tell({ line: row.line, column: cell('number')?.column ?? 1, message: 'this row names no issue, and is left out', expected: 'a number from 1 on, such as 14, #14 or ISSUE-14', found: cell('number')?.text ?? '', mend: 'write the number of the issue into this cell' }); // prettier-ignore
      continue;
    }
    if (row.cells.length > table.header.cells.length)
      tell({ line: row.line, column: row.cells[table.header.cells.length]?.column ?? 1, message: `#${String(number)} has more cells than the table has columns`, expected: `${String(table.header.cells.length)} cells`, found: `${String(row.cells.length)} cells`, mend: String.raw`write \| for a | inside a cell` }); // prettier-ignore
    const fields: Found = {};
    for (const field of columns.keys()) {
      const at = cell(field);
      if (at !== undefined && at.text !== '') fields[field] = { ...at, line: row.line };
    }
    const title = plain(fields.title?.text ?? '');
    const steps = (fields.steps?.text ?? '').replaceAll(/<br\s*\/?>/gi, '\n');
    add({ ...draftOf('row', row.line, section), number, title, steps, fields, isStruck: /^~~.*~~$/.test(fields.title?.text ?? '') });
  }
}

/** A field -> the index of its column. `#` or `No` are the number before `ID` and `Issue`, and `Issue` beside a title is the number. */
export function columnsOf(header: Row): ReadonlyMap<Field, number> {
  const columns = new Map<Field, number>();
  for (const [index, { text }] of header.cells.entries()) {
    const field = fieldOf(text);
    if (field !== null && !columns.has(field)) columns.set(field, index);
  }
  const issue = header.cells.findIndex(({ text }) => /^(?:issue|bug)$/i.test(plain(text)));
  if (!columns.has('number') && issue >= 0) {
    const title = header.cells.findIndex((cell, index) => index !== issue && fieldOf(cell.text) === 'title');
    if (title >= 0) {
      columns.set('number', issue);
      columns.set('title', title);
    }
  }
  return columns;
}

/** The fields and the steps below a heading or an item. */
function withBody(text: string, { lines }: Markdown, draft: Draft, body: readonly Block[]): Draft {
  const fields: Found = {};
  let stepsFrom: number | null = null;
  let steps = '';
  const endSteps = (at: number): void => {
    if (stepsFrom !== null && steps === '') steps = text.slice(lines[stepsFrom]?.start, lines[at]?.end);
    stepsFrom = null;
  };
  const take = (name: string, value: Cell, line: number): boolean => {
    const field = fieldOf(name);
    if (field === null || field === 'number' || field === 'title') return false;
    if (field !== 'steps') fields[field] ??= { ...value, line };
    else if (value.text !== '') steps ||= value.text.replaceAll(/<br\s*\/?>/gi, '\n');
    return field !== 'steps' || value.text !== '';
  };
  for (const [index, block] of body.entries()) {
    const first = lines[block.first];
    if (first === undefined) continue;
    if (block.kind === 'table') {
      if (block.header.cells.length !== 2) continue;
      for (const { cells: [name, value], line } of [block.header, ...block.rows]) if (name !== undefined && value !== undefined) take(name.text, value, line); // prettier-ignore
      continue;
    }
    const before = body[index - 1]?.last ?? block.first;
    if (block.kind === 'heading') {
      endSteps(before);
      if (fieldOf(block.text) === 'steps') stepsFrom = block.last + 1;
      continue;
    }
    if (block.kind === 'code') continue;
    const field = fieldIn(first.text, first.start);
    if (field === null) continue;
    const isStart = fieldOf(field.name) === 'steps' && field.value.text === '';
    if (isStart || take(field.name, field.value, first.line)) endSteps(before);
    if (isStart) stepsFrom = block.last + 1;
  }
  const last = body.at(-1)?.last;
  if (last !== undefined) endSteps(last);
  return { ...draft, fields: { ...draft.fields, ...fields }, steps: trimmed(steps) };
}

/** Without empty lines around it. */
const trimmed = (text: string): string => text.replaceAll('\r\n', '\n').replace(/^(?:[ \t]*\n)+/, '').trimEnd(); // prettier-ignore

/** `- **Severity:** high`, `Severity: high`, `* Status = open`. Null: the line is none. */
function fieldIn(text: string, start: number): { readonly name: string; readonly value: Cell } | null {
  if (text.length > 2_000) return null;
  const found = /^(\s*(?:[-*+]\s+)?(?:\*\*|__)?)([\p{L}][\p{L} ]{1,30}?)((?:\*\*|__)?\s*[:=](?:\*\*|__)?[ \t]*)(.*)$/u.exec(text);
  if (found === null) return null;
  const at = (found[1] ?? '').length + (found[2] ?? '').length + (found[3] ?? '').length;
  const value = (found[4] ?? '').trimEnd();
  return { name: found[2] ?? '', value: { text: value, column: at + 1, start: start + at, end: start + at + value.length } };
}

function finished(draft: Draft, tell: Tell): Issue {
  const { fields, section, number } = draft;
  const severityText = fields.severity?.text ?? null;
  const written = severityText === null ? null : severityIn(severityText);
  if (fields.severity !== undefined && written === null)
    tell({ ...placeOf(fields.severity), message: `the severity of #${String(number)} is not understood, and counts as medium`, expected: SEVERITY_WORDS, found: fields.severity.text, mend: 'write one of these words' }); // prettier-ignore
  const stateText = fields.status?.text ?? null;
  const state = stateText === null ? null : stateIn(stateText);
  if (fields.status !== undefined && state === null)
    tell({ ...placeOf(fields.status), message: `the status of #${String(number)} is not understood, and counts as open`, expected: STATE_WORDS, found: fields.status.text, mend: 'write one of these words first' }); // prettier-ignore
  const assignee = plain(fields.assignee?.text ?? '').replace(/^[-–—]$|^(?:none|nobody|unassigned|n\/a)$/i, '');
  const severity = written ?? draft.tag ?? section.severity ?? 'medium';
  return {
    number,
    title: draft.title,
    severity,
    severityText: severityText ?? (draft.tag === null && section.severity === null ? null : severity),
    state: draft.isStruck ? 'done' : (state ?? section.state ?? 'open'),
    assignee: assignee === '' ? null : assignee,
    opened: fields.opened?.text ?? null,
    blockedBy: numbersIn(fields.blockedBy?.text ?? '').filter((other) => other !== number),
    steps: draft.steps,
    form: draft.form,
    line: draft.line,
    statusAt: fields.status === undefined ? null : { start: fields.status.start, end: fields.status.end },
  };
}

const placeOf = ({ line, column }: { readonly line: number; readonly column: number }): { readonly line: number; readonly column: number } => ({ line, column }); // prettier-ignore
