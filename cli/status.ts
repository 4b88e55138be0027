/**
 * `docket status`: one screen. Is a daemon up, what does it do, what waits for a person. Answers from folders, journal and history when none runs.
 * The plain form never comes here while a daemon runs: status-quick.ts.
 */

import type { Command } from 'commander';
import { takeHeapRoom } from '#platform/heap.ts';
import { CliError, EXIT, paint, show, type Common, type Io } from './io.ts';
import { withSources } from './job-words-sources.ts';
import { commonOf } from './open.ts';
import { lookAtStatus } from './status-look.ts';
import { statusLines, type StatusLook } from './status-words.ts';
import { watchStatus } from './status-watch.ts';

type Options = Common & { readonly watch?: boolean; readonly all?: boolean };

export const lookOf = (io: Io): StatusLook => ({ paint: (style, text) => paint(io, style, text), columns: io.columns?.() ?? null });

export function addStatus(program: Command, io: Io): void {
  program
    .command('status')
    .description('one screen: the daemon, what runs, what waits, what needs a person')
    .option('-w, --watch', 'draw it again and again, in place, until q or Ctrl-C; in a pipe a line for each change')
    .option('--all', 'a line for each daemon of yours, of all workspaces on this machine')
    .addHelpText(
      'after',
      '\nto review: newest answers that await a verdict (`docket review`). Columns that are nought everywhere are left out.\nExit code 1 when no daemon runs; with --all when one died or does not answer.\n\nExamples:\n  docket status\n  docket status --watch\n  docket status --all\n  docket status --json',
    )
    .action(async (_options: Options, command: Command) => {
      const common = commonOf(command);
      const { all = false, watch = false } = command.opts<Options>();
      if (all) {
        if (watch) throw new CliError('--all or --watch, not both', EXIT.wrongUse);
        await (await import('./status-all.ts')).statusAll(io, common);
        return;
      }
      takeHeapRoom();
      await withSources(io, common, async (sources) => {
        if (watch) {
          await watchStatus(io, common, sources);
          return;
        }
        const { facts, data } = await lookAtStatus(sources);
        show(io, common, data, statusLines(data, facts, lookOf(io)).join('\n'));
        if (!facts.up) io.setExitCode(EXIT.notWell);
      });
    });
}
