/**
 * `docket release`: lets one prompt go that is kept from starting: by a budget (its cost counts like any other), or because it is held (docs/emit.md). One that
 * came out of an answer which nobody approved yet is let go by a person at a terminal only.
 */

import { confirm, isCancel } from '@clack/prompts';
import type { Command } from 'commander';
import type { JobView } from '#core/job.ts';
import { isAccepted } from '#core/verdict.ts';
import type { HeldFacts } from '#daemon/held.ts';
import { clearHold } from '#daemon/holds.ts';
import { userName } from '#platform/system.ts';
import { heldName, heldReasons, holdPorts } from './held.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { fileNameOf, isEnd, isWaitingFile } from './job-words.ts';
import { findSubject, nameOf, type Subject } from './job-words-find.ts';
import { withSources, type Sources } from './job-words-sources.ts';
import { commonOf, connectControl } from './open.ts';
import { isBelowRun } from './person.ts';

export function addRelease(program: Command, io: Io): void {
  program
    .command('release')
    .description('let a prompt start that is held, or although a budget is spent')
    .argument('<job>', 'a job id (or its first 4 characters), role/name, or name')
    .addHelpText(
      'after',
      '\nOf a budget: only this one, until it has ended, also over a restart; what it costs counts. For all of them raise budgets in docket.yaml. Exit code 3 when no daemon runs.\nHeld (`docket ls` says why): it waits again as .md, with or without a daemon. Out of an answer that is not approved, docket asks, so it takes a terminal; `docket approve` of that answer releases all its prompts.\n\nExamples:\n  docket release architect/foo\n  docket release k3tq',
    )
    .action(async (name: string, _options: Common, command: Command) => {
      const common = commonOf(command);
      await withSources(io, common, async (sources) => {
        const subject = await findSubject(sources, name);
        if (subject.view?.held !== undefined) {
          await letGo(io, common, sources, subject.view);
          return;
        }
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

/** A held prompt: `.held` -> `.md`. */
async function letGo(io: Io, common: Common, sources: Sources, view: JobView): Promise<void> {
  const held = heldName(view);
  const why = await heldReasons(sources)(view);
  if (held === null || why === null) throw new CliError(`${view.role}/${view.stem} is not held any more`, EXIT.notWell);
  if (isBelowRun(io.env))
    throw new CliError('a release is a person’s word: this program was started by docket, so it cannot give one', EXIT.wrongUse);
  const { facts } = why;
  const isFree = facts.parent === null || (facts.supersededBy === null && facts.standing !== null && isAccepted(facts.standing));
  if (!isFree) await mustConfirm(io, `${held.role}/${held.stem}`, facts);
  const [done] = await sources.spool.release([held]);
  if (done === undefined || done.name === null)
    throw new CliError(`${held.role}/${held.stem} is not there any more: somebody was faster`, EXIT.notWell);
  await clearHold(holdPorts(sources), held);
  const control = await connectControl(sources.workspace);
  await control?.ask('poke');
  control?.close();
  const by = userName();
  const data = { name: `${held.role}/${held.stem}`, job: null, released: true, file: done.name, by };
  show(
    io,
    common,
    data,
    `${held.role}/${held.stem} waits again as ${done.name}${control === null ? ': no daemon runs, `docket up` takes it up' : ''}`,
  );
}

async function mustConfirm(io: Io, name: string, { parent, supersededBy }: HeldFacts): Promise<void> {
  const words = supersededBy === null ? `${parent ?? ''} is not approved` : `${supersededBy} took the place of ${parent ?? ''}`;
  if (!io.canAsk)
    throw new CliError(
      `${name}: ${words}, so a person at a terminal releases it (or \`docket approve ${parent ?? ''}\` all prompts of that answer)`,
      EXIT.wrongUse,
    );
  const answer = await confirm({ message: `${words}. Let ${name} start all the same?`, initialValue: false });
  if (isCancel(answer) || !answer) throw new CliError('nothing was released', EXIT.stopped);
}

async function release(sources: Sources, subject: Subject): Promise<void> {
  const { view } = subject;
  if (view === null || isEnd(view.state)) {
    const state = view?.state ?? subject.row?.outcome ?? subject.record?.filed.status ?? 'over';
    const next = state === 'answered' ? '; what waits for its answer goes on with a verdict: `docket approve`' : '';
    throw new CliError(`${nameOf(subject)} is ${state}: there is nothing to release${next}`, EXIT.wrongUse);
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
