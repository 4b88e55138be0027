/** `docket cancel`: stops a job. One in work/ is the daemon's: it is asked. A file that waits is nobody's yet: it is taken out of the queue. */

import type { Command } from 'commander';
import { userName } from '#platform/system.ts';
import { withdraw } from './cancel-waiting.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { isEnd, isWaitingFile, shownPath } from './job-words.ts';
import { findSubject, nameOf, type Subject } from './job-words-find.ts';
import { withSources, type Sources } from './job-words-sources.ts';
import { commonOf, connectControl } from './open.ts';

type Done = { readonly name: string; readonly job: string | null; readonly outcome: string | null; readonly path: string | null };

export function addCancel(program: Command, io: Io): void {
  program
    .command('cancel')
    .description('stop a job: a running tool is ended, a waiting file is taken out of the queue')
    .argument('<job>', 'a job id (or its first 4 characters), role/name, or name')
    .addHelpText(
      'after',
      '\nThe prompt is kept as in/<name>.cancelled; `docket retry` takes it up again. Exit code 1 when it ended otherwise before it could be stopped,\n3 when it is in work and no daemon runs.\n\nExamples:\n  docket cancel architect/foo\n  docket cancel k3tq',
    )
    .action(async (name: string, _options: Common, command: Command) => {
      const common = commonOf(command);
      await withSources(io, common, async (sources) => {
        const done = await cancel(sources, await findSubject(sources, name));
        show(io, common, done, words(sources, done));
        if (done.outcome !== null && done.outcome !== 'cancelled') io.setExitCode(EXIT.notWell);
      });
    });
}

async function cancel(sources: Sources, subject: Subject): Promise<Done> {
  const { view } = subject;
  if (view === null || isEnd(view.state)) {
    const state = view?.state ?? subject.row?.outcome ?? subject.record?.filed.status ?? 'over';
    throw new CliError(`${nameOf(subject)} is ${state}: there is nothing to cancel`, EXIT.wrongUse);
  }
  return isWaitingFile(view) ? cancelWaiting(sources, subject) : cancelInFlight(sources, subject);
}

async function cancelWaiting(sources: Sources, subject: Subject): Promise<Done> {
  const { folder, stem } = subject;
  if (folder === null) throw new CliError(`the role of ${nameOf(subject)} is not installed: move the file away yourself`, EXIT.wrongUse);
  const done = await withdraw(sources.fs, sources.layout, folder, stem, subject.view?.file);
  if (done === 'not-a-file')
    throw new CliError(
      `${nameOf(subject)} is no regular file with a plain name, so docket does not touch it: move it out of ${sources.layout.in(folder)} yourself`,
      EXIT.wrongUse,
    );
  if (done === 'claimed')
    throw new CliError(`${nameOf(subject)} was claimed this very moment: the same command again stops it`, EXIT.notWell);
  return { name: nameOf(subject), job: null, outcome: 'cancelled', path: done.path };
}

async function cancelInFlight(sources: Sources, subject: Subject): Promise<Done> {
  const { workspace } = sources;
  const id = subject.view?.id ?? null;
  const control = await connectControl(workspace);
  if (control === null) {
    throw new CliError(
      `${nameOf(subject)} is in work, and no daemon runs for ${workspace.root} that could stop it: \`docket up\` takes it up again, then \`docket cancel ${id ?? nameOf(subject)}\``,
      EXIT.environment,
    );
  }
  try {
    // Asked first: afterwards the daemon may have let go of it already.
    const ended = control.ask('wait', { job: id });
    const reply = await control.ask('cancel', { job: id, by: userName() });
    if (!reply.ok)
      throw new CliError(
        `the daemon did not take it: ${reply.error ?? 'no reason given'} (\`docket why ${nameOf(subject)}\` says how it stands)`,
        EXIT.notWell,
      );
    const { outcome } = await ended;
    return { name: nameOf(subject), job: id, outcome: typeof outcome === 'string' ? outcome : null, path: null };
  } finally {
    control.close();
  }
}

function words({ workspace }: Sources, { name, job, outcome, path }: Done): string {
  if (path !== null)
    return `${name} is cancelled: it is now ${shownPath(workspace.root, path)}; nothing was sent. \`docket retry ${name}\` puts it back`;
  if (outcome === 'cancelled') return `${name} is cancelled (job ${job ?? '?'}); \`docket retry ${name}\` takes it up again`;
  if (outcome === null)
    return `${name}: the daemon was told to stop it; it is stopping itself, and the next start ends it (\`docket why ${name}\`)`;
  return `${name} was ${outcome} before it could be stopped`;
}
