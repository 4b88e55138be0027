/**
 * `docket work-on`: a feature or a fix gets a workspace of its own: branch, work tree, queues, what its code needs, a daemon, panes. Run again it opens
 * what is there, and mends what is half made or lost (docs/worktrees.md).
 *
 *   look at name and repository -> fetch -> [lock: worktrees/make.ts] -> prepare -> daemon -> panes
 */

import path from 'node:path';
import { Option, type Command } from 'commander';
import { parseFeature, printable } from '#core/names.ts';
import type { Stream } from '#core/prompt.ts';
import type { WorktreeRecord, WorktreeSource } from '#core/worktrees.ts';
import type { Workspace } from '#core/settings.ts';
import { makeFs } from '#platform/files.ts';
import { makeWorktree, type Made, type MakePorts } from '#worktrees/make.ts';
import { gitWords, remoteOf, type RepositoryFacts } from '#worktrees/repository.ts';
import { readTodo } from '#worktrees/todo.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { commonOf, connectControl, openWorkspace } from './open.ts';
import { clock } from './parts.ts';
import { isBelowRun, personOf, personWords } from './person.ts';
import { startInBackground } from './detached.ts';
import { showPanes } from './work-on-panes.ts';
import { openIn, prepare, type Source } from './work-on-prepare.ts';
import { findRepository, isInside } from './workspace.ts';
import { inRepository, makePorts, repositoryAt } from './worktree-ports.ts';

export type WorkOnRequest = {
  /** `FEAT-123` or `FEAT-123-user-filters`. */
  readonly name: string;
  readonly stream: Stream;
  /** Default: `<stream>/<name>`. */
  readonly branch?: string | null;
  /** A branch, tag or commit; null: worktrees.base, else the default branch. */
  readonly from: string | null;
  readonly source: WorktreeSource | null;
  readonly daemon: boolean;
  readonly panes: boolean;
  readonly fetch: boolean;
};

export type WorkedOn = {
  readonly record: WorktreeRecord;
  /** It was not there before: made now, or adopted. */
  readonly isNew: boolean;
  readonly how: Made['how'];
  readonly notes: readonly string[];
  /** Why it is not ready to be worked in; null: it is. */
  readonly failed: string | null;
  /** The daemon that was started; null: none was, it runs already, or nobody wanted one. */
  readonly pid: number | null;
  /** The workspace in it: the folder of its docket.yaml. */
  readonly root: string;
  readonly wantsPanes: boolean;
};

type Options = Common & {
  readonly from?: string;
  readonly stream: Stream;
  readonly daemon: boolean;
  readonly panes: boolean;
  readonly fetch: boolean;
  readonly prd?: string | true;
  readonly capability?: string;
};

export type PrdRequest = Pick<WorkOnRequest, 'from' | 'daemon' | 'panes' | 'fetch'> & {
  /** As given; null: the next of the queue. */
  readonly folder: string | null;
  /** A row of the table, by id or name; null: the first that is to be built. */
  readonly capability: string | null;
};

/** @param onPrd what --prd does (cli/work-on-prd.ts) */
export function addWorkOn(program: Command, io: Io, onPrd: (io: Io, common: Common, request: PrdRequest) => Promise<void>): void {
  program
    .command('work-on')
    .description('a feature or fix gets a workspace of its own: branch, work tree, queues, daemon, panes')
    .argument('[feature]', 'such as FEAT-123 or FEAT-123-user-filters')
    .option('--prd [folder]', 'a requirements document instead of a feature; without a folder the next one of the queue (docs/streams.md)')
    .option('--capability <row>', 'with --prd: the row of its table that is planned, by id or name (default: the first below L2)')
    .option('--from <branch>', 'what the branch is begun from (default: worktrees.base, else the default branch)')
    .addOption(new Option('--stream <stream>', 'feature builds forward, fix mends backward').choices(['feature', 'fix']).default('feature'))
    .option('--no-panes', 'open no terminal panes')
    .option('--no-daemon', 'start no daemon')
    .option('--no-fetch', 'do not ask the remote')
    .addHelpText(
      'after',
      '\nRun again it opens what is there, and mends what is half made or lost. Branches and work trees that are there already are adopted.\n\nExamples:\n  docket work-on FEAT-123-user-filters\n  docket work-on FEAT-123 --no-panes --no-daemon\n  docket work-on --prd docs/prd/sales-crm/\n  docket work-on BUG-7-totals --stream fix --from release/2.x --json',
    )
    .action(async (name: string | undefined, _options: Options, command: Command) => {
      const common = commonOf(command);
      const { from, stream, daemon, panes, fetch, prd, capability } = command.opts<Options>();
      if ((name === undefined) === (prd === undefined))
        throw new CliError('name a feature, or a requirements document with --prd', EXIT.wrongUse);
      if (name === undefined) {
        await onPrd(io, common, {
          folder: typeof prd === 'string' ? prd : null,
          capability: capability ?? null,
          from: from ?? null,
          daemon,
          panes,
          fetch,
        });
        return;
      }
      if (capability !== undefined) throw new CliError('--capability goes with --prd', EXIT.wrongUse);
      const worked = await workOn(io, common, { name, stream, from: from ?? null, source: null, daemon, panes, fetch });
      tellWorked(io, common, worked);
      await showPanes(io, common, worked);
    });
}

const WORDS: Readonly<Record<Made['how'], string>> = {
  made: 'made',
  adopted: 'adopted: it was there before docket knew it',
  reopened: 'there already',
  mended: 'mended',
};

/** @param data @param before of the verb that made it */
export function tellWorked(
  io: Io,
  common: Common,
  worked: WorkedOn,
  data: Readonly<Record<string, unknown>> = {},
  before: readonly string[] = [],
): void {
  const { record, how, notes, failed, pid, isNew, root } = worked;
  for (const note of notes) io.err(`note: ${note}`);
  const lines = [
    ...before,
    `${record.id}: work tree ${WORDS[how]}`,
    `branch  ${printable(record.branch)}, from ${record.base === null ? '' : `${printable(record.base)} at `}${record.baseCommit.slice(0, 12)}`,
    `folder  ${printable(record.folder)}`,
    ...(pid === null ? [] : [`daemon  pid ${String(pid)}`]),
  ];
  show(io, common, { ...record, root, how, isNew, notes, failed, pid, ...data }, lines.join('\n'));
  if (failed === null) return;
  io.err(`docket: ${failed}`);
  io.setExitCode(EXIT.notWell);
}

/** Throws CliError when there is no work tree to work in: 2 another name or base would do, 1 something has to be put right first, 3 the machine. */
export async function workOn(io: Io, common: Common, request: WorkOnRequest): Promise<WorkedOn> {
  if (isBelowRun(io.env))
    throw new CliError('this program was started by docket: a run makes no work trees and starts no daemons, a person does', EXIT.wrongUse);
  const feature = parseFeature(request.name);
  if (!feature.ok) throw new CliError(`${JSON.stringify(printable(request.name))} names no feature: ${feature.error}`, EXIT.wrongUse);
  const here = await openWorkspace(io, common);
  const ports = makePorts(io, here);
  const before = await repositoryAt(ports, here.root);
  const source = await sourceOf(here, before);
  const notes = request.fetch ? await fetchRemote(ports, here, before) : [];
  const person = await personOf(here);
  const made = await inRepository(here, before.common, async () => {
    const facts = await repositoryAt(ports, here.root);
    return makeWorktree(ports, facts, {
      feature: feature.value,
      stream: request.stream,
      branch: request.branch ?? null,
      from: request.from ?? (here.settings['worktrees.base'] || null),
      source: request.source,
      app: here.app,
      folder: here.settings['worktrees.folder'],
      history: here.history,
      by: person === null ? null : personWords(person),
      at: clock.now().toISOString(),
    });
  });
  if (!made.ok) throw new CliError(made.error.words, made.error.kind === 'use' ? EXIT.wrongUse : EXIT.notWell);
  const { record, how } = made.value;
  const root = path.join(record.folder, path.relative(source.top, source.root));
  const isLeft = (await readTodo(ports.fs, before.common, record.id)) !== null;
  const prepared = isLeft
    ? await prepare(io, before.common, record, source, root)
    : { workspace: await openIn(io, root), failed: null, notes: [] };
  const started =
    prepared.failed === null && prepared.workspace !== null && request.daemon ? await bringUp(io, prepared.workspace) : NOT_STARTED;
  return {
    record,
    isNew: how === 'made' || how === 'adopted',
    how,
    notes: [...notes, ...made.value.notes, ...prepared.notes, ...started.notes],
    failed: prepared.failed ?? started.failed,
    pid: started.pid,
    root,
    wantsPanes: request.panes,
  };
}

/** Files that are not committed come from the primary checkout; a bare one has none, so from the work tree that the command was given in. */
async function sourceOf(here: Workspace, { primary }: RepositoryFacts): Promise<Source> {
  const repository = await findRepository(makeFs(), here.root);
  if (repository === null || !isInside(repository.top, here.code))
    throw new CliError(
      `the code ${here.code} lies outside of the repository that ${here.root} belongs to: a work tree would hold only one of them`,
      EXIT.wrongUse,
    );
  const top = primary.isBare ? repository.top : primary.folder;
  return { top, root: path.join(top, path.relative(repository.top, here.root)) };
}

/** Offline is fine: what is there is enough to begin with. */
export async function fetchRemote({ git }: MakePorts, { settings }: Workspace, facts: RepositoryFacts): Promise<readonly string[]> {
  const remote = await remoteOf(git, facts.common);
  if (remote === null) return [];
  const goOn = (why: string): readonly string[] => [`${printable(remote)} could not be asked (${why}): going on with what is here`];
  try {
    const args = ['fetch', '--quiet', '--no-recurse-submodules', remote];
    const answer = await git(facts.primary.folder, args, { timeoutMs: settings['worktrees.fetch_timeout'] });
    return answer.code === 0 ? [] : goOn(gitWords(answer));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ETIMEDOUT')) throw error;
    return goOn(`no answer within ${String(settings['worktrees.fetch_timeout'])} ms, worktrees.fetch_timeout`);
  }
}

type Started = { readonly pid: number | null; readonly failed: string | null; readonly notes: readonly string[] };
const NOT_STARTED: Started = { pid: null, failed: null, notes: [] };

/** A work tree without a daemon is worth having all the same. */
async function bringUp(io: Io, workspace: Workspace): Promise<Started> {
  const running = await connectControl(workspace);
  running?.close();
  if (running !== null) return { ...NOT_STARTED, notes: ['its daemon runs already'] };
  if (workspace.settings.runner === '') return { ...NOT_STARTED, notes: ['no daemon was started: docket.yaml chooses no runner'] };
  try {
    return { ...NOT_STARTED, ...(await startInBackground(io, workspace)) };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { ...NOT_STARTED, failed: `the work tree is ready, but its daemon did not start: ${error.message}` };
  }
}
