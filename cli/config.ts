/** `docket config`: every setting, its value, where it came from, and why it exists. */

import type { Command } from 'commander';
import { paint, show, table, type Common, type Io } from './io.ts';
import { commonOf, openWorkspace } from './open.ts';
import { describeSettings } from './settings.ts';

type Options = Common & { readonly why?: boolean };

export function addConfig(program: Command, io: Io): void {
  program
    .command('config')
    .description('print every setting, where its value came from and why it exists')
    .argument('[prefix]', 'only settings whose name begins with this, such as limits')
    .option('--why', 'also the reason, the bounds and the variable of each')
    .addHelpText(
      'after',
      '\nOrder of precedence: flag, DOCKET_* variable, docket.local.yaml, docket.yaml, default.\n\nExamples:\n  docket config\n  docket config limits --why',
    )
    .action(async (prefix: string | undefined, _options: Options, command: Command) => {
      const common = commonOf(command);
      const workspace = await openWorkspace(io, common);
      for (const note of workspace.notes ?? []) io.err(`note: ${note}`);
      const lines = describeSettings(workspace).filter((line) => line.key.startsWith(prefix ?? ''));
      const withWhy = command.opts<Options>().why === true;
      const rows = [
        ['setting', 'value', 'from', ...(withWhy ? ['bounds', 'variable', 'why'] : [])],
        ...lines.map((line) => [line.key, line.value, line.source, ...(withWhy ? [line.bounds, line.variable, line.why] : [])]),
      ];
      const places = [
        ['root', workspace.root],
        ['code', workspace.code],
        ['history', workspace.history],
        ['queues', workspace.queues],
      ];
      const data = {
        root: workspace.root,
        code: workspace.code,
        history: workspace.history,
        queues: workspace.queues,
        runners: workspace.runners.map(({ name, kind, program: called }) => ({ name, kind, program: called })),
        lanes: workspace.lanes,
        notes: workspace.notes ?? [],
        settings: lines,
      };
      show(
        io,
        common,
        data,
        [
          table(places),
          '',
          table(rows),
          ...(workspace.runners.length > 0
            ? [
                '',
                ...workspace.runners.map(
                  (runner) =>
                    `${paint(io, 'bold', `runner ${runner.name}`)}: ${[`${runner.kind},`, runner.program, ...runner.args].filter((word) => word !== '').join(' ')}`,
                ),
              ]
            : []),
        ].join('\n'),
      );
    });
}
