/** `docket why`: why a prompt is not answered (yet), in plain words and with the next step. Gathers the facts; why-words.ts judges them. */

import path from 'node:path';
import type { Command } from 'commander';
import { printable, type JobId } from '#core/names.ts';
import type { JobError } from '#core/ports.ts';
import type { MissingWords } from '#daemon/dependencies.ts';
import { heldWhy } from './held.ts';
import { EXIT, paint, show, type Common, type Io } from './io.ts';
import { fileNameOf, isBadEnd, isEnd, isWaitingFile, peekOf, shownPath, stateOf, textOf } from './job-words.ts';
import { findSubject, nameOf, recordOf, type Subject } from './job-words-find.ts';
import { askDaemon, passOverSilent, withSources, type DaemonWords, type Sources } from './job-words-sources.ts';
import { commonOf } from './open.ts';
import { clock } from './parts.ts';
import { readPauses } from './pauses.ts';
import { logFolder } from './places.ts';
import { awaitingWords, closedWords, missingWords, parentWords, standingWords } from './why-chain.ts';
import { whyEnded, whyInFlight, whyWaiting, type Because } from './why-words.ts';

export function addWhy(program: Command, io: Io): void {
  program
    .command('why')
    .description('say why a prompt is not answered (yet), and what to do next')
    .argument('<name>', 'a waiting file, a job id, role/name, name, or FEATURE/role@revision')
    .addHelpText(
      'after',
      '\nAsks the daemon when one runs. Exit code 1 when it was rejected, held, failed or cancelled.\n\nExamples:\n  docket why foo\n  docket why architect/foo.md\n  docket why FEAT-123/ui@2',
    )
    .action(async (name: string, _options: Common, command: Command) => {
      const common = commonOf(command);
      await withSources(io, common, async (sources) => {
        const daemon = await askDaemon(sources.workspace);
        passOverSilent(sources, daemon);
        const subject = await findSubject(sources, name);
        const state =
          subject.view === null ? (subject.row?.outcome ?? subject.record?.filed.status ?? 'unknown') : stateOf(subject.view, subject.row);
        const found = await because(sources, subject, daemon);
        // Two reasons may ask for the same step.
        const answer = { ...found, next: [...new Set(found.next)] };
        // Only the journal has them: what is in the history or in out/ tells its own errors.
        const errors = subject.id === null || (subject.view !== null && isWaitingFile(subject.view)) ? [] : errorsOf(sources, subject.id);
        show(io, common, { name: nameOf(subject), job: subject.id, state, ...answer, errors }, text(io, answer, errors));
        if (isBadEnd(state)) io.setExitCode(EXIT.notWell);
      });
    });
}

const printableLines = (words: string): string =>
  words
    .split('\n')
    .map((line) => printable(line, 2_000))
    .join('\n           ');

const errorsOf = ({ journal }: Sources, id: JobId): readonly JobError[] => journal?.errors(id) ?? [];

/** The class decides who retries; the kind is the exact one (ARCHITECTURE.md "Failure classes"). Attempt 0: it is of no attempt. */
function errorText({ attempt, kind, class: failureClass, words, at }: JobError): string {
  const where = attempt === 0 ? '' : `attempt ${String(attempt)}, `;
  const what = kind === failureClass ? kind : `${kind} (${failureClass})`;
  return `${where}${at}  ${what}: ${words}`;
}

function text(io: Io, { is, because: reasons, next }: Because, errors: readonly JobError[]): string {
  return [
    paint(io, 'bold', printableLines(is)),
    ...reasons.map((reason) => `  because  ${printableLines(reason)}`),
    ...errors.map((error) => `  error    ${printableLines(errorText(error))}`),
    ...next.map((step) => `  next     ${printableLines(step)}`),
  ].join('\n');
}

async function because(sources: Sources, subject: Subject, daemon: DaemonWords | null): Promise<Because> {
  const { view, row } = subject;
  if (view !== null && isWaitingFile(view)) return waiting(sources, subject, view.why, daemon);
  const isInHand = view === null && subject.id !== null && daemon?.inFlight.includes(subject.id) === true;
  // Its folder may be out of sight: the daemon has it all the same.
  const state = view !== null ? stateOf(view, row) : isInHand ? (row?.state ?? 'read') : null;
  if ((view !== null || isInHand) && state !== null && state !== 'waiting-in' && !isEnd(state)) {
    return whyInFlight({
      name: nameOf(subject),
      id: view?.id ?? subject.id ?? '',
      state,
      attempts: Math.max(view?.attempts ?? 0, row?.attempts ?? 0),
      reason: row?.reason ?? null,
      deadline: await deadlineOf(sources, subject, view?.attempts ?? 0),
      backOffMsMax: sources.workspace.settings['retry.cap'],
      paused: (daemon?.paused ?? []).filter(({ kind, name: paused }) => kind === 'role' && paused === subject.role),
      daemon,
      logFolder: logFolder(sources.workspace.state),
    });
  }
  const end = state ?? row?.outcome ?? subject.record?.filed.status ?? 'submitted';
  if (!isEnd(end)) {
    return {
      is: `${nameOf(subject)} was accepted and recorded, and has no end in the history`,
      because: ['nothing of it is in these folders: another daemon that shares the history may have it, or the folders were cleared'],
      next: ['drop the same file again: the same job goes on'],
    };
  }
  return ended(sources, subject, end, daemon !== null);
}

async function waiting(sources: Sources, subject: Subject, refusal: string | null, daemon: DaemonWords | null): Promise<Because> {
  const { workspace, journal, layout } = sources;
  const { folder, stem, role } = subject;
  const peek = folder === null || refusal !== null ? null : await peekOf(sources, folder, subject.view ?? { stem });
  const notBefore = peek?.notBefore ?? null;
  const closed = await closedWords(sources, peek?.feature ?? null);
  return whyWaiting({
    key: `${role}/${stem}.md`,
    file: folder === null ? `${stem}.md` : shownPath(workspace.root, path.join(layout.in(folder), subject.view?.file ?? `${stem}.md`)),
    refusal,
    isValid: peek !== null,
    notBefore: notBefore !== null && Date.parse(notBefore) > clock.now().getTime() ? notBefore : null,
    // Of a closed feature nothing else would release it.
    missing:
      closed !== null
        ? [closed]
        : [...(await missingWords(sources, peek?.dependsOn ?? [])), await awaitingWords(sources, role)].filter((one) => one !== null),
    daemon,
    paused: daemon === null ? (await readPauses(workspace)).filter(({ kind, name }) => kind === 'lane' || name === role) : [],
    holds: (journal?.holds() ?? [])
      .filter(({ untilMs }) => untilMs === null || untilMs > clock.now().getTime())
      .map((hold) => ({
        lane: hold.lane,
        until: hold.untilMs === null ? null : new Date(hold.untilMs).toISOString(),
        reason: hold.reason,
      })),
    scanIntervalMs: workspace.settings['intake.scan_interval'],
  });
}

/** a<n>/run.json, written by the keeper before the program goes. */
async function deadlineOf(sources: Sources, { folder, view }: Subject, attempt: number): Promise<string | null> {
  if (folder === null || view === null || view.id === null || attempt === 0) return null;
  const run = await textOf(sources, path.join(sources.layout.job(folder, view.id).dir, `a${String(attempt)}`, 'run.json'));
  const deadline = /"deadline":\s*"([0-9TZ:.+-]{1,40})"/.exec(run ?? '')?.[1];
  return deadline ?? null;
}

async function ended(
  sources: Sources,
  subject: Subject,
  state: Parameters<typeof whyEnded>[0]['state'],
  hasDaemon: boolean,
): Promise<Because> {
  const { workspace, layout } = sources;
  const { folder, view, row, stem } = subject;
  const shown = async (file: string): Promise<string | null> =>
    (await sources.fs.facts(file)) === null ? null : shownPath(workspace.root, file);
  const out = (part: string): string | null => (folder === null ? null : path.join(layout.out(folder), `${stem}_${part}`));
  const file = view === null ? null : fileNameOf(view);
  const [errorFile, resultFile, duplicateFile] =
    view === null ? [null, null, null] : [out('error.md'), out('result.md'), out('duplicate.json')];
  const page = errorFile === null ? null : await textOf(sources, errorFile);
  const duplicate = duplicateFile === null ? null : await textOf(sources, duplicateFile);
  return whyEnded({
    name: nameOf(subject),
    state,
    file: file === null || folder === null ? null : shownPath(workspace.root, view?.archived ?? path.join(layout.in(folder), file)),
    errorFile: errorFile === null ? null : await shown(errorFile),
    resultFile: resultFile === null ? null : await shown(resultFile),
    because: (page === null ? null : whatOf(page)) ?? row?.reason ?? 'nobody wrote down why (its error file was taken away)',
    duplicateOf: /"duplicate_of":\s*"([a-z2-7]{16})"/.exec(duplicate ?? '')?.[1] ?? null,
    chain: await chainOf(
      sources,
      subject,
      state,
      view?.archived ?? (file === null || folder === null ? null : path.join(layout.in(folder), file)),
    ),
    hasDaemon,
  });
}

async function chainOf(
  sources: Sources,
  subject: Subject,
  state: Parameters<typeof whyEnded>[0]['state'],
  file: string | null,
): Promise<readonly MissingWords[]> {
  if (state === 'answered') {
    const record = await recordOf(sources, subject);
    return record === null ? [] : standingWords(sources, record);
  }
  if (state !== 'held' || file === null) return [];
  const held = await heldWhy(sources, subject.view);
  if (held !== null) return [held];
  const words = await parentWords(sources, await bytesOf(sources, file));
  return words === null ? [] : [words];
}

async function bytesOf({ fs, workspace }: Sources, file: string): Promise<Uint8Array | null> {
  try {
    return (await fs.readBounded(file, workspace.settings['limits.prompt_bytes'])).bytes;
  } catch {
    // Gone meanwhile, or no file that docket opens.
    return null;
  }
}

/** An error page (daemon/error-page.ts): a title, what is wrong, then sections. */
export function whatOf(page: string): string | null {
  const [, ...lines] = page.split('\n');
  const end = lines.findIndex((line) => line.startsWith('## '));
  const what = lines
    .slice(0, end === -1 ? lines.length : end)
    .join('\n')
    .trim();
  return what === '' ? null : what.replaceAll('**', '');
}
