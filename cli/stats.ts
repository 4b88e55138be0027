/** `docket stats`: how long each stage took, how good the answers were, what a feature cost, and a model of what that is worth by the user's own baseline. */

import type { Command } from 'commander';
import { usdOf } from '#core/money.ts';
import { printable } from '#core/names.ts';
import { featureIdIn } from './feature-facts.ts';
import { CliError, EXIT, paint, show, table, type Common, type Io } from './io.ts';
import { withSources } from './job-words-sources.ts';
import { commonOf } from './open.ts';
import { calendarOf, sinceOf } from './since.ts';
import { qualityOf, rolesIn, spreadOf, statsFacts, type Fact, type Quality, type Spread } from './stats-facts.ts';
import { modelOf, type Measured, type Model } from './stats-model.ts';

type Options = Common & { readonly feature?: string; readonly since?: string };

const STAGES = ['waiting', 'running', 'review', 'lead'] as const;
type Stage = (typeof STAGES)[number];

export function addStats(program: Command, io: Io): void {
  program
    .command('stats')
    .description('how long, how good, how dear, and what it is worth by your own baseline')
    .option('--feature <feature>', 'only this feature')
    .option('--since <day>', 'only what ended then or later: a day (2026-11-20) or a time back from now (30d, 12h)')
    .addHelpText(
      'after',
      '\nTimes come from evidence and verdicts, so they are the same without the journal. waiting: from the claim to the run, and between attempts.\nreview: from the answer to the first verdict, time that went by. lead: from the claim until it was accepted.\nThe baseline (stats.baseline_*) is your own assumption: nobody measured it.\n\nExamples:\n  docket stats\n  docket stats --feature FEAT-123\n  docket stats --since 30d --json',
    )
    .action(async (_options: Options, command: Command) => {
      const common = commonOf(command);
      const { feature, since } = command.opts<Options>();
      const id = feature === undefined ? null : featureIdIn(feature);
      if (feature !== undefined && id === null)
        throw new CliError(`${JSON.stringify(printable(feature))} is no name of a feature, such as FEAT-123`, EXIT.wrongUse);
      await withSources(io, common, async (sources) => {
        const { settings } = sources.workspace;
        const sinceMs = since === undefined ? null : sinceOf(since, calendarOf(sources.workspace));
        const facts = await statsFacts(sources, id, sinceMs);
        const order = [...sources.roles.keys()];
        const roles = rolesIn(facts).toSorted((a, b) => order.indexOf(a) - order.indexOf(b));
        const rows = roles.map((role) =>
          rowOf(
            role,
            facts.filter(({ identity }) => identity.role === role),
          ),
        );
        const model = modelOf(facts, settings);
        const data = {
          v: 1,
          feature: id,
          since: sinceMs === null ? null : new Date(sinceMs).toISOString(),
          roles: rows.map(dataOf),
          all: dataOf(rowOf('all', facts)),
          features: featureRows(facts),
          model: modelData(model),
        };
        show(io, common, data, text(io, facts, rows, model));
      });
    });
}

const known = (values: readonly (number | null)[]): readonly number[] => values.filter((value) => value !== null);

type Row = { readonly role: string; readonly quality: Quality; readonly stages: Readonly<Record<Stage, Spread | null>> };

function rowOf(role: string, facts: readonly Fact[]): Row {
  return {
    role,
    quality: qualityOf(facts),
    stages: {
      waiting: spreadOf(facts.map(({ waitingMs }) => waitingMs)),
      running: spreadOf(facts.map(({ runningMs }) => runningMs)),
      review: spreadOf(known(facts.map(({ reviewMs }) => reviewMs))),
      lead: spreadOf(known(facts.map(({ leadMs }) => leadMs))),
    },
  };
}

const spreadData = (spread: Spread | null): unknown =>
  spread === null ? null : { count: spread.count, median_ms: spread.median, p90_ms: spread.p90, total_ms: spread.total };

const dataOf = ({ role, quality, stages }: Row): unknown => ({
  role,
  waiting: spreadData(stages.waiting),
  running: spreadData(stages.running),
  review: spreadData(stages.review),
  lead: spreadData(stages.lead),
  ended: quality.ended,
  answered: quality.answered,
  accepted: quality.accepted,
  failed: quality.failed,
  judged_first_revisions: quality.judged,
  first_pass_accepted: quality.firstPass,
  retries: quality.retries,
  contract_failures: quality.contractFailures,
  series: quality.series,
  revisions: quality.revisions,
});

type FeatureRow = { readonly feature: string; readonly answers: number; readonly cost_usd: number; readonly unknown_runs: number };

/** The dearest first. */
const featureRows = (facts: readonly Fact[]): readonly FeatureRow[] =>
  [...Map.groupBy(facts, ({ identity }) => identity.feature)]
    .map(([feature, all]) => ({
      feature,
      answers: all.filter(({ status }) => status === 'answered').length,
      cost_usd: usdOf(all.reduce((sum, { micros }) => sum + micros, 0)),
      unknown_runs: all.reduce((sum, one) => sum + one.unknownRuns, 0),
    }))
    .toSorted((a, b) => b.cost_usd - a.cost_usd || (a.feature < b.feature ? -1 : 1));

const modelData = (model: Model): unknown => ({
  assumption: ASSUMED,
  hourly_rate_usd: model.hourlyRate,
  features_month: model.featuresMonth,
  tasks: model.tasks.map((task) => ({
    task: task.task,
    roles: task.roles,
    baseline_hours: task.baselineHours,
    baseline_setting: task.setting,
    features: task.features,
    machine_hours: task.machineHours,
    review_hours: task.reviewHours,
    tools_usd: task.usd,
    difference_hours: task.differenceHours,
  })),
  baseline_hours: model.baselineHours,
  review_hours: model.reviewHours,
  tools_usd: model.toolsUsd,
  difference_usd: model.differenceUsd,
  difference_usd_month: model.differenceUsdMonth,
});

/** `450 ms`, `12s`, `5.2m`, `3.1h`, `2.0d`. */
export function spanWord(ms: number): string {
  if (ms < 1_000) return `${String(Math.round(ms))}ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)}s`;
  if (ms < 3_600_000) return `${(ms / 60_000).toFixed(1)}m`;
  return ms < 48 * 3_600_000 ? `${(ms / 3_600_000).toFixed(1)}h` : `${(ms / 86_400_000).toFixed(1)}d`;
}
const shareWord = (part: number, whole: number): string =>
  whole === 0 ? '-' : `${String(Math.round((part / whole) * 100))}% of ${String(whole)}`;
const medianWord = (spread: Spread | null): string => (spread === null ? '-' : spanWord(spread.median));

const ASSUMED =
  'the baseline hours are your own assumption (stats.baseline_* in docket.yaml; the defaults are nobody’s measurement); review is time that went by, so at most what was worked';
const FEATURES_SHOWN = 10;

function text(io: Io, facts: readonly Fact[], rows: readonly Row[], model: Model): string {
  if (facts.length === 0) return 'no answer of a tool is recorded for this: nothing to measure (the offline runner is none)';
  const all = rowOf('all', facts);
  const shown = rows.length > 1 ? [...rows, all] : rows;
  const features = featureRows(facts);
  const total = features.reduce((sum, { cost_usd: usd }) => sum + usd, 0);
  return [
    paint(io, 'bold', 'time, medians'),
    table([
      ['role', 'answers', 'waiting', 'running', 'review', 'lead time'],
      ...shown.map(({ role, quality, stages }) => [role, String(quality.answered), ...STAGES.map((stage) => medianWord(stages[stage]))]),
    ]),
    '',
    paint(io, 'bold', 'quality'),
    table([
      ['role', 'first pass', 'accepted', 'retries', 'contract', 'failed', 'revisions'],
      ...shown.map(({ role, quality }) => [
        role,
        shareWord(quality.firstPass, quality.judged),
        String(quality.accepted),
        String(quality.retries),
        String(quality.contractFailures),
        String(quality.failed),
        `${String(quality.revisions)} of ${String(quality.series)}`,
      ]),
    ]),
    '',
    paint(
      io,
      'bold',
      `cost: $${total.toFixed(2)} for ${String(features.length)} ${features.length === 1 ? 'feature' : 'features'}, $${(total / features.length).toFixed(2)} each`,
    ),
    ...features
      .slice(0, FEATURES_SHOWN)
      .map(
        ({ feature, cost_usd: usd, unknown_runs: unknown }) =>
          `  ${feature}  $${usd.toFixed(2)}${unknown === 0 ? '' : `, and ${String(unknown)} starts of unknown cost`}`,
      ),
    ...(features.length > FEATURES_SHOWN ? [`  and ${String(features.length - FEATURES_SHOWN)} more (--json has all)`] : []),
    '',
    ...modelLines(io, model),
  ].join('\n');
}

const hours = (value: number | null): string => (value === null ? '-' : `${value < 10 ? value.toFixed(2) : value.toFixed(1)} h`);
const dollars = (value: number): string => `${value < 0 ? '-' : ''}$${Math.abs(value).toFixed(2)}`;

function modelLines(io: Io, model: Model): string[] {
  const cells = (task: Measured): string[] => [
    task.task,
    String(task.features),
    hours(task.baselineHours),
    hours(task.machineHours),
    hours(task.reviewHours),
    hours(task.differenceHours),
  ];
  const heads = ['for one feature', 'features', 'YOUR baseline', 'machine', 'review', 'difference'];
  const head = [paint(io, 'bold', 'productivity model'), table([heads, ...model.tasks.map(cells)])];
  const rate = `$${String(model.hourlyRate)} an hour (stats.hourly_rate)`;
  const done = model.tasks.filter(({ features }) => features > 0);
  if (done.length === 0) return [...head, 'nothing was accepted yet, so nothing is claimed.'];
  const sums = done.map(({ baselineHours }) => String(baselineHours)).join(' + ');
  return [
    ...head,
    ...wrapped(`difference: baseline - review. Machine time is no person's; its tools cost ${dollars(model.toolsUsd)}.`),
    ...wrapped(`By your baseline of ${sums} = ${String(model.baselineHours)} h and ${rate}:`),
    `  (${String(model.baselineHours)} h - ${hours(model.reviewHours)}) x rate - tools = ${dollars(model.differenceUsd)} for a feature,`,
    `  ${dollars(model.differenceUsdMonth)} a month with ${String(model.featuresMonth)} features (stats.features_month).`,
    ...wrapped(`This is worth what the baseline is worth: ${ASSUMED}.`),
  ];
}

const WIDTH = 79;
/** Words in lines that fit an old terminal. */
function wrapped(words: string): string[] {
  const lines: string[] = [];
  for (const word of words.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
