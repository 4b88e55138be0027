/**
 * A product requirements document: `docs/prd/<name>/index.md` and `spec/index.md`, of which the table of features is read, and the queue of such documents
 * in `docs/prd/index.md`. Pure. docs/streams.md.
 * Invariant: the first file that has a feature decides; another level for it elsewhere is told.
 */

import { LEVELS, type Level } from '#core/levels.ts';
import { printable } from '#core/names.ts';
import { FAULTS_MAX, linksIn, plain, readMarkdown, type Cell, type LogFault, type Row } from './markdown.ts';
import { stateIn } from './issue-words.ts';

export type PrdFeature = {
  /** As written in a column for ids; null: there is none. */
  readonly id: string | null;
  readonly name: string;
  readonly level: Level;
  /** As it is written; empty: nothing. */
  readonly state: string;
  /** Done or dropped, says its state. */
  readonly isDone: boolean;
  readonly links: readonly string[];
  readonly file: string;
  readonly line: number;
  /** Where the level stands, for whoever edits it; null: an empty cell or no column. */
  readonly levelAt: { readonly start: number; readonly end: number } | null;
};
export type Prd = {
  readonly title: string | null;
  readonly features: readonly PrdFeature[];
  readonly faults: readonly LogFault[];
  readonly faultsLeftOut: number;
};

export type PrdFile = { readonly file: string; readonly text: string };

/** `L2`, `**l2**`, `2`, `Level 2`. Null: none of the five. */
export function levelIn(text: string): Level | null {
  const found = /^(?:l|level\s*)?([0-4])$/i.exec(plain(text).replace(/\s+\(.*\)$/, ''))?.[1];
  return found === undefined ? null : (LEVELS[Number(found)] ?? null);
}

type Column = 'id' | 'name' | 'level' | 'state';
const COLUMN_OF: Readonly<Record<string, Column>> = {
  '#': 'id', id: 'id', no: 'id', nr: 'id', key: 'id', ticket: 'id', ref: 'id',
  name: 'name', feature: 'name', features: 'name', capability: 'name', title: 'name',
  level: 'level', lvl: 'level', maturity: 'level', 'current level': 'level', l: 'level',
  state: 'state', status: 'state',
}; // prettier-ignore

function columnsOf(header: Row): ReadonlyMap<Column, number> {
  const columns = new Map<Column, number>();
  for (const [index, { text }] of header.cells.entries()) {
    const word = plain(text).toLowerCase();
    const column = Object.hasOwn(COLUMN_OF, word) ? COLUMN_OF[word] : undefined;
    if (column !== undefined && !columns.has(column)) columns.set(column, index);
  }
  return columns;
}

/** One key for one feature: its id, else its name, case and signs aside. */
const keyOf = ({ id, name }: Pick<PrdFeature, 'id' | 'name'>): string => (id ?? name).toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, ' ').trim(); // prettier-ignore

/** @param files `index.md` first @param featuresMax more are told and left out */
export function readPrd(files: readonly PrdFile[], featuresMax: number): Prd {
  const faults: LogFault[] = [];
  let faultsLeftOut = 0;
  const tell = (fault: LogFault): void => {
    if (faults.length < FAULTS_MAX) faults.push({ ...fault, found: printable(fault.found, 60) });
    else faultsLeftOut++;
  };
  const known = new Map<string, PrdFeature>();
  let title: string | null = null;
  for (const { file, text } of files) {
    for (const block of readMarkdown(text).blocks) {
      if (block.kind === 'heading' && title === null) title = plain(block.text);
      if (block.kind !== 'table') continue;
      const columns = columnsOf(block.header);
      if (!columns.has('name') || !(columns.has('level') || columns.has('state'))) continue;
      if (!columns.has('level'))
        tell({ file, line: block.header.line, column: 1, message: 'this table of features has no column for the level', expected: 'a column Level: L0 to L4', found: block.header.cells.map((cell) => cell.text).join(' | '), mend: 'add a column Level' }); // prettier-ignore
      for (const row of block.rows) {
        const feature = featureOf(file, row, columns, tell);
        if (feature === null) continue;
        const before = known.get(keyOf(feature));
        if (before === undefined && known.size < featuresMax) known.set(keyOf(feature), feature);
        else if (before === undefined) {
          tell({ file, line: row.line, column: 1, message: 'the document holds more features than are read', expected: `at most ${String(featuresMax)}`, found: feature.name, mend: 'cut the document, or raise streams.features_max' }); // prettier-ignore
          return { title, features: [...known.values()], faults, faultsLeftOut };
        } else if (before.level !== feature.level || before.file === file)
          tell({ file, line: row.line, column: 1, message: `${feature.name} is there twice, first in ${before.file} line ${String(before.line)}; the first one counts`, expected: before.file === file ? 'each feature once' : `${before.level}, as there`, found: `${feature.name} ${feature.level}`, mend: 'make both say the same, or take one out' }); // prettier-ignore
      }
    }
  }
  return { title, features: [...known.values()], faults, faultsLeftOut };
}

function featureOf(file: string, row: Row, columns: ReadonlyMap<Column, number>, tell: (fault: LogFault) => void): PrdFeature | null {
  if (row.cells.every((cell) => cell.text === '')) return null;
  const cell = (column: Column): Cell | undefined => row.cells[columns.get(column) ?? -1];
  const name = plain(cell('name')?.text ?? '');
  if (name === '') {
    tell({ file, line: row.line, column: cell('name')?.column ?? 1, message: 'this row names no feature, and is left out', expected: 'a name', found: row.cells.map(({ text }) => text).join(' | '), mend: 'write the name of the feature into this cell' }); // prettier-ignore
    return null;
  }
  const written = cell('level');
  const level = levelIn(written?.text ?? '');
  if (columns.has('level') && level === null)
    tell({ file, line: row.line, column: written?.column ?? 1, message: `the level of ${name} is not understood, and counts as L0`, expected: 'L0, L1, L2, L3 or L4', found: written?.text ?? '', mend: 'write one of these into this cell' }); // prettier-ignore
  const state = plain(cell('state')?.text ?? '');
  const id = plain(cell('id')?.text ?? '');
  return {
    id: id === '' ? null : id,
    name,
    level: level ?? 'L0',
    state,
    isDone: stateIn(cell('state')?.text ?? '') === 'done' || /^(?:dropped|cancelled|out of scope|withdrawn)\b/i.test(state),
    links: row.cells.flatMap(({ text }) => linksIn(text)),
    file,
    line: row.line,
    levelAt: written === undefined || written.text === '' ? null : { start: written.start, end: written.end },
  };
}

/** Does the feature stream build it: below L2, and neither done nor dropped. */
export const isToBuild = ({ level, isDone }: PrdFeature): boolean => (level === 'L0' || level === 'L1') && !isDone;

/** By id, or by name, case and signs aside. */
export const featureNamed = (features: readonly PrdFeature[], text: string): PrdFeature | undefined => {
  const wanted = keyOf({ id: null, name: text });
  return features.find((one) => (one.id !== null && keyOf(one) === wanted) || keyOf({ id: null, name: one.name }) === wanted);
};

/**
 * The folders of documents in the order of the table (or the links) of `docs/prd/index.md`; what it does not name comes after, by name.
 * @param folders names of the folders that hold an `index.md`
 */
export function prdQueue(index: string | null, folders: readonly string[]): readonly string[] {
  const named: string[] = [];
  const take = (text: string): void => {
    for (const link of [...linksIn(text), plain(text)]) {
      const clean = link.replace(/^\.\//, '').replace(/[#?].*$/, '').replace(/\/(?:index\.md)?$/, ''); // prettier-ignore
      if (folders.includes(clean) && !named.includes(clean)) named.push(clean);
    }
  };
  for (const block of index === null ? [] : readMarkdown(index).blocks)
    if (block.kind === 'table') for (const { cells } of block.rows) for (const { text } of cells) take(text);
    else if (block.kind === 'item' || block.kind === 'text' || block.kind === 'heading') take(block.text);
  return [...named, ...folders.filter((folder) => !named.includes(folder)).toSorted()];
}
