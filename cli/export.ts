/**
 * `docket export`: the recorded ends for others to read - an in-toto bundle, JSON lines, CSV, agent-trace records - and notes on the code's commits.
 * A stream: lines go out as the log is read.
 */

import path from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { RecordStatus } from '#core/history.ts';
import { parseFeature, parseRoleName, printable } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import { exportRecords, exportReviews, type ExportedRecord, type ExportedReview, type ExportFilter } from '#history/export.ts';
import { roleKey } from '#history/log.ts';
import { askProgram } from '#platform/ask.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { noteCommits } from './code.ts';
import { agentTraceOf, inTotoLine, noteOf, type Line } from './export-lines.ts';
import { csvHeader, csvLine, jsonLine, rowOf } from './export-row.ts';
import { CliError, EXIT, paint, show, type Common, type Io } from './io.ts';
import { commonOf } from './open.ts';
import { clock } from './parts.ts';
import { withReader, type HistoryFlag } from './reconstruct-name.ts';
import { parseDurationMs } from './settings-units.ts';

const FORMATS = ['jsonl', 'csv', 'in-toto', 'agent-trace', 'git-notes', 'verdicts'] as const;
type Format = (typeof FORMATS)[number];
const STATUSES: readonly RecordStatus[] = ['submitted', 'answered', 'briefed', 'failed', 'cancelled'];
type Options = Common &
  HistoryFlag & {
    readonly format: Format;
    readonly out?: string;
    readonly feature?: string;
    readonly role?: string;
    readonly since?: string;
    readonly until?: string;
    readonly status?: readonly RecordStatus[];
    readonly code?: string;
  };

type Counts = { records: number; lines: number; skipped: number; missing: number; purged: number; differ: number };
type LineOf = (record: ExportedRecord) => Line;

const GAPS_TOLD = 20;
/** So much text is gathered before it goes out. */
const BATCH_CHARACTERS = 256 * 1024;

export function addExport(program: Command, io: Io): void {
  program
    .command('export')
    .description('write what was recorded as JSON lines, CSV, an in-toto bundle, agent-trace records, git notes, or the verdicts of people')
    .addOption(new Option('--format <format>', 'what to write').choices(FORMATS).default('jsonl'))
    .option('--out <file>', 'a new file; without it, standard output')
    .option('--feature <feature>', 'only this feature')
    .option('--role <role>', 'only this role')
    .option('--since <time>', 'only what was recorded then or later: 2026-11-20, 2026-11-20T10:00:00Z, or back from now (7d, 12h)')
    .option('--until <time>', 'only what was recorded then or earlier; a day is meant whole, in UTC')
    .option('--status <status>', `only these, with commas between: ${STATUSES.join(', ')}`, statusesOf)
    .option('--history <folder>', 'a clone of the history; no workspace is needed then')
    .option('--code <repository>', 'for git-notes: the code repository; its ref refs/notes/docket is written, nothing is pushed')
    .addHelpText(
      'after',
      '\nNewest first, a line for each recorded end. In CSV a cell that a spreadsheet would take for a formula begins with an apostrophe. Exit code 1 when\nevidence that a commit states is missing, or differs from what was signed.\n\nExamples:\n  docket export --format csv --since 30d --out november.csv\n  docket export --format in-toto --feature FEAT-123 --out feat-123.intoto.jsonl\n  docket export --history my-app-ai-history --status answered | jq -r .job',
    )
    .action(async (_options: Options, command: Command) => {
      const common = commonOf(command);
      const options = command.opts<Options>();
      const filter = filterOf(options);
      if ((options.format === 'git-notes') !== (options.code !== undefined))
        throw new CliError('--format git-notes and --code <repository> go together', EXIT.wrongUse);
      const { history, code } = options;
      await withReader(io, common, history === undefined ? {} : { history }, async (reader) => {
        const records = exportRecords(reader, filter);
        if (options.format === 'verdicts')
          await writeReviews(
            io,
            common,
            options,
            await exportReviews(reader, filter, (told) => {
              io.err(told);
            }),
          );
        else if (code === undefined) await writeLines(io, common, options, records);
        else await writeNotes(io, common, path.resolve(io.cwd, code), records);
      });
    });
}

function statusesOf(text: string): readonly RecordStatus[] {
  return text.split(',').map((word) => {
    const known = STATUSES.find((status) => status === word.trim());
    if (known === undefined) throw new InvalidArgumentError(`There is no status ${printable(word)}; there are: ${STATUSES.join(', ')}.`);
    return known;
  });
}

const DAY_MS = 86_400_000;

/** @param isEnd a day stands for its last millisecond */
function momentOf(flag: string, text: string, isEnd: boolean): number {
  const backMs = parseDurationMs(text);
  if (backMs !== null) return clock.now().getTime() - backMs;
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const isTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/.test(text);
  const ms = isDay || isTime ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms))
    throw new CliError(`${flag} takes a day (2026-11-20), a time with its zone (2026-11-20T10:00:00Z), or a time back from now (7d); got ${JSON.stringify(printable(text))}`, EXIT.wrongUse); // prettier-ignore
  return isDay && isEnd ? ms + DAY_MS - 1 : ms;
}

function filterOf({ feature, role, since, until, status }: Options): ExportFilter {
  const parsedFeature = feature === undefined ? null : parseFeature(feature);
  if (parsedFeature?.ok === false)
    throw new CliError(`${JSON.stringify(printable(feature ?? ''))} is no feature: ${parsedFeature.error}`, EXIT.wrongUse);
  const parsedRole = role === undefined ? null : parseRoleName(roleKey(role));
  if (parsedRole?.ok === false)
    throw new CliError(`${JSON.stringify(printable(role ?? ''))} is no role: ${parsedRole.error}`, EXIT.wrongUse);
  return {
    ...(parsedFeature === null ? {} : { feature: parsedFeature.value.id }),
    ...(parsedRole === null ? {} : { role: parsedRole.value }),
    ...(since === undefined ? {} : { sinceMs: momentOf('--since', since, false) }),
    ...(until === undefined ? {} : { untilMs: momentOf('--until', until, true) }),
    ...(status === undefined ? {} : { statuses: status }),
  };
}

function lineOf(format: Format): LineOf {
  const digest = makeDigest();
  if (format === 'in-toto') return inTotoLine;
  if (format === 'csv') return (record) => ({ line: csvLine(rowOf(record)) });
  if (format === 'jsonl') return (record) => ({ line: jsonLine(rowOf(record)) });
  return (record) => {
    const trace = agentTraceOf(record, digest);
    return trace === null ? { none: 'skipped' } : { line: jsonLine(trace) };
  };
}

/** Gathers lines, so that not each is a write of its own. */
type Sink = { line(text: string): Promise<void>; end(): Promise<void> };

function sinkOf(put: (text: string) => Promise<void>): Sink {
  let waiting: string[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    if (waiting.length === 0) return;
    const text = waiting.join('\n');
    waiting = [];
    size = 0;
    await put(text);
  };
  return {
    async line(text) {
      waiting.push(text);
      size += text.length + 1;
      if (size >= BATCH_CHARACTERS) await flush();
    },
    end: flush,
  };
}

async function newFile(fs: Fs, file: string): Promise<void> {
  await fs.writeDerived(file, '', 0o600).catch((error: unknown) => {
    const { code } = error as { code?: unknown };
    if (code === 'EEXIST') throw new CliError(`${printable(file, 1_000)} is there already: nothing is written over`, EXIT.wrongUse);
    if (code === 'ENOENT') throw new CliError(`there is no folder for ${printable(file, 1_000)}`, EXIT.wrongUse);
    throw error;
  });
}

/** Words of what is not there, the first ones. */
function tellGap(io: Io, counts: Counts, record: ExportedRecord, what: string): void {
  if (counts.missing + counts.differ + counts.purged > GAPS_TOLD) return;
  io.err(`${what}: the evidence of job ${record.job}, commit ${record.commit}`);
}

function countGap(io: Io, counts: Counts, record: ExportedRecord): void {
  if (record.gap === null) return;
  counts[record.gap]++;
  tellGap(io, counts, record, record.gap);
}

async function writeLines(io: Io, common: Common, { format, out }: Options, records: AsyncIterable<ExportedRecord>): Promise<void> {
  const fs = makeFs();
  const file = out === undefined ? null : path.resolve(io.cwd, out);
  if (file !== null) await newFile(fs, file);
  const sink = sinkOf(async (text) => {
    if (file === null) io.out(text);
    else await fs.append(file, `${text}\n`);
  });
  const counts: Counts = { records: 0, lines: 0, skipped: 0, missing: 0, purged: 0, differ: 0 };
  const make = lineOf(format);
  if (format === 'csv') await sink.line(csvHeader);
  for await (const record of records) {
    counts.records++;
    countGap(io, counts, record);
    const made = make(record);
    if ('line' in made) {
      counts.lines++;
      await sink.line(made.line);
    } else if (made.none === 'skipped') counts.skipped++;
    else {
      counts.differ++;
      tellGap(io, counts, record, 'not what was signed');
    }
  }
  await sink.end();
  if (file !== null) show(io, common, { v: 1, format, file, ...counts }, words(io, counts, ` to ${printable(file, 1_000)}`));
  else if (counts.missing + counts.differ > 0) io.err(words(io, counts, ''));
  if (counts.missing + counts.differ > 0) io.setExitCode(EXIT.notWell);
}

/** A line of JSON for each verdict and closing, as it lies in the history, with its path and commit. */
async function writeReviews(io: Io, common: Common, { out }: Options, reviews: readonly ExportedReview[]): Promise<void> {
  const text = reviews.map(({ path: file, commit, review }) => jsonLine({ commit, path: file, ...review })).join('\n');
  const file = out === undefined ? null : path.resolve(io.cwd, out);
  if (file === null) {
    if (text !== '') io.out(text);
    return;
  }
  const fs = makeFs();
  await newFile(fs, file);
  await fs.append(file, text === '' ? '' : `${text}\n`);
  const data = { v: 1, format: 'verdicts', file, lines: reviews.length };
  show(io, common, data, `${paint(io, 'green', 'exported')}: ${String(reviews.length)} verdicts and closings to ${printable(file, 1_000)}`);
}

function words(io: Io, { records, lines, skipped, missing, purged, differ }: Counts, where: string): string {
  const isWell = missing + differ === 0;
  return [
    `${isWell ? paint(io, 'green', 'exported') : paint(io, 'red', 'NOT ALL OF IT')}: ${String(lines)} lines of ${String(records)} recorded ends${where}`,
    ...(skipped === 0 ? [] : [`${String(skipped)} are none of this format's (no evidence, or no answer of a tool)`]),
    ...(purged === 0 ? [] : [`${String(purged)} were purged`]),
    ...(missing === 0 ? [] : [`${String(missing)} lack the evidence that their commit states (docket verify)`]),
    ...(differ === 0 ? [] : [`${String(differ)} have an envelope that holds other bytes (docket verify)`]),
  ].join('\n');
}

async function writeNotes(io: Io, common: Common, code: string, records: AsyncIterable<ExportedRecord>): Promise<void> {
  const byCommit = new Map<string, string[]>();
  let ends = 0;
  for await (const record of records) {
    ends++;
    const note = record.status === 'submitted' ? null : noteOf(record);
    if (note !== null) byCommit.set(note.commit, [...(byCommit.get(note.commit) ?? []), note.line]);
  }
  const done = await noteCommits(askProgram, code, byCommit);
  const data = { v: 1, format: 'git-notes', repository: code, ref: 'refs/notes/docket', records: ends, ...done };
  show(
    io,
    common,
    data,
    `notes on ${String(done.added)} commits in refs/notes/docket of ${printable(code, 1_000)}; ${String(done.same)} had theirs, ${String(done.absent)} are not there\nsee them with: git log --notes=docket; nothing was pushed`,
  );
}
