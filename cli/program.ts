/** The command line: argv -> one verb. Each verb is a file of its own; this one only gathers them and turns their ends into exit codes. */

import { Command, CommanderError } from 'commander';
import { CliError, EXIT, type ExitCode, type Io } from './io.ts';
import { packageVersion } from './package.ts';
import { addVerbs } from './verbs.ts';

async function makeProgram(args: readonly string[], io: Io): Promise<Command> {
  const program = new Command('docket')
    .description(
      'A spooler for AI-assisted development: drop a prompt in a folder, get the answer beside it,\nwith prompt, answer and evidence in a git history of their own.',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .option('--root <folder>', 'the workspace: a folder with a docket.yaml (default: the nearest one above)')
    .option('--json', 'print JSON')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [verb]', 'print the help of a verb')
    .showSuggestionAfterError(true)
    .showHelpAfterError('(docket --help lists the verbs)')
    .configureOutput({ writeOut: (text) => io.out(text.replace(/\n$/, '')), writeErr: (text) => io.err(text.replace(/\n$/, '')) })
    .exitOverride();
  await addVerbs(program, io, args);
  for (const verb of program.commands) verb.copyInheritedSettings(program);
  program.addHelpText('after', '\nExit codes: 0 done, 1 the thing asked about is not well, 2 wrong use, 3 environment, 130 stopped.');
  return program;
}

/** @returns the exit code */
export async function runProgram(args: readonly string[], io: Io): Promise<ExitCode> {
  try {
    await (await makeProgram(args, io)).parseAsync([...args], { from: 'user' });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.wrongUse;
    if (error instanceof CliError) {
      io.err(`docket: ${error.message}`);
      return error.exitCode;
    }
    throw error;
  }
}
