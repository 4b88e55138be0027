/**
 * A winston transport that loses no line: O_APPEND and writeSync, so what was logged before a crash or process.exit is in the file.
 * Rotates by UTC day and by size, keeps the newest files: <day>.<number>.jsonl, 0600 in a 0700 folder.
 * What could not be written is counted, said once on standard error, and told in the log itself when the disk takes lines again.
 */

import { Buffer } from 'node:buffer';
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readdirSync, statSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';
import Transport from 'winston-transport';
import { codeOf } from './file-facts.ts';

export type LogFileOptions = {
  readonly folder: string;
  /** A file is closed before it would pass this size. */
  readonly maxBytes: number;
  /** How many files stay. */
  readonly keep: number;
};

const OURS = /^\d{4}-\d{2}-\d{2}\.\d{4,}\.jsonl$/;
const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** winston puts the finished line of a log entry here. */
const LINE = Symbol.for('message');

type Open = { readonly fd: number; readonly day: string; readonly number: number };

const today = (): string => new Date().toISOString().slice(0, 10);
const fileName = (day: string, number: number): string => `${day}.${String(number).padStart(4, '0')}.jsonl`;

/** Not all at once: asked for a whole path, Node answers ENOENT whatever the system said (EIO, ENOSPC). */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') mkdirSync(folder, { recursive: true, mode: 0o700 });
    else if (codeOf(error) !== 'EEXIST' || !statSync(folder).isDirectory()) throw error;
  }
}

/** A class because it is a stream with a lifetime: winston asks for one. */
export class LogFile extends Transport {
  readonly #options: LogFileOptions;
  #open: Open | null = null;
  #lostLines = 0;
  #wasTold = false;

  constructor(options: LogFileOptions) {
    super();
    this.#options = options;
    makeFolder(options.folder);
  }

  /** Lines that could not be written since the last one that could. */
  get lostLines(): number {
    return this.#lostLines;
  }

  override log(entry: Record<symbol, unknown>, next: () => void): void {
    try {
      if (this.#lostLines > 0) this.#confess();
      this.#append(String(entry[LINE]));
    } catch (error) {
      this.#lose(error);
    }
    next();
  }

  override close(): void {
    if (this.#open !== null) closeSync(this.#open.fd);
    this.#open = null;
  }

  #append(text: string): void {
    const line = Buffer.from(`${text}\n`);
    const open = this.#fileFor(line.length);
    let at = 0;
    while (at < line.length) at += writeSync(open.fd, line, at);
  }

  #confess(): void {
    const message = `${String(this.#lostLines)} log lines before this one could not be written`;
    this.#append(JSON.stringify({ time: new Date().toISOString(), level: 'warn', message }));
    this.#lostLines = 0;
    this.#wasTold = false;
  }

  #lose(error: unknown): void {
    this.#lostLines += 1;
    this.close();
    if (this.#wasTold) return;
    this.#wasTold = true;
    process.stderr.write(`docket: the log in ${this.#options.folder} cannot be written: ${String(error)}\n`);
  }

  /** The open file when it is of today, has room and still has its name; else the first file of the day with room. */
  #fileFor(neededBytes: number): Open {
    const day = today();
    const open = this.#open;
    if (open !== null) {
      const { nlink, size } = fstatSync(open.fd);
      if (open.day === day && nlink > 0 && (size === 0 || size + neededBytes <= this.#options.maxBytes)) return open;
      this.close();
    }
    makeFolder(this.#options.folder);
    let number = open?.day === day ? open.number : 0;
    let sizeBytes = this.#sizeOf(day, number);
    for (; sizeBytes > 0 && sizeBytes + neededBytes > this.#options.maxBytes; sizeBytes = this.#sizeOf(day, number)) number += 1;
    const fd = openSync(path.join(this.#options.folder, fileName(day, number)), APPEND, 0o600);
    this.#open = { fd, day, number };
    this.#removeOld();
    return this.#open;
  }

  #sizeOf(day: string, number: number): number {
    return lstatSync(path.join(this.#options.folder, fileName(day, number)), { throwIfNoEntry: false })?.size ?? 0;
  }

  #removeOld(): void {
    const names = readdirSync(this.#options.folder).filter((name) => OURS.test(name));
    for (const name of names.toSorted().slice(0, -this.#options.keep)) unlinkSync(path.join(this.#options.folder, name));
  }
}
