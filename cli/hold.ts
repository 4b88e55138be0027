/**
 * `docket hold`: a person's "not yet". Of a prompt that waits: it stays in in/ as `.held` until `docket release`. Of an answer: the verdict `held`, given like
 * any other (cli/reviews.ts).
 */

import type { Command } from 'commander';
import { heldName, holdPorts } from './held.ts';
import { setHold } from '#daemon/holds.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { isInFlight, isWaitingFile } from './job-words.ts';
import { findSubject, nameOf, recordOf, type Subject } from './job-words-find.ts';
import { withSources, type Sources } from './job-words-sources.ts';
import { commonOf } from './open.ts';
import { clock } from './parts.ts';
import { holderOf, isBelowRun } from './person.ts';
import { giveVerdict, reviewItem } from './reviews.ts';

type Options = Common & { readonly comment?: string };

export function addHold(program: Command, io: Io): void {
  program
    .command('hold')
    .description('keep a prompt from starting, or an answer from counting, until a person says otherwise')
    .argument('<what>', 'role/name of a prompt in in/, or FEATURE/role@revision (or a job id) of an answer')
    .option('--comment <text>', 'why; other people see it')
    .addHelpText(
      'after',
      '\nA prompt: `docket release` lets it go again; an approval of the answer that it came out of does not. It may be in in/ or wait there for that approval already.\nAn answer: the verdict "held", as with `docket approve` (docs/review.md); give another one to take it back.\n\nExamples:\n  docket hold ui/FEAT-123-ui --comment "after the demo"\n  docket hold FEAT-123/architect@2 --comment "legal looks at it"',
    )
    .action(async (name: string, _options: Options, command: Command) => {
      const common = commonOf(command);
      const comment = command.opts<Options>().comment ?? null;
      await withSources(io, common, async (sources) => {
        const subject = await findSubject(sources, name);
        if (subject.view !== null && (isWaitingFile(subject.view) || subject.view.held !== undefined))
          await holdPrompt(io, common, sources, subject, comment);
        else await holdAnswer(io, common, sources, subject, comment);
      });
    });
}

async function holdPrompt(io: Io, common: Common, sources: Sources, { view, role, stem }: Subject, comment: string | null): Promise<void> {
  if (view === null) throw new CliError('nothing to hold', EXIT.wrongUse);
  if (isBelowRun(io.env))
    throw new CliError('a hold is a person’s word: this program was started by docket, so it cannot give one', EXIT.wrongUse);
  let name = heldName(view);
  if (name === null) {
    const done = await sources.spool.hold(role, view.file ?? `${stem}.md`);
    if (done === null)
      throw new CliError(`${role}/${stem} is not in in/ any more: the daemon was faster (\`docket cancel\` stops it)`, EXIT.notWell);
    const [held] = (await sources.spool.list({ role })).filter((one) => one.held !== undefined && one.stem === done.stem);
    name = held === undefined ? null : heldName(held);
    if (name === null) throw new CliError(`${role}/${done.stem} is not in in/ any more: somebody was faster`, EXIT.notWell);
  }
  const by = await holderOf(sources.workspace);
  await setHold(holdPorts(sources), name, { by, at: clock.now().toISOString(), comment });
  const data = { name: `${role}/${name.stem}`, file: `${name.stem}.held`, parent: name.parent, verdict: null, comment };
  show(io, common, data, `${role}/${name.stem} is held: \`docket release ${role}/${name.stem}\` lets it go`);
}

async function holdAnswer(io: Io, common: Common, sources: Sources, subject: Subject, comment: string | null): Promise<void> {
  if (subject.view !== null && isInFlight(subject.view))
    throw new CliError(`${nameOf(subject)} is in work, so it cannot be held (\`docket cancel\` stops it)`, EXIT.wrongUse);
  const record = subject.record ?? (await recordOf(sources, subject));
  if (record === null) throw new CliError(`${nameOf(subject)} is neither a prompt in in/ nor an answer in the history`, EXIT.wrongUse);
  const item = await reviewItem(sources, record);
  const given = await giveVerdict(io, sources, item, { verdict: 'held', comment });
  const data = { name: nameOf(subject), file: given.path, parent: null, verdict: given.verdict.verdict, comment };
  show(io, common, data, `${nameOf(subject)} is held by your verdict ${given.path}: nothing flows from it until you give another one`);
}
