/** `docket logs`: what the daemon logged, readable or as the JSON lines it is; with -f as it comes. Needs no daemon. */

import { Option, type Command } from 'commander';
import { printable } from '#core/names.ts';
import type { LogFields } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { makeFs } from '#platform/files.ts';
import { terminalLine, type LogLevel } from '#platform/log.ts';
import { CliError, EXIT, wholeNumber, type Common, type Io } from './io.ts';
import { follow, lastLines } from './logs-files.ts';
import { eventLine, eventOf } from './live-words.ts';
import { commonOf, connectControl, openWorkspace } from './open.ts';
import { clock } from './parts.ts';
import { logFolder } from './places.ts';

type Options = Common & { readonly follow?: boolean; readonly level?: LogLevel; readonly lines?: number; readonly job?: string };

const LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];
const LINES = 50;
const CONNECT_AGAIN_MS = 1_000;

/** A line of the log that somebody asked for. */
type Chosen = {
  readonly raw: string;
  readonly at: Date | null;
  readonly entry: { readonly level: LogLevel; readonly message: string; readonly fields: LogFields } | null;
};
export type LogFilter = { readonly level: LogLevel; readonly job: string | null };

export function addLogs(program: Command, io: Io): void {
  program
    .command('logs')
    .description("print the daemon's log")
    .option('-f, --follow', 'print new lines as they come, and what runs do, until Ctrl-C')
    .option('-n, --lines <n>', `start with the last n lines (default ${String(LINES)})`, wholeNumber('--lines'))
    .addOption(new Option('--level <level>', 'only lines of at least this level').choices(LEVELS))
    .option('--job <id>', 'only lines about this job (its id, or at least the first 4 characters)')
    .addHelpText(
      'after',
      '\nWith --json each line is a JSON object, as it stands in queues/.docket/log/; with -f also the events of runs (they have `event`).\n\nExamples:\n  docket logs\n  docket logs -f --level warn\n  docket logs --job k3tq --lines 200 --json',
    )
    .action(async (_options: Options, command: Command) => {
      const common = commonOf(command);
      const options = command.opts<Options>();
      if (options.job !== undefined && !/^[a-z2-7]{4,16}$/.test(options.job))
        throw new CliError(
          `--job takes a job id (16 characters of a-z and 2-7) or its first characters, at least 4; got ${JSON.stringify(printable(options.job))}`,
          EXIT.wrongUse,
        );
      const workspace = await openWorkspace(io, common);
      const stop = new AbortController();
      const onSignal = (): void => {
        stop.abort();
      };
      if (options.follow === true) for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal);
      try {
        const filter = { level: options.level ?? 'debug', job: options.job ?? null };
        const isFollowed = options.follow === true;
        const events = async (signal: AbortSignal): Promise<void> => printEvents(io, common, workspace, filter.job, signal);
        const wanted = {
          folder: logFolder(workspace.state),
          filter,
          lines: options.lines ?? LINES,
          follow: isFollowed,
          // They are news, and no trouble.
          ...(LEVELS.indexOf(filter.level) >= LEVELS.indexOf('info') ? { events } : {}),
        };
        await printLog(io, common, wanted, stop.signal);
      } finally {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
      }
    });
}

/** Prints the last lines; with `follow` goes on until the signal aborts. */
export async function printLog(
  io: Io,
  common: Common,
  wanted: {
    readonly folder: string;
    readonly filter: LogFilter;
    readonly lines: number;
    readonly follow: boolean;
    /** Prints what runs do, until the signal aborts. */
    readonly events?: (signal: AbortSignal) => Promise<void>;
  },
  signal: AbortSignal,
): Promise<void> {
  const fs = makeFs();
  const print = makePrinter(io, common);
  const { lines, place } = await lastLines(fs, wanted.folder, wanted.lines, (line) => choose(line, wanted.filter));
  for (const chosen of lines) print(chosen);
  if (!wanted.follow) {
    if (place === null && common.json !== true) io.err(`there is no log yet in ${wanted.folder}: it begins with the first \`docket up\``);
    return;
  }
  const following = follow(fs, clock, wanted.folder, place, signal, (line) => {
    const chosen = choose(line, wanted.filter);
    if (chosen !== null) print(chosen);
  });
  await Promise.all([following, wanted.events?.(signal)]);
}

/** What runs do, beside the lines of the log, whenever a daemon runs: as `docket attach` shows it, for all jobs. */
async function printEvents(io: Io, common: Common, workspace: Workspace, job: string | null, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const control = await connectControl(workspace);
    if (control !== null) {
      const hangUp = (): void => {
        control.close();
      };
      signal.addEventListener('abort', hangUp, { once: true });
      await control.ask('attach', {}, (message) => {
        const event = eventOf(message);
        if (event === null || (job !== null && !event.job.startsWith(job))) return;
        io.out(common.json === true ? JSON.stringify(event) : eventLine(event, io.color));
      });
      signal.removeEventListener('abort', hangUp);
      control.close();
    }
    await clock.sleep(CONNECT_AGAIN_MS, signal);
  }
}

/** A line that is no JSON of docket's (a torn one) is shown when no filter could exclude it. */
function choose(raw: string, filter: LogFilter): Chosen | null {
  const { time, level, message, ...fields } = objectOf(raw);
  const isEntry = typeof message === 'string' && LEVELS.some((known) => known === level);
  if (!isEntry) return filter.level === 'debug' && filter.job === null && raw !== '' ? { raw, at: null, entry: null } : null;
  if (LEVELS.indexOf(level as LogLevel) > LEVELS.indexOf(filter.level)) return null;
  const job = fields['job'];
  if (filter.job !== null && !(typeof job === 'string' && job.startsWith(filter.job))) return null;
  const at = new Date(typeof time === 'string' ? time : Number.NaN);
  return { raw, at: Number.isNaN(at.getTime()) ? null : at, entry: { level: level as LogLevel, message, fields } };
}

function objectOf(raw: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Readable lines carry the time of day only, so each new day is announced. */
function makePrinter(io: Io, common: Common): (chosen: Chosen) => void {
  let day = '';
  return ({ raw, at, entry }) => {
    if (common.json === true) {
      io.out(harmless(raw));
      return;
    }
    if (entry === null || at === null) {
      io.out(printable(raw, 2_000));
      return;
    }
    const today = at.toLocaleDateString('sv');
    if (today !== day) io.out(`-- ${today} --`);
    day = today;
    io.out(terminalLine(entry, at, io.color));
  };
}

// eslint-disable-next-line no-control-regex -- these are the characters that must not pass
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The same JSON: what a terminal might obey is written as an escape. */
const harmless = (raw: string): string =>
  raw.replaceAll(UNPRINTABLE, (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
