/**
 * The shape of an answer: its headings and fenced blocks with their places, and what each check of an output contract is called. Pure.
 * Markdown by CommonMark 0.31: ATX headings outside of code (section 4.2), fenced blocks (section 4.5); an unclosed fence runs to the end.
 */

import { unreachable } from '#core/result.ts';
import type { OutputCheck } from '#core/role.ts';

/** A fenced block. Lines and columns are those of the answer, 1-based. */
export type Fence = {
  /** The first word of the info string, in the one spelling of its kind: `yml` is `yaml`. */
  readonly word: string;
  /** The whole info string, trimmed. */
  readonly info: string;
  /** Of its opening line. */
  readonly line: number;
  /** What stands in it, each line with its newline. Its first line is `line + 1`. */
  readonly text: string;
  /** Columns that were taken off the start of each line. */
  readonly indent: number;
  readonly isClosed: boolean;
};

export type AnswerShape = {
  readonly text: string;
  /** By `headingKey`. */
  readonly headings: ReadonlySet<string>;
  readonly fences: readonly Fence[];
  readonly lines: number;
};

/** Fence words that mean the same. */
const SAME_FENCE: Readonly<Record<string, string>> = {
  yml: 'yaml',
  typescript: 'ts',
  javascript: 'js',
  markdown: 'md',
  shell: 'sh',
  bash: 'sh',
  // Specs up to 2.1.0 asked for `prompts`, later ones ask for `prompt`.
  prompts: 'prompt',
};

/** `## 2. Open questions:`, `## Open questions` (as a spec writes it) and `Open Questions` are one heading. */
export function headingKey(text: string): string {
  return text
    .replaceAll(/[*_`]/g, '')
    .trim()
    .replace(/^#{1,6}\s+/, '')
    .replace(/^\d+(?:\.\d+)*[.)]?\s+/, '')
    .replace(/:$/, '')
    .replaceAll(/\s+/g, ' ')
    .toLowerCase();
}

export function fenceKey(text: string): string {
  const word = text.trim().split(/[\s{]/, 1)[0]?.toLowerCase() ?? '';
  return Object.hasOwn(SAME_FENCE, word) ? (SAME_FENCE[word] ?? word) : word;
}

/** The text of an ATX heading, without the signs that close it; null: the line is none. In steps that take no longer than the line is. */
function headingIn(line: string): string | null {
  const opening = /^ {0,3}#{1,6}(?=[ \t]|$)/.exec(line);
  if (opening === null) return null;
  const text = line.slice(opening[0].length).trim();
  let end = text.length;
  while (text[end - 1] === '#') end--;
  const isClosing = end < text.length && (end === 0 || text[end - 1] === ' ' || text[end - 1] === '\t');
  return isClosing ? text.slice(0, end).trimEnd() : text;
}

type Open = { readonly mark: string; readonly indent: number; readonly info: string; readonly line: number; readonly body: string[] };

const closed = ({ info, line, indent, body }: Open, isClosed: boolean): Fence => ({
  word: fenceKey(info),
  info: info.trim(),
  line,
  text: body.map((one) => `${one}\n`).join(''),
  indent,
  isClosed,
});

export function shapeOf(markdown: string): AnswerShape {
  const headings = new Set<string>();
  const fences: Fence[] = [];
  let open: Open | null = null;
  const lines = markdown.split(/\r\n|\r|\n/);
  for (const [index, line] of lines.entries()) {
    const fence = /^( {0,3})(`{3,}|~{3,})(.*)$/.exec(line);
    if (open !== null) {
      const closes = fence !== null && fence[2]?.startsWith(open.mark) === true && fence[3]?.trim() === '';
      if (closes) {
        fences.push(closed(open, true));
        open = null;
      } else open.body.push(open.indent === 0 ? line : line.replace(new RegExp(`^ {0,${String(open.indent)}}`), ''));
      continue;
    }
    // A backtick fence has no backtick in its info string: that would be inline code.
    if (fence !== null && !(fence[2]?.startsWith('`') === true && fence[3]?.includes('`') === true)) {
      open = { mark: fence[2] ?? '', indent: fence[1]?.length ?? 0, info: fence[3] ?? '', line: index + 1, body: [] };
      continue;
    }
    const heading = headingIn(line);
    if (heading !== null) headings.add(headingKey(heading));
  }
  if (open !== null) fences.push(closed(open, false));
  return { text: markdown, headings, fences, lines: lines.length };
}

/** One check in words, as a line of the brief's checklist. */
export function describeCheck(check: OutputCheck): string {
  if ('heading' in check) return `a heading "${check.heading}"`;
  if ('fence' in check)
    return `at least one fenced block that opens with \`\`\`${check.fence}${check.schema === undefined ? '' : `, and holds what the schema ${check.schema.file} asks for`}`;
  switch (check.kind) {
    case 'openapi':
      return 'one valid OpenAPI 3.1 document in a fenced block that opens with ```openapi';
    case 'prompts':
      return check.ifAny === true
        ? 'in each fenced block that opens with ````prompt, if there are any, a whole prompt that docket would take'
        : 'at least one fenced block that opens with ````prompt, each a whole prompt that docket would take';
    case 'changes':
      return 'a `changes:` list of each file that you changed, in a fenced block that opens with ```yaml';
    default:
      return unreachable(check.kind);
  }
}

/** What one check is called in a finding: `heading "## Risks"`, `openapi`. */
export const nameOf = (check: OutputCheck): string =>
  'heading' in check ? `heading ${check.heading}` : 'fence' in check ? `fence ${check.fence}` : check.kind;

/** Two checks with the same key ask for the same. */
export const keyOf = (check: OutputCheck): string => {
  if ('heading' in check) return `heading ${headingKey(check.heading)}`;
  return 'fence' in check ? `fence ${fenceKey(check.fence)}` : check.kind;
};

/** A fence that another check asks for and looks into. */
const COVERED: Readonly<Record<string, 'openapi' | 'prompts'>> = { 'fence openapi': 'openapi', 'fence prompt': 'prompts' };

/** Checks of the spec and of the role, each once, in order; where two ask for the same fence, the one with a schema. */
export function mergeChecks(...lists: readonly (readonly OutputCheck[])[]): OutputCheck[] {
  const seen = new Map<string, OutputCheck>();
  for (const check of lists.flat()) {
    const key = keyOf(check);
    const known = seen.get(key);
    if (known === undefined || ('fence' in known && known.schema === undefined && 'fence' in check && check.schema !== undefined))
      seen.set(key, check);
  }
  for (const [key, kind] of Object.entries(COVERED)) {
    if (!seen.has(key) || !seen.has(kind)) continue;
    seen.delete(key);
    // The fence was asked for: that there is one, too.
    seen.set(kind, { kind });
  }
  return [...seen.values()];
}
