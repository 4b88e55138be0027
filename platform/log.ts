/**
 * The log as the port `Log`, over winston: JSON lines in a file that loses nothing (log-file.ts), and one line a person likes on the terminal.
 * Secrets are taken out before either sees them (redact.ts); what a file's name or a program's output could do to a terminal is made visible.
 */

import { styleText } from 'node:util';
import winston from 'winston';
import Transport from 'winston-transport';
import { printable } from '#core/names.ts';
import type { Log, LogFields } from '#core/ports.ts';
import { LogFile, type LogFileOptions } from './log-file.ts';
import { redactFields, redactText } from './redact.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export type LogOptions = LogFileOptions & {
  readonly level: LogLevel;
  /** Also one line per entry on standard error. */
  readonly terminal: boolean;
  readonly color: boolean;
  /** Takes a line for the terminal; without it the line goes to standard error. */
  readonly print?: ((line: string) => void) | undefined;
};
export type ClosableLog = Log & { close(): void };
export type LogEntry = { readonly level: LogLevel; readonly message: string; readonly fields: LogFields };

type Write = (entry: LogEntry) => void;

const LONGEST_LINE = 2000;
const SIGNS: Readonly<Record<LogLevel, string>> = { error: '✗', warn: '!', info: '·', debug: ' ' };
const STYLES = { error: 'red', warn: 'yellow', info: 'cyan', debug: 'gray' } as const;

/** A log over any way of writing an entry; the fields of `with` stand on every line, the line's own win. */
function logOver(write: Write, standing: LogFields = {}): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      write({ level, message, fields: { ...standing, ...fields } });
    };
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    with: (fields) => logOver(write, { ...standing, ...fields }),
  };
}

const shownField = (value: unknown): string => (typeof value === 'string' ? printable(value, 80) : '');

/** `12:03:55 · architect/foo  published` - time, level, where, message. Without the stem the job's id stands for it. */
export function terminalLine(entry: LogEntry, at: Date, color: boolean): string {
  const { fields, level } = entry;
  const where = [shownField(fields.role), shownField(fields['stem'] ?? fields.job)].filter((part) => part !== '').join('/');
  const time = at.toTimeString().slice(0, 8);
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    color && text !== '' ? styleText(style, text, { validateStream: false }) : text;
  const place = where === '' ? '' : `${paint('bold', where)}  `;
  return `${paint('dim', time)} ${paint(STYLES[level], SIGNS[level])} ${place}${printable(entry.message, LONGEST_LINE)}`;
}

/** Standard error. */
class Terminal extends Transport {
  readonly #color: boolean;
  readonly #print: (line: string) => void;
  constructor({ color, print }: Pick<LogOptions, 'color' | 'print'>) {
    super();
    this.#color = color;
    this.#print = print ?? ((line) => void process.stderr.write(`${line}\n`));
    // A terminal or pipe that was closed must not end the daemon (EPIPE arrives as an event); the file has the line.
    process.stderr.on('error', () => undefined);
  }
  override log(entry: { level: LogLevel; message: string; time: string }, next: () => void): void {
    const { level, message, time, ...fields } = entry;
    this.#print(terminalLine({ level, message, fields }, new Date(time), this.#color));
    next();
  }
}

/** Throws when the folder cannot be made; after that, trouble with the disk never throws out of a log call. */
export function makeLog(options: LogOptions): ClosableLog {
  const file = new LogFile(options);
  const logger = winston.createLogger({
    level: options.level,
    levels: { error: 0, warn: 1, info: 2, debug: 3 },
    format: winston.format.json(),
    transports: options.terminal ? [file, new Terminal(options)] : [file],
  });
  const log = logOver(({ level, message, fields }) => {
    logger.log({ time: new Date().toISOString(), ...redactFields(fields), level, message: redactText(message) });
  });
  return {
    ...log,
    close() {
      logger.close();
      file.close();
    },
  };
}

export const silentLog = (): Log => logOver(() => undefined);

/** A log that remembers: for tests, and for what a command says at its end. */
export function memoryLog(): Log & { readonly entries: readonly LogEntry[] } {
  const entries: LogEntry[] = [];
  return {
    ...logOver((entry) => {
      entries.push(entry);
    }),
    entries,
  };
}
