/** `docket retry`: puts a prompt that ended badly back into the queue: `foo.failed` becomes `foo.md`, its error file goes to archive/. */

import type { Command } from 'commander';
import { parseStem, printable, type RoleName, type Stem } from '#core/names.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { isBadEnd, isInFlight, isWaitingFile } from './job-words.ts';
import { findSubject, nameOf, type Subject } from './job-words-find.ts';
import { faultWords, listAll, withSources, type Sources } from './job-words-sources.ts';
import { commonOf, connectControl } from './open.ts';

type Options = Common & { readonly allFailed?: boolean };
type Reopened = { readonly role: RoleName; readonly was: string; readonly stem: string; readonly file: string };

export function addRetry(program: Command, io: Io): void {
  program
    .command('retry')
    .description('take up again what was rejected, held, failed or cancelled')
    .argument('[name...]', 'job ids, role/name, or name')
    .option('--all-failed', 'everything that failed')
    .addHelpText(
      'after',
      '\nMend the file first when it was rejected or held: the same bytes get the same answer. An answered prompt needs a new `revision` instead.\n\nExamples:\n  docket retry architect/foo\n  docket retry foo bar\n  docket retry --all-failed',
    )
    .action(async (names: string[], _options: Options, command: Command) => {
      const common = commonOf(command);
      const { allFailed = false } = command.opts<Options>();
      if (names.length === 0 && !allFailed) throw new CliError('say what to retry: a name, a job id, or --all-failed', EXIT.wrongUse);
      if (names.length > 0 && allFailed) throw new CliError('--all-failed takes no names: give one or the other', EXIT.wrongUse);
      await withSources(io, common, async (sources) => {
        const chosen = allFailed ? await failed(sources) : await named(sources, names);
        const reopened: Reopened[] = [];
        try {
          for (const one of chosen) reopened.push(await reopen(sources, one));
        } finally {
          // What is back already is told and taken, whatever happened to the next one.
          const hasDaemon = reopened.length > 0 && (await poke(sources));
          if (reopened.length > 0 || allFailed) show(io, common, { reopened, daemon: hasDaemon }, words(reopened, hasDaemon));
        }
      });
    });
}

type Chosen = { readonly role: RoleName; readonly stem: Stem; readonly was: string };

async function failed(sources: Sources): Promise<Chosen[]> {
  const { views, faults } = await listAll(sources.spool);
  if (faults.length > 0) throw new CliError(faults.map(faultWords).join('\n'), EXIT.environment);
  // Oldest first: the order in which they came.
  return views
    .filter((view) => view.state === 'failed')
    .map((view) => ({ role: view.role, stem: stemOf(view.stem), was: view.state }))
    .toReversed();
}

/** All names are looked up before anything is moved. */
async function named(sources: Sources, names: readonly string[]): Promise<Chosen[]> {
  const chosen = new Map<string, Chosen>();
  for (const name of names) {
    const subject = await findSubject(sources, name);
    const { view } = subject;
    // It never ran, and what it waits for is a person's word.
    if (view?.held !== undefined)
      throw new CliError(
        `${nameOf(subject)} is held and never ran: \`docket why ${nameOf(subject)}\` says for what, \`docket release ${nameOf(subject)}\` lets it go`,
        EXIT.wrongUse,
      );
    if (view === null || !isBadEnd(view.state)) throw new CliError(refusal(subject), EXIT.wrongUse);
    chosen.set(nameOf(subject), { role: view.role, stem: stemOf(view.stem), was: view.state });
  }
  return [...chosen.values()];
}

function refusal(subject: Subject): string {
  const { view } = subject;
  const name = nameOf(subject);
  if (view !== null && isWaitingFile(view)) return `${name} waits already (\`docket why ${name}\` says for what)`;
  if (view !== null && isInFlight(view)) return `${name} is in work (\`docket why ${name}\` says how it stands)`;
  if (view === null) return `the file of ${name} is not in the queue any more: drop it again`;
  const brief = view.state === 'briefed' ? '; for an answer choose another runner and drop the same file again' : '';
  return `${name} is ${view.state}, so there is nothing to retry: for another answer raise \`revision\`${brief}`;
}

function stemOf(text: string): Stem {
  const stem = parseStem(text);
  if (!stem.ok)
    throw new CliError(`${JSON.stringify(printable(text))} cannot be taken up again: its name is not ${stem.error}`, EXIT.wrongUse);
  return stem.value;
}

async function reopen(sources: Sources, { role, stem, was }: Chosen): Promise<Reopened> {
  try {
    const { name } = await sources.spool.reopen(role, stem);
    return { role, was, stem, file: name };
  } catch (error) {
    const code = (error as { readonly code?: unknown }).code;
    if (code === 'ENOENT') throw new CliError(`${role}/${stem} is not there any more: somebody was faster`, EXIT.notWell);
    if (code === 'EINVAL')
      throw new CliError(`${role}/${stem} is no regular file, it cannot be sent again: put a copy of the file in its place`, EXIT.wrongUse);
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
      throw new CliError(`${role}/${stem} cannot be renamed: ${error instanceof Error ? error.message : String(error)}`, EXIT.environment);
    throw error;
  }
}

/** False: no daemon runs. */
async function poke(sources: Sources): Promise<boolean> {
  const control = await connectControl(sources.workspace);
  if (control === null) return false;
  await control.ask('poke');
  control.close();
  return true;
}

function words(reopened: readonly Reopened[], hasDaemon: boolean): string {
  if (reopened.length === 0) return 'nothing failed';
  const lines = reopened.map(({ role, stem, was, file }) => `${role}/${stem} (${was}) waits again as ${file}`);
  return [...lines, hasDaemon ? '`docket wait <name>` waits for the answer' : 'no daemon runs: `docket up` takes it up'].join('\n');
}
