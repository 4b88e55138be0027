/** A few lines of text under a caret: the comment of a verdict, and the words that are searched for. Pure. */

/** `caret`: how many characters stand before it. */
export type Editor = { readonly text: string; readonly caret: number };
export const editorOf = (text: string): Editor => ({ text, caret: text.length });

/** What can be typed or pasted: line ends as they are, a tab as a space, nothing that a terminal obeys. */
// eslint-disable-next-line no-control-regex -- these are the characters that must not pass
const REFUSED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e0fff}]/gu;
export const typable = (text: string): string => text.replaceAll(/\r\n?/g, '\n').replaceAll('\t', ' ').replaceAll(REFUSED, '');

export function insert({ text, caret }: Editor, more: string): Editor {
  const clean = typable(more);
  return { text: text.slice(0, caret) + clean + text.slice(caret), caret: caret + clean.length };
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const lastOf = (text: string): number => [...segmenter.segment(text.slice(-40))].at(-1)?.segment.length ?? 0;
const firstOf = (text: string): number => [...segmenter.segment(text.slice(0, 40))][0]?.segment.length ?? 0;

/** The line of the caret: where it begins and ends. */
const lineAt = (text: string, caret: number): { readonly from: number; readonly to: number } => {
  const to = text.indexOf('\n', caret);
  return { from: text.lastIndexOf('\n', caret - 1) + 1, to: to === -1 ? text.length : to };
};

/** @returns null: the key does nothing here */
export function edited(editor: Editor, key: string): Editor | null {
  const { text, caret } = editor;
  const { from, to } = lineAt(text, caret);
  const moved = (at: number): Editor => ({ text, caret: Math.max(0, Math.min(text.length, at)) });
  switch (key) {
    case 'left':
      return moved(caret - lastOf(text.slice(0, caret)));
    case 'right':
      return moved(caret + firstOf(text.slice(caret)));
    case 'home':
      return moved(from);
    case 'end':
      return moved(to);
    case 'up':
      return from === 0 ? moved(0) : moved(Math.min(from - 1, lineAt(text, from - 1).from + caret - from));
    case 'down':
      return to === text.length ? moved(to) : moved(Math.min(lineAt(text, to + 1).to, to + 1 + caret - from));
    case 'backspace': {
      const length = lastOf(text.slice(0, caret));
      return { text: text.slice(0, caret - length) + text.slice(caret), caret: caret - length };
    }
    case 'delete':
      return { text: text.slice(0, caret) + text.slice(caret + firstOf(text.slice(caret))), caret };
    case 'ctrl-u':
      return { text: text.slice(0, from) + text.slice(caret), caret: from };
    default:
      return null;
  }
}
