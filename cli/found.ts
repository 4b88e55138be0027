/**
 * `docket found issue|gap`: what a person came upon goes into the issue log of this work tree, or into the spec of its requirements document. The file is
 * edited in one step and nothing is committed. docs/streams.md.
 */

import type { Command } from 'commander';
import { printable } from '#core/names.ts';
import { withGap, withIssue } from '#worktrees/issue-write.ts';
import { SEVERITY_WORDS, severityIn, type Severity } from '#worktrees/issue-words.ts';
import { readIssueLog } from '#worktrees/issue-log.ts';
import { makeFs } from '#platform/files.ts';
import { recordAt } from './committed.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { commonOf, openWorkspace } from './open.ts';
import { clock } from './parts.ts';
import { isBelowRun } from './person.ts';
import { checkedText } from './reviews.ts';
import { beginDoc, prdFolders, readDoc, readLog, tellFaults, writeDoc } from './stream-docs.ts';
import { findRepository } from './workspace.ts';

type Workspace = Awaited<ReturnType<typeof openWorkspace>>;
type Options = Common & { readonly severity?: string; readonly stepsFrom?: string; readonly prd?: string };
type Entry = { readonly title: string; readonly severity: Severity; readonly steps: string; readonly day: string };

const TITLE_BYTES_MAX = 1_000;
const STEPS_BYTES_MAX = 200_000;

export function addFound(program: Command, io: Io): void {
  program
    .command('found')
    .description('add what you came upon to the issue log, or a gap to the requirements document')
    .argument('<what>', 'issue: something is wrong; gap: something is missing from the document')
    .argument('<text>', 'one line: what is wrong, or missing')
    .option('--severity <word>', `${SEVERITY_WORDS} (default: medium)`)
    .option('--steps-from <file>', 'steps to reproduce, as Markdown; - reads standard input')
    .option('--prd <folder>', 'of a gap: the document, where the work tree belongs to none')
    .addHelpText(
      'after',
      '\nThe next number and the form of the log are taken; nothing else of the file changes, and nothing is committed.\n\nExamples:\n  docket found issue "Totals are wrong with two discounts" --severity high --steps-from steps.md\n  docket found gap "The export has no header row" --prd docs/prd/sales-crm',
    )
    .action(async (what: string, text: string, _options: Options, command: Command) => {
      const options = command.opts<Options>();
      if (what !== 'issue' && what !== 'gap')
        throw new CliError(`found takes issue or gap, got ${JSON.stringify(printable(what))}`, EXIT.wrongUse);
      if (isBelowRun(io.env))
        throw new CliError('a run edits no input of a stream: say it under Open questions, and a person writes it down', EXIT.wrongUse);
      const workspace = await openWorkspace(io, commonOf(command));
      const entry = await entryOf(io, text, options);
      const data = what === 'issue' ? await addIssue(io, workspace, entry) : await addGap(workspace, entry, options.prd);
      const named = 'number' in data ? `#${String(data.number)} ` : '';
      show(
        io,
        commonOf(command),
        { what, ...data, severity: entry.severity },
        `${data.file}:${String(data.line)}: ${named}${entry.title} (${entry.severity}); not committed`,
      );
    });
}

async function entryOf(io: Io, text: string, { severity = 'medium', stepsFrom }: Options): Promise<Entry> {
  const title = checkedText(text.replaceAll(/\s+/g, ' ').trim(), TITLE_BYTES_MAX);
  if (title === '') throw new CliError('say in one line what you found', EXIT.wrongUse);
  const known = severityIn(severity);
  if (known === null)
    throw new CliError(`--severity takes ${SEVERITY_WORDS}, got ${JSON.stringify(printable(severity, 60))}`, EXIT.wrongUse);
  const steps = stepsFrom === undefined ? '' : stepsFrom === '-' ? await io.readInput() : await fileText(io, stepsFrom);
  return {
    title,
    severity: known,
    steps: steps.trim() === '' ? '' : checkedText(steps, STEPS_BYTES_MAX),
    day: clock.now().toISOString().slice(0, 10),
  };
}

async function fileText({ cwd }: Io, file: string): Promise<string> {
  try {
    const { bytes } = await makeFs().readBounded(`${file.startsWith('/') ? '' : `${cwd}/`}${file}`, STEPS_BYTES_MAX);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CliError(
      `--steps-from ${printable(file)} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      EXIT.wrongUse,
    );
  }
}

type Done = { readonly file: string; readonly line: number; readonly number?: number };

async function addIssue(io: Io, workspace: Workspace, entry: Entry): Promise<Done> {
  const read = await readLog(workspace);
  if (read === null) {
    const file = workspace.settings['streams.issues'][0];
    if (file === undefined) throw new CliError('streams.issues names no place for an issue log: add one in docket.yaml', EXIT.wrongUse);
    const { text, number, line } = withIssue('# Issues\n', { issues: [] }, entry);
    await beginDoc(workspace, file, text);
    return { file, line, number };
  }
  const { doc, log } = read;
  tellFaults(io, log.faults, log.faultsLeftOut);
  const { text, number, line } = withIssue(doc.text, log, entry);
  if (
    !readIssueLog(doc.file, text, workspace.settings['streams.issues_max']).issues.some(
      (one) => one.number === number && one.state === 'open',
    )
  )
    throw new CliError(
      `${doc.file} would not be read again as it is meant (an open fence or comment at its end?): nothing was written, mend the file first`,
      EXIT.notWell,
    );
  await writeDoc(doc, text);
  return { file: doc.file, line, number };
}

async function addGap(workspace: Workspace, entry: Entry, given: string | undefined): Promise<Done> {
  const folder = (given ?? (await ownPrd(workspace)))?.replace(/\/+$/, '');
  if (folder === undefined) {
    const known = (await prdFolders(workspace)).join(', ');
    throw new CliError(
      `this work tree belongs to no requirements document: name one with --prd (${known === '' ? `${workspace.settings['streams.prd']} holds none` : known})`,
      EXIT.wrongUse,
    );
  }
  const doc = (await readDoc(workspace, `${folder}/spec/index.md`)) ?? (await readDoc(workspace, `${folder}/index.md`));
  if (doc === null)
    throw new CliError(
      `${printable(folder)} has neither spec/index.md nor index.md: name the folder of a document with --prd`,
      EXIT.wrongUse,
    );
  const { text, line } = withGap(doc.text, entry);
  await writeDoc(doc, text);
  return { file: doc.file, line };
}

/** The document that this work tree was made for, by its record. */
async function ownPrd({ code }: Workspace): Promise<string | undefined> {
  const fs = makeFs();
  const repository = await findRepository(fs, code);
  const record = repository === null ? null : await recordAt(fs, repository);
  return record?.source?.kind === 'prd' ? record.source.folder : undefined;
}
