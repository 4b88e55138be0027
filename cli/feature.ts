/** `docket feature`: the chain of a feature as a tree, with revisions, verdicts and what is stale; without a name, a line for each feature. Needs no daemon. */

import type { Command } from 'commander';
import { printable } from '#core/names.ts';
import { usdOf } from '#core/money.ts';
import { isAccepted } from '#core/verdict.ts';
import { nearest } from '#prompt-spec/nearest.ts';
import { costOf, costWords, featureFacts, featureIdIn, seriesId, type FeatureFacts, type Revision, type Series } from './feature-facts.ts';
import { treeOf, type Node } from './feature-tree.ts';
import { CliError, EXIT, paint, show, table, type Common, type Io } from './io.ts';
import { shortly } from './job-words.ts';
import { askDaemon, withSources, type Sources } from './job-words-sources.ts';
import { commonOf } from './open.ts';

type Style = Parameters<typeof paint>[1];

export function addFeature(program: Command, io: Io): void {
  program
    .command('feature')
    .description('show the chain of a feature: what waits for what, revisions, verdicts, cost')
    .argument('[feature]', 'FEAT-123; without it a line for each feature')
    .addHelpText(
      'after',
      '\nEach role, or role and name, stands below what it waits for (depends_on, parent, else next of the role). STALE: made with an answer that does not\ncount any more. Exit code 1 when there is no such feature.\n\nExamples:\n  docket feature\n  docket feature FEAT-123\n  docket feature FEAT-123 --json',
    )
    .action(async (text: string | undefined, _options: Common, command: Command) => {
      const common = commonOf(command);
      await withSources(io, common, async (sources) => {
        if (text === undefined) {
          await listFeatures(io, common, sources);
          return;
        }
        const id = featureIdIn(text);
        if (id === null) throw new CliError(`${JSON.stringify(printable(text))} is no name of a feature, such as FEAT-123`, EXIT.wrongUse);
        const facts = (await featureFacts(sources, id)).get(id.toLowerCase());
        if (facts === undefined) throw new CliError(await unknownWords(sources, text), EXIT.notWell);
        await showFeature(io, common, sources, facts);
      });
    });
}

async function unknownWords(sources: Sources, text: string): Promise<string> {
  const known = [...(await featureFacts(sources, null)).values()].map(({ feature }) => feature);
  const meant = nearest(text, known);
  return `nothing is known of ${printable(text)}${meant === null ? ' (`docket feature` lists all)' : `; did you mean ${meant}?`}`;
}

const newestOf = ({ revisions }: Series): Revision => revisions[0] as Revision;

/** The state that counts for people. */
function stateWords({ state, standing, file }: Revision): string {
  if (standing === null || file !== null) return state;
  const words: Readonly<Record<typeof standing, string>> = {
    accepted: 'accepted',
    unreviewed: 'counts unreviewed',
    awaiting: 'awaits a verdict',
    'changes-requested': 'changes requested',
    rejected: 'rejected by a person',
    held: 'put off by a person',
    lapsed: 'approval lapsed',
  };
  return words[standing];
}

const STYLES: Readonly<Record<string, Style>> = {
  accepted: 'green',
  'awaits a verdict': 'yellow',
  'changes requested': 'yellow',
  failed: 'red',
  rejected: 'red',
  'rejected by a person': 'red',
  held: 'yellow',
  running: 'cyan',
};

const lastClosing = ({ closings }: FeatureFacts): FeatureFacts['closings'][number] | null => closings.at(-1) ?? null;
const isClosed = (facts: FeatureFacts): boolean => lastClosing(facts)?.kind === 'closing';

async function listFeatures(io: Io, common: Common, sources: Sources): Promise<void> {
  const all = [...(await featureFacts(sources, null)).values()].toSorted((a, b) => (a.feature < b.feature ? -1 : 1));
  const rows = all.map((facts) => {
    const newest = facts.series.map(newestOf);
    const count = (is: (one: Revision) => boolean): number => newest.filter(is).length;
    return {
      feature: facts.featureName,
      state: isClosed(facts) ? 'closed' : 'open',
      series: newest.length,
      accepted: count(({ standing }) => standing !== null && isAccepted(standing)),
      awaiting: count(({ standing }) => standing === 'awaiting' || standing === 'lapsed'),
      waiting: count(({ state }) => ['waiting', 'claimed', 'running', 'submitted', 'waiting (lane)', 'ending'].includes(state)),
      needs_person: count(({ state, standing }) => ['failed', 'held', 'rejected'].includes(state) || standing === 'changes-requested'),
      stale: count(({ stale }) => stale.length > 0),
      cost_usd: costOf(facts),
    };
  });
  const text =
    rows.length === 0
      ? 'there is no feature yet: drop a prompt (`docket add`)'
      : table([
          ['feature', 'state', 'roles', 'accepted', 'to review', 'under way', 'needs you', 'stale', 'cost'],
          ...rows.map((row) => [
            row.feature,
            row.state,
            ...[row.series, row.accepted, row.awaiting, row.waiting, row.needs_person, row.stale].map(String),
            `$${row.cost_usd.toFixed(2)}`,
          ]),
        ]);
  show(io, common, { v: 1, features: rows }, text);
}

async function showFeature(io: Io, common: Common, sources: Sources, facts: FeatureFacts): Promise<void> {
  const next = new Map([...sources.roles.values()].map((role) => [role.name, role.next]));
  const tree = treeOf(facts, next);
  const told = (await askDaemon(sources.workspace))?.waiting ?? {};
  const whyOf = (series: Series): string | null => {
    const { file } = newestOf(series);
    return file === null ? null : (told[`${series.role}/${file}`] ?? null);
  };
  const absent = isClosed(facts) ? [] : absentNext(facts, next);
  const closing = lastClosing(facts);
  const state = isClosed(facts) ? 'closed' : 'open';
  const data = {
    v: 1,
    feature: facts.feature,
    name: facts.featureName,
    state,
    closings: facts.closings,
    cost_usd: costOf(facts),
    tree: tree.map((node) => dataOf(node, whyOf)),
    next_without_prompt: absent,
  };
  const when =
    closing === null
      ? ''
      : ` (${closing.kind === 'closing' ? 'closed' : 'reopened'} by ${printable(closing.by)} at ${closing.at}${closing.commit === null ? '' : `, merged as ${closing.commit.slice(0, 12)}`})`;
  const columns = io.columns?.() ?? null;
  const lines = [
    `${paint(io, 'bold', facts.featureName)}  ${state}${when}  $${costOf(facts).toFixed(2)}`,
    ...tree.flatMap((node, index) => nodeLines(io, node, '', index === tree.length - 1, whyOf)),
    ...(absent.length === 0 ? [] : ['', `next, without a prompt yet: ${absent.join(', ')} (\`docket next ${facts.feature}\`)`]),
  ];
  show(io, common, data, lines.map((line) => (columns === null ? line : cut(line, columns))).join('\n'));
}

/** Roles that follow an accepted one, and have no prompt in this feature. */
function absentNext({ series }: FeatureFacts, next: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const has = new Set<string>(series.map(({ role }) => role));
  const accepted = series.filter(({ revisions }) => revisions.some(({ standing }) => standing !== null && isAccepted(standing)));
  return [...new Set(accepted.flatMap(({ role }) => next.get(role) ?? []))].filter((role) => !has.has(role));
}

/** A line with colors is as long as what is shown of it. */
function cut(line: string, columns: number): string {
  // eslint-disable-next-line no-control-regex -- these are what a terminal obeys
  const plain = line.replaceAll(/\u001b\[[0-9;]*m/g, '');
  return plain.length < columns ? line : `${plain.slice(0, Math.max(1, columns - 2))}…`;
}

const day = (at: string): string => at.slice(0, 16).replace('T', ' ');

function nodeLines(io: Io, node: Node, indent: string, isLast: boolean, whyOf: (series: Series) => string | null): string[] {
  const { series } = node;
  const [newest, ...older] = series.revisions as readonly [Revision, ...Revision[]];
  const words = stateWords(newest);
  const style = STYLES[words];
  const cost = series.revisions.reduce((sum, { micros }) => sum + micros, 0);
  const head = [
    `${seriesId(series)}@${String(newest.revision)}`,
    style === undefined ? words : paint(io, style, words),
    ...(newest.at === null ? [] : [day(newest.at)]),
    ...(cost > 0 ? [costWords(cost)] : []),
    ...(newest.stale.length > 0 ? [paint(io, 'red', 'STALE')] : []),
  ].join('  ');
  const inner = `${indent}${isLast ? '   ' : '│  '}`;
  const below = node.children.length > 0 ? '│  ' : '   ';
  const why = whyOf(series);
  const notes = [
    ...(newest.title === null ? [] : [newest.title]),
    ...newest.verdicts.map(saidWords),
    ...newest.stale.map((one) => `stale: ${one}`),
    ...(why === null ? node.waitsFor.map((one) => `waits for ${one}`) : [`waits: ${printable(why, 300)}`]),
    ...older.map(
      (one) =>
        `@${String(one.revision)}: ${stateWords(one)}${one.verdicts.length === 0 ? '' : ` (${one.verdicts.map(saidWords).join('; ')})`}`,
    ),
  ];
  return [
    `${indent}${isLast ? '└─ ' : '├─ '}${head}`,
    ...notes.map((note) => `${inner}${below}${paint(io, 'dim', printable(note, 500))}`),
    ...node.children.flatMap((child, index) => nodeLines(io, child, inner, index === node.children.length - 1, whyOf)),
  ];
}

const saidWords = ({ verdict, by, at, comment }: Revision['verdicts'][number]): string =>
  `${verdict} by ${printable(by, 100)}, ${day(at)}${comment === null ? '' : `: ${shortly(comment)}`}`;

const dataOf = (node: Node, whyOf: (series: Series) => string | null): unknown => ({
  id: node.id,
  role: node.series.role,
  name: node.series.name,
  link: node.link,
  waits_for: node.waitsFor,
  why: whyOf(node.series),
  revisions: node.series.revisions.map((one) => ({
    revision: one.revision,
    job: one.job,
    state: one.state,
    standing: one.standing,
    verdicts: one.verdicts,
    stale: one.stale,
    at: one.at,
    cost_usd: usdOf(one.micros),
    title: one.title,
    parent: one.parent,
    file: one.file,
  })),
  children: node.children.map((child) => dataOf(child, whyOf)),
});
