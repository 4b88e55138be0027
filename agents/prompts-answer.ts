/**
 * An answer that holds prompts, taken apart. Pure. A fenced block whose info string begins with `prompt` or `prompts` is one whole prompt file; everything
 * else is the brief for people. Fences as in CommonMark 0.31, section 4.5: three or more backticks or tildes, indented by at most three spaces, closed by at
 * least as many of the same; so a block of four backticks may hold blocks of three. An unclosed fence runs to the end of the answer.
 *
 * The bytes of a prompt: its lines as they stand in the answer, line ends and all, without the indentation of the opening fence.
 */

import { fenceKey } from './check-answer.ts';

export type PromptBlock = {
  /** The file's text. */
  readonly text: string;
  /** Where its first line stands in the answer, and where the opening fence does; 1-based. */
  readonly line: number;
  readonly fenceLine: number;
  /** Columns that the answer has before column 1 of the block. */
  readonly indent: number;
  /** What follows the word, `01-architect/FEAT-1-architect.md`; null: nothing. A hint: the front matter decides. */
  readonly hint: string | null;
  /** False: the answer ends before the fence is closed. */
  readonly isClosed: boolean;
};

export type PromptsAnswer = {
  readonly blocks: readonly PromptBlock[];
  /** The answer without the blocks: what a person reads. */
  readonly brief: string;
};

const FENCE = /^( {0,3})(`{3,}|~{3,})(.*)$/;
/** In the spelling of check-answer.ts: `prompts` is the same word. */
const WORD = 'prompt';

type Open = {
  readonly mark: string;
  readonly indent: number;
  readonly prompt: { readonly fenceLine: number; readonly hint: string | null } | null;
};

/** A line with its end; the last one may have none. */
const LINE = /[^\r\n]*(?:\r\n|\r|\n|$)/y;

export function promptsIn(answer: string): PromptsAnswer {
  const blocks: PromptBlock[] = [];
  const brief: string[] = [];
  let open: Open | null = null;
  let lines: string[] = [];
  let number = 0;
  const end = (isClosed: boolean): void => {
    if (open?.prompt !== null && open !== null) {
      const { fenceLine, hint } = open.prompt;
      blocks.push({ text: lines.join(''), line: fenceLine + 1, fenceLine, indent: open.indent, hint, isClosed });
    }
    lines = [];
    open = null;
  };
  for (const whole of linesOf(answer)) {
    number++;
    const line = whole.replace(/[\r\n]+$/, '');
    const fence = FENCE.exec(line);
    if (open !== null) {
      const isPrompt: boolean = open.prompt !== null;
      if (fence !== null && fence[2]?.startsWith(open.mark) === true && fence[3]?.trim() === '') {
        end(true);
        if (!isPrompt) brief.push(whole);
      } else if (isPrompt) lines.push(unindented(whole, open.indent));
      else brief.push(whole);
      continue;
    }
    const opened = fence === null ? null : openOf(fence, number);
    if (opened === null || opened.prompt === null) brief.push(whole);
    open = opened;
  }
  end(false);
  return { blocks, brief: brief.join('') };
}

function* linesOf(text: string): Generator<string> {
  LINE.lastIndex = 0;
  for (let at = 0; at < text.length;) {
    LINE.lastIndex = at;
    const line = LINE.exec(text)?.[0] ?? '';
    at += line.length;
    yield line;
  }
}

function openOf(fence: RegExpExecArray, number: number): Open | null {
  const [, spaces = '', mark = '', info = ''] = fence;
  // A backtick fence has no backtick in its info string: that would be inline code.
  if (mark.startsWith('`') && info.includes('`')) return null;
  const words = info.trim();
  const hint = words.replace(/^\S*/, '').trim();
  return {
    mark,
    indent: spaces.length,
    prompt: fenceKey(words) === WORD ? { fenceLine: number, hint: hint === '' ? null : hint } : null,
  };
}

const unindented = (line: string, indent: number): string =>
  line.slice(Math.min(indent, line.length - line.trimStart().length, spacesOf(line)));
const spacesOf = (line: string): number => /^ */.exec(line)?.[0].length ?? 0;

const CLOSING = /^---(?:\r?\n|$)/;

/**
 * The child's bytes: the block, and one line more, `parent: <job id>`, right above the line that closes the front matter, with that front matter's own line
 * end. Null: the text has no front matter that is closed.
 */
export function withParent(text: string, parent: string): string | null {
  const first = /^\uFEFF?---(\r?\n)/.exec(text);
  if (first === null) return null;
  for (let at = first[0].length; at < text.length;) {
    const rest = text.slice(at, at + 5);
    if (CLOSING.test(rest)) return `${text.slice(0, at)}parent: ${parent}${first[1] ?? '\n'}${text.slice(at)}`;
    const next = text.indexOf('\n', at);
    if (next === -1) return null;
    at = next + 1;
  }
  return null;
}
