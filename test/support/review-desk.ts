/** Answers to review without a workspace, and a desk that remembers what was asked of it. */

import type { Desk } from '#cli/review-desk.ts';
import { makeDocs } from '#cli/review-pages.ts';
import type { Entry, Pages } from '#cli/review-state.ts';
import type { VerdictWord } from '#core/verdict.ts';

export const NOW_MS = Date.parse('2026-11-21T12:00:00Z');

export const entry = (n: number, more: Partial<Entry> = {}): Entry => ({
  key: `FEAT-${String(n)}/architect@1`,
  feature: `FEAT-${String(n)}`,
  role: 'architect',
  revision: 1,
  title: `Part ${String(n)} 漢字`,
  author: null,
  atMs: NOW_MS - (100 - n) * 3_600_000,
  standing: 'awaiting',
  isPast: false,
  approvals: 0,
  reviewers: 1,
  resultSha256: 'ab'.repeat(32),
  ...more,
});

/** Sixty numbered paragraphs under three headings. */
export const ANSWER = Array.from(
  { length: 60 },
  (_line, n) => `${n % 20 === 0 ? `## Head ${String(n / 20 + 1)}\n\n` : ''}paragraph ${String(n)}\n`,
).join('\n');

export const pagesOf = (answer = ANSWER): Pages => ({
  facts: { sizeBytes: answer.length, findings: 2 },
  doc: makeDocs({
    answer,
    prompt: '# Ask\n',
    previous: { name: 'r1 (accepted)', text: answer.replace('paragraph 7', 'paragraph seven') },
    files: [
      { path: 'src/a.ts', change: 'modify', notes: ['changed since the run'], texts: { before: 'one\n', after: 'two\n' } },
      { path: 'src/b.bin', change: 'create', notes: ['it is no text'], texts: null },
    ],
    sections: [{ title: 'Checks', rows: [{ name: 'contract', words: 'lacks a heading', isFinding: true }] }],
  }),
  follows: (verdict) => [`what follows ${verdict}`],
});

export type Asked = { readonly key: string; readonly verdict: VerdictWord; readonly comment: string | null; readonly isYes: boolean };
/** @param refuses words with which a verdict is refused before anything is asked */
export function makeFakeDesk(entries: readonly Entry[], refuses: string | null = null): { readonly desk: Desk; readonly asked: Asked[] } {
  const asked: Asked[] = [];
  let left = entries;
  const desk: Desk = {
    sitter: { person: 'Ada Example <ada@example.com>' },
    commentBytesMax: 100,
    entries: async () => Promise.resolve(left),
    facts: async (keys) => Promise.resolve(new Map(keys.map((key) => [key, { sizeBytes: 1_234, findings: 1 }]))),
    pages: async (key) => Promise.resolve(key.startsWith('FEAT-9/') ? { fault: 'it cannot be read' } : pagesOf()),
    async give(key, verdict, comment, ask) {
      if (refuses !== null) throw new Error(refuses);
      const isYes = await ask(`${verdict} ${key}?\nresult abab`);
      asked.push({ key, verdict, comment, isYes });
      if (!isYes) throw new Error('nothing was recorded');
      left = left.filter((one) => one.key !== key);
      return `${key}: ${verdict}`;
    },
    edit: async (text) => Promise.resolve(`${text} edited`),
  };
  return { desk, asked };
}
