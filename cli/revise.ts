/**
 * `docket revise`: the next revision of a prompt, from the last one and what its reviewers said. The person edits it; then it is checked and dropped like
 * any other prompt.
 *
 * Invariant: nothing is dropped while the last revision is in work, while a later one waits, or when the feature is closed; what a person wrote in the editor
 * and that is not valid is kept in a file that is named.
 */

import type { Command } from 'commander';
import type { History } from '#core/history.ts';
import { printable } from '#core/names.ts';
import { describeIdentity, type Identity } from '#core/prompt.ts';
import { promptsInQueues } from '#daemon/next-plan.ts';
import { promptFile } from '#history/layout.ts';
import { readFrontMatter } from '#prompt-spec/front-matter.ts';
import { drop, poke } from './add.ts';
import { authorOf } from './person.ts';
import { compose, editText } from './compose.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { recordAt, type HistoryRecord } from './job-words-find.ts';
import { withSources, type Sources } from './job-words-sources.ts';
import { quietIo } from './mcp-call.ts';
import { commonOf, openAll, roleNamed } from './open.ts';
import { clock } from './parts.ts';
import { mustBeOpen } from './reviews.ts';
import { parseDependency } from '#prompt-spec/dependency.ts';
import { isAsking, nextRevision, recordName, type Said } from './revise-text.ts';

type Options = Common & { readonly edit?: boolean; readonly message?: string };

export function addRevise(program: Command, io: Io): void {
  program
    .command('revise')
    .description('write the next revision of a prompt, with what its reviewers said')
    .argument('<prompt>', 'FEATURE/role or FEATURE/role/name: its newest revision')
    .option('-m, --message <text>', 'what to change; - reads standard input')
    .option('--edit', 'open $EDITOR first (the default on a terminal)')
    .option('--no-edit', 'do not open an editor')
    .addHelpText(
      'after',
      [
        '',
        'The last prompt with revision + 1, created_at now, you as author and `revises: FEATURE/role@revision`; comments of verdicts that asked for changes or',
        'rejected it are quoted at its end. Without a terminal there is no editor: what to change comes from --message, or from standard input. docs/revise.md',
        '',
        'Examples:',
        '  docket revise FEAT-123/architect',
        '  docket revise FEAT-123/ui/filter-panel --no-edit --message "Name the empty state."',
        '  docket revise FEAT-123/openapi < notes.md',
      ].join('\n'),
    )
    .action(async (text: string, _options: Options, command: Command) => {
      const common = commonOf(command);
      const options = command.opts<Options>();
      const opened = await openAll(io, common);
      await withSources(io, common, async (sources) => {
        const last = await lastOf(sources, text);
        const { identity } = last;
        const revision = identity.revision + 1;
        const role = roleNamed(sources.roles, identity.role);
        const said = await saidOf(sources, identity);
        const isEdited = io.canAsk && options.edit !== false;
        const message = await messageOf(io, options, isEdited);
        if (!isEdited && message === null && !said.some(isAsking))
          throw new CliError(
            `nothing is asked of revision ${String(revision)}: no reviewer asked for changes, so say what to change (--message "…", standard input, or --edit on a terminal)`,
            EXIT.wrongUse,
          );
        const author = await authorOf(sources.workspace);
        const createdAt = clock.now().toISOString();
        const written = nextRevision({ last: last.front, identity, revision, createdAt, author, said, message });
        const edited = isEdited ? await editText(io, written) : null;
        const quiet = quietIo(io, edited?.text ?? written);
        const composed = await compose(quiet.io, opened, role, '-', {}).catch((error: unknown) => {
          throw edited !== null && error instanceof CliError
            ? new CliError(`${error.message}\nyour text is kept in ${edited.file}`, error.exitCode)
            : error;
        });
        const dropped = await drop(quiet.io, opened, role, composed);
        await edited?.remove();
        for (const note of quiet.said().notes) io.err(note);
        const isUp = await poke(opened);
        const name = `${role.name}/${composed.stem}`;
        show(
          io,
          common,
          {
            name,
            path: dropped.path,
            identity: composed.identity,
            revises: recordName(identity),
            quoted: said.filter(isAsking).length,
            daemon: isUp,
          },
          `dropped ${dropped.path}${isUp ? '' : '\nno daemon runs: it waits until `docket up`'}`,
        );
      });
    });
}

type Last = { readonly identity: Identity; readonly front: { readonly data: Readonly<Record<string, unknown>>; readonly body: string } };

/** The newest revision in history. Throws CliError with words why there can be no next one now. */
async function lastOf(sources: Sources, text: string): Promise<Last> {
  const parsed = parseDependency(text.replace(/\/[0-9]{2}-/, '/'));
  const wanted = parsed.ok ? parsed.value : null;
  const role = [...sources.roles.values()].find(({ name }) => name === wanted?.role);
  if (wanted?.feature === null || wanted?.feature === undefined || role === undefined || wanted.revision !== null)
    throw new CliError(
      `${JSON.stringify(printable(text))} names no prompt: write FEATURE/role or FEATURE/role/name, such as FEAT-123/architect (always the newest revision is revised)`,
      EXIT.wrongUse,
    );
  const history = await sources.history();
  const record = await recordAt(sources, { feature: wanted.feature, role: role.name, name: wanted.name, revision: null });
  if (record === null || history === null)
    throw new CliError(`nothing of ${printable(text)} is recorded: \`docket add ${role.name}\` writes its first revision`, EXIT.wrongUse);
  await mustBeOpen(history, record.identity.feature);
  await mustBeFree(sources, record);
  return { identity: record.identity, front: await frontOf(sources, history, record) };
}

async function frontOf(sources: Sources, history: History, { identity, folder }: HistoryRecord): Promise<Last['front']> {
  const bytes = await history.read(`${folder}/${promptFile(identity.revision)}`);
  const { settings } = sources.workspace;
  // It was accepted once, with the limits of then.
  const limits = { promptBytes: bytes?.length ?? 0, frontMatterBytes: Math.max(settings['limits.front_matter_bytes'], bytes?.length ?? 0) };
  const front = bytes === null ? null : readFrontMatter(bytes, limits);
  if (front?.ok !== true)
    throw new CliError(
      `the prompt of ${describeIdentity(identity)} cannot be read in the history (was it purged?): write the next one with \`docket add\``,
      EXIT.notWell,
    );
  return { data: front.value.data, body: front.value.body };
}

async function mustBeFree(sources: Sources, { identity, filed }: HistoryRecord): Promise<void> {
  const name = recordName(identity);
  if (filed.status === 'submitted')
    throw new CliError(
      `${name} is not answered yet: wait for it (\`docket wait ${filed.job}\`), or stop it first (\`docket cancel ${filed.job}\`)`,
      EXIT.wrongUse,
    );
  const { fs, spool, roles, workspace } = sources;
  const others = await promptsInQueues({ fs, spool, roles, queues: workspace.queues }, identity.feature);
  const other = others.find(
    (one) => one.identity.role === identity.role && one.identity.name === identity.name && one.identity.revision > identity.revision,
  );
  if (other !== undefined) throw new CliError(`a later revision of ${name} is there already: ${other.where}`, EXIT.wrongUse);
}

async function saidOf(sources: Sources, identity: Identity): Promise<readonly Said[]> {
  const history = await sources.history();
  const judged = (await history?.verdicts({ feature: identity.feature, role: identity.role })) ?? [];
  return judged
    .filter((one) => one.identity.name === identity.name && one.identity.revision === identity.revision)
    .map(({ verdict }) => verdict);
}

async function messageOf(io: Io, { message }: Options, isEdited: boolean): Promise<string | null> {
  const isAsked = message === '-' || (message === undefined && !io.canAsk && !isEdited);
  const text = (isAsked ? await io.readInput() : (message ?? '')).trim();
  return text === '' ? null : text;
}
