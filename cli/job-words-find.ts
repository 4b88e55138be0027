/**
 * From what a person typed to one job. Forms, in the order in which they are tried:
 *
 *   abcdefghijklmnop          a job id
 *   architect/foo, foo        a name of the queue; also `foo.md`, `foo.processed`, `foo_result.md`, or a path that ends in one
 *   abcd                      the start of a job id, at least 4 characters
 *   FEAT-1/architect@2        what a record is filed under; `FEAT-1/ui/filter-panel@1`; without @ the newest revision
 *
 * Two that fit are never guessed between: the candidates are listed.
 */

import type { Filed, History } from '#core/history.ts';
import type { JobView } from '#core/job.ts';
import {
  isJobId,
  parseFeature,
  parsePromptName,
  printable,
  type FeatureId,
  type JobId,
  type PromptName,
  type RoleFolder,
  type RoleName,
} from '#core/names.ts';
import type { JournalJob } from '#core/ports.ts';
import type { Identity } from '#core/prompt.ts';
import { parseRecord, type RecordFacts } from '#history/message.ts';
import { nearest } from '#prompt-spec/nearest.ts';
import { CliError, EXIT } from './io.ts';
import { featureWord, fileNameOf, isBadEnd, isWaitingFile, stateOf, stateWord } from './job-words.ts';
import { faultWords, listAll, type Sources } from './job-words-sources.ts';

/** How a prompt stands in the history. */
export type HistoryRecord = {
  readonly identity: Identity;
  readonly filed: Filed;
  /** Its folder in the repository. */
  readonly folder: string;
  readonly evidence: string | null;
};

/** A job, wherever something of it is left. At least one of view, row and record is there. */
export type Subject = {
  readonly id: JobId | null;
  readonly role: RoleName;
  /** Null when the role is not installed any more. */
  readonly folder: RoleFolder | null;
  readonly stem: string;
  /** In the folders; null: nothing of it is there, or what is there belongs to a later job of the same name. */
  readonly view: JobView | null;
  /** In the journal. */
  readonly row: JournalJob | null;
  /** In the history; only looked up when the name was a record's. `recordOf` looks it up. */
  readonly record: HistoryRecord | null;
};

type Shelf = { readonly sources: Sources; readonly views: readonly JobView[]; readonly rows: readonly JournalJob[] };

const PREFIX = /^[a-z2-7]{4,16}$/;
const IDENTITY = /^([^/@]+)\/([^/@]+)(?:\/([^/@]+))?(?:@([1-9][0-9]{0,8}))?$/;
const SHOWN_CANDIDATES = 10;

/** `architect/foo`: what other verbs take. */
export const nameOf = (subject: Pick<Subject, 'role' | 'stem'>): string => `${subject.role}/${subject.stem}`;

/** Throws CliError 2 when nothing, or more than one thing, is called so. */
export async function findSubject(sources: Sources, text: string): Promise<Subject> {
  if (text === '' || text.length > 400) throw nothing(text, []);
  const { views, faults } = await listAll(sources.spool);
  const shelf: Shelf = { sources, views, rows: sources.rows() };
  const found =
    (isJobId(text) ? await byId(shelf, [text]) : null) ??
    one(text, byName(shelf, text)) ??
    (PREFIX.test(text) ? await byPrefix(shelf, text) : null) ??
    (await byIdentity(shelf, text));
  if (found !== null) return found;
  if (faults.length > 0)
    throw new CliError(
      `nothing that can be read is called ${JSON.stringify(printable(text))}, and not all can be read:\n${faults.map(faultWords).join('\n')}`,
      EXIT.environment,
    );
  throw nothing(text, [...new Set(shelf.views.flatMap((view) => [view.stem, `${view.role}/${view.stem}`]))]);
}

function nothing(text: string, known: readonly string[]): CliError {
  const meant = nearest(text, known);
  const hint = meant === null ? '' : ` (did you mean ${printable(meant)}?)`;
  return new CliError(
    `nothing here is called ${JSON.stringify(printable(text))}${hint}: give a job id, role/name, name, or FEATURE/role@revision; \`docket ls --all\` lists the queue, \`docket log\` the history`,
    EXIT.wrongUse,
  );
}

function one(text: string, candidates: readonly Subject[]): Subject | null {
  const [first, second] = candidates;
  if (first === undefined || second === undefined) return first ?? null;
  const lines = candidates.slice(0, SHOWN_CANDIDATES).map((candidate) => `  ${candidateWords(candidate)}`);
  const more = candidates.length > SHOWN_CANDIDATES ? `\n  … and ${String(candidates.length - SHOWN_CANDIDATES)} more` : '';
  throw new CliError(
    `${JSON.stringify(printable(text))} may mean ${String(candidates.length)} things; say which:\n${lines.join('\n')}${more}`,
    EXIT.wrongUse,
  );
}

function candidateWords(subject: Subject): string {
  const { view, row } = subject;
  const file = view === null ? null : fileNameOf(view);
  const name = file !== null ? `${subject.role}/${file}` : subject.id === null ? nameOf(subject) : `${subject.id}  ${nameOf(subject)}`;
  const feature = featureWord(
    row?.feature ?? view?.feature ?? null,
    row?.name ?? view?.name ?? null,
    row?.revision ?? view?.revision ?? null,
  );
  const state = view === null ? (row?.outcome ?? row?.state ?? 'recorded') : stateWord(stateOf(view, row));
  return printable(`${name}  ${state}  ${feature}`);
}

function ofView(shelf: Shelf, view: JobView): Subject {
  const mine = (row: JournalJob): boolean => row.role === view.role && row.stem === view.stem;
  const sameId = view.id === null ? undefined : shelf.rows.find((row) => row.id === view.id);
  const isClaimed = view.id !== null && fileNameOf(view) === null;
  const row = isWaitingFile(view) || view.held !== undefined ? null : ((isClaimed ? sameId : (shelf.rows.find(mine) ?? sameId)) ?? null);
  return { id: row?.id ?? view.id, role: view.role, folder: folderOf(shelf, view.role), stem: view.stem, view, row, record: null };
}

function ofRow(shelf: Shelf, row: JournalJob): Subject {
  const newest = shelf.rows.find((other) => other.role === row.role && other.stem === row.stem);
  const view =
    shelf.views.find((candidate) => candidate.id === row.id && fileNameOf(candidate) === null) ??
    (newest?.id === row.id
      ? shelf.views.find(
          (candidate) =>
            candidate.role === row.role && candidate.stem === row.stem && fileNameOf(candidate) !== null && !isWaitingFile(candidate),
        )
      : undefined);
  const role = row.role as RoleName;
  return { id: row.id, role, folder: folderOf(shelf, role), stem: row.stem, view: view ?? null, row, record: null };
}

/** A prompt that was taken up again (`docket retry`) goes on as another job, and its record keeps the first one's id: the newest is meant. */
function goesOnAs({ rows }: Shelf, first: JournalJob): JournalJob {
  const isSame = (row: JournalJob): boolean =>
    row.outcome !== 'duplicate' &&
    row.role === first.role &&
    row.sha256 !== null &&
    row.sha256 === first.sha256 &&
    row.feature?.toLowerCase() === first.feature?.toLowerCase() &&
    row.name === first.name &&
    row.revision === first.revision;
  return first.outcome === null || !isBadEnd(first.outcome) ? first : (rows.find(isSame) ?? first);
}

const folderOf = (shelf: Shelf, role: RoleName): RoleFolder | null => shelf.sources.roles.get(role)?.folder ?? null;

function ofRecord(shelf: Shelf, record: HistoryRecord): Subject {
  const { identity, filed } = record;
  const row = shelf.rows.find((candidate) => candidate.id === filed.job);
  const view = shelf.views.find((candidate) => candidate.id === filed.job);
  const known = row !== undefined ? ofRow(shelf, goesOnAs(shelf, row)) : view !== undefined ? ofView(shelf, view) : null;
  if (known !== null) return { ...known, record };
  const stem = featureWord(identity.feature, identity.name, identity.revision);
  return { id: filed.job, role: identity.role, folder: folderOf(shelf, identity.role), stem, view: null, row: null, record };
}

/** `queues/01-architect/in/foo.md` and `01-architect/foo` are architect, foo. */
function splitName(shelf: Shelf, text: string): { readonly role: RoleName | null; readonly name: string } {
  const parts = text.split('/');
  const name = parts.at(-1) ?? '';
  const before = parts.slice(0, -1).filter((part) => part !== 'in' && part !== 'out');
  const role = [...shelf.sources.roles.values()].find((known) => known.name === before.at(-1) || known.folder === before.at(-1));
  return { role: role?.name ?? null, name: parts.length > 1 && role === undefined ? text : name };
}

const OUT_ENDINGS = ['_result.md', '_evidence.json', '_evidence.dsse.json', '_prompts.json', '_error.md', '_duplicate.json'];

const isCalled = (view: JobView, name: string): boolean =>
  view.stem === name ||
  fileNameOf(view) === name ||
  (!isWaitingFile(view) && OUT_ENDINGS.some((ending) => name === `${view.stem}${ending}`));

function byName(shelf: Shelf, text: string): Subject[] {
  const { role, name } = splitName(shelf, text);
  const views = shelf.views.filter((view) => (role === null || view.role === role) && isCalled(view, name));
  if (views.length > 0) return views.map((view) => ofView(shelf, view));
  // Taken away by whoever uses the answers: the journal still knows the newest job of that name.
  const rows = shelf.rows.filter((row) => (role === null || row.role === role) && row.stem === name);
  const newest = rows.filter((row, index) => rows.findIndex((other) => other.role === row.role) === index);
  return newest.map((row) => ofRow(shelf, row));
}

async function byId(shelf: Shelf, ids: readonly JobId[]): Promise<Subject | null> {
  for (const id of ids) {
    const row = shelf.rows.find((candidate) => candidate.id === id);
    if (row !== undefined) return ofRow(shelf, goesOnAs(shelf, row));
    const view = shelf.views.find((candidate) => candidate.id === id);
    if (view !== undefined) return ofView(shelf, view);
    const record = await recordOfJob(shelf.sources, id);
    if (record !== null) return ofRecord(shelf, record);
  }
  return null;
}

async function byPrefix(shelf: Shelf, prefix: string): Promise<Subject | null> {
  const ids = new Set<JobId>();
  for (const { id } of [...shelf.rows, ...shelf.views]) if (id !== null && id.startsWith(prefix)) ids.add(id);
  if (ids.size === 0) {
    const history = await shelf.sources.history();
    if (history === null) return null;
    for await (const entry of history.log({})) {
      const job = entry.trailers['Docket-Job'] ?? '';
      if (isJobId(job) && job.startsWith(prefix)) ids.add(job);
    }
  }
  const subjects: Subject[] = [];
  for (const id of ids) {
    const subject = await byId(shelf, [id]);
    if (subject !== null) subjects.push(subject);
  }
  return one(prefix, subjects);
}

async function recordOfJob(sources: Sources, job: JobId): Promise<HistoryRecord | null> {
  const history = await sources.history();
  if (history === null) return null;
  for await (const record of history.records({ job })) return record;
  return null;
}

export type WantedRecord = {
  readonly feature: FeatureId;
  readonly role: RoleName;
  readonly name: PromptName | null;
  readonly revision: number | null;
};

/** The commits about one identity, or about all its revisions, newest first. */
export async function* commitsAbout(history: History, wanted: WantedRecord): AsyncGenerator<RecordFacts> {
  for await (const { trailers } of history.log({ feature: wanted.feature, role: wanted.role })) {
    const facts = parseRecord(trailers);
    if (facts === null || facts.identity.name !== wanted.name) continue;
    if (wanted.revision === null || facts.identity.revision === wanted.revision) yield facts;
  }
}

/** A record by its identity; the newest revision when none is given. */
export async function recordAt(sources: Sources, wanted: WantedRecord): Promise<HistoryRecord | null> {
  const history = await sources.history();
  if (history === null) return null;
  let { revision } = wanted;
  if (revision === null)
    for await (const { identity } of commitsAbout(history, wanted)) revision = Math.max(revision ?? 0, identity.revision);
  const filed = revision === null ? null : await history.find({ ...wanted, revision });
  return filed === null ? null : recordOfJob(sources, filed.job);
}

async function byIdentity(shelf: Shelf, text: string): Promise<Subject | null> {
  const parts = IDENTITY.exec(text);
  const feature = parseFeature(parts?.[1] ?? '');
  const role = [...shelf.sources.roles.values()].find((known) => known.name === parts?.[2] || known.folder === parts?.[2]);
  if (parts === null || !feature.ok || role === undefined) return null;
  const name = parts[3] === undefined ? null : parsePromptName(parts[3]);
  if (name?.ok === false) return null;
  const wanted = {
    feature: feature.value.id,
    role: role.name,
    name: name?.value ?? null,
    revision: parts[4] === undefined ? null : Number(parts[4]),
  };
  const record = await recordAt(shelf.sources, wanted);
  if (record !== null) return ofRecord(shelf, record);
  const row = shelf.rows.find(
    (candidate) =>
      candidate.feature?.toLowerCase() === wanted.feature.toLowerCase() &&
      candidate.role === wanted.role &&
      candidate.name === wanted.name &&
      (wanted.revision === null || candidate.revision === wanted.revision),
  );
  return row === undefined ? null : ofRow(shelf, row);
}

/** The record of a job in the history; null when it was never accepted, also when its place there is another prompt's. */
export async function recordOf(sources: Sources, subject: Subject): Promise<HistoryRecord | null> {
  if (subject.record !== null) return subject.record;
  const { row, view } = subject;
  if (view !== null && isWaitingFile(view)) return null;
  const feature = parseFeature(row?.feature ?? view?.feature ?? '');
  if (!feature.ok) return subject.id === null ? null : recordOfJob(sources, subject.id);
  const name = parsePromptName(row?.name ?? view?.name ?? '');
  const revision = row?.revision ?? view?.revision ?? null;
  const record = await recordAt(sources, { feature: feature.value.id, role: subject.role, name: name.ok ? name.value : null, revision });
  const isOurs = row === null || row.sha256 === null || record?.filed.promptSha256 === row.sha256;
  return isOurs ? record : null;
}
