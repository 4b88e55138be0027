/**
 * What each scenario of the fake model server comes to with each real tool. Run by test/slow/tools/scenarios.ts, printed into docs/tools.md, which
 * test/agents/tools-doc.test.ts compares. `answered*` is a failure that the tool hides: nothing in its output tells it from an answer.
 */

import type { FailureKind } from '#core/failure.ts';
import type { RunOptions } from './tool-stage.ts';

export const TABLE_TOOLS = ['claude', 'codex', 'gemini', 'opencode', 'qwen', 'copilot', 'cline'] as const;
export type TableTool = (typeof TABLE_TOOLS)[number];
export type Cell = FailureKind | 'answered' | 'answered*';

export type TableRow = {
  /** For people. */
  readonly title: string;
  /** Of the fake model; {outside}: a file outside of the working folder. */
  readonly scenario: string;
  readonly options?: RunOptions;
  readonly all: Cell;
  readonly but?: Readonly<Partial<Record<TableTool, Cell>>>;
};

const HUGE: RunOptions = { limits: { outputBytes: 30_000_000, answerBytes: 3_000_000, budgetUsd: 100 } };

/** Qwen Code goes on for ever; docket's limit ends it. */
const QWEN_GOES_ON = { qwen: 'timeout' } as const;

export const TABLE: readonly TableRow[] = [
  { title: 'an answer', scenario: 'ok', all: 'answered' },
  { title: '401', scenario: '401', all: 'not-logged-in' },
  { title: '429', scenario: '429,retry-after=0', all: 'rate-limited', but: QWEN_GOES_ON },
  { title: 'usage limit', scenario: 'usage-limit,retry-after=0', all: 'rate-limited', but: QWEN_GOES_ON },
  { title: '500', scenario: '500,retry-after=0', all: 'provider-error', but: QWEN_GOES_ON },
  { title: '529', scenario: '529,retry-after=0', all: 'rate-limited', but: QWEN_GOES_ON },
  { title: 'prompt too long', scenario: 'context', all: 'context-too-long' },
  { title: 'cut at the token limit', scenario: 'max-tokens', all: 'truncated', but: { gemini: 'answered*', qwen: 'answered*', copilot: 'answered*' } },
  { title: 'refusal', scenario: 'refusal', all: 'refused', but: { codex: 'answered*', gemini: 'answered*', qwen: 'answered*', copilot: 'answered*', cline: 'answered*' } },
  { title: 'empty answer', scenario: 'empty', all: 'no-answer' },
  { title: 'something else than an answer', scenario: 'garbage', all: 'provider-error', but: { opencode: 'timeout' } },
  { title: 'stream cut', scenario: 'cut=4', all: 'provider-error', but: QWEN_GOES_ON },
  { title: 'the model hangs', scenario: 'hang', all: 'timeout' },
  { title: 'an answer of 2 MB', scenario: 'size=2m', options: HUGE, all: 'answered', but: { cline: 'output-limit' } },
  {
    title: 'a write outside, denied',
    scenario: 'tool=write,path={outside},content=x',
    options: { access: 'worktree' },
    all: 'denied',
    // It would write there, and only the sandbox keeps it from that: then it says so in its answer.
    but: { qwen: 'answered*', cline: 'answered*' },
  },
]; // prettier-ignore

export const cellOf = (row: TableRow, tool: TableTool): Cell => row.but?.[tool] ?? row.all;

/** In Markdown, columns as wide as oxfmt makes them. */
export function renderTable(): string {
  const rows = [
    ['scenario', ...TABLE_TOOLS],
    ...TABLE.map((row) => [row.title, ...TABLE_TOOLS.map((tool) => cellOf(row, tool).replace('*', '\\*'))]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (row: readonly string[]): string => `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line), ''].join('\n');
}
