/**
 * `docket purge`: a person takes content out of the history and the queue folders: a leaked key, personal data. Hashes stay, and a tombstone says
 * what went, why and on whose word. Shows first what goes; asks on a terminal, and needs --yes without one.
 *
 *   found -> shown -> agreed -> docket's own files cleaned -> history rewritten -> ended files replaced
 * Invariant: every step may be repeated by the same command; nothing is changed before the person agreed.
 */

import { Buffer } from 'node:buffer';
import path from 'node:path';
import { confirm, isCancel } from '@clack/prompts';
import type { Command } from 'commander';
import type { Purged } from '#core/history.ts';
import { printable, type Sha256 } from '#core/names.ts';
import type { Workspace } from '#core/settings.ts';
import type { PurgeDone } from '#history/purge.ts';
import { PARTS, type Part, type Survey, type Wanted } from '#history/purge-find.ts';
import { holds, NEEDLE_BYTES_MIN, spellingsOf } from '#history/purge-spellings.ts';
import { placeholderText } from '#history/tombstone.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { userName } from '#platform/system.ts';
import { makeLayout } from '#spool/layout.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { findSubject, nameOf, recordOf } from './job-words-find.ts';
import { withSources } from './job-words-sources.ts';
import { commonOf, connectControl, log, openWorkspace } from './open.ts';
import { clock, historyOf, withKernelLock } from './parts.ts';
import { cleanOwn, findHeld, replaceEnded, type Held, type Search } from './purge-files.ts';
import { planWords, remotesOf } from './purge-words.ts';

type Options = Common & {
  readonly reason?: string;
  readonly only?: string;
  readonly secretFile?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly resume?: boolean;
  readonly again?: boolean;
};
type History = ReturnType<typeof historyOf>;
type Plan = { readonly survey: Survey; readonly search: Search; readonly held: readonly Held[]; readonly isDaemonRunning: boolean };

const SECRET_BYTES_MAX = 1_000_000;
const REASON_MAX = 500;
/** Content that is shorter is looked for as whole files only. */
const CONTENT_BYTES_MIN = 32;

export function addPurge(program: Command, io: Io): void {
  program
    .command('purge')
    .description('take content out of the history for good: a leaked key, personal data; hashes stay, under a tombstone')
    .argument('[record]', 'a job id, role/name, name, or FEATURE/role@revision; none with --secret-file')
    .option('--reason <text>', 'why, for the tombstone (without the content itself)')
    .option(
      '--only <parts>',
      `which parts of the record: ${PARTS.join(', ')} (default: all but evidence, which holds hashes, and verdicts, which count no more when they are gone)`,
    )
    .option('--secret-file <file>', 'look for the bytes in this file, in every object and every file of the queues; - reads standard input')
    .option('--dry-run', 'show what would go, change nothing')
    .option('--yes', 'do not ask')
    .option('--resume', 'bring a purge that was cut off to its end')
    .option('--again', 'take out again what came back with a fetch from a clone that still had it')
    .addHelpText(
      'after',
      '\nChange a leaked key first: the provider, backups and clones still have it (docs/purging.md). One newline at the end of a secret file does not count.\nExit code 1 when something is left for you to do.\n\nExamples:\n  docket purge FEAT-123/architect@2 --reason "key in the prompt"\n  docket purge --secret-file key.txt --reason "leaked key" --dry-run\n  printf %s "$KEY" | docket purge --secret-file - --reason "leaked key" --yes',
    )
    .action(async (name: string | undefined, _options: Options, command: Command) => {
      await run(io, commonOf(command), name, command.opts<Options>());
    });
}

async function run(io: Io, common: Common, name: string | undefined, options: Options): Promise<void> {
  if (options.resume === true || options.again === true) {
    await goOn(io, common, options);
    return;
  }
  const reason = (options.reason ?? '').trim();
  if (reason === '' && options.dryRun !== true) throw new CliError('say why, for the tombstone: --reason "…"', EXIT.wrongUse);
  if (reason.length > REASON_MAX || reason !== printable(reason, REASON_MAX))
    throw new CliError(`--reason takes one line of at most ${String(REASON_MAX)} characters`, EXIT.wrongUse);
  if (options.secretFile === undefined && name === undefined)
    throw new CliError('name a record, or give the bytes to look for: --secret-file <file>', EXIT.wrongUse);
  if (options.secretFile !== undefined && (name !== undefined || options.only !== undefined))
    throw new CliError('--secret-file looks everywhere: name no record and no --only beside it', EXIT.wrongUse);
  const wanted =
    options.secretFile === undefined ? await record(io, common, name ?? '', partsOf(options.only)) : await secret(io, options.secretFile);
  if ('spellings' in wanted && holds(Buffer.from(reason), wanted.spellings))
    throw new CliError('the reason holds the very bytes that are to go: say it without them', EXIT.wrongUse);
  const workspace = await openWorkspace(io, common);
  const history = historyOf(workspace, log);
  try {
    await worded(history.open());
    const plan = await look(workspace, history, wanted);
    await purge(io, common, { workspace, history, wanted, plan, reason, options });
  } finally {
    await history.close();
  }
}

function partsOf(only: string | undefined): readonly Part[] | null {
  if (only === undefined) return null;
  const parts = only.split(',').map((part) => part.trim());
  for (const part of parts)
    if (!(PARTS as readonly string[]).includes(part))
      throw new CliError(`--only takes ${PARTS.join(', ')}, got ${JSON.stringify(printable(part))}`, EXIT.wrongUse);
  return parts as Part[];
}

async function record(io: Io, common: Common, name: string, only: readonly Part[] | null): Promise<Wanted> {
  return withSources(io, common, async (sources) => {
    const subject = await findSubject(sources, name);
    const found = await recordOf(sources, subject);
    if (found === null)
      throw new CliError(`nothing is recorded of ${nameOf(subject)}: its files in the queue are yours to remove`, EXIT.wrongUse);
    if (found.filed.status === 'submitted' && subject.view !== null)
      throw new CliError(
        `${nameOf(subject)} is not at its end: cancel it (\`docket cancel ${nameOf(subject)}\`) or let it end, then purge it`,
        EXIT.wrongUse,
      );
    return { record: found, only };
  });
}

async function secret(io: Io, file: string): Promise<Wanted> {
  let bytes: Buffer;
  try {
    bytes =
      file === '-'
        ? Buffer.from(await io.readInput())
        : Buffer.from((await makeFs().readBounded(path.resolve(io.cwd, file), SECRET_BYTES_MAX)).bytes);
  } catch (error) {
    throw new CliError(`the secret file cannot be read: ${error instanceof Error ? error.message : String(error)}`, EXIT.wrongUse);
  }
  const needle = bytes.at(-1) === 0x0a ? bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1) : bytes;
  if (needle.length < NEEDLE_BYTES_MIN)
    throw new CliError(`fewer than ${String(NEEDLE_BYTES_MIN)} bytes would be found everywhere; give more of it`, EXIT.wrongUse);
  return { spellings: spellingsOf(needle) };
}

/** What of the history says why it cannot be done comes with words instead of a stack. */
async function worded<T>(doing: Promise<T>): Promise<T> {
  try {
    return await doing;
  } catch (error) {
    const code = String((error as { code?: unknown }).code);
    if (['EHISTORY', 'EMISSING', 'ELOCKED', 'ESIGN'].includes(code)) throw new CliError((error as Error).message, EXIT.environment);
    throw error;
  }
}

async function isRunning(workspace: Workspace): Promise<boolean> {
  const control = await connectControl(workspace);
  control?.close();
  return control !== null;
}

async function look(workspace: Workspace, history: History, wanted: Wanted): Promise<Plan> {
  const survey = await worded(history.purging().survey(wanted));
  const purged = await history.purged();
  const hashes = new Set<string>([...survey.targets.map(({ sha256 }) => sha256), ...mine(purged, wanted).map(({ sha256 }) => sha256)]);
  const spellings: Buffer[] = 'spellings' in wanted ? [...wanted.spellings] : [];
  if ('record' in wanted)
    for (const { blob, sizeBytes } of survey.targets)
      if (sizeBytes >= CONTENT_BYTES_MIN) spellings.push(...spellingsOf(await history.purging().content(blob)));
  const search = { spellings, hashes };
  const held = await findHeld(portsOf(workspace), search);
  return { survey, search, held, isDaemonRunning: await isRunning(workspace) };
}

const digest = makeDigest();
const portsOf = (workspace: Workspace): Parameters<typeof findHeld>[0] => ({
  fs: makeFs(),
  layout: makeLayout(workspace.queues),
  state: workspace.state,
  sha256: (bytes) => digest.sha256(bytes),
});

/** What earlier purges took of the same record: its files in the queue may still be there, after a purge that was cut off. */
function mine(purged: readonly Purged[], wanted: Wanted): readonly Purged[] {
  if (!('record' in wanted)) return purged;
  const { folder, filed } = wanted.record;
  return purged.filter(({ path: file }) => file.startsWith(`${folder}/`) || file.includes(`/attempts/${filed.job}/`));
}

type Job = {
  readonly workspace: Workspace;
  readonly history: History;
  readonly wanted: Wanted;
  readonly plan: Plan;
  readonly reason: string;
  readonly options: Options;
};

async function purge(io: Io, common: Common, job: Job): Promise<void> {
  const { workspace, history, plan, options } = job;
  const { survey, held, isDaemonRunning } = plan;
  const remotes = await remotesOf(makeFs(), workspace.history);
  const report = {
    targets: survey.targets,
    commits: survey.commits,
    out_of_reach: survey.outOfReach,
    shared_with: survey.sharedWith,
    held,
    remotes,
  };
  const isNothing = survey.targets.length === 0 && held.length === 0;
  const words = isNothing
    ? 'nothing here holds it (any more)'
    : planWords({ root: workspace.root, history: workspace.history, survey, held, remotes, isDaemonRunning });
  if (isNothing || options.dryRun === true) {
    show(io, common, { done: null, ...report }, words);
    if (survey.outOfReach.length > 0) io.setExitCode(EXIT.notWell);
    return;
  }
  refuseUnready(plan);
  await agree(io, words, options);
  const cleaned = await cleanDocket(job);
  const done =
    survey.targets.length === 0 ? null : await worded(history.purging().purge(job.wanted, { reason: job.reason, person: userName() }));
  await replaceFiles(job, done?.at ?? clock.now().toISOString());
  const yours = held.filter(({ kind }) => kind === 'yours').map(({ path: file }) => file);
  show(io, common, { done, ...report, cleaned, yours }, doneWords(done, cleaned, held, yours, remotes));
  if (yours.length > 0 || survey.outOfReach.length > 0) io.setExitCode(EXIT.notWell);
}

function refuseUnready({ held, isDaemonRunning }: Plan): void {
  const flight = held.filter(({ kind }) => kind === 'flight');
  if (flight.length > 0)
    throw new CliError(
      `a job in flight holds it, and would write it down again: let it end or cancel it, then again\n${flight.map(({ path: file }) => `  ${file}`).join('\n')}`,
      EXIT.environment,
    );
  const own = held.filter(({ kind }) => kind === 'own');
  if (own.length > 0 && isDaemonRunning)
    throw new CliError(
      `files that the running daemon writes hold it, too: \`docket down\` first, then again\n${own.map(({ path: file }) => `  ${file}`).join('\n')}`,
      EXIT.environment,
    );
}

async function agree(io: Io, words: string, { yes }: Options): Promise<void> {
  if (yes === true) return;
  if (!io.canAsk) throw new CliError(`${words}\n\nnothing was changed: without a terminal a person says so with --yes`, EXIT.wrongUse);
  io.out(words);
  const answer = await confirm({ message: 'Take it out for good? There is no way back.', initialValue: false });
  if (isCancel(answer) || !answer) throw new CliError('nothing was changed', EXIT.stopped);
}

/** Ledger, journal and logs: while no daemon runs. Before the history: what is to be looked for is still known then. */
async function cleanDocket({ workspace, plan }: Job): Promise<readonly string[]> {
  const own = plan.held.filter(({ kind }) => kind === 'own');
  if (own.length === 0) return [];
  const done = await withKernelLock(workspace, async () => cleanOwn(portsOf(workspace), own, plan.search)).catch((error: unknown) => {
    throw error instanceof CliError ? error : new CliError(error instanceof Error ? error.message : String(error), EXIT.environment);
  });
  if (done === null) throw new CliError('a daemon was started meanwhile: `docket down`, then the same command again', EXIT.environment);
  return done;
}

/** The placeholder of the history where the file is what was recorded; else one that says the same. */
async function replaceFiles({ history, plan, reason }: Job, at: string): Promise<void> {
  const texts = new Map<string, string>();
  for (const { sha256, path: file } of await history.purged()) {
    const bytes = await history.read(file);
    if (bytes !== null) texts.set(sha256, new TextDecoder().decode(bytes));
  }
  const textFor = ({ sha256, sizeBytes }: Held): string =>
    texts.get(sha256) ?? placeholderText({ sha256: sha256 as Sha256, sizeBytes, reason, person: userName(), at, stem: null });
  await replaceEnded(
    makeFs(),
    plan.held.filter(({ kind }) => kind === 'ended'),
    textFor,
  );
}

function doneWords(
  done: PurgeDone | null,
  cleaned: readonly string[],
  held: readonly Held[],
  yours: readonly string[],
  remotes: readonly string[],
): string {
  const ended = held.filter(({ kind }) => kind === 'ended').length;
  return [
    ...(done === null
      ? []
      : [
          `purged: ${String(done.commits)} commits rewritten, the history is at ${done.tip.slice(0, 10)} now; it says so in ${done.tombstone ?? 'earlier tombstones'}`,
        ]),
    ...(ended > 0 ? [`${String(ended)} ${ended === 1 ? 'file' : 'files'} of the queues became placeholders`] : []),
    ...cleaned,
    ...yours.map((file) => `left to you: ${file}`),
    ...(remotes.length > 0 ? [`remotes still have it: ${remotes.map((one) => printable(one, 300)).join(', ')}`] : []),
    'clones, backups and the provider that it was sent to may still have it (docs/purging.md); change a leaked key',
  ].join('\n');
}

/** --resume and --again: what is decided already, or was decided by an earlier tombstone. */
async function goOn(io: Io, common: Common, options: Options): Promise<void> {
  const workspace = await openWorkspace(io, common);
  const history = historyOf(workspace, log);
  try {
    await worded(history.open());
    const isResume = options.resume === true;
    if (!isResume) {
      const targets = await history.purging().returned(await history.fetched());
      const lines = targets.flatMap(({ paths, blob, sizeBytes }) =>
        (paths.length === 0 ? [`an object without a file (${blob.slice(0, 10)})`] : paths).map(
          (file) => `  ${printable(file)}  ${String(sizeBytes)} B`,
        ),
      );
      const words = 'Tombstones of this history, or of the chain that was fetched last, say that this is gone; it goes once more:';
      if (targets.length > 0) await agree(io, [words, ...lines].join('\n'), options);
    }
    const done = await worded(isResume ? history.purging().resume() : history.purging().again(await history.fetched()));
    const nothing = isResume ? 'no purge was cut off here' : 'nothing that was purged is here again';
    const words =
      done === null ? nothing : `done: the history is at ${done.tip.slice(0, 10)} now, ${String(done.objects)} objects are gone`;
    show(io, common, { done }, words);
  } finally {
    await history.close();
  }
}
