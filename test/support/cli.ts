/** The whole command line in this process, as a shell would call it: arguments in, exit code and text out. */

import type { ExitCode, Io } from '#cli/io.ts';
import { runProgram } from '#cli/program.ts';

export type CliAnswer = { readonly code: ExitCode; readonly out: string; readonly err: string };
export type CliCall = {
  readonly cwd: string;
  /** The whole environment; default: a PATH without any AI tool. */
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input. */
  readonly input?: string;
};

export async function runCli(args: readonly string[], { cwd, env = { PATH: '/usr/bin:/bin' }, input = '' }: CliCall): Promise<CliAnswer> {
  const out: string[] = [];
  const err: string[] = [];
  const noted: ExitCode[] = [];
  const io: Io = {
    cwd,
    env,
    isTerminal: false,
    canAsk: false,
    color: false,
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    readInput: async () => Promise.resolve(input),
    setExitCode: (code) => void noted.push(code),
  };
  const code = await runProgram(args, io);
  return { code: code === 0 ? (noted.at(-1) ?? code) : code, out: out.join('\n'), err: err.join('\n') };
}
