/**
 * Marks inside a line of Markdown: code, strong, emphasis, links, images. Pure, and linear in the length of the text.
 * Invariant: but for the signs of emphasis nothing is left out; where a link leads stands beside its words, and HTML and comments are shown as they are.
 */

import { span, type Mark, type Span } from './review-line.ts';

const LINK = /(!?)\[([^[\]\n]*)\]\(([^()\s]*)(?:\s+("[^"\n]*"))?\)/y;
const ADDRESS = /<?https?:\/\/[^\s<>()]+>?/y;
const HTML = /<(?:!--|\/?[A-Za-z])[^<>]*>?/y;
const PUNCTUATION = /[!-/:-@[-`{-~]/;
const WORD = /[\p{L}\p{N}]/u;
/** Signs of emphasis inside of emphasis inside of … end here. */
const DEPTH_MAX = 6;

/** @param mark what the text around is */
export function inlineSpans(text: string, mark: Mark = 'plain', depth = 0): Span[] {
  const spans: Span[] = [];
  let plain = '';
  const flush = (): void => {
    if (plain !== '') spans.push(span(plain, mark));
    plain = '';
  };
  const add = (...more: readonly Span[]): void => {
    flush();
    spans.push(...more);
  };
  /** Signs that nothing further on closes: they are not looked for again. */
  const unclosed = new Set<string>();
  const stickyAt = (form: RegExp, at: number): RegExpExecArray | null => {
    form.lastIndex = at;
    return form.exec(text);
  };
  for (let at = 0; at < text.length;) {
    const character = text[at] ?? '';
    if (character === '\\' && PUNCTUATION.test(text[at + 1] ?? '')) {
      plain += text[at + 1] ?? '';
      at += 2;
    } else if (character === '`') {
      const sign = /`+/y;
      sign.lastIndex = at;
      const ticks = sign.exec(text)?.[0] ?? '`';
      const end = unclosed.has(ticks) ? -1 : closingTicks(text, at + ticks.length, ticks.length);
      if (end === -1) {
        unclosed.add(ticks);
        plain += ticks;
        at += ticks.length;
      } else {
        add(span(text.slice(at + ticks.length, end), 'code'));
        at = end + ticks.length;
      }
    } else if (character === '*' || character === '_') {
      const sign = text[at + 1] === character ? character.repeat(2) : character;
      const end = depth >= DEPTH_MAX || unclosed.has(sign) || !opens(text, at, sign) ? -1 : closing(text, at + sign.length, sign);
      if (end === -1) {
        if (opens(text, at, sign)) unclosed.add(sign);
        plain += sign;
        at += sign.length;
      } else {
        add(
          ...inlineSpans(
            text.slice(at + sign.length, end),
            sign.length === 2 ? 'strong' : mark === 'strong' ? 'strong' : 'emphasis',
            depth + 1,
          ),
        );
        at = end + sign.length;
      }
    } else if (character === '[' || (character === '!' && text[at + 1] === '[')) {
      const found = stickyAt(LINK, at);
      if (found === null) {
        plain += character;
        at++;
      } else {
        const [all, bang = '', words = '', target = '', title] = found;
        add(
          span(bang === '' ? words : `[image: ${words}]`, 'link'),
          span(` (${target}${title === undefined ? '' : ` ${title}`})`, 'quiet'),
        );
        at += all.length;
      }
    } else if (character === '<' || character === 'h') {
      const address = stickyAt(ADDRESS, at)?.[0];
      const html = address === undefined && character === '<' ? stickyAt(HTML, at)?.[0] : undefined;
      if (address !== undefined) add(span(address, 'link'));
      else if (html !== undefined) add(span(html, 'quiet'));
      else plain += character;
      at += (address ?? html ?? character).length;
    } else {
      plain += character;
      at++;
    }
  }
  flush();
  return spans;
}

/** Emphasis begins before something, and `_` not inside of a word. */
function opens(text: string, at: number, sign: string): boolean {
  const next = text[at + sign.length] ?? ' ';
  return next !== ' ' && next !== sign[0] && (sign[0] === '*' || !WORD.test(text[at - 1] ?? ' '));
}
/** Where the sign closes what it opened; -1: nowhere. */
function closing(text: string, from: number, sign: string): number {
  for (let end = text.indexOf(sign, from); end !== -1; end = text.indexOf(sign, end + 1)) {
    const isLonger = sign.length === 1 && (text[end + 1] === sign || text[end - 1] === sign);
    const isInWord = sign[0] === '_' && WORD.test(text[end + sign.length] ?? ' ');
    if (end > from && !isLonger && !isInWord && text[end - 1] !== ' ' && text[end - 1] !== '\\') return end;
  }
  return -1;
}
function closingTicks(text: string, from: number, count: number): number {
  for (let end = text.indexOf('`', from); end !== -1;) {
    let length = 0;
    while (text[end + length] === '`') length++;
    if (length === count) return end;
    end = text.indexOf('`', end + length);
  }
  return -1;
}
