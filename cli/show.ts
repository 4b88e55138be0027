/** `docket show`: one job in full - where its files are, what it is filed under, its states, attempts, hashes, commit and evidence. */

import path from 'node:path';
import type { Command } from 'commander';
import type { Purged } from '#core/history.ts';
import { printable, type JobId, type RoleFolder } from '#core/names.ts';
import { heldReasons } from './held.ts';
import { EXIT, paint, show, type Common, type Io } from './io.ts';
import {
  ageOf,
  featureWord,
  fileNameOf,
  isBadEnd,
  isWaitingFile,
  peekOf,
  shortly,
  shownPath,
  stateOf,
  stateWord,
  textOf,
} from './job-words.ts';
import { findSubject, nameOf, recordOf, type HistoryRecord, type Subject } from './job-words-find.ts';
import { withSources, type Sources } from './job-words-sources.ts';
import { commonOf } from './open.ts';
import { clock } from './parts.ts';
import { readEvidence, type AttemptFacts, type EvidenceFacts } from './show-evidence.ts';
import { whatOf } from './why.ts';

const OUT_PARTS = ['evidence.json', 'evidence.dsse.json', 'prompts.json', 'result.md', 'error.md', 'duplicate.json'];

type Shown = {
  readonly name: string;
  readonly job: string | null;
  readonly recorded_as: string | null;
  readonly state: string;
  readonly role: string;
  readonly feature: string | null;
  readonly prompt_name: string | null;
  readonly revision: number | null;
  readonly since: string | null;
  readonly claimed_at: string | null;
  readonly reason: string | null;
  readonly files: readonly string[];
  readonly sha256: Readonly<Record<string, string>>;
  readonly attempts: readonly AttemptFacts[];
  readonly history: {
    readonly repository: string;
    readonly folder: string;
    readonly status: string;
    readonly commit: string;
    readonly evidence_sha256: string | null;
  } | null;
  readonly evidence: EvidenceFacts | null;
  /** Files of it whose content is gone. */
  readonly purged: readonly Purged[];
};

export function addShow(program: Command, io: Io): void {
  program
    .command('show')
    .description('show one job in full: files, identity, state, attempts, hashes, commit, evidence')
    .argument('<name>', 'a job id (or its first 4 characters), role/name, name, or FEATURE/role@revision')
    .addHelpText(
      'after',
      '\nExit code 1 when it was rejected, held, failed or cancelled.\n\nExamples:\n  docket show architect/foo\n  docket show FEAT-123/architect@2\n  docket show k3tq --json',
    )
    .action(async (name: string, _options: Common, command: Command) => {
      const common = commonOf(command);
      await withSources(io, common, async (sources) => {
        const subject = await findSubject(sources, name);
        const shown = await look(sources, subject);
        show(io, common, shown, text(io, sources, shown));
        if (isBadEnd(shown.state) && subject.view?.held === undefined) io.setExitCode(EXIT.notWell);
      });
    });
}

async function look(sources: Sources, subject: Subject): Promise<Shown> {
  const { view, row, folder } = subject;
  const isWaiting = view !== null && isWaitingFile(view);
  const held = view === null ? null : await heldReasons(sources)(view);
  const isHeld = held !== null && view !== null;
  const seen = isHeld ? { stem: view.stem, file: `${view.stem}.held` } : (subject.view ?? subject);
  const peek = (isWaiting || isHeld) && folder !== null ? await peekOf(sources, folder, seen) : null;
  const record = isWaiting || isHeld ? null : await recordOf(sources, subject);
  const files = await filesOf(sources, subject);
  const published = files.find((file) => file.endsWith('_evidence.json'));
  const evidenceText = published === undefined ? (view === null ? (record?.evidence ?? null) : null) : await textOf(sources, published);
  const evidence = evidenceText === null ? null : readEvidence(evidenceText);
  const errorPage = files.find((file) => file.endsWith('_error.md'));
  const page = errorPage === undefined ? null : await textOf(sources, errorPage);
  const state = view === null ? (row?.outcome ?? row?.state ?? record?.filed.status ?? 'unknown') : stateOf(view, row);
  const recordedAs = evidence?.job ?? record?.filed.job ?? null;
  return {
    name: nameOf(subject),
    job: subject.id,
    recorded_as: recordedAs === subject.id ? null : recordedAs,
    state,
    role: subject.role,
    feature: peek?.feature ?? row?.feature ?? view?.feature ?? record?.identity.feature ?? null,
    prompt_name: peek?.name ?? row?.name ?? view?.name ?? record?.identity.name ?? null,
    revision: peek?.revision ?? row?.revision ?? view?.revision ?? record?.identity.revision ?? null,
    since: view?.since ?? row?.changedAt ?? null,
    claimed_at: row?.claimedAt ?? evidence?.claimed ?? null,
    reason: held?.words ?? (page === null ? null : whatOf(page)) ?? row?.reason ?? null,
    files,
    sha256: hashesOf(subject, record, evidence),
    attempts: attemptsOf(sources, subject, evidence),
    history:
      record === null
        ? null
        : {
            repository: sources.workspace.history,
            folder: record.folder,
            status: record.filed.status,
            commit: record.filed.commit,
            evidence_sha256: record.filed.evidenceSha256,
          },
    evidence,
    purged: await purgedOf(sources, record),
  };
}

async function purgedOf(sources: Sources, record: HistoryRecord | null): Promise<readonly Purged[]> {
  if (record === null) return [];
  const history = await sources.history();
  const attempts = `/attempts/${record.filed.job}/`;
  const revision = String(record.identity.revision);
  const own = ['prompt', 'result', 'evidence'].map((kind) => `${record.folder}/${kind}_v${revision}.`);
  const all = (await history?.purged()) ?? [];
  return all.filter(({ path: file }) => own.some((start) => file.startsWith(start)) || file.includes(attempts));
}

/** What is there of it in the queue, absolute. */
async function filesOf(sources: Sources, { view, folder, id, stem }: Subject): Promise<string[]> {
  if (view === null || folder === null) return [];
  const { layout, fs } = sources;
  const name = fileNameOf(view);
  const candidates =
    name === null
      ? inWork(layout, folder, id)
      : [
          view.archived ?? path.join(layout.in(folder), view.file ?? name),
          ...(isWaitingFile(view) ? [] : OUT_PARTS.map((part) => path.join(layout.out(folder), `${stem}_${part}`))),
        ];
  const files: string[] = [];
  for (const file of candidates) if ((await fs.facts(file)) !== null) files.push(file);
  return files;
}

/** The claimed file, and what the attempts left. */
function inWork(layout: Sources['layout'], folder: RoleFolder, id: JobId | null): readonly string[] {
  if (id === null) return [];
  const { claimed, dir } = layout.job(folder, id);
  return [claimed, dir];
}

function hashesOf({ row }: Subject, record: HistoryRecord | null, evidence: EvidenceFacts | null): Record<string, string> {
  const hash = (name: string): string | undefined => evidence?.subjects.find((subject) => subject.name.startsWith(name))?.sha256;
  const prompt = row?.sha256 ?? hash('prompt_') ?? record?.filed.promptSha256;
  const result = hash('result_') ?? record?.filed.resultSha256;
  const recorded = record?.filed.evidenceSha256;
  return {
    ...(prompt === undefined ? {} : { prompt }),
    ...(result === undefined || result === null ? {} : { result }),
    ...(recorded === undefined || recorded === null ? {} : { evidence: recorded }),
  };
}

/** The evidence has them when the job ended; before, the journal. */
function attemptsOf({ journal }: Sources, { id, view }: Subject, evidence: EvidenceFacts | null): readonly AttemptFacts[] {
  if (evidence !== null && evidence.attempts.length > 0) return evidence.attempts;
  if (journal === null || id === null || (view !== null && isWaitingFile(view))) return [];
  return journal.attempts(id).map(({ n, startedAt, endedAt, outcome, failure, starts }) => ({
    n,
    startedAt,
    endedAt,
    outcome,
    failure: failure?.kind ?? null,
    starts,
  }));
}

function text(io: Io, { workspace }: Sources, shown: Shown): string {
  const { evidence, history } = shown;
  const lines: string[] = [`${paint(io, 'bold', printable(shown.name))}  ${stateText(shown)}`];
  const line = (label: string, ...words: (string | null | undefined)[]): void => {
    const said = words.filter((word) => word !== null && word !== undefined && word !== '');
    if (said.length > 0) lines.push(`${label.padEnd(10)}${printable(said.join(', '), 1_000)}`);
  };
  line('job', shown.job, shown.recorded_as === null ? null : `recorded as ${shown.recorded_as}`);
  if (shown.feature !== null) {
    line(
      'feature',
      featureWord(shown.feature, shown.prompt_name, shown.revision),
      evidence?.featureName === shown.feature ? null : evidence?.featureName,
    );
  }
  line('claimed', shown.claimed_at);
  line('ended', evidence?.ended);
  if (evidence !== null) {
    line('spec', evidence.specUsed, evidence.specAsked === evidence.specUsed ? null : `asked ${evidence.specAsked ?? '?'}`);
    line('runner', [evidence.runner, evidence.runnerVersion].filter((word) => word !== null).join(' '), evidence.program, evidence.model);
    line('command', evidence.command);
    line('code', evidence.codeCommit, evidence.isCodeDirty === true ? 'with uncommitted changes' : null);
    line('usage', usageText(evidence));
  }
  if (shown.reason !== null) line('reason', shortly(shown.reason, 300));
  for (const [index, file] of shown.files.entries()) line(index === 0 ? 'files' : '', shownPath(workspace.root, file));
  for (const [what, hash] of Object.entries(shown.sha256)) line('sha256', `${hash}  ${what}`);
  if (history !== null) {
    line('history', `${history.repository}/${history.folder}`);
    line('commit', history.commit, history.status);
  }
  for (const one of shown.purged) line('purged', one.path.slice(one.path.lastIndexOf('/') + 1), one.at, `by ${one.person}`, one.reason);
  for (const attempt of shown.attempts) line('attempt', attemptText(attempt));
  if (shown.state === 'unknown' || shown.files.length > 0 || history === null) return lines.join('\n');
  return [
    ...lines,
    'Nothing of it is left in the queue folders: its answer was taken, or the folders were tidied; the history has it.',
  ].join('\n');
}

function stateText(shown: Shown): string {
  const word =
    shown.state === 'submitted' && shown.files.length === 0 ? 'submitted' : stateWord(shown.state as Parameters<typeof stateWord>[0]);
  const age = ageOf(shown.since, clock.now().getTime());
  return age === '-' ? word : `${word} (${age})`;
}

function usageText({ inputTokens, outputTokens, costUsd }: EvidenceFacts): string | null {
  const words = [
    inputTokens === null ? null : `${String(inputTokens)} tokens in`,
    outputTokens === null ? null : `${String(outputTokens)} out`,
    costUsd === null ? null : `${costUsd.toFixed(4)} USD`,
  ].filter((word) => word !== null);
  return words.length === 0 ? null : words.join(', ');
}

function attemptText(attempt: AttemptFacts): string {
  const tookMs = Date.parse(attempt.endedAt) - Date.parse(attempt.startedAt);
  const took = Number.isNaN(tookMs) ? '' : ` (${(tookMs / 1000).toFixed(1)} s)`;
  const failure = attempt.failure === null || attempt.failure === attempt.outcome ? '' : ` (${attempt.failure})`;
  const starts = attempt.starts > 1 ? `, started ${String(attempt.starts)} times` : '';
  return `${String(attempt.n)}  ${attempt.startedAt}${took}  ${attempt.outcome}${failure}${starts}`;
}
