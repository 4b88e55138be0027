/** `docket ls`: the queue as it lies in the folders, waiting first, then in flight, then what needs a person. */

import type { Command } from 'commander';
import type { JobView } from '#core/job.ts';
import type { RoleFolder } from '#core/names.ts';
import type { JournalJob } from '#core/ports.ts';
import type { Peek } from '#prompt-spec/peek.ts';
import { heldReasons } from './held.ts';
import { EXIT, show, table, wholeNumber, type Common, type Io } from './io.ts';
import {
  ageOf,
  featureWord,
  fileNameOf,
  isBadEnd,
  isEnd,
  isInFlight,
  isWaitingFile,
  peekInFlight,
  peekOf,
  shortly,
  shownPath,
  stateOf,
  stateWord,
} from './job-words.ts';
import { ALL, askDaemon, faultWords, listAll, passOverSilent, withSources, type DaemonWords, type Sources } from './job-words-sources.ts';
import { commonOf, roleNamed } from './open.ts';
import { clock } from './parts.ts';

type Options = Common & { readonly all?: boolean; readonly limit?: number };

/** Rows of each kind that a person reads; with --json there is no limit unless one is given. */
const LIMIT = 50;
const COLUMNS = ['role', 'name', 'state', 'feature', 'attempts', 'age', 'why'] as const;

type Row = {
  readonly role: string;
  readonly stem: string;
  readonly file: string | null;
  readonly state: JobView['state'];
  readonly job: string | null;
  readonly feature: string | null;
  readonly name: string | null;
  readonly revision: number | null;
  readonly attempts: number;
  readonly since: string | null;
  readonly why: string | null;
};

export function addLs(program: Command, io: Io): void {
  program
    .command('ls')
    .description('list the queue: waiting, in flight, and what needs a person')
    .argument('[role]', 'only this role')
    .option('-a, --all', 'also what was answered, newest first')
    .option('-n, --limit <n>', `at most n rows of each kind (default ${String(LIMIT)}, with --json all; 0: all)`, wholeNumber('--limit'))
    .addHelpText(
      'after',
      [
        '',
        'States: waiting (a file in in/), claimed, waiting (lane), running, ending; then rejected, held, failed, cancelled, and with --all answered, briefed, duplicate.',
        '`docket why <name>` says more about one.',
        '',
        'Examples:',
        '  docket ls',
        '  docket ls architect --all --limit 10',
        '  docket ls --json',
      ].join('\n'),
    )
    .action(async (role: string | undefined, _options: Options, command: Command) => {
      const common = commonOf(command);
      const options = command.opts<Options>();
      await withSources(io, common, async (sources) => list(io, common, sources, role, options));
    });
}

async function list(io: Io, common: Common, sources: Sources, roleText: string | undefined, options: Options): Promise<void> {
  const role = roleText === undefined ? null : roleNamed(sources.roles, roleText).name;
  const daemon = await askDaemon(sources.workspace);
  passOverSilent(sources, daemon);
  const { views, faults } = await listAll(sources.spool, role === null ? {} : { role });
  for (const fault of faults) io.err(faultWords(fault));
  if (faults.length > 0) io.setExitCode(EXIT.notWell);
  const asked = options.limit ?? (common.json === true ? 0 : LIMIT);
  const limit = asked === 0 ? ALL : asked;
  const kinds = [
    views.filter(isWaitingFile),
    views.filter(isInFlight),
    views.filter((view) => isBadEnd(view.state)),
    options.all === true ? views.filter((view) => isEnd(view.state) && !isBadEnd(view.state)) : [],
  ];
  const index = indexOf(sources.rows());
  const rows: Row[] = [];
  const reasonOf = heldReasons(sources);
  for (const view of kinds.flatMap((kind) => kind.slice(0, limit))) {
    const held = await reasonOf(view);
    const one = await rowOf(sources, index, daemon, view);
    rows.push(held === null ? one : { ...one, why: held.words });
  }
  show(io, common, rows, text(rows, kinds, limit, options.all === true ? 0 : views.length - kinds.flat().length));
}

async function rowOf(sources: Sources, index: Index, daemon: DaemonWords | null, view: JobView): Promise<Row> {
  const row = journalRow(index, view);
  const folder = sources.roles.get(view.role)?.folder;
  const peek = folder === undefined ? null : await peekAt(sources, folder, view, row);
  const state = stateOf(view, row);
  return {
    role: view.role,
    stem: view.stem,
    file: fileNameOf(view),
    state,
    job: row?.id ?? view.id,
    feature: peek?.feature ?? row?.feature ?? view.feature,
    name: peek?.name ?? row?.name ?? view.name,
    revision: peek?.revision ?? row?.revision ?? view.revision,
    attempts: Math.max(view.attempts, row?.attempts ?? 0),
    since: view.since,
    why: whyOf(sources, daemon, view, row),
  };
}

type Index = { readonly byId: ReadonlyMap<string, JournalJob>; readonly byName: ReadonlyMap<string, JournalJob> };

/** Rows come newest first: of two with one name the first is meant. */
function indexOf(rows: readonly JournalJob[]): Index {
  const oldestFirst = rows.toReversed();
  return {
    byId: new Map(oldestFirst.map((row) => [row.id, row])),
    byName: new Map(oldestFirst.map((row) => [`${row.role}/${row.stem}`, row])),
  };
}

/** What the front matter says, as long as nobody else has written it down. */
async function peekAt(sources: Sources, folder: RoleFolder, view: JobView, row: JournalJob | null): Promise<Peek | null> {
  if (isWaitingFile(view)) return peekOf(sources, folder, view);
  if (view.held !== undefined) return peekOf(sources, folder, { stem: view.stem, file: `${view.stem}.held` });
  const isKnown = row !== null && row.feature !== null;
  return isInFlight(view) && view.id !== null && !isKnown ? peekInFlight(sources, folder, view.id) : null;
}

function journalRow(index: Index, view: JobView): JournalJob | null {
  if (isWaitingFile(view) || view.held !== undefined) return null;
  const byId = view.id === null ? undefined : index.byId.get(view.id);
  if (isInFlight(view)) return byId ?? null;
  return index.byName.get(`${view.role}/${view.stem}`) ?? byId ?? null;
}

function whyOf(sources: Sources, daemon: DaemonWords | null, view: JobView, row: JournalJob | null): string | null {
  if (isWaitingFile(view))
    return view.why ?? (daemon === null ? 'no daemon runs' : (daemon.waiting[`${view.role}/${view.stem}.md`] ?? null));
  if (isInFlight(view)) return row?.reason ?? (daemon === null ? 'no daemon runs: goes on at the next start' : null);
  if (!isBadEnd(view.state)) return null;
  if (row?.reason !== null && row?.reason !== undefined) return row.reason;
  return view.why === null ? null : `see ${shownPath(sources.workspace.root, view.why.replace(/^see /, ''))}`;
}

function text(rows: readonly Row[], kinds: readonly (readonly JobView[])[], limit: number, answered: number): string {
  const atMs = clock.now().getTime();
  const left = kinds.reduce((sum, kind) => sum + Math.max(0, kind.length - limit), 0);
  const lines = rows.map((row) => [
    row.role,
    row.stem,
    stateWord(row.state),
    featureWord(row.feature, row.name, row.revision),
    String(row.attempts),
    ageOf(row.since, atMs),
    shortly(row.why),
  ]);
  const notes = [
    ...(left === 0 ? [] : [`… and ${String(left)} more (--limit 0 lists all)`]),
    ...(answered === 0 ? [] : [`${String(answered)} answered (--all lists them)`]),
  ];
  const head = rows.length === 0 ? 'nothing waits, nothing is in flight, nothing needs a person' : table([COLUMNS, ...lines]);
  return [head, ...notes].join('\n');
}
