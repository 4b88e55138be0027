/** `docket verify`: recomputes every hash - of the history, of `out/`, of what ended in `in/` - and names the first thing that differs. */

import path from 'node:path';
import type { Command } from 'commander';
import type { Checkpoint, Finding, History, Purged, SignedFacts, Trust } from '#core/history.ts';
import { printable } from '#core/names.ts';
import type { Role } from '#core/role.ts';
import { takeHeapRoom } from '#platform/heap.ts';
import { askProgram } from '#platform/ask.ts';
import { makeDigest } from '#platform/digest.ts';
import { hashFile } from '#platform/hash-file.ts';
import { CliError, EXIT, paint, show, type Common, type Io } from './io.ts';
import { shownPath } from './job-words.ts';
import { withSources, type Sources } from './job-words-sources.ts';
import { commonOf, roleNamed } from './open.ts';
import { clock } from './parts.ts';
import { trustOf } from './signing.ts';
import { readAgainst, type Against } from './verify-against.ts';
import { noCounts, verifyFolders, type FolderCounts } from './verify-folders.ts';
import { makeProgress, type Progress } from './verify-progress.ts';

type Options = Common & { readonly role?: string; readonly against?: string; readonly signers?: string };
type Checked = FolderCounts & { readonly history_steps: number };
/** schemas/verify.schema.json */
type Report = {
  readonly ok: boolean;
  /** No findings: what went on a person's word. */
  readonly purged: readonly Purged[];
  readonly checked: Checked;
  /** Null: no checkpoint was handed in. */
  readonly against: { readonly file: string; readonly checkpoint: Checkpoint; readonly said: readonly string[] } | null;
  /** Null: nothing is signed. */
  readonly signatures: SignedFacts | null;
  readonly first: Finding | null;
  readonly findings: readonly Finding[];
  /** What is worth telling and damages nothing. */
  readonly notices: readonly Finding[];
};

const LISTED = 50;

const describe = ({ time, records, commit }: Checkpoint): string =>
  `checkpoint of ${time}, ${String(records)} records, commit ${commit.slice(0, 10)}`;

export function addVerify(program: Command, io: Io): void {
  program
    .command('verify')
    .description('recompute every hash: history, results, evidence, processed prompts')
    .option('--role <role>', "look only at this role's folders (the history is always looked at whole)")
    .option('--signers <file>', 'believe only signatures by these keys: an allowed_signers file (default: signing.signers of docket.yaml)')
    .option('--against <checkpoint>', 'does the history still hold what this file of `docket checkpoint` says?')
    .addHelpText(
      'after',
      '\nResults and prompts that somebody took away are fine. Exit code 0 when nothing differs, 1 when something does: the first difference is named first.\n\nExamples:\n  docket verify\n  docket verify --role architect --json\n  docket verify --against /mnt/other/app-2026-11.json\n  docket verify --signers allowed_signers',
    )
    .action(async (_options: Options, command: Command) => {
      const common = commonOf(command);
      await withSources(io, common, async (sources) => {
        takeHeapRoom();
        const { role, against: file, signers } = command.opts<Options>();
        const trust = await trustOf(sources.workspace, sources.fs, signers === undefined ? null : path.resolve(io.cwd, signers));
        const roles = role === undefined ? [...sources.roles.values()] : [roleNamed(sources.roles, role)];
        const progress = makeProgress(clock, process.stderr);
        const against = file === undefined ? null : await givenOf(sources, path.resolve(io.cwd, file), trust);
        const report = await verify(sources, roles, progress, trust, against).finally(() => {
          progress.end();
        });
        show(io, common, report, text(io, sources, report));
        if (!report.ok) io.setExitCode(EXIT.notWell);
      });
    });
}

type Given = Against & { readonly file: string };

async function givenOf({ fs, workspace }: Sources, file: string, { signers }: Trust): Promise<Given> {
  return { file, ...(await readAgainst({ fs, ask: askProgram }, workspace, file, signers)) };
}

async function verify(sources: Sources, roles: readonly Role[], progress: Progress, trust: Trust, against: Given | null): Promise<Report> {
  const findings: Finding[] = [...(against?.findings ?? [])];
  const notices: Finding[] = [];
  let signatures: SignedFacts | null = null;
  const told = (facts: SignedFacts): void => {
    if (facts.commits.signed + facts.envelopes > 0) signatures = facts;
  };
  const counts = noCounts();
  let steps = 0;
  const opened = await openHistory(sources);
  if (opened.fault !== null) findings.push(opened.fault);
  if (opened.history !== null) {
    const all = opened.history.verify(
      (done, total) => {
        steps = done;
        progress.show('history', done, total);
      },
      { ...trust, told },
      against?.checkpoint,
    );
    try {
      for await (const finding of all) (finding.isNotice === true ? notices : findings).push(finding);
    } catch (error) {
      if (isMachine(error)) throw new CliError(`the history was not looked at to its end: ${wordsOf(error)}`, EXIT.environment);
      throw error;
    }
  }
  // What cannot be read is told already.
  const purged = (await opened.history?.purged().catch(() => [])) ?? [];
  let looked = 0;
  const folders = verifyFolders({
    fs: sources.fs,
    digest: makeDigest(),
    spool: sources.spool,
    layout: sources.layout,
    hashFile,
    roles,
    history: opened.fault === null ? opened.history : 'unreadable',
    purged: new Map(purged.map(({ placeholderSha256, sha256 }) => [placeholderSha256, sha256])),
    counts,
    step: () => {
      looked++;
      progress.show('folders', looked, 0);
    },
  });
  try {
    for await (const finding of folders) findings.push(finding);
  } catch (error) {
    if (isMachine(error)) throw new CliError(`the queue folders cannot be compared to their end: ${wordsOf(error)}`, EXIT.environment);
    // A damaged object ends the walk through the log: then the folders have nothing to be compared with.
    if (findings.length === 0) throw error;
    findings.push({
      what: 'unreadable',
      path: sources.workspace.queues,
      expected: null,
      found: null,
      message: `the folders were not compared to their end: ${wordsOf(error)}`,
    });
  }
  return {
    ok: findings.length === 0,
    purged,
    checked: { ...counts, history_steps: steps },
    against: against === null ? null : { file: against.file, checkpoint: against.checkpoint, said: against.said },
    first: findings[0] ?? null,
    findings,
    notices,
    signatures,
  };
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const MACHINE = ['EACCES', 'EPERM', 'EROFS', 'ELOCKED', 'EMFILE', 'ENOMEM', 'ENOSPC', 'ELOOK'];
const isMachine = (error: unknown): boolean => MACHINE.includes(String((error as { readonly code?: unknown }).code));

/** A history that cannot even be opened is the first finding; trouble of the machine (no permission, locked) is not a difference. */
async function openHistory(sources: Sources): Promise<{ readonly history: History | null; readonly fault: Finding | null }> {
  try {
    return { history: await sources.history(), fault: null };
  } catch (error) {
    const cause = error instanceof CliError ? error.cause : error;
    if (isMachine(cause)) throw error;
    const fault: Finding = {
      what: 'unreadable',
      path: sources.workspace.history,
      expected: null,
      found: null,
      message: `the history cannot be opened: ${wordsOf(cause)}`,
    };
    return { history: null, fault };
  }
}

function signatureWords(facts: SignedFacts | null): readonly string[] {
  if (facts === null) return ['no record is signed'];
  const { commits, envelopes, keys } = facts;
  const unsigned = commits.unsigned === 0 ? '' : ` (${count(commits.unsigned, 'unsigned one', 'unsigned ones')})`;
  return [
    `${count(commits.signed, 'signed commit', 'signed commits')}${unsigned} and ${count(envelopes, 'envelope', 'envelopes')} by ${keys.join(', ')}`,
  ];
}

const count = (n: number, one: string, many: string): string => `${String(n)} ${n === 1 ? one : many}`;

function text(io: Io, { workspace }: Sources, report: Report): string {
  const { checked, findings, first } = report;
  const summary = [
    `${String(checked.history_steps)} objects and files of the history`,
    count(checked.inputs, 'ended prompt', 'ended prompts'),
    count(checked.evidence, 'evidence file', 'evidence files'),
    count(checked.results, 'result', 'results'),
    ...signatureWords(report.signatures),
    ...(checked.taken > 0 ? [`${String(checked.taken)} taken away`] : []),
    ...(checked.duplicates > 0 ? [count(checked.duplicates, 'duplicate', 'duplicates')] : []),
    ...(report.purged.length > 0
      ? [`${String(report.purged.length)} purged (${[...new Set(report.purged.map(({ tombstone }) => tombstone))].join(', ')})`]
      : []),
    ...(checked.unrecorded > 0 ? [`${String(checked.unrecorded)} never recorded (rejected, held, cancelled early)`] : []),
  ].join(', ');
  // The history names what it recorded by the path inside it.
  const shown = (file: string): string =>
    printable(path.isAbsolute(file) ? shownPath(workspace.root, file) : `${path.basename(workspace.history)}/${file}`, 1_000);
  const { against, notices } = report;
  const more = [
    ...(against === null ? [] : [`against: ${describe(against.checkpoint)}`, ...against.said.map((said) => `  ${printable(said, 1_000)}`)]),
    ...notices.slice(0, LISTED).map((notice) => `to know: ${shown(notice.path)}: ${printable(notice.message, 300)}`),
    ...(notices.length > LISTED ? [`  … and ${String(notices.length - LISTED)} more (--json lists all)`] : []),
  ];
  if (first === null) return [`${paint(io, 'green', 'verified')}: nothing differs`, `checked: ${summary}`, ...more].join('\n');
  const others = findings.slice(1, LISTED);
  return [
    `${paint(io, 'red', 'DIFFERS')}: ${shown(first.path)}`,
    `  ${printable(first.message, 1_000)}`,
    ...(first.expected === null ? [] : [`  expected: ${printable(first.expected)}`]),
    ...(first.found === null ? [] : [`  found:    ${printable(first.found)}`]),
    ...(others.length === 0 ? [] : ['', `${String(findings.length - 1)} more:`]),
    ...others.map((finding) => `  ${finding.what}  ${shown(finding.path)}: ${printable(finding.message, 300)}`),
    ...(findings.length > LISTED ? [`  … and ${String(findings.length - LISTED)} more (--json lists all)`] : []),
    '',
    `checked: ${summary}`,
    ...more,
  ].join('\n');
}
