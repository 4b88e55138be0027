/**
 * A verb of docket, called as the command line calls it, for programs: words in, JSON out. The MCP server has no code of its own for what a verb does, so
 * both see and refuse the same.
 *
 * Invariant: whatever a client says is an argument behind `--`, or the value of a flag written as `--flag=value`; it never becomes a flag.
 */

import { Command, CommanderError } from 'commander';
import { CliError, EXIT, type Common, type Io } from './io.ts';

type AddVerb = (program: Command, io: Io) => void;

export type Called = {
  /** 0, or 1: the thing asked about is not well. */
  readonly code: number;
  /** What the verb printed with --json; undefined: nothing. */
  readonly data: unknown;
  /** What it said beside. */
  readonly notes: readonly string[];
};

/** An Io that remembers what is said and reads what it is given. */
export function quietIo(
  io: Io,
  input = '',
): { readonly io: Io; readonly said: () => { readonly out: string; readonly notes: readonly string[]; readonly code: number } } {
  const out: string[] = [];
  const notes: string[] = [];
  let code = 0;
  return {
    io: {
      cwd: io.cwd,
      env: io.env,
      isTerminal: false,
      canAsk: false,
      color: false,
      out: (text) => void out.push(text),
      err: (text) => void notes.push(text),
      readInput: async () => Promise.resolve(input),
      setExitCode: (noted) => {
        code = noted;
      },
    },
    said: () => ({ out: out.join('\n'), notes, code }),
  };
}

/** Throws CliError with words when the verb refuses. @param words the verb's own: flags as `--flag=value`, then `--`, then the rest */
export async function callVerb(io: Io, common: Common, add: AddVerb, words: readonly string[]): Promise<Called> {
  const quiet = quietIo(io);
  const program = new Command('docket').option('--root <folder>').option('--json').exitOverride();
  program.configureOutput({ writeOut: () => undefined, writeErr: (text) => quiet.io.err(text.trimEnd()) });
  add(program, quiet.io);
  for (const verb of program.commands) verb.copyInheritedSettings(program);
  const root = common.root === undefined ? [] : [`--root=${common.root}`];
  try {
    await program.parseAsync([...root, '--json', ...words], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) throw new CliError(quiet.said().notes.join('\n') || error.message, EXIT.wrongUse);
    throw error;
  }
  const { out, notes, code } = quiet.said();
  return { code, data: out === '' ? undefined : (JSON.parse(out) as unknown), notes };
}
