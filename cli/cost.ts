/** `docket cost`: what the runs cost, by feature, role, tool, model, lane or day, as the history's evidence tells it. Needs no daemon. */

import { Option, type Command } from 'commander';
import type { Calendar } from '#core/day.ts';
import { showUsd, usdOf } from '#core/money.ts';
import { addSpend, noSpend, type SpendLine, type SpendSum } from '#core/spending.ts';
import { limitsOf } from '#daemon/budget.ts';
import { takeHeapRoom } from '#platform/heap.ts';
import { paint, show, table, type Common, type Io } from './io.ts';
import { withSources, type Sources } from './job-words-sources.ts';
import { commonOf } from './open.ts';
import { clock } from './parts.ts';
import { replaySpending } from './replay-spending.ts';
import { calendarOf, sinceOf } from './since.ts';

const BY = ['feature', 'role', 'tool', 'model', 'lane', 'day'] as const;
type By = (typeof BY)[number];
type Options = Common & { readonly by?: By; readonly since?: string };

export function addCost(program: Command, io: Io): void {
  program
    .command('cost')
    .description('say what the runs cost, as the history tells it')
    .addOption(new Option('--by <what>', 'what the rows are').choices(BY).default('feature'))
    .option('--since <day>', 'only runs that ended then or later: a day (2026-11-20) or a time back from now (7d, 12h)')
    .addHelpText(
      'after',
      '\nAttempts that failed cost money too, and are in it. ~ stands before what is estimated by the price table (agents/prices.yaml, `prices:` in\ndocket.yaml), because the tool did not say what it cost; runs of which nobody knows are counted, and cost nothing here.\n\nExamples:\n  docket cost\n  docket cost --by day --since 30d\n  docket cost --by model --json',
    )
    .action(async (_options: Options, command: Command) => {
      const common = commonOf(command);
      const { by = 'feature', since } = command.opts<Options>();
      takeHeapRoom();
      await withSources(io, common, async (sources) => {
        const calendar = calendarOf(sources.workspace);
        const sinceMs = since === undefined ? null : sinceOf(since, calendar);
        const all = await linesOf(sources);
        const lines = all.filter(({ atMs }) => sinceMs === null || atMs >= sinceMs);
        const rows = rowsOf(lines, by, calendar);
        const total = sumOf('total', lines);
        const data = {
          v: 1,
          by,
          since: sinceMs === null ? null : new Date(sinceMs).toISOString(),
          time_zone: calendar.zone,
          rows: rows.map(dataOf),
          total: dataOf(total),
          budgets: budgetsOf(sources, all, calendar),
        };
        show(io, common, data, text(io, sources, by, rows, total));
      });
    });
}

/** Each run once. The history first: it knows the tool; the journal adds what is not recorded yet, or was held. */
async function linesOf(sources: Sources): Promise<readonly SpendLine[]> {
  const byRun = new Map<string, SpendLine>();
  const history = await sources.history();
  if (history !== null) for await (const line of history.spending()) if (!byRun.has(line.runId)) byRun.set(line.runId, line);
  for (const line of sources.journal?.spending() ?? []) if (!byRun.has(line.runId)) byRun.set(line.runId, line);
  for (const line of await replaySpending(sources.fs, sources.workspace.state)) if (!byRun.has(line.runId)) byRun.set(line.runId, line);
  return [...byRun.values()];
}

type Sum = SpendSum & { readonly key: string; answered: number };

function sumOf(key: string, lines: readonly SpendLine[]): Sum {
  const sum: Sum = { key, answered: 0, ...noSpend() };
  for (const line of lines) {
    addSpend(sum, line);
    if (line.outcome === 'answered') sum.answered += 1;
  }
  return sum;
}

const keyOf = (line: SpendLine, by: By, calendar: Calendar): string => {
  if (by === 'day') return calendar.dayOf(line.atMs);
  return line[by] ?? '(not told)';
};

/** The dearest first; days in their order. */
function rowsOf(lines: readonly SpendLine[], by: By, calendar: Calendar): readonly Sum[] {
  const groups = new Map<string, SpendLine[]>();
  for (const line of lines) {
    const key = keyOf(line, by, calendar);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [line]);
    else group.push(line);
  }
  const rows = [...groups].map(([key, group]) => sumOf(key, group));
  const byKey = (a: Sum, b: Sum): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
  return rows.toSorted(by === 'day' ? byKey : (a, b) => b.micros - a.micros || byKey(a, b));
}

const dataOf = (sum: Sum): unknown => ({
  key: sum.key,
  runs: sum.runs,
  answered: sum.answered,
  input_tokens: sum.inputTokens,
  output_tokens: sum.outputTokens,
  cache_read_tokens: sum.cacheReadTokens,
  cache_write_tokens: sum.cacheWriteTokens,
  cost_usd: usdOf(sum.micros),
  estimated_usd: usdOf(sum.estimatedMicros),
  unknown_runs: sum.unknownRuns,
});

/** What is set, and what of the day's is spent. Runs of unknown cost count in budgets as budgets.unknown_usd says, and not here. */
function budgetsOf({ workspace }: Sources, all: readonly SpendLine[], calendar: Calendar): unknown {
  const limits = limitsOf(workspace);
  const today = calendar.dayOf(clock.now().getTime());
  const ofToday = all.filter(({ atMs }) => calendar.dayOf(atMs) === today);
  return {
    feature_usd: limits.feature === null ? null : usdOf(limits.feature),
    day_usd: limits.day === null ? null : usdOf(limits.day),
    lane_usd: Object.fromEntries([...limits.lanes].map(([lane, micros]) => [lane, usdOf(micros)])),
    spent_today_usd: usdOf(sumOf('today', ofToday).micros),
  };
}

const mark = ({ estimatedMicros }: Sum): string => (estimatedMicros > 0 ? '~' : '');

function text(io: Io, { workspace }: Sources, by: By, rows: readonly Sum[], total: Sum): string {
  if (rows.length === 0) return `no run that could cost money is recorded in ${workspace.history}`;
  const cells = (sum: Sum): string[] => [
    sum.key,
    String(sum.runs),
    String(sum.answered),
    String(sum.inputTokens),
    String(sum.outputTokens),
    String(sum.cacheReadTokens),
    String(sum.cacheWriteTokens),
    `${mark(sum)}${showUsd(sum.micros)}`,
    sum.unknownRuns === 0 ? '' : `+ ${String(sum.unknownRuns)} of unknown cost`,
  ];
  const lines = table([
    [by, 'runs', 'answered', 'input', 'output', 'cache read', 'cache write', 'cost', ''],
    ...rows.map(cells),
    cells(total),
  ]).split('\n');
  const notes = [
    ...(total.estimatedMicros > 0
      ? [`~ ${showUsd(total.estimatedMicros)} of it is estimated by the price table: the tool did not say`]
      : []),
    ...(total.unknownRuns > 0
      ? [
          `${String(total.unknownRuns)} starts of a tool told no cost, and no price is known: a row under prices: in docket.yaml gives their model one`,
        ]
      : []),
  ];
  const [head = '', ...body] = lines;
  return [head, ...body.slice(0, -1), paint(io, 'bold', body.at(-1) ?? ''), ...(notes.length === 0 ? [] : ['', ...notes])].join('\n');
}
