/** `docket status` for people: fits 80 columns, with and without color. */

import { usdOf } from '#core/money.ts';
import { printable } from '#core/names.ts';
import type { Today } from '#core/glance.ts';
import { pausedWords } from '#daemon/pauses.ts';
import { circuitWords, heldWords, laneWords } from './lane-words.ts';
import { countWord, elapsedWord } from './live-words.ts';
import { faultWords } from './fault-words.ts';
import type { RoleRow, RunningRow, StatusData } from './status-data.ts';
import type { StatusFacts } from './status-data.ts';

export type Style = 'red' | 'green' | 'yellow' | 'bold' | 'dim';
export type StatusLook = {
  readonly paint: (style: Style, text: string) => string;
  /** Null: nobody cuts lines (a pipe, a file). */
  readonly columns: number | null;
};

type Column = { readonly head: string; readonly short: string; readonly count: (row: RoleRow) => number | null; readonly isAlways?: true };

const standing =
  (name: keyof NonNullable<RoleRow['standings']>) =>
  (row: RoleRow): number | null =>
    row.standings?.[name] ?? 0;

/** In the order of a prompt's life. One that is nought for every role is left out. */
const COLUMNS: readonly Column[] = [
  { head: 'waiting', short: 'wait', count: (row) => row.waiting, isAlways: true },
  { head: 'claimed', short: 'clm', count: (row) => row.in_flight - row.running },
  { head: 'running', short: 'run', count: (row) => row.running, isAlways: true },
  { head: 'to review', short: 'rev', count: standing('awaiting'), isAlways: true },
  { head: 'lapsed', short: 'laps', count: standing('lapsed') },
  { head: 'changes', short: 'chg', count: standing('changes-requested') },
  { head: 'refused', short: 'ref', count: standing('rejected') },
  { head: 'put off', short: 'off', count: standing('held') },
  { head: 'accepted', short: 'acc', count: standing('accepted') },
  { head: 'unreviewed', short: 'unr', count: standing('unreviewed') },
  { head: 'on hold', short: 'hold', count: (row) => row.on_hold },
  { head: 'held', short: 'held', count: (row) => row.held - row.on_hold },
  { head: 'rejected', short: 'rej', count: (row) => row.rejected },
  { head: 'failed', short: 'fail', count: (row) => row.failed, isAlways: true },
  { head: 'cancelled', short: 'canc', count: (row) => row.cancelled },
  { head: 'done', short: 'done', count: (row) => row.processed, isAlways: true },
];
const GAP = 2;
const PLAIN_COLUMNS = 80;

/** Cells to the right, the first one to the left. */
function lineUp(rows: readonly (readonly string[])[], gap: number): string[] {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((cells) => (cells[index] ?? '').length)));
  return rows.map((cells) =>
    cells.map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart((widths[index] ?? 0) + gap))).join(''),
  );
}

function table(rows: readonly RoleRow[], columns: number): string[] {
  const shown = COLUMNS.filter(({ count, isAlways }) => isAlways === true || rows.some((row) => count(row) !== 0));
  const total = (column: Column): string => String(rows.reduce((sum, row) => sum + (column.count(row) ?? 0), 0));
  const cells = (name: 'head' | 'short'): (readonly string[])[] => [
    ['role', ...shown.map((column) => column[name])],
    ...rows.map((row) => [row.role, ...shown.map((column) => String(column.count(row) ?? '?'))]),
    ['all', ...shown.map(total)],
  ];
  const fits = (lines: readonly string[]): boolean => Math.max(...lines.map(({ length }) => length)) <= columns;
  const long = lineUp(cells('head'), GAP);
  const short = lineUp(cells('short'), GAP);
  return fits(long) ? long : fits(short) ? short : lineUp(cells('short'), 1);
}

const runningLine = ({ role, stem, runner, attempt, elapsed_ms: elapsed, usage, doing }: RunningRow): string =>
  printable(
    [`  ${role}/${stem}`, attempt > 1 ? `${runner} (attempt ${String(attempt)})` : runner, elapsedWord(elapsed), usage ?? '', doing ?? '']
      .filter((part) => part !== '')
      .join('  '),
    1_000,
  );

export function todayWords(today: Today | null): string {
  if (today === null) return 'today: being added up';
  const tokens = today.inputTokens + today.outputTokens + today.cacheReadTokens + today.cacheWriteTokens;
  const mark = today.estimatedMicros > 0 ? '~' : '';
  const unknown = today.unknownRuns === 0 ? '' : ` + ${String(today.unknownRuns)} of unknown cost`;
  return `today (${today.day}): ${String(today.runs)} ${today.runs === 1 ? 'run' : 'runs'}, ${countWord(tokens)} tokens, ${mark}$${usdOf(today.micros).toFixed(2)}${unknown}`;
}

const section = (title: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', title, ...lines]);

export function statusLines(data: StatusData, facts: StatusFacts, look: StatusLook): string[] {
  const { paint } = look;
  const { columns } = look;
  const cut = (line: string): string => (columns === null || line.length < columns ? line : `${line.slice(0, Math.max(1, columns - 2))}…`);
  const { daemon } = data;
  const head = data.up
    ? `${paint('green', 'up')}: pid ${String(daemon?.pid ?? '?')}, docket ${facts.version ?? '?'}, since ${facts.since ?? '?'}`
    : `${paint('red', 'down')}: no daemon runs for ${data.root} (\`docket up\`)`;
  const [heads = '', ...rows] = table(data.roles, columns ?? PLAIN_COLUMNS);
  const lanes = [
    ...data.lanes.map(laneWords),
    ...data.holds.map(({ lane, until, reason }) => heldWords({ lane, heldUntil: until, reason })),
    ...data.circuits.map(circuitWords),
    ...data.paused.map((pause) => paint('yellow', pausedWords(pause))),
  ];
  const failures = data.failures.flatMap(({ role, stem, state, at, reason }) => {
    const what = printable(`  ${at.slice(0, 16).replace('T', ' ')}Z  ${role.slice(3)}/${stem}  ${state}`, 1_000);
    const why = reason === null ? '' : printable(reason, 1_000);
    const isOne = columns === null || what.length + 2 + why.length < columns;
    const lines = why === '' ? [what] : isOne ? [`${what}  ${why}`] : [what, `    ${why}`];
    return lines.map((line) => paint('red', cut(line)));
  });
  return [
    head,
    `runner ${data.runner || '(none chosen)'}, history ${data.history}`,
    '',
    paint('bold', heads),
    ...rows,
    ...(facts.standings === null ? ['to review: being counted, ask again in a moment'] : []),
    ...section(
      'review:',
      data.review_notes.map((note) => paint('yellow', `  ${note}`)),
    ).slice(data.review_notes.length > 0 ? 1 : 0),
    ...(data.faults.length > 0 ? ['', ...data.faults.map((fault) => paint('red', faultWords(fault)))] : []),
    ...section(
      'running:',
      data.running.map((run) => cut(runningLine(run))),
    ),
    ...(lanes.length > 0 ? ['', ...lanes] : []),
    '',
    todayWords(facts.today),
    ...data.budgets.map(({ words }) => words),
    ...(data.waits_for_money.length > 0
      ? [
          `${String(data.waits_for_money.length)} in flight wait for money: ${data.waits_for_money.join(', ')} (\`docket why\` says what releases them)`,
        ]
      : []),
    ...section('last that need a person (`docket why <name>`):', failures),
    ...section(
      'notes:',
      data.notes.map((note) => `  ${note}`),
    ).slice(data.notes.length > 0 ? 1 : 0),
  ];
}
