/**
 * Do the records say what lies in the tip? Every hash that a commit of docket states must be the hash of a file that is still there, every file
 * of a series must be spoken of, and a series must be complete: a result with its evidence, revisions without a gap.
 * Order: what was recorded twice first (newest first, as merges tell it), then the records, the oldest first: the first finding is the first that broke.
 */

import type { Finding } from '#core/history.ts';
import { identityKey } from '#core/prompt.ts';
import { ATTEMPTS, evidenceFile, parseSeriesFile, promptFile, resultFile, type SeriesFile } from './layout.ts';
import type { RecordFacts } from './message.ts';
import type { Oid } from './objects.ts';
import { finding, words } from './verify-finding.ts';
import { attemptOf, reachable, type Seen, type SeenCommit, type TipFile } from './verify-seen.ts';

type Files = ReadonlyMap<string, TipFile>;
type FiledRecord = RecordFacts & { readonly commit: Oid };

export function* verifyRecords(seen: Seen, tip: Oid, files: Files): Generator<Finding> {
  const series = new Map<string, string>();
  const attempts = new Map<string, Set<string>>();
  const own: [string, SeriesFile][] = [];
  for (const { path, sha256 } of files.values()) {
    const job = attemptOf(path);
    if (job !== null && sha256 !== null) attempts.set(job, (attempts.get(job) ?? new Set()).add(sha256));
    const file = parseSeriesFile(path);
    if (file === null) continue;
    own.push([path, file]);
    if (file.kind === 'prompt') series.set(identityKey(file.identity), file.folder);
  }
  let newestFirst: SeenCommit[];
  try {
    newestFirst = reachable(seen, tip);
  } catch (error) {
    yield finding('object-damaged', tip, `the log cannot be read to its end: ${words(error)}`);
    return;
  }
  const jobs = new Map<string, Set<string>>();
  const beside = new Set<string>();
  const records: { readonly record: FiledRecord; readonly isBeside: boolean }[] = [];
  for (const commit of newestFirst) {
    for (const job of commit.beside) beside.add(job);
    if (commit.record === null) continue;
    const record = { ...commit.record, commit: commit.oid };
    yield* findTwice(record, jobs, beside);
    records.push({ record, isBeside: beside.has(record.job) });
  }
  const spokenOf = new Set<string>();
  for (const { record, isBeside } of records.toReversed()) {
    const key = identityKey(record.identity);
    const folder = series.get(key);
    const more = { commit: record.commit, job: record.job };
    if (folder === undefined) {
      const message = `commit ${record.commit} recorded a prompt that is not in the tip any more`;
      yield finding('missing', key, message, record.promptSha256, null, more);
      continue;
    }
    spokenOf.add(key);
    yield* verifyRecord(record, folder, files, attempts.get(record.job) ?? new Set(), isBeside);
  }
  for (const [path, file] of own)
    if (!spokenOf.has(identityKey(file.identity))) yield finding('unexpected', path, 'no commit of docket speaks of this file');
  yield* verifySeries(
    own.filter(([, { identity }]) => spokenOf.has(identityKey(identity))),
    files,
  );
}

/** Two clones of one history may each have recorded an identity: both are kept, and a person should know. Told once for each further job. */
function* findTwice(record: FiledRecord, jobs: Map<string, Set<string>>, beside: ReadonlySet<string>): Generator<Finding> {
  const key = identityKey(record.identity);
  const known = jobs.get(key) ?? new Set();
  jobs.set(key, known);
  if (known.has(record.job)) return;
  known.add(record.job);
  const isBeside = beside.has(record.job);
  if (!isBeside && [...known].filter((job) => !beside.has(job)).length < 2) return;
  const where = isBeside ? `its files lie in ${ATTEMPTS}/${record.job}/` : 'its files are in the log, or in the place of the other one';
  const message = `${key} was recorded by two clones of this history, by job ${record.job}, too: ${where}`;
  yield finding('recorded-twice', key, message, null, null, { commit: record.commit, job: record.job });
}

function* verifyRecord(
  record: FiledRecord,
  folder: string,
  files: Files,
  attempts: ReadonlySet<string>,
  isBeside: boolean,
): Generator<Finding> {
  const { revision } = record.identity;
  const stated = [
    { name: promptFile(revision), label: 'Prompt-SHA256', hash: record.promptSha256, mayMove: isBeside },
    { name: resultFile(revision), label: 'Result-SHA256', hash: record.resultSha256, mayMove: true },
    { name: evidenceFile(revision), label: 'Evidence-SHA256', hash: record.evidenceSha256, mayMove: true },
  ];
  const more = { commit: record.commit, job: record.job };
  for (const { name, label, hash, mayMove } of stated) {
    if (hash === null || (mayMove && attempts.has(hash))) continue;
    const path = `${folder}/${name}`;
    const file = files.get(path);
    if (file === undefined) yield finding('missing', path, `${label} of commit ${record.commit} has no file any more`, hash, null, more);
    else if (file.sha256 !== null && file.sha256 !== hash)
      yield finding('hash-differs', path, `${path} is not what commit ${record.commit} recorded (${label})`, hash, file.sha256, more);
  }
  if (record.status !== 'submitted' && record.evidenceSha256 === null)
    yield finding('incomplete', `${folder}/${evidenceFile(revision)}`, `commit ${record.commit} names no evidence`, null, null, {
      ...more,
      detail: 'record-without-evidence',
    });
}

/** What the files of a series say of each other, whatever the commits say. */
function* verifySeries(own: readonly (readonly [string, SeriesFile])[], files: Files): Generator<Finding> {
  /** By series; two clones may have made two folders of one. */
  const revisions = new Map<string, { readonly folder: string; readonly found: Set<number> }>();
  for (const [path, { kind, folder, identity }] of own) {
    const { revision } = identity;
    if (kind === 'prompt') {
      const series = identityKey({ ...identity, revision: 0 });
      const known = revisions.get(series);
      if (known === undefined) revisions.set(series, { folder, found: new Set([revision]) });
      else known.found.add(revision);
    }
    if (kind === 'result' && !files.has(`${folder}/${evidenceFile(revision)}`))
      yield finding('incomplete', path, `${path} has no evidence beside it`, null, null, { detail: 'result-without-evidence' });
    if (kind === 'evidence' && !files.has(`${folder}/${resultFile(revision)}`))
      yield finding('incomplete', path, `${path} has no result beside it`, null, null, { detail: 'evidence-without-result' });
  }
  for (const { folder, found } of revisions.values()) {
    const sorted = [...found].toSorted((a, b) => a - b);
    for (const [index, revision] of sorted.entries()) {
      const last = sorted[index - 1] ?? 0;
      if (revision === last + 1) continue;
      const gap = revision === last + 2 ? `revision ${String(last + 1)}` : `revisions ${String(last + 1)} to ${String(revision - 1)}`;
      const message = `${gap} of ${folder} was never recorded: refused, held or never written (a removed record would break the chain)`;
      yield finding('incomplete', `${folder}/${promptFile(last + 1)}`, message, null, null, { detail: 'revision-gap', isNotice: true });
    }
  }
}
