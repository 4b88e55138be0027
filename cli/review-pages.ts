/** The pages of one answer, laid out for a width when they are first looked at: answer, diff, changed files, evidence, prompt. Pure. */

import { diffText } from './replay-diff.ts';
import type { ChangedFile } from './review-code.ts';
import type { Section } from './review-evidence.ts';
import { padded, safeLine, safeLines, span, widthOf, wrap, wrapHard, type Doc, type Line, type Mark, type Span } from './review-line.ts';
import { markdownDoc } from './review-markdown.ts';
import type { Tab } from './review-state.ts';

export type Contents = {
  readonly answer: string;
  readonly prompt: string;
  /** `r1, accepted`; null: this is the first one. */
  readonly previous: { readonly name: string; readonly text: string } | null;
  readonly files: readonly ChangedFile[];
  readonly sections: readonly Section[];
};
/** Longer texts are shown as they are written: laying out Markdown takes longer than a person waits. */
const MARKDOWN_CHARACTERS_MAX = 2_000_000;

/** Laid out once for each width. */
export function makeDocs(contents: Contents): (tab: Tab, columns: number, isRaw: boolean) => Doc {
  const known = new Map<string, Doc>();
  return (tab, columns, isRaw) => {
    const key = `${tab} ${String(columns)} ${String(isRaw)}`;
    const doc = known.get(key) ?? laidOut(contents, tab, columns, isRaw);
    known.set(key, doc);
    return doc;
  };
}

function laidOut(contents: Contents, tab: Tab, columns: number, isRaw: boolean): Doc {
  switch (tab) {
    case 'answer':
      return textDoc(contents.answer, columns, isRaw);
    case 'prompt':
      return textDoc(contents.prompt, columns, isRaw);
    case 'diff':
      return diffPage(contents, columns);
    case 'files':
      return filesDoc(contents.files, columns);
    case 'evidence':
      return sectionsDoc(contents.sections, columns);
    default:
      return tab satisfies never;
  }
}

function textDoc(text: string, columns: number, isRaw: boolean): Doc {
  if (text === '') return { lines: [{ spans: [span('it is empty', 'quiet')] }], headings: [] };
  if (!isRaw && text.length <= MARKDOWN_CHARACTERS_MAX) return markdownDoc(text, columns);
  const headings: number[] = [];
  const lines: Line[] = [];
  for (const one of safeLines(text)) {
    if (/^#{1,6} /.test(one)) headings.push(lines.length);
    lines.push(...wrapHard([span(one)], columns));
  }
  return { lines, headings };
}

const MARKS: Readonly<Record<string, Mark>> = { '+': 'added', '-': 'removed', '@': 'hunk', '\\': 'quiet' };
const INDENT: readonly Span[] = [span('  ')];

/** The lines of a unified diff; its parts are what is jumped to. */
function diffLines(text: string, columns: number, from: number): Doc {
  const headings: number[] = [];
  const lines: Line[] = [];
  for (const [index, one] of safeLines(text).entries()) {
    const isHead = index < 2;
    if (!isHead && one.startsWith('@@')) headings.push(from + lines.length);
    lines.push(...wrapHard([span(one, isHead ? 'strong' : (MARKS[one[0] ?? ''] ?? 'plain'))], columns, { first: [], rest: INDENT }));
  }
  return { lines, headings };
}

const says = (words: string, columns: number, mark: Mark = 'quiet'): Line[] => wrap([span(words, mark)], columns);

function diffPage({ answer, previous }: Contents, columns: number): Doc {
  if (previous === null) return { lines: says('This is the first revision: there is nothing to compare it with.', columns), headings: [] };
  const diff = diffText(previous.text, answer, { before: previous.name, after: 'this answer' });
  if (diff === null) return { lines: says(`Not a byte differs from ${previous.name}.`, columns, 'bad'), headings: [] };
  const head = says(`${String(diff.added)} lines added, ${String(diff.removed)} removed since ${previous.name}`, columns, 'strong');
  const { lines, headings } = diffLines(diff.text, columns, head.length);
  return { lines: [...head, ...lines], headings };
}

function filesDoc(files: readonly ChangedFile[], columns: number): Doc {
  if (files.length === 0) return { lines: says('The run changed no files.', columns), headings: [] };
  const lines: Line[] = says(
    `${String(files.length)} ${files.length === 1 ? 'file' : 'files'} changed, as they lie in the code now`,
    columns,
    'strong',
  );
  const headings: number[] = [];
  for (const { path, change, notes, texts } of files) {
    lines.push({ spans: [] });
    headings.push(lines.length);
    lines.push(...wrapHard([span(`${change.padEnd(6)} `, 'quiet'), span(safeLine(path), 'heading')], columns, { first: [], rest: INDENT }));
    for (const note of notes) lines.push(...says(`! ${safeLine(note)}`, columns, 'bad'));
    if (texts === null) continue;
    const diff = diffText(texts.before, texts.after, { before: change === 'create' ? '/dev/null' : path, after: path });
    if (diff === null) lines.push(...says('as in the commit that the run began with', columns));
    else lines.push(...diffLines(diff.text, columns, 0).lines.slice(2));
  }
  return { lines, headings };
}

const NAME_COLUMNS = 20;
function sectionsDoc(sections: readonly Section[], columns: number): Doc {
  const lines: Line[] = [];
  const headings: number[] = [];
  for (const { title, rows } of sections) {
    if (lines.length > 0) lines.push({ spans: [] });
    headings.push(lines.length);
    lines.push({ spans: [span(title, 'heading')] });
    const width = Math.min(NAME_COLUMNS, Math.floor(columns / 3), Math.max(...rows.map(({ name }) => widthOf(name))) + 2);
    for (const { name, words, isFinding } of rows)
      lines.push(
        ...wrap([span(isFinding === true ? '! ' : '', 'bad'), span(safeLine(words), isFinding === true ? 'bad' : 'plain')], columns, {
          first: [span('  '), span(padded(safeLine(name), width), 'quiet')],
          rest: [span(' '.repeat(width + 2))],
        }),
      );
  }
  return { lines, headings };
}
