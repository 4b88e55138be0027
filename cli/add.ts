/** `docket add`, `docket ask`: a valid prompt from flags, a file, standard input or an editor, dropped durably; `ask` waits and prints the answer. */

import type { Command } from 'commander';
import { compose, type Composed, type ComposeFlags } from './compose.ts';
import { CliError, EXIT, show, wholeNumber, type Common, type Io } from './io.ts';
import { commonOf, connectControl, log, openAll, roleNamed, type Opened } from './open.ts';
import { clock, spoolOf } from './parts.ts';
import { makeFs } from '#platform/files.ts';
import { makeLayout } from '#spool/layout.ts';
import type { Role } from '#core/role.ts';
import { waitForEnd, type WaitEnd } from './await-end.ts';

type Options = Common & ComposeFlags & { readonly timeout?: number };

const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value];

const withFlags = (command: Command): Command =>
  command
    .argument('<role>', 'who answers, such as architect')
    .argument('[file]', 'a prompt with front matter, or a plain text; - is standard input; nothing opens $EDITOR')
    .option('-f, --feature <id>', 'the feature, such as FEAT-123 (needed when the text has no front matter)')
    .option('-r, --revision <n>', 'the revision (default: one more than the newest in history)', wholeNumber('--revision'))
    .option('--spec <version>', 'the prompt spec version (default: the newest installed)')
    .option('--name <name>', 'a series of revisions of its own')
    .option('--title <text>', 'a title')
    .option('--priority <n>', '0 to 99, lower goes first', wholeNumber('--priority'))
    .option('--depends-on <prompt>', 'waits for this answer, such as meta or FEAT-123/openapi@1; may be repeated', collect)
    .option('--not-before <time>', 'waits until this time (ISO 8601 with zone)')
    .option('--runner <name>', 'another runner than the role’s')
    .option('--model <name>', 'another model')
    .option('--stem <name>', 'the file name without .md');

export function addAdd(program: Command, io: Io): void {
  withFlags(program.command('add').description('write a valid prompt and drop it into a role’s inbox'))
    .addHelpText(
      'after',
      '\nExamples:\n  docket add architect prompt.md\n  echo "List the modules." | docket add architect --feature FEAT-123\n  docket add ui --feature FEAT-123 --name filter-panel --depends-on architect notes.txt',
    )
    .action(async (roleText: string, file: string | undefined, _options: Options, command: Command) => {
      const common = commonOf(command);
      const opened = await openAll(io, common);
      const role = roleNamed(opened.roles, roleText);
      const composed = await compose(io, opened, role, file, command.opts<Options>());
      const dropped = await drop(io, opened, role, composed);
      const isUp = await poke(opened);
      const data = {
        role: role.name,
        name: dropped.name,
        path: dropped.path,
        identity: composed.identity,
        sha256: composed.sha256,
        daemon: isUp,
      };
      show(io, common, data, `dropped ${dropped.path}${isUp ? '' : '\nno daemon runs: it waits until `docket up`'}`);
    });
}

export function addAsk(program: Command, io: Io): void {
  withFlags(program.command('ask').description('add a prompt, wait, print the answer'))
    .option('--timeout <seconds>', 'give up waiting after this many seconds (the job goes on)', wholeNumber('--timeout'))
    .addHelpText(
      'after',
      '\nThe answer goes to standard output, all else to standard error. Exit code 0 when it was answered or briefed, else 1.\n\nExamples:\n  docket ask architect prompt.md > answer.md\n  echo "List the modules." | docket ask architect --feature FEAT-123',
    )
    .action(async (roleText: string, file: string | undefined, _options: Options, command: Command) => {
      const common = commonOf(command);
      const options = command.opts<Options>();
      const opened = await openAll(io, common);
      const role = roleNamed(opened.roles, roleText);
      const control = await connectControl(opened.workspace);
      if (control === null)
        throw new CliError(
          `no daemon runs for ${opened.workspace.root}, so nobody would answer (start one with \`docket up\`); nothing was dropped`,
          EXIT.environment,
        );
      control.close();
      const composed = await compose(io, opened, role, file, options);
      const since = clock.now().toISOString();
      const dropped = await drop(io, opened, role, composed);
      await poke(opened);
      io.err(`dropped ${dropped.path}`);
      const end = await waitForEnd(opened.workspace, { role: role.name, sha256: composed.sha256, since }, options.timeout);
      await printEnd(io, common, opened, role, end);
    });
}

/** Durably into the role's inbox. */
export async function drop(io: Io, opened: Opened, role: Role, composed: Composed): Promise<{ name: string; path: string }> {
  for (const warning of composed.warnings) io.err(`note: ${warning}`);
  const spool = spoolOf(opened.workspace, [...opened.roles.values()], log);
  if ((await makeFs().facts(opened.workspace.queues)) === null) await spool.prepare();
  // The name states the SHA-256: what arrives is what was written here, or it is told.
  return spool.drop(role.name, composed.stem, composed.text, true);
}

/** Tells the daemon that something came. False: none runs. */
export async function poke(opened: Opened): Promise<boolean> {
  const control = await connectControl(opened.workspace);
  if (control === null) return false;
  await control.ask('poke');
  control.close();
  return true;
}

const CONTENT: Readonly<Record<string, string>> = { answered: '_result.md', briefed: '_result.md', duplicate: '_duplicate.json' };
const CONTENT_BYTES_MAX = 256_000_000;

async function printEnd(io: Io, common: Common, opened: Opened, role: Role, end: WaitEnd): Promise<void> {
  if (end.outcome === null)
    throw new CliError(
      `still not answered (job ${end.job ?? 'not claimed yet'}); \`docket wait\` waits on, \`docket why\` says why`,
      EXIT.notWell,
    );
  const path = `${makeLayout(opened.workspace.queues).out(role.folder)}/${end.stem}${CONTENT[end.outcome] ?? '_error.md'}`;
  const text = await makeFs()
    .readBounded(path, CONTENT_BYTES_MAX)
    .then(({ bytes }) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))
    .catch(() => '');
  const isGood = end.outcome in CONTENT;
  if (common.json === true) show(io, common, { job: end.job, role: role.name, stem: end.stem, outcome: end.outcome, path, text }, '');
  else if (isGood) io.out(text.replace(/\n$/, ''));
  else io.err(text.trimEnd());
  if (!isGood) io.setExitCode(EXIT.notWell);
}
