/** `docket wait`: until these jobs have ended. Exit code 0 when all were answered. */

import type { Command } from 'commander';
import { EXIT, show, table, wholeNumber, type Common, type Io } from './io.ts';
import { commonOf, openWorkspace } from './open.ts';
import { findSubject } from './job-words-find.ts';
import { withSources } from './job-words-sources.ts';
import { waitForEnd } from './await-end.ts';

type Options = Common & { readonly timeout?: number };
const GOOD = ['answered', 'briefed', 'duplicate'];

export function addWait(program: Command, io: Io): void {
  program
    .command('wait')
    .description('wait until jobs have ended')
    .argument('<job...>', 'job ids, names of prompts (foo, architect/foo)')
    .option('--timeout <seconds>', 'stop waiting after this many seconds (the jobs go on)', wholeNumber('--timeout'))
    .addHelpText(
      'after',
      '\nExit code 0 when all were answered or briefed, 1 when one was not or the time ran out.\n\nExamples:\n  docket wait architect/foo\n  docket wait foo bar --timeout 600',
    )
    .action(async (names: string[], _options: Options, command: Command) => {
      const common = commonOf(command);
      const workspace = await openWorkspace(io, common);
      const { timeout } = command.opts<Options>();
      const subjects = await withSources(io, common, async (sources) =>
        Promise.all(names.map(async (name) => ({ name, subject: await findSubject(sources, name) }))),
      );
      const ends = await Promise.all(
        subjects.map(async ({ name, subject }) => {
          const { id, role, stem } = subject;
          const end = await waitForEnd(workspace, id === null ? { role, stem } : { job: id }, timeout);
          return { name, job: end.job, outcome: end.outcome };
        }),
      );
      show(io, common, ends, table(ends.map((end) => [end.name, end.outcome ?? 'not ended'])));
      if (ends.some((end) => end.outcome === null || !GOOD.includes(end.outcome))) io.setExitCode(EXIT.notWell);
    });
}
