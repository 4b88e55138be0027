/**
 * Do the queue folders still say what was recorded? Every `out/<stem>_evidence.json` is compared with the input in `in/`, the result beside it
 * and the hashes in the history's commits; every ended file in `in/` must have evidence, or be known to the history.
 * Answers and inputs that somebody took away are fine: they are counted.
 *
 * Order of looking: in/, then out/, then the history. docket publishes the other way round, so what is seen first is vouched for by what is
 * seen later, also while a daemon works.
 */

import { Buffer } from 'node:buffer';
import path from 'node:path';
import type { Finding, History } from '#core/history.ts';
import { isJobId, isSha256, type RoleFolder, type RoleName } from '#core/names.ts';
import { suffixOf, type Outcome } from '#core/job.ts';
import type { Digest, Fs } from '#core/ports.ts';
import type { Spool } from '#core/spool.ts';
import { read as readEnvelope } from '#history/dsse.ts';
import type { Layout } from '#spool/layout.ts';
import { readEvidence } from './show-evidence.ts';

export type FolderCounts = {
  /** Ended files in in/ and archive/ whose hash was recomputed. */
  inputs: number;
  results: number;
  evidence: number;
  /** Results that somebody took away. */
  taken: number;
  duplicates: number;
  /** Rejected and held files: nothing about them is recorded. */
  unrecorded: number;
};
export const noCounts = (): FolderCounts => ({ inputs: 0, results: 0, evidence: 0, taken: 0, duplicates: 0, unrecorded: 0 });

export type FolderParts = {
  readonly fs: Fs;
  readonly digest: Digest;
  readonly spool: Spool;
  readonly layout: Layout;
  readonly hashFile: (file: string) => Promise<{ readonly sha256: string }>;
  readonly roles: readonly { readonly name: RoleName; readonly folder: RoleFolder }[];
  /** Null: nothing was ever recorded. `unreadable`: told already, so only what lies in the folders is compared with each other. */
  readonly history: History | null | 'unreadable';
  /** SHA-256 of a placeholder -> of what was purged (history.purged). */
  readonly purged: ReadonlyMap<string, string>;
  readonly counts: FolderCounts;
  readonly step: () => void;
};

type Input = { readonly stem: string; readonly outcome: Outcome; readonly path: string; readonly sha256: string };
type Shelf = {
  readonly folder: RoleFolder;
  /** By the name in in/, or the one it had there before it was archived. */
  readonly inputs: ReadonlyMap<string, Input>;
  /** Archived, and their name was used again since. */
  readonly older: readonly Input[];
  readonly outNames: ReadonlySet<string>;
};

/** What the commits of a history say was written. */
type Recorded = {
  /** Evidence by job, newest first. */
  readonly evidenceByJob: ReadonlyMap<string, readonly string[]>;
  /** Prompts of jobs that ended, by hash. */
  readonly prompts: ReadonlySet<string>;
  readonly isThere: boolean;
};

const EVIDENCE_ENDING = '_evidence.json';
const FILE_BYTES_MAX = 64_000_000;

const finding = (
  what: Finding['what'],
  file: string,
  message: string,
  expected: string | null = null,
  found: string | null = null,
): Finding => ({
  what,
  path: file,
  expected,
  found,
  message,
});
const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');
const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export async function* verifyFolders(parts: FolderParts): AsyncGenerator<Finding> {
  const shelves: Shelf[] = [];
  for (const role of parts.roles) {
    const inputs = new Map<string, Input>();
    const older: Input[] = [];
    for await (const input of parts.spool.ended(role.name)) {
      const name = path.basename(input.path);
      const before = inputs.get(name);
      if (before !== undefined) older.push(before);
      inputs.set(name, { ...input, sha256: parts.purged.get(input.sha256) ?? input.sha256 });
      parts.counts.inputs++;
      parts.step();
    }
    shelves.push({ folder: role.folder, inputs, older, outNames: await namesIn(parts.fs, parts.layout.out(role.folder)) });
  }
  const recorded = parts.history === 'unreadable' ? null : await readRecorded(parts.history);
  for (const shelf of shelves) {
    for (const name of [...shelf.outNames].toSorted())
      if (name.endsWith(EVIDENCE_ENDING)) yield* verifyEvidence(parts, shelf, recorded, name);
    for (const input of shelf.inputs.values()) yield* verifyInput(parts, shelf, recorded, input);
    // The evidence in out/ is that of the later one.
    for (const input of shelf.older) yield* verifyInput(parts, { ...shelf, outNames: new Set() }, recorded, input);
  }
}

async function namesIn(fs: Fs, folder: string): Promise<Set<string>> {
  try {
    return new Set((await fs.list(folder)).map((entry) => entry.name).filter((name) => name !== null));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return new Set();
    throw error;
  }
}

async function readRecorded(history: History | null): Promise<Recorded> {
  const evidenceByJob = new Map<string, string[]>();
  const prompts = new Set<string>();
  if (history !== null)
    for await (const { trailers } of history.log({})) {
      const [job, evidence, prompt] = [trailers['Docket-Job'], trailers['Evidence-SHA256'], trailers['Prompt-SHA256']];
      if (job === undefined || evidence === undefined) continue;
      evidenceByJob.set(job, [...(evidenceByJob.get(job) ?? []), evidence]);
      if (prompt !== undefined) prompts.add(prompt);
    }
  return { evidenceByJob, prompts, isThere: history !== null };
}

/** One evidence file against the history, the prompt and the result. */
async function* verifyEvidence(parts: FolderParts, shelf: Shelf, recorded: Recorded | null, name: string): AsyncGenerator<Finding> {
  const { fs, layout, counts } = parts;
  const file = path.join(layout.out(shelf.folder), name);
  const stem = name.slice(0, -EVIDENCE_ENDING.length);
  let bytes: Uint8Array;
  try {
    ({ bytes } = await fs.readBounded(file, FILE_BYTES_MAX));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    yield finding('unreadable', file, wordsOf(error));
    return;
  }
  parts.step();
  counts.evidence++;
  const sha256 = parts.digest.sha256(bytes);
  if (parts.purged.has(sha256)) return;
  const evidence = readEvidence(new TextDecoder().decode(bytes));
  const job = evidence?.job ?? '';
  if (evidence === null || !isJobId(job)) {
    yield finding('unreadable', file, 'this is not the evidence that docket wrote');
    return;
  }
  yield* verifyEnvelope(parts, file, bytes);
  const known = recorded?.evidenceByJob.get(job);
  if (recorded !== null && known === undefined) {
    const where = recorded.isThere ? 'the history has no record of this job' : 'there is no history';
    yield finding('missing', file, `${where} that this evidence speaks of (job ${job})`, sha256);
  } else if (known?.includes(sha256) === false) {
    yield finding('hash-differs', file, `the evidence is not what the history recorded for job ${job}`, known[0] ?? null, sha256);
  }
  const subject = (start: string): string | null => evidence.subjects.find((one) => one.name.startsWith(start))?.sha256 ?? null;
  yield* verifyPrompt(shelf, stem, evidence.status, subject('prompt_'), name);
  yield* verifyResult(parts, shelf, stem, subject('result_'), name);
}

/** Beside evidence that is signed lies its envelope; that the one in the history has a good signature is looked at there. */
async function* verifyEnvelope({ fs }: FolderParts, evidence: string, bytes: Uint8Array): AsyncGenerator<Finding> {
  const file = evidence.replace(/\.json$/, '.dsse.json');
  try {
    const envelope = readEnvelope(Buffer.from((await fs.readBounded(file, FILE_BYTES_MAX)).bytes).toString('utf8'));
    if (envelope === null) yield finding('signature-invalid', file, 'this is no envelope that docket wrote');
    else if (!envelope.payload.equals(bytes))
      yield finding('signature-invalid', file, `it holds other evidence than ${path.basename(evidence)}`);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') yield finding('unreadable', file, wordsOf(error));
  }
}

/** The input that this evidence is about; one that is not there was tidied away. */
function* verifyPrompt(
  shelf: Shelf,
  stem: string,
  status: string | null,
  expected: string | null,
  evidenceName: string,
): Generator<Finding> {
  const input = inputOf(shelf, stem, status);
  if (input === undefined || expected === null) return;
  if (!isSha256(expected) || input.sha256 !== expected)
    yield finding(
      'hash-differs',
      input.path,
      `the prompt is not what was answered: out/${evidenceName} names another hash`,
      expected,
      input.sha256,
    );
}

const inputOf = (shelf: Shelf, stem: string, status: string | null): Input | undefined =>
  shelf.inputs.get(`${stem}.${suffixOf((status ?? 'answered') as Outcome)}`);

async function* verifyResult(
  parts: FolderParts,
  shelf: Shelf,
  stem: string,
  expected: string | null,
  evidenceName: string,
): AsyncGenerator<Finding> {
  if (expected === null) return;
  const file = path.join(parts.layout.out(shelf.folder), `${stem}_result.md`);
  try {
    const found = (await parts.hashFile(file)).sha256;
    const sha256 = parts.purged.get(found) ?? found;
    parts.counts.results++;
    if (sha256 !== expected)
      yield finding('hash-differs', file, `the result is not what was answered: out/${evidenceName} names another hash`, expected, sha256);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') parts.counts.taken++;
    else yield finding('unreadable', file, wordsOf(error), expected);
  }
  parts.step();
}

/** An ended file: its evidence was looked at already; without one the history, or the first job of a duplicate, must vouch for it. */
async function* verifyInput(parts: FolderParts, shelf: Shelf, recorded: Recorded | null, input: Input): AsyncGenerator<Finding> {
  const { counts } = parts;
  if (input.outcome === 'rejected' || input.outcome === 'held') {
    counts.unrecorded++;
    return;
  }
  if (shelf.outNames.has(`${input.stem}${EVIDENCE_ENDING}`)) return;
  if (input.outcome === 'duplicate') {
    counts.duplicates++;
    yield* verifyDuplicate(parts, shelf, recorded, input);
    return;
  }
  if (recorded === null) return;
  if (recorded.prompts.has(input.sha256)) {
    counts.taken++;
    return;
  }
  // Cancelled before it was accepted: nothing was recorded.
  if (input.outcome === 'cancelled') counts.unrecorded++;
  else
    yield finding(
      'missing',
      input.path,
      'it has no evidence in out/, and the history knows no ended prompt with its hash',
      null,
      input.sha256,
    );
}

async function* verifyDuplicate(parts: FolderParts, shelf: Shelf, recorded: Recorded | null, input: Input): AsyncGenerator<Finding> {
  const file = path.join(parts.layout.out(shelf.folder), `${input.stem}_duplicate.json`);
  let page: { readonly duplicate_of?: unknown; readonly prompt_sha256?: unknown };
  try {
    page = JSON.parse(new TextDecoder().decode((await parts.fs.readBounded(file, FILE_BYTES_MAX)).bytes)) as typeof page;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') yield finding('unreadable', file, wordsOf(error));
    return;
  }
  const first = typeof page.duplicate_of === 'string' ? page.duplicate_of : '';
  if (recorded?.evidenceByJob.has(first) === false)
    yield finding('missing', file, `it names job ${JSON.stringify(first)} as the first one, which the history has no answer of`);
  else if (page.prompt_sha256 !== input.sha256)
    yield finding(
      'hash-differs',
      input.path,
      `the prompt is not the one that was answered: out/${path.basename(file)} names another hash`,
      typeof page.prompt_sha256 === 'string' ? page.prompt_sha256 : null,
      input.sha256,
    );
}
