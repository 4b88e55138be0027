/**
 * Lines of the terminal review: text made harmless, measured in columns and wrapped. Pure.
 *
 * Invariants: no character of a text reaches the terminal that a person could not see, or that the terminal would obey: such a character is shown as
 * `\u{...}`; wrapping leaves nothing out; no line is wider than what was asked for, unless one character alone is.
 */

import { styleText } from 'node:util';
import stringWidth from 'string-width';
import { printable } from '#core/names.ts';

/** What a piece of a line is; what it looks like is decided in `painted` alone. */
export type Mark =
  | 'plain'
  | 'strong'
  | 'emphasis'
  | 'heading'
  | 'code'
  | 'quiet'
  | 'link'
  | 'added'
  | 'removed'
  | 'hunk'
  | 'good'
  | 'bad'
  | 'bar'
  | 'match'
  | 'current';
export type Span = { readonly text: string; readonly mark: Mark };
export type Line = {
  readonly spans: readonly Span[];
  /** It goes on with the line before: `lead` characters of it are margin, and `glue` stood between the two. Absent: a line of the text begins here. */
  readonly joins?: { readonly lead: number; readonly glue: '' | ' ' };
};
/** A text laid out for a width; `headings` are indices of lines to jump to. */
export type Doc = { readonly lines: readonly Line[]; readonly headings: readonly number[] };

export const span = (text: string, mark: Mark = 'plain'): Span => ({ text, mark });
export const line = (text: string, mark: Mark = 'plain'): Line => ({ spans: [span(text, mark)] });
export const textOfLine = ({ spans }: Line): string => spans.map(({ text }) => text).join('');

const TAB_COLUMNS = 4;
/**
 * Characters that show nothing and that core's `printable` lets pass, since names may need them: fillers, soft hyphens, variation selectors but for those
 * of emoji, tags (with which text is hidden from people and not from a model), and joiners beside a plain letter.
 */
const HIDDEN =
  // eslint-disable-next-line no-misleading-character-class -- each of them alone is what is looked for
  /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2028\u2029\u3164\uffa0\ufe00-\ufe0d]|[\u{e0000}-\u{e0fff}]|(?<=[\u0020-\u007e])[\u200c\u200d]|[\u200c\u200d](?=[\u0020-\u007e]|$)/gu;
const escapeOf = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** One line of anybody's text, harmless and visible; a tab is spaces to the next fourth column. */
export function safeLine(text: string): string {
  const spread = text.includes('\t') ? text.replaceAll(/([^\t]*)\t/g, (_all, before: string) => before + tabAfter(before)) : text;
  return printable(spread.replaceAll(HIDDEN, escapeOf), Number.POSITIVE_INFINITY);
}
const tabAfter = (before: string): string => ' '.repeat(TAB_COLUMNS - (before.length % TAB_COLUMNS));

/** The lines of anybody's text; what ends the last one makes no line of its own. */
export function safeLines(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines.map(safeLine);
}

// eslint-disable-next-line no-control-regex -- all of ASCII that is a character of one column
const ONE_EACH = /^[\u0020-\u007e]*$/;
/** Columns of a text without control characters: the same measure as Ink's, which draws it. */
export const widthOf = (text: string): number => (ONE_EACH.test(text) ? text.length : stringWidth(text));
export const widthOfSpans = (spans: readonly Span[]): number => spans.reduce((sum, { text }) => sum + widthOf(text), 0);

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const graphemes = (text: string): string[] =>
  ONE_EACH.test(text) ? text.split('') : Array.from(segmenter.segment(text), (one) => one.segment);

/** The beginning of a text that fits; what is cut ends in `…`. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = '';
  let width = 0;
  for (const character of graphemes(text)) {
    width += widthOf(character);
    if (width > columns - 1) break;
    kept += character;
  }
  return columns < 1 ? '' : `${kept}…`;
}
/** Exactly so many columns wide. */
export const padded = (text: string, columns: number): string => {
  const short = cut(text, columns);
  return short + ' '.repeat(Math.max(0, columns - widthOf(short)));
};
export const paddedLeft = (text: string, columns: number): string => {
  const short = cut(text, columns);
  return ' '.repeat(Math.max(0, columns - widthOf(short))) + short;
};

/** The first columns of a line; what is cut ends in `…`. */
export function cutSpans(spans: readonly Span[], columns: number): Span[] {
  if (widthOfSpans(spans) <= columns) return [...spans];
  const kept: Span[] = [];
  let room = columns;
  for (const one of spans) {
    const width = widthOf(one.text);
    if (width < room) {
      kept.push(one);
      room -= width;
    } else {
      kept.push(span(width === room ? cut(`${one.text} `, room) : cut(one.text, room), one.mark));
      break;
    }
  }
  return kept;
}

/** What stands before the lines of a text: before the first one, and before those that it is wrapped into. */
export type Margin = { readonly first: readonly Span[]; readonly rest: readonly Span[] };
export const NO_MARGIN: Margin = { first: [], rest: [] };

type Piece = Span & { readonly width: number; readonly kind: 'space' | 'word' | 'wide' };

/** Words, the spaces between them, and characters of two columns, after each of which a line may end. */
function piecesOf(spans: readonly Span[]): Piece[] {
  const pieces: Piece[] = [];
  for (const { text, mark } of spans) {
    for (const [part] of text.matchAll(/ +|[^ ]+/g)) {
      if (part.startsWith(' ')) pieces.push({ text: part, mark, width: part.length, kind: 'space' });
      else if (ONE_EACH.test(part)) pieces.push({ text: part, mark, width: part.length, kind: 'word' });
      else
        for (const character of graphemes(part)) {
          const width = widthOf(character);
          pieces.push({ text: character, mark, width, kind: width > 1 ? 'wide' : 'word' });
        }
    }
  }
  return pieces;
}

/** Fills lines; `isOpen`: nothing of the text stands on the newest one yet. */
function makeFiller(
  columns: number,
  margin: Margin,
): { put(piece: Piece): void; next(glue: '' | ' '): void; room(): number; readonly isOpen: () => boolean; lines(): Line[] } {
  const lead = margin.rest.reduce((sum, { text }) => sum + text.length, 0);
  const roomOf = (before: readonly Span[]): number => Math.max(1, columns - widthOfSpans(before));
  const lines: { spans: Span[]; joins?: { lead: number; glue: '' | ' ' } }[] = [{ spans: [...margin.first] }];
  let room = roomOf(margin.first);
  let isOpen = true;
  return {
    put({ text, mark, width }) {
      const { spans } = lines.at(-1) ?? { spans: [] };
      const last = spans.at(-1);
      if (!isOpen && last?.mark === mark) spans[spans.length - 1] = span(last.text + text, mark);
      else spans.push(span(text, mark));
      room -= width;
      isOpen = false;
    },
    next(glue) {
      lines.push({ spans: [...margin.rest], joins: { lead, glue } });
      room = roomOf(margin.rest);
      isOpen = true;
    },
    room: () => room,
    isOpen: () => isOpen,
    lines: () => lines,
  };
}
type Filler = ReturnType<typeof makeFiller>;

/** Puts a piece wherever it goes, in parts where no line is wide enough. */
function force(filler: Filler, piece: Piece): void {
  if (piece.width <= filler.room()) {
    filler.put(piece);
    return;
  }
  for (const character of graphemes(piece.text)) {
    const width = widthOf(character);
    if (width > filler.room() && !filler.isOpen()) filler.next('');
    filler.put({ ...piece, text: character, width });
  }
}

/** Wraps at spaces, and after characters of two columns. */
export function wrap(spans: readonly Span[], columns: number, margin: Margin = NO_MARGIN): Line[] {
  const filler = makeFiller(columns, margin);
  const pieces = piecesOf(spans);
  for (let index = 0; index < pieces.length;) {
    let space: Piece | null = null;
    if (pieces[index]?.kind === 'space') space = pieces[index++] ?? null;
    const word: Piece[] = [];
    for (let piece = pieces[index]; piece !== undefined && piece.kind !== 'space'; piece = pieces[++index]) {
      word.push(piece);
      if (piece.kind === 'wide') {
        index++;
        break;
      }
    }
    const width = word.reduce((sum, piece) => sum + piece.width, 0);
    if (!filler.isOpen() && (space?.width ?? 0) + width > filler.room()) filler.next(space === null ? '' : ' ');
    else if (space !== null) force(filler, space);
    for (const piece of word) force(filler, piece);
  }
  return filler.lines();
}

/** Wraps where the line is full, whatever stands there: code, diffs. */
export function wrapHard(spans: readonly Span[], columns: number, margin: Margin = NO_MARGIN): Line[] {
  const filler = makeFiller(columns, margin);
  for (const one of spans) {
    const width = widthOf(one.text);
    if (width > 0) force(filler, { ...one, width, kind: 'word' });
  }
  return filler.lines();
}

type Style = Parameters<typeof styleText>[0];
/** `bare`: without colour; the marks that carry a meaning have it in their text as well (`+`, `>`). */
const LOOKS: Readonly<Record<Mark, { readonly color: Style | null; readonly bare: Style | null }>> = {
  plain: { color: null, bare: null },
  strong: { color: 'bold', bare: 'bold' },
  emphasis: { color: 'italic', bare: 'underline' },
  heading: { color: ['bold', 'cyan'], bare: 'bold' },
  code: { color: 'yellow', bare: null },
  quiet: { color: 'dim', bare: null },
  link: { color: ['underline', 'blue'], bare: 'underline' },
  added: { color: 'green', bare: null },
  removed: { color: 'red', bare: null },
  hunk: { color: 'cyan', bare: null },
  good: { color: 'green', bare: 'bold' },
  bad: { color: ['bold', 'red'], bare: 'bold' },
  bar: { color: 'inverse', bare: 'inverse' },
  match: { color: ['black', 'bgYellow'], bare: 'underline' },
  current: { color: ['black', 'bgCyan'], bare: 'inverse' },
};

/** The line as it is written to the terminal. Without colour only bold, underlined and inverse text is used. */
export const painted = ({ spans }: Line, hasColor: boolean): string =>
  spans
    .map(({ text, mark }) => {
      const style = LOOKS[mark][hasColor ? 'color' : 'bare'];
      return style === null || text === '' ? text : styleText(style, text, { validateStream: false });
    })
    .join('');
