/**
 * `docket fix`: the most severe open issue of the log that nobody works on gets a work tree of its own, and its role a prompt with the steps that show it.
 *
 *   read the log -> ask the remote -> [one docket fix at a time: who works on what -> choose -> claim here] -> claim on the remote -> work-on -> the prompt
 * Invariant: an issue is taken by one person only, as far as they can see each other: always in one repository; between repositories where the remote can be
 * asked. What could not be asked is told, every time. docs/streams.md.
 */

import path from 'node:path';
import type { Command } from 'commander';
import { printable } from '#core/names.ts';
import type { Workspace } from '#core/settings.ts';
import { makeFs } from '#platform/files.ts';
import { isAlive, startTimeOf } from '#platform/process-facts.ts';
import { findBase } from '#worktrees/branches.ts';
import { askRemote, claimOnRemote, claimsHeld, claimsOfBranches, claimsOfRecords, hold, merged } from '#worktrees/claims.ts';
import { fixOrder, type Claim, type Place } from '#worktrees/fix-order.ts';
import type { Issue } from '#worktrees/issue-log.ts';
import { readRecords } from '#worktrees/records.ts';
import { defaultBranch, remoteOf, withRepositoryLock } from '#worktrees/repository.ts';
import { slugOf } from '#worktrees/slug.ts';
import { CliError, EXIT, show, table, type Common, type Io } from './io.ts';
import { withSources } from './job-words-sources.ts';
import { commonOf, openWorkspace } from './open.ts';
import { personOf } from './person.ts';
import { repositoryLock } from './parts.ts';
import { issueBody } from './stream-bodies.ts';
import { readLog, tellFaults } from './stream-docs.ts';
import { dropFirst, rootIn } from './stream-prompt.ts';
import { fetchRemote, tellWorked, workOn } from './work-on.ts';
import { findRepository } from './workspace.ts';
import { makePorts, repositoryAt } from './worktree-ports.ts';

type Options = Common & {
  readonly list?: boolean;
  readonly anyway?: boolean;
  readonly from?: string;
  readonly daemon: boolean;
  readonly panes: boolean;
  readonly fetch: boolean;
};

export function addFix(program: Command, io: Io): void {
  program
    .command('fix')
    .description('take the most severe open issue that nobody works on: a work tree, and a prompt with its steps')
    .argument('[number]', 'this issue, such as 14')
    .option('--list', 'only show the order, and why')
    .option('--anyway', 'with a number: also when somebody seems to work on it, or it waits for another one')
    .option('--from <branch>', 'what the branch is begun from (default: worktrees.base, else the default branch)')
    .option('--no-panes', 'open no terminal panes')
    .option('--no-daemon', 'start no daemon')
    .option('--no-fetch', 'do not ask the remote: what others took is not known then')
    .addHelpText(
      'after',
      '\nThe log is the first file of streams.issues that is there. The branch fix/<number>-<title> on the remote is the claim that others see (streams.claim). docs/streams.md\n\nExamples:\n  docket fix --list\n  docket fix\n  docket fix 14 --no-panes',
    )
    .action(async (number: string | undefined, _options: Options, command: Command) => {
      const options = command.opts<Options>();
      if (options.list === true && number !== undefined) throw new CliError('--list shows them all: give no number', EXIT.wrongUse);
      if (options.anyway === true && number === undefined)
        throw new CliError('--anyway goes with a number: docket fix 14 --anyway', EXIT.wrongUse);
      const wanted = number === undefined ? null : Number(/^(?:#|issue-)?0*([0-9]{1,9})$/i.exec(number)?.[1] ?? Number.NaN);
      if (wanted !== null && !(wanted > 0))
        throw new CliError(`fix takes the number of an issue, such as 14, got ${JSON.stringify(printable(number ?? ''))}`, EXIT.wrongUse);
      const common = commonOf(command);
      if (options.list === true) await list(io, common, options.fetch);
      else await fix(io, common, wanted, options);
    });
}

/** What was looked at, and what could not be. */
type Looked = { readonly claims: readonly Claim[]; readonly remote: string | null; readonly notKnown: readonly string[] };
type Asked = Pick<Looked, 'remote' | 'notKnown'> & { readonly there: readonly Claim[] | null; readonly history: readonly Claim[] };
type Repo = Awaited<ReturnType<typeof repositoryAt>>;
type Ports = ReturnType<typeof makePorts>;

async function issuesOf(io: Io, workspace: Workspace): Promise<{ readonly file: string; readonly issues: readonly Issue[] }> {
  const read = await readLog(workspace);
  if (read === null)
    throw new CliError(
      `there is no issue log: expected ${workspace.settings['streams.issues'].join(' or ')} in ${workspace.code} (streams.issues names others; docket found issue "…" begins one)`,
      EXIT.wrongUse,
    );
  tellFaults(io, read.log.faults, read.log.faultsLeftOut);
  return { file: read.doc.file, issues: read.log.issues };
}

/** The slow part, outside of the lock. */
async function askOthers(
  io: Io,
  common: Common,
  workspace: Workspace,
  ports: Ports,
  repo: Repo,
  issues: readonly Issue[],
  isAsked: boolean,
): Promise<Asked> {
  const remote = await remoteOf(ports.git, repo.common);
  const notKnown: string[] = [];
  let there: readonly Claim[] | null = null;
  if (remote === null) notKnown.push('what people with other clones took: the repository has no remote');
  else if (!isAsked) notKnown.push(`what others took since the last fetch: ${printable(remote)} was not asked (--no-fetch)`);
  else {
    const asked = await askRemote(ports.git, repo.common, remote, workspace.settings['worktrees.fetch_timeout']);
    if (asked.ok) there = asked.value;
    else notKnown.push(`what others took since the last fetch: ${printable(remote)} could not be asked (${asked.error})`);
  }
  const open = issues.filter(({ state }) => state !== 'done').map(({ number }) => number);
  const history = await historyClaims(io, common, open);
  if (history === null) notKnown.push('prompts of others in a shared history: there is no history here yet');
  return { remote, notKnown, there, history: history ?? [] };
}

/** An issue with records and no end: not closed, not resolved. */
async function historyClaims(io: Io, common: Common, numbers: readonly number[]): Promise<readonly Claim[] | null> {
  let claims: Claim[] | null = null;
  await withSources(io, common, async (sources) => {
    const history = await sources.history();
    if (history === null) return;
    claims = [];
    const names = numbers.map((number) => `ISSUE-${String(number)}`);
    const { features } = await history.stamps(names);
    for (const [index, name] of names.entries()) {
      if ((features[index] ?? '') === '') continue;
      const isOver = (await history.closings(name)).at(-1)?.kind === 'closing' || (await history.promotions(name)).length > 0;
      if (!isOver) claims.push({ number: numbers[index] ?? 0, where: 'history', by: `${name}, not closed (docket close ${name})` });
    }
  });
  return claims;
}

/** The quick part: what this repository says at this moment. */
async function look({ git, fs }: Ports, { common }: Repo, asked: Asked): Promise<Looked> {
  const records = (await readRecords(fs, common)).flatMap(({ record }) => (record.ok ? [record.value] : []));
  const held = await claimsHeld(fs, common, isAlive);
  const claims = merged([...claimsOfRecords(records), ...held], await claimsOfBranches(git, common), asked.there);
  const known = new Set(claims.map(({ number }) => number));
  return { ...asked, claims: [...claims, ...asked.history.filter(({ number }) => !known.has(number))] };
}

const rowOf = ({ issue, isFree, claims, blockedBy, why }: Place): Readonly<Record<string, unknown>> => ({
  number: issue.number,
  title: issue.title,
  severity: issue.severity,
  opened: issue.opened,
  line: issue.line,
  free: isFree,
  claims: claims.map(({ where, by }) => ({ where, by })),
  blocked_by: blockedBy,
  why,
});

async function list(io: Io, common: Common, isAsked: boolean): Promise<void> {
  const workspace = await openWorkspace(io, common);
  const ports = makePorts(io, workspace);
  const repo = await repositoryAt(ports, workspace.root);
  const { file, issues } = await issuesOf(io, workspace);
  const looked = await look(ports, repo, await askOthers(io, common, workspace, ports, repo, issues, isAsked));
  const order = fixOrder(issues, looked.claims);
  const rows = order.map(({ issue, isFree, why }) => [`#${String(issue.number)}`, isFree ? 'free' : 'taken or blocked', issue.title, why]);
  const text = order.length === 0 ? `${file}: no open issue` : table(rows);
  show(io, common, { log: file, issues: order.map(rowOf), not_known: looked.notKnown }, text);
  for (const words of looked.notKnown) io.err(`note: not known: ${words}`);
}

type Chosen = { readonly issue: Issue; readonly release: () => Promise<void>; readonly isOwn: boolean };

/** One docket fix at a time: two that look at once would see the same. @param refused numbers that the remote did not give */
async function choose(
  { settings, code }: Workspace,
  ports: Ports,
  repo: Repo,
  issues: readonly Issue[],
  asked: Asked,
  { wanted, isAnyway, refused }: { readonly wanted: number | null; readonly isAnyway: boolean; readonly refused: readonly Claim[] },
): Promise<Chosen> {
  const lock = repositoryLock(settings['worktrees.lock_wait']);
  const person = await personOf({ code });
  return withRepositoryLock(lock, path.join(repo.common, 'docket', 'fix'), async () => {
    const { claims } = await look(ports, repo, asked);
    const order = fixOrder(issues, [...claims, ...refused]);
    const own = wanted === null ? null : await ownRecord(ports, repo, wanted);
    const place = wanted === null ? order.find(({ isFree }) => isFree) : order.find(({ issue }) => issue.number === wanted);
    if (place === undefined) throw new CliError(noneWords(order, issues, wanted), EXIT.notWell);
    const mine = place.claims.filter(({ where, by }) => where !== 'log' || person === null || !isNamed(by, person));
    if (own === null && !isAnyway && (mine.length > 0 || place.blockedBy.length > 0))
      throw new CliError(`#${String(place.issue.number)} is not free: ${place.why} (--anyway takes it all the same)`, EXIT.notWell);
    const release = await hold(ports.fs, repo.common, {
      number: place.issue.number,
      pid: process.pid,
      startTime: startTimeOf(process.pid) ?? '',
    });
    return { issue: place.issue, release, isOwn: own !== null };
  }).catch((error: unknown) => {
    throw error instanceof Error && error.name === 'RepositoryBusy'
      ? new CliError(`another docket fix is choosing: ${error.message}`, EXIT.environment)
      : error;
  });
}

/** The log names people as it likes: by their name or their address. */
const isNamed = (by: string, { name, email }: { readonly name: string; readonly email: string }): boolean =>
  [name, email, `${name} <${email}>`, `@${email.split('@')[0] ?? ''}`].some((one) => one.toLowerCase() === by.toLowerCase());

/** Its work tree in this repository: then it is opened again, whoever made it. */
async function ownRecord({ fs }: Ports, { common }: Repo, number: number): Promise<number | null> {
  const records = (await readRecords(fs, common)).flatMap(({ record }) => (record.ok ? [record.value] : []));
  return claimsOfRecords(records).some((one) => one.number === number) ? number : null;
}

function noneWords(order: readonly Place[], issues: readonly Issue[], wanted: number | null): string {
  if (wanted !== null) {
    const known = issues.some(({ number }) => number === wanted);
    return known
      ? `#${String(wanted)} is not open, says the log`
      : `the log has no #${String(wanted)} (docket fix --list shows what is open)`;
  }
  if (order.length === 0) return 'the log has no open issue';
  const shown = order.slice(0, 5).map(({ issue, why }) => `  #${String(issue.number)} ${printable(issue.title, 60)}: ${printable(why)}`);
  return `none of the ${String(order.length)} open issues is free:\n${shown.join('\n')}\n(docket fix --list shows all; docket fix <number> --anyway takes one)`;
}

async function fix(io: Io, common: Common, wanted: number | null, options: Options): Promise<void> {
  const workspace = await openWorkspace(io, common);
  const { settings } = workspace;
  const ports = makePorts(io, workspace);
  const repo = await repositoryAt(ports, workspace.root);
  const { file, issues } = await issuesOf(io, workspace);
  if (options.fetch) for (const note of await fetchRemote(ports, workspace, repo)) io.err(`note: ${note}`);
  const asked = await askOthers(io, common, workspace, ports, repo, issues, options.fetch);
  const notKnown = [...asked.notKnown];
  const refused: Claim[] = [];
  for (;;) {
    const { issue, release, isOwn } = await choose(workspace, ports, repo, issues, asked, {
      wanted,
      isAnyway: options.anyway === true,
      refused,
    });
    try {
      const slug = slugOf(issue.title, 'issue');
      const branch = `fix/${String(issue.number)}-${slug}`;
      let undo = NOTHING_TO_UNDO;
      if (!isOwn && asked.remote !== null && options.fetch && settings['streams.claim'] === 'push') {
        const from = options.from ?? (settings['worktrees.base'] || (await defaultBranch(ports.git, repo))?.name);
        const base = from === undefined ? null : await findBase(ports.git, repo.common, asked.remote, from);
        if (base?.ok === false) throw new CliError(base.error, EXIT.wrongUse);
        const place = { git: ports.git, common: repo.common, remote: asked.remote, timeoutMs: settings['worktrees.fetch_timeout'] };
        const pushed = base === null ? null : await claimOnRemote(place, branch, base.value.commit);
        if (pushed?.kind === 'taken' && options.anyway !== true) {
          if (wanted !== null)
            throw new CliError(`#${String(issue.number)} was taken by somebody else at this moment: ${printable(pushed.by)}`, EXIT.notWell);
          refused.push({ number: issue.number, where: 'remote-branch', by: pushed.by });
          continue;
        }
        if (pushed?.kind === 'not-asked') notKnown.push(`whether somebody else takes #${String(issue.number)} too: ${pushed.why}`);
        if (pushed?.kind === 'claimed') ({ undo } = pushed);
      }
      await begin(io, common, workspace, { issue, slug, branch, file, options, notKnown }).catch(async (error: unknown) => {
        await undo();
        throw error;
      });
      return;
    } finally {
      await release();
    }
  }
}

const NOTHING_TO_UNDO = async (): Promise<void> => Promise.resolve();

type Begun = {
  readonly issue: Issue;
  readonly slug: string;
  readonly branch: string;
  readonly file: string;
  readonly options: Options;
  readonly notKnown: readonly string[];
};

async function begin(io: Io, common: Common, workspace: Workspace, { issue, slug, branch, file, options, notKnown }: Begun): Promise<void> {
  const number = String(issue.number);
  const feature = `ISSUE-${number}-${slug}`;
  const top = (await findRepository(makeFs(), workspace.root))?.top ?? workspace.root;
  const worked = await workOn(io, common, {
    name: feature,
    stream: 'fix',
    branch,
    from: options.from ?? null,
    source: { kind: 'issue', log: file, number, title: issue.title },
    daemon: options.daemon,
    panes: options.panes,
    fetch: false,
  });
  const dropped = await dropFirst(io, common, rootIn(worked, top, workspace.root), {
    feature,
    role: workspace.settings['streams.fix_role'],
    stream: 'fix',
    title: issue.title === '' ? `Issue ${number}` : issue.title,
    name: null,
    body: issueBody(issue, file),
  });
  for (const words of notKnown) io.err(`note: not known: ${words}`);
  const prompt = dropped.path === null ? 'its prompt is there already' : `prompt  ${dropped.path}`;
  tellWorked(
    io,
    common,
    worked,
    { issue: issue.number, title: issue.title, severity: issue.severity, prompt: dropped, not_known: notKnown },
    [`#${number} ${printable(issue.title)} (${issue.severity})`, prompt],
  );
}
