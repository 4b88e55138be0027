/** How the command line talks: text on standard output, words on standard error, one exit code. Everything a verb needs of the process is in here. */

import { styleText } from 'node:util';
import { printable } from '#core/names.ts';

/** 0 done, 1 the thing asked about is not well, 2 wrong use, 3 environment, 130 stopped. */
export const EXIT = { done: 0, notWell: 1, wrongUse: 2, environment: 3, stopped: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export type Io = {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Standard input is a terminal. */
  readonly canAsk: boolean;
  readonly color: boolean;
  /** Width of that terminal; null, or absent: there is none. */
  readonly columns?: () => number | null;
  /** One or more lines on standard output. */
  out(text: string): void;
  /** One or more lines on standard error. */
  err(text: string): void;
  /** All of standard input. */
  readInput(): Promise<string>;
  /** Set by a verb that ended well but found something that is not (1). */
  setExitCode(code: ExitCode): void;
};

/** What ends a verb with words instead of a stack: the message is for people, the code for scripts. */
export class CliError extends Error {
  override name = 'CliError';
  readonly exitCode: ExitCode;
  constructor(message: string, exitCode: ExitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

export type Common = { readonly json?: boolean; readonly root?: string };

/** Data as one JSON document, or the same thing as text. */
export function show(io: Io, common: Common, data: unknown, text: string): void {
  io.out(common.json === true ? JSON.stringify(data, null, 2) : text);
}

type Style = Parameters<typeof styleText>[0];
export const paint = (io: Io, style: Style, text: string): string => (io.color ? styleText(style, text, { validateStream: false }) : text);

/** Columns padded to the widest cell; the last one is not. Cells are made printable: a file name cannot write to the terminal. */
export function table(rows: readonly (readonly string[])[], gap = 2): string {
  const clean = rows.map((cells) => cells.map((cell) => printable(cell)));
  const widths: number[] = [];
  for (const cells of clean) for (const [index, cell] of cells.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  return clean
    .map((cells) =>
      cells
        .map((cell, index) => (index === cells.length - 1 ? cell : cell.padEnd((widths[index] ?? 0) + gap)))
        .join('')
        .trimEnd(),
    )
    .join('\n');
}

/** Does the flag of commander have its value, as a positive whole number? */
export function wholeNumber(what: string): (text: string) => number {
  return (text) => {
    if (!/^[0-9]{1,9}$/.test(text)) throw new CliError(`${what} takes a whole number, got ${printable(text)}`, EXIT.wrongUse);
    return Number(text);
  };
}
