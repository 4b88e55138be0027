/** `docket down`: asks the daemon to stop, and waits until it is gone. Running jobs end first, up to stop.drain; then the keeper has them. */

import type { Command } from 'commander';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { commonOf, openWorkspace } from './open.ts';
import { stopDaemon } from './stop-daemon.ts';

type Options = Common & { readonly now?: boolean; readonly all?: boolean };

export function addDown(program: Command, io: Io): void {
  program
    .command('down')
    .description('stop the daemon: no new jobs, running ones end first')
    .option('--now', 'do not wait for running jobs: the keeper watches them, the next start takes up their answers')
    .option('--all', 'all daemons of yours on this machine, at the same time')
    .addHelpText('after', '\nExamples:\n  docket down\n  docket down --now\n  docket down --all')
    .action(async (_options: Options, command: Command) => {
      const common = commonOf(command);
      const { all = false, now = false } = command.opts<Options>();
      if (all) {
        await (await import('./down-all.ts')).downAll(io, common, now);
        return;
      }
      const workspace = await openWorkspace(io, common);
      const end = await stopDaemon(workspace.state, { now, drainMs: workspace.settings['stop.drain'] });
      if (end.kind === 'none') {
        show(io, common, { stopped: false, running: false }, `no daemon runs for ${workspace.root}`);
        return;
      }
      if (end.kind !== 'stopped') throw new CliError(end.words, EXIT.notWell);
      show(io, common, { stopped: true, pid: end.pid }, 'docket is down');
    });
}
