/** `docket attach`: what a job does, as it comes, until it has ended. It only listens: Ctrl-C leaves the job alone. A role: attach-role.ts. */

import type { Command } from 'commander';
import type { Outcome } from '#core/job.ts';
import type { JobId } from '#core/names.ts';
import type { Workspace } from '#core/settings.ts';
import { makeFs } from '#platform/files.ts';
import { findJob, type Wanted } from './await-end.ts';
import { CliError, EXIT, type Common, type Io } from './io.ts';
import { shortly } from './job-words.ts';
import { findSubject, nameOf } from './job-words-find.ts';
import { withSources } from './job-words-sources.ts';
import { eventLine, eventOf } from './live-words.ts';
import { commonOf, connectControl, openAll, openWorkspace, roleNamed } from './open.ts';
import { loadRoles } from './load.ts';
import { clock } from './parts.ts';

const GOOD: readonly Outcome[] = ['answered', 'briefed', 'duplicate'];
const LOOK_MS = 100;

export function addAttach(program: Command, io: Io): void {
  program
    .command('attach')
    .description('show what a job does, until it has ended; or what a role does, until you leave')
    .argument('<job or role>', 'a job id (or its first 4 characters), role/name, or name; a role, such as 01-architect')
    .option('--interactive', 'of a role: your own session with its AI tool, which docket does not record')
    .addHelpText(
      'after',
      '\nTool calls, files, words and tokens as its tool tells them; a tool that tells nothing is shown by its output so far.\nWith --json each event is a JSON object on a line of its own, the last one is {"event":"outcome"}. Ctrl-C leaves the job alone.\nExit code 0 when it was answered or briefed, 1 when it was not, 3 when no daemon runs.\n\nOf a role (a job of the same name is <role>/<name>): what its runs do, what ended, how its queue stands; it goes on when the daemon stops and comes\nback. Keys: e opens your editor and drops the text as a prompt, r says what awaits a verdict, q or Ctrl-C ends.\n\nExamples:\n  docket attach architect/foo\n  docket attach k3tq --json\n  docket attach 01-architect\n  docket attach architect --interactive',
    )
    .action(async (name: string, _options: Common, command: Command) => {
      const common = commonOf(command);
      if (await attachRole(io, common, name, command.opts<{ readonly interactive?: boolean }>().interactive === true)) return;
      const workspace = await openWorkspace(io, common);
      const subject = await withSources(io, common, async (sources) => findSubject(sources, name));
      const { id, role, stem } = subject;
      const outcome = await attach(io, common, workspace, id === null ? { role, stem } : { job: id }, nameOf(subject));
      if (!GOOD.includes(outcome)) io.setExitCode(EXIT.notWell);
    });
}

/** False: no role is called so. */
async function attachRole(io: Io, common: Common, name: string, isInteractive: boolean): Promise<boolean> {
  const roles = await loadRoles(makeFs(), await openWorkspace(io, common));
  const isRole = roles.ok && [...roles.value.values()].some((known) => known.name === name || known.folder === name);
  if (!isRole && !isInteractive) return false;
  const opened = await openAll(io, common);
  const role = roleNamed(opened.roles, name);
  if (isInteractive) await (await import('./attach-interactive.ts')).runInteractive(io, opened, role);
  else await (await import('./attach-role.ts')).followRole(io, common, opened, role);
  return true;
}

/** Throws CliError 3 when no daemon runs at the beginning; one that goes away meanwhile is waited for. */
async function attach(io: Io, common: Common, workspace: Workspace, wanted: Wanted, name: string): Promise<Outcome> {
  let isFirst = true;
  let waits: string | null = null;
  for (;;) {
    const row = findJob(workspace, wanted);
    if (row?.state === 'done' && row.outcome !== null) {
      tellOutcome(io, common, row.id, name, row.outcome);
      return row.outcome;
    }
    const control = await connectControl(workspace);
    if (control === null && isFirst)
      throw new CliError(
        `no daemon runs for ${workspace.root}: start it (\`docket up\`), then \`docket attach ${name}\``,
        EXIT.environment,
      );
    const why = row === null ? 'it waits to be claimed' : row.state === 'running' ? null : shortly(row.reason ?? 'it waits for its turn');
    const words = control === null ? 'the daemon went away; a run under way goes on, and is shown again when it is back' : why;
    if (words !== null && words !== waits && common.json !== true) io.err(`docket: ${name}: ${words}`);
    waits = words;
    isFirst = false;
    if (control !== null && row !== null) {
      await control.ask('attach', { job: row.id }, (message) => {
        const event = eventOf(message);
        if (event !== null) io.out(common.json === true ? JSON.stringify(event) : eventLine(event, io.color));
      });
      control.close();
    } else control?.close();
    await clock.sleep(LOOK_MS);
  }
}

function tellOutcome(io: Io, common: Common, job: JobId, name: string, outcome: Outcome): void {
  io.out(
    common.json === true ? JSON.stringify({ v: 1, at: clock.now().toISOString(), job, event: 'outcome', outcome }) : `${name}: ${outcome}`,
  );
}
