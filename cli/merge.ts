/** `docket merge`: takes the chain of another clone of the history in, after `git fetch` brought it here. */

import type { Command } from 'commander';
import { CliError, EXIT, show, type Io } from './io.ts';
import { commonOf, log, openWorkspace } from './open.ts';
import { historyOf } from './parts.ts';

export function addMerge(program: Command, io: Io): void {
  program
    .command('merge')
    .description('take in what another clone of the history recorded')
    .argument('[commit]', 'its newest commit, 40 characters; without it, what git fetched last')
    .addHelpText(
      'after',
      '\nNothing is lost and nothing conflicts: what both recorded under one feature, role and revision is kept twice, and `docket verify` tells it.\n\nExamples:\n  git -C ../my-app-ai-history fetch ssh://other/my-app-ai-history main\n  docket merge',
    )
    .action(async (commit: string | undefined, _options: unknown, command: Command) => {
      const common = commonOf(command);
      if (commit !== undefined && !/^[0-9a-f]{40}$/.test(commit))
        throw new CliError('give the whole id of a commit, 40 characters (git rev-parse), or fetch it and give none', EXIT.wrongUse);
      const workspace = await openWorkspace(io, common);
      const history = historyOf(workspace, log);
      try {
        await history.open();
        const merged = await history.merge(commit).catch((error: unknown) => {
          const isKnown = ['EHISTORY', 'EMISSING'].includes(String((error as { code?: unknown }).code));
          throw isKnown ? new CliError((error as Error).message, EXIT.wrongUse) : error;
        });
        const beside = merged?.beside ?? [];
        const words =
          merged === null ? 'there is nothing in it that is not here' : `merged: the history is at ${merged.commit.slice(0, 10)} now`;
        const twice = beside.map((job) => `\nrecorded by both: the files of job ${job} lie beside, in attempts/${job}/`).join('');
        show(io, common, { commit: merged?.commit ?? null, beside }, `${words}${twice}`);
      } finally {
        await history.close();
      }
    });
}
