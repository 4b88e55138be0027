/** `docket wait`: until these jobs have ended. Exit code 0 when all were answered. */

import type { Command } from 'commander';
import { CliError, EXIT, show, table, wholeNumber, type Common, type Io } from './io.ts';
import { commonOf, openAll } from './open.ts';
import { findJob } from './job-names.ts';
import { waitForEnd } from './await-end.ts';

type Options = Common & { readonly timeout?: number };
const GOOD = ['answered', 'briefed', 'duplicate'];

export function addWait(program: Command, io: Io): void {
  program
    .command('wait')
    .description('wait until jobs have ended')
    .argument('<job...>', 'job ids, names of prompts (foo, architect/foo)')
    .option('--timeout <seconds>', 'stop waiting after this many seconds (the jobs go on)', wholeNumber('--timeout'))
    .addHelpText('after', '\nExit code 0 when all were answered or briefed, 1 when one was not or the time ran out.\n\nExamples:\n  docket wait architect/foo\n  docket wait foo bar --timeout 600')
    .action(async (names: string[], _options: Options, command: Command) => {
      const common = commonOf(command);
      const opened = await openAll(io, common);
      const timeout = command.opts<Options>().timeout;
      const ends = await Promise.all(
        names.map(async (name) => {
          const found = await findJob(opened, name);
          if (found === null) throw new CliError(`nothing here is called ${JSON.stringify(name)} (\`docket ls\` lists what there is)`, EXIT.wrongUse);
          if (found.outcome !== null) return { name, job: found.job, outcome: found.outcome };
          const end = await waitForEnd(opened.workspace, found.wanted, timeout);
          return { name, job: end.job, outcome: end.outcome };
        }),
      );
      show(io, common, ends, table(ends.map((end) => [end.name, end.outcome ?? 'not ended'])));
      if (ends.some((end) => end.outcome === null || !GOOD.includes(end.outcome))) io.setExitCode(EXIT.notWell);
    });
}
