/**
 * Does an answer have the shape that the prompt spec and the role ask for? Pure. A miss is told in the evidence and to the reviewer;
 * it does not fail the job: a wrong shape is for a person to judge.
 */

import type { OutputCheck } from '#core/role.ts';

export type Miss = { readonly check: OutputCheck; readonly message: string };

/** Fence words that mean the same. */
const SAME_FENCE: Readonly<Record<string, string>> = {
  yml: 'yaml',
  typescript: 'ts',
  javascript: 'js',
  markdown: 'md',
  shell: 'sh',
  bash: 'sh',
};

/** `## 2. Open questions:`, `## Open questions` (as a spec writes it) and `Open Questions` are one heading. */
function headingKey(text: string): string {
  return text
    .replaceAll(/[*_`]/g, '')
    .trim()
    .replace(/^#{1,6}\s+/, '')
    .replace(/^\d+(?:\.\d+)*[.)]?\s+/, '')
    .replace(/:$/, '')
    .replaceAll(/\s+/g, ' ')
    .toLowerCase();
}

function fenceKey(text: string): string {
  const word = text.trim().split(/[\s{]/, 1)[0]?.toLowerCase() ?? '';
  return SAME_FENCE[word] ?? word;
}

type Shape = { readonly headings: ReadonlySet<string>; readonly fences: ReadonlySet<string> };

/** Headings (ATX, outside code) and the info words of fenced blocks, by CommonMark 0.31 sections 4.2 and 4.5. An unclosed fence runs to the end. */
function shapeOf(markdown: string): Shape {
  const headings = new Set<string>();
  const fences = new Set<string>();
  let open: string | null = null;
  for (const line of markdown.split(/\r\n|\r|\n/)) {
    const fence = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
    if (open !== null) {
      const closes = fence !== null && fence[1]?.startsWith(open) === true && fence[2]?.trim() === '';
      if (closes) open = null;
      continue;
    }
    // A backtick fence has no backtick in its info string: that would be inline code.
    if (fence !== null && !(fence[1]?.startsWith('`') === true && fence[2]?.includes('`') === true)) {
      open = fence[1] ?? null;
      fences.add(fenceKey(fence[2] ?? ''));
      continue;
    }
    const heading = /^ {0,3}#{1,6}(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/.exec(line);
    if (heading !== null) headings.add(headingKey(heading[1] ?? ''));
  }
  return { headings, fences };
}

/** One check in words, as a line of the brief's checklist. */
export const describeCheck = (check: OutputCheck): string =>
  'heading' in check ? `a heading "${check.heading}"` : `at least one fenced block that opens with \`\`\`${check.fence}`;

const keyOf = (check: OutputCheck): string =>
  'heading' in check ? `heading ${headingKey(check.heading)}` : `fence ${fenceKey(check.fence)}`;

/** Checks of the spec and of the role, each once, in order. */
export function mergeChecks(...lists: readonly (readonly OutputCheck[])[]): OutputCheck[] {
  const seen = new Map<string, OutputCheck>();
  for (const check of lists.flat()) if (!seen.has(keyOf(check))) seen.set(keyOf(check), check);
  return [...seen.values()];
}

/** What the answer lacks; an empty list when it has the asked shape. */
export function checkAnswer(answer: string, checks: readonly OutputCheck[]): Miss[] {
  const shape = shapeOf(answer);
  return checks
    .filter((check) => !('heading' in check ? shape.headings.has(headingKey(check.heading)) : shape.fences.has(fenceKey(check.fence))))
    .map((check) => ({ check, message: `the answer lacks ${describeCheck(check)}` }));
}
