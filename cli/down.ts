/** `docket down`: asks the daemon to stop, and waits until it is gone. Running jobs end first, up to stop.drain; then the keeper has them. */

import type { Command } from 'commander';
import { makeFs } from '#platform/files.ts';
import { isAlive } from '#platform/process-facts.ts';
import { readHolder, type Holder } from './holder.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { commonOf, connectControl, openWorkspace } from './open.ts';
import { clock } from './parts.ts';

type Options = Common & { readonly now?: boolean };
const PAUSE_MS = 20;
const AFTER_DRAIN_MS = 10_000;

const isThere = (holder: Holder | null): boolean => holder !== null && isAlive(holder.pid, holder.pid_start ?? '');

export function addDown(program: Command, io: Io): void {
  program
    .command('down')
    .description('stop the daemon: no new jobs, running ones end first')
    .option('--now', 'do not wait for running jobs: the keeper watches them, the next start takes up their answers')
    .addHelpText('after', '\nExamples:\n  docket down\n  docket down --now')
    .action(async (_options: Options, command: Command) => {
      const common = commonOf(command);
      const workspace = await openWorkspace(io, common);
      const holder = await readHolder(makeFs(), workspace.state);
      const control = await connectControl(workspace);
      if (control === null) {
        show(io, common, { stopped: false, running: false }, `no daemon runs for ${workspace.root}`);
        return;
      }
      await control.ask('stop');
      if (command.opts<Options>().now === true) await control.ask('stop');
      const untilMs = clock.monotonicMs() + workspace.settings['stop.drain'] + AFTER_DRAIN_MS;
      while (isThere(holder)) {
        if (clock.monotonicMs() > untilMs)
          throw new CliError(
            `the daemon (pid ${String(holder?.pid ?? '?')}) is still there; \`docket status\` says what it does`,
            EXIT.notWell,
          );
        await clock.sleep(PAUSE_MS);
      }
      control.close();
      show(io, common, { stopped: true, pid: holder?.pid ?? null }, 'docket is down');
    });
}
