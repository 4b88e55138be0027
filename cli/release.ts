/** `docket release`: lets one prompt that waits for money start, whatever its budgets say. Its cost counts like any other. */

import type { Command } from 'commander';
import { userName } from '#platform/system.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { fileNameOf, isEnd, isWaitingFile } from './job-words.ts';
import { findSubject, nameOf, type Subject } from './job-words-find.ts';
import { withSources, type Sources } from './job-words-sources.ts';
import { commonOf, connectControl } from './open.ts';

export function addRelease(program: Command, io: Io): void {
  program
    .command('release')
    .description('let a prompt start although a budget is spent')
    .argument('<job>', 'a job id (or its first 4 characters), role/name, or name')
    .addHelpText(
      'after',
      '\nOnly this one, until it has ended, also over a restart; what it costs counts. For all of them raise budgets in docket.yaml.\nExit code 3 when no daemon runs.\n\nExamples:\n  docket release architect/foo\n  docket release k3tq',
    )
    .action(async (name: string, _options: Common, command: Command) => {
      const common = commonOf(command);
      await withSources(io, common, async (sources) => {
        const subject = await findSubject(sources, name);
        await release(sources, subject);
        show(
          io,
          common,
          { name: nameOf(subject), job: subject.id, released: true },
          `${nameOf(subject)} may start: \`docket wait ${subject.id ?? nameOf(subject)}\` waits for its answer`,
        );
      });
    });
}

async function release(sources: Sources, subject: Subject): Promise<void> {
  const { view } = subject;
  if (view === null || isEnd(view.state)) {
    const state = view?.state ?? subject.row?.outcome ?? subject.record?.filed.status ?? 'over';
    throw new CliError(`${nameOf(subject)} is ${state}: there is nothing to release`, EXIT.wrongUse);
  }
  const control = await connectControl(sources.workspace);
  if (control === null)
    throw new CliError(
      `no daemon runs for ${sources.workspace.root}: start it (\`docket up\`), then \`docket release ${nameOf(subject)}\``,
      EXIT.environment,
    );
  try {
    const what = isWaitingFile(view) ? { file: `${view.role}/${fileNameOf(view) ?? ''}` } : { job: view.id };
    const reply = await control.ask('release', { ...what, by: userName() });
    if (!reply.ok) throw new CliError(`the daemon did not take it: ${reply.error ?? 'no reason given'}`, EXIT.notWell);
  } finally {
    control.close();
  }
}
