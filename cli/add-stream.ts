/**
 * A stream of prompts, taken apart. Pure. Its first line that is not empty says which of three forms it has:
 *
 *   `{` …                        JSON lines: {"file": "03-ui/foo.md", "text": "---\n…"}; `file` may be left out
 *   `---` or `%%% prompt` …      whole prompts, each but the first after a line `%%% prompt`, with a file name behind it if wanted
 *   anything else                Markdown with fenced blocks of the word `prompt`, as the meta role answers (agents/prompts-answer.ts)
 */

import { promptsIn, type PromptBlock } from '#agents/prompts-answer.ts';

/** What cannot be taken apart, with the line of the stream. */
export type StreamFault = { readonly line: number; readonly message: string };
export type Stream = {
  readonly form: 'json' | 'documents' | 'fences';
  readonly blocks: readonly PromptBlock[];
  readonly faults: readonly StreamFault[];
};

const SEPARATOR = /^%%% prompt(?=[ \t\r]|$)(.*)$/s;

/** A file name behind the separator; null: there is none. */
const hintIn = (rest = ''): string | null => (rest.trim() === '' ? null : rest.trim());

export function splitStream(text: string): Stream {
  const plain = text.replace(/^\uFEFF/, '');
  const first = plain.split(/\r\n|\n|\r/).find((line) => line.trim() !== '') ?? '';
  if (first.trimStart().startsWith('{')) return { form: 'json', ...ofJson(plain) };
  if (first === '---' || SEPARATOR.test(first)) return { form: 'documents', ...ofDocuments(plain) };
  return { form: 'fences', blocks: promptsIn(plain).blocks, faults: [] };
}

type Parts = Omit<Stream, 'form'>;

/** The place of a prompt is its line; what is wrong inside of its text is told with the line there. */
function ofJson(text: string): Parts {
  const blocks: PromptBlock[] = [];
  const faults: StreamFault[] = [];
  for (const [index, line] of text.split(/\r\n|\n/).entries()) {
    if (line.trim() === '') continue;
    const at = index + 1;
    let data: unknown;
    try {
      data = JSON.parse(line);
    } catch {
      faults.push({ line: at, message: 'this line is no JSON: one object in each line, {"file": "03-ui/foo.md", "text": "---\\n…"}' });
      continue;
    }
    const { file, text: prompt, ...others } = (typeof data === 'object' && data !== null ? data : {}) as Readonly<Record<string, unknown>>;
    const other = Object.keys(others)[0];
    if (typeof prompt !== 'string') faults.push({ line: at, message: 'the object has no "text" with the whole prompt' });
    else if (file !== undefined && typeof file !== 'string') faults.push({ line: at, message: '"file" is no text' });
    else if (other !== undefined)
      faults.push({ line: at, message: `an object has "file" and "text", and nothing else: ${JSON.stringify(other.slice(0, 40))}` });
    else blocks.push({ text: prompt, line: at, fenceLine: at, indent: 0, hint: file ?? null, isClosed: true });
  }
  return { blocks, faults };
}

function ofDocuments(text: string): Parts {
  const blocks: PromptBlock[] = [];
  let open: { readonly line: number; readonly hint: string | null; readonly lines: string[] } | null = null;
  const end = (): void => {
    if (open === null) return;
    const { line, hint, lines } = open;
    // What stands before the first separator is no prompt when it is empty.
    if (hint !== null || blocks.length > 0 || lines.join('').trim() !== '')
      blocks.push({ text: lines.join(''), line: line + 1, fenceLine: Math.max(line, 1), indent: 0, hint, isClosed: true });
  };
  open = { line: 0, hint: null, lines: [] };
  let isFirst = true;
  for (const [index, line] of text.split(/(?<=\n)/).entries()) {
    const separator = SEPARATOR.exec(line.replace(/\n$/, ''));
    if (separator === null) {
      open.lines.push(line);
      continue;
    }
    if (!isFirst || open.lines.join('').trim() !== '') end();
    isFirst = false;
    open = { line: index + 1, hint: hintIn(separator[1]), lines: [] };
  }
  end();
  return { blocks, faults: [] };
}
