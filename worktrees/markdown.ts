/**
 * The little of Markdown that an issue log and a requirements document are read by: headings, tables, list items, and the text between them, each with
 * its place in the file. Pure. What lies in a code fence, an HTML comment or the front matter is never a heading, a table or an item. CommonMark 0.31,
 * tables as GFM has them.
 * Invariant: offsets are those of the text that was given (UTF-16 units), so an edit at them changes nothing else.
 */

export type Line = {
  /** 1-based. */
  readonly line: number;
  /** Without its line end, and with comments as spaces. */
  readonly text: string;
  readonly start: number;
  /** Before the line end. */
  readonly end: number;
  /** Nothing but a comment. */
  readonly isHidden: boolean;
};
export type Cell = { readonly text: string; /** 1-based. */ readonly column: number; readonly start: number; readonly end: number };
export type Row = { readonly line: number; readonly start: number; readonly end: number; readonly cells: readonly Cell[] };
export type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly text: string; readonly style: 'atx' | 'setext'; readonly first: number; readonly last: number } // prettier-ignore
  | { readonly kind: 'table'; readonly header: Row; readonly rows: readonly Row[]; readonly first: number; readonly last: number }
  | { readonly kind: 'item'; readonly indent: number; readonly checked: boolean | null; readonly text: string; readonly first: number; readonly last: number } // prettier-ignore
  | { readonly kind: 'text'; readonly text: string; readonly first: number; readonly last: number }
  | { readonly kind: 'code'; readonly first: number; readonly last: number };
export type Markdown = {
  readonly lines: readonly Line[];
  readonly blocks: readonly Block[];
  /** `\r\n` where the file has it. */ readonly eol: '\n' | '\r\n';
};

const FENCE = /^\s*(?:[-*+]\s+|\d+[.)]\s+|>\s*)*(`{3,}|~{3,})(.*)$/;
/** A longer line is text, or a row of a table: what it would take to read it as anything else grows with its square. */
const LINE_LENGTH_MAX = 10_000;
const DELIMITER = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

/** @param text with or without a byte order mark */
export function readMarkdown(text: string): Markdown {
  const { lines, isCode } = linesOf(text);
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length;) {
    const block = blockAt(lines, isCode, at);
    if (block === null) at++;
    else {
      blocks.push(block);
      at = block.last + 1;
    }
  }
  return { lines, blocks, eol: /\r\n/.test(text.slice(0, 10_000)) ? '\r\n' : '\n' };
}

function linesOf(text: string): { readonly lines: readonly Line[]; readonly isCode: readonly boolean[] } {
  const lines: Line[] = [];
  const isCode: boolean[] = [];
  let fence: string | null = null;
  let isComment = false;
  let isFront = /^\uFEFF?---\r?\n/.test(text);
  for (let start = text.startsWith('\uFEFF') ? 1 : 0, line = 1; start <= text.length; line++) {
    const newline = text.indexOf('\n', start);
    const next = newline < 0 ? text.length : newline;
    const end = text[next - 1] === '\r' && next > start ? next - 1 : next;
    const raw = text.slice(start, end);
    let shown = raw;
    let code = fence !== null || isFront;
    if (isFront) isFront = line === 1 || !/^(?:---|\.\.\.)\s*$/.test(raw);
    else if (fence !== null) {
      if (isClosing(raw, fence)) fence = null;
    } else {
      const masked = withoutComments(raw, isComment);
      ({ isComment } = masked);
      shown = masked.text;
      const opened = shown.length > LINE_LENGTH_MAX ? null : FENCE.exec(shown);
      if (opened !== null && !(opened[1]?.startsWith('`') === true && opened[2]?.includes('`') === true)) {
        fence = opened[1] ?? '';
        code = true;
      }
    }
    lines.push({ line, text: shown, start, end, isHidden: shown.trim() === '' && raw.trim() !== '' });
    isCode.push(code);
    if (newline < 0) break;
    start = newline + 1;
  }
  return { lines, isCode };
}

function isClosing(raw: string, fence: string): boolean {
  const closing = /^\s*(?:>\s*)*(`{3,}|~{3,})\s*$/.exec(raw)?.[1];
  return closing !== undefined && closing[0] === fence[0] && closing.length >= fence.length;
}

/** Comments become spaces: columns stay. One that is not closed in its line must begin it, as a block of HTML does. */
function withoutComments(raw: string, wasOpen: boolean): { readonly text: string; readonly isComment: boolean } {
  if (!wasOpen && !raw.includes('<!--')) return { text: raw, isComment: false };
  let text = '';
  let at = 0;
  let isComment = wasOpen;
  while (at < raw.length) {
    if (isComment) {
      const close = raw.indexOf('-->', at);
      const to = close < 0 ? raw.length : close + 3;
      text += ' '.repeat(to - at);
      at = to;
      isComment = close < 0;
      continue;
    }
    const open = raw.indexOf('<!--', at);
    const isInCode = open >= 0 && (raw.slice(0, open).match(/`/g) ?? []).length % 2 === 1;
    const isBlock = open >= 0 && raw.slice(0, open).trim() === '';
    if (open < 0 || isInCode || (!isBlock && !raw.includes('-->', open))) return { text: text + raw.slice(at), isComment: false };
    text += raw.slice(at, open);
    at = open;
    isComment = true;
  }
  return { text, isComment };
}

function blockAt(lines: readonly Line[], isCode: readonly boolean[], at: number): Block | null {
  const line = lines[at];
  if (line === undefined) return null;
  if (isCode[at] === true) {
    let last = at;
    while (isCode[last + 1] === true) last++;
    return { kind: 'code', first: at, last };
  }
  const { text } = line;
  if (text.trim() === '') return null;
  const isShort = text.length <= LINE_LENGTH_MAX;
  const item = !isShort ? null : /^(\s*)(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[([ xX])\][ \t]+)?(.*)$/.exec(text);
  const isIndented = /^(?: {4}|\t)/.test(text);
  const heading = !isShort ? null : /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/.exec(text);
  if (heading !== null)
    return { kind: 'heading', level: heading[1]?.length ?? 1, text: (heading[2] ?? '').trim(), style: 'atx', first: at, last: at };
  const below = isCode[at + 1] === true ? undefined : lines[at + 1];
  if (!isIndented && below !== undefined && text.includes('|') && below.text.length <= LINE_LENGTH_MAX && DELIMITER.test(below.text)) {
    const header = rowOf(line);
    if (header.cells.length === rowOf(below).cells.length) return tableAt(lines, isCode, at, header);
  }
  if (item !== null)
    return {
      kind: 'item',
      indent: (item[1] ?? '').replaceAll('\t', '    ').length,
      checked: item[2] === undefined ? null : item[2] !== ' ',
      text: (item[3] ?? '').trim(),
      first: at,
      last: at,
    };
  const under = /^ {0,3}(=+|-+)[ \t]*$/.exec(below?.text ?? '')?.[1];
  if (!isIndented && under !== undefined && !/^ {0,3}(?:=+|-+)[ \t]*$/.test(text))
    return { kind: 'heading', level: under.startsWith('=') ? 1 : 2, text: text.trim(), style: 'setext', first: at, last: at + 1 };
  return { kind: 'text', text: text.trim(), first: at, last: at };
}

function tableAt(lines: readonly Line[], isCode: readonly boolean[], at: number, header: Row): Block {
  const rows: Row[] = [];
  let last = at + 1;
  for (let next = at + 2; next < lines.length; next++) {
    const line = lines[next];
    if (line === undefined || isCode[next] === true || /^ {0,3}(?:#{1,6}[ \t]|>)/.test(line.text)) break;
    if (line.isHidden) continue;
    if (line.text.trim() === '') break;
    rows.push(rowOf(line));
    last = next;
  }
  return { kind: 'table', header, rows, first: at, last };
}

/** `\|` is no border. One border at each end belongs to no cell. */
function rowOf({ line, text, start, end }: Line): Row {
  const cells: Cell[] = [];
  const from = /^[ \t]*\|?/.exec(text)?.[0].length ?? 0;
  let begin = from;
  const push = (to: number): void => {
    const raw = text.slice(begin, to);
    const lead = raw.length - raw.trimStart().length;
    const clean = raw.trim();
    const at = clean === '' ? begin : begin + lead;
    cells.push({ text: clean.replaceAll(String.raw`\|`, '|'), column: at + 1, start: start + at, end: start + at + clean.length });
  };
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '|') {
      push(at);
      begin = at + 1;
    }
  }
  if (text.slice(begin).trim() !== '' || cells.length === 0) push(text.length);
  return { line, start, end, cells };
}

/** Emphasis, code, strikethrough and links become their text. */
export const plain = (text: string): string =>
  text
    .slice(0, LINE_LENGTH_MAX)
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/(\*\*|__|~~|`+)(.*?)\1/g, '$2')
    .replaceAll(/(?<![\w*])\*([^*\s][^*]*)\*(?!\w)/g, '$1')
    .trim();

/** Targets of the links in a text, in order. */
export const linksIn = (text: string): readonly string[] =>
  [...text.slice(0, LINE_LENGTH_MAX).matchAll(/\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)].map((found) => found[1] ?? '');

export type LogFault = {
  /** As it was given, relative to the work tree. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly expected: string;
  readonly found: string;
  readonly mend: string;
};
/** More are counted, not kept. */
export const FAULTS_MAX = 100;
