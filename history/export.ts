/**
 * The recorded ends, newest first, each with its evidence: what `docket export` turns into lines. One record after the other; what is kept in
 * memory are the jobs in flight at that place of the log, so a long history needs no more than a short one.
 *
 * A job that ended twice (failed, then answered) is two ends. A prompt that has no end yet comes as `submitted`.
 * Invariant: evidence that comes has the hash that its commit states; else it comes as a gap.
 */

import type { RecordStatus } from '#core/history.ts';
import type { JobId } from '#core/names.ts';
import type { Identity } from '#core/prompt.ts';
import type { HistoryReader } from './export-reader.ts';
import { openTrees, type Trees } from './export-trees.ts';
import { ATTEMPTS, evidenceFile, roleOf, seriesFolder } from './layout.ts';
import type { LogFilter } from './log.ts';
import { parseRecord } from './message.ts';
import { decodeCommit } from './objects.ts';
import { makeTombstones } from './reconstruct-tombstones.ts';
import type { Review } from './review-format.ts';
import { makeReviews } from './reviews.ts';

export type ExportFilter = Pick<LogFilter, 'feature' | 'role'> & {
  /** Milliseconds since 1970, both included. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly statuses?: readonly RecordStatus[];
};

export type ExportedRecord = {
  readonly commit: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly job: JobId;
  readonly identity: Identity;
  readonly status: RecordStatus;
  readonly trailers: Readonly<Record<string, string>>;
  readonly promptSha256: string;
  readonly resultSha256: string | null;
  readonly evidenceSha256: string | null;
  /** The file as it is recorded; null: none was, or see `gap`. */
  readonly evidence: {
    readonly path: string;
    readonly text: string;
    /** DSSE, when it was signed. */ readonly envelope: string | null;
  } | null;
  readonly gap: 'missing' | 'purged' | null;
};

const EVIDENCE = /^(?:[a-z]+_)*evidence(?:_v?[0-9]+)*\.json$/;

type Evidence = ExportedRecord['evidence'];
type Wanted = { readonly identity: Identity; readonly job: JobId; readonly sha256: string };

/** Where the evidence of an end may lie: in its place, else beside, in the folder of the job's attempts. */
async function* candidates(reader: HistoryReader, trees: Trees, { identity, job }: Wanted): AsyncGenerator<string> {
  for (const feature of reader.snapshot.featureFolders(identity.feature))
    for (const { name, kind } of await trees.list(feature)) {
      if (kind !== 'folder' || roleOf(name) !== identity.role) continue;
      yield `${seriesFolder(feature, name, identity.name)}/${evidenceFile(identity.revision)}`;
      const attempts = `${feature}/${name}/${ATTEMPTS}/${job}`;
      for (const file of await trees.list(attempts)) if (file.kind === 'file' && EVIDENCE.test(file.name)) yield `${attempts}/${file.name}`;
    }
}

async function findEvidence(reader: HistoryReader, trees: Trees, wanted: Wanted): Promise<Evidence> {
  const { store, digest } = reader;
  for await (const path of candidates(reader, trees, wanted)) {
    const oid = await trees.file(path);
    if (oid === null) continue;
    const bytes = await store.readType(oid, 'blob');
    if (digest.sha256(bytes) !== wanted.sha256) continue;
    const envelope = await trees.file(path.replace(/\.json$/, '.dsse.json'));
    return {
      path,
      text: bytes.toString('utf8'),
      envelope: envelope === null ? null : (await store.readType(envelope, 'blob')).toString('utf8'),
    };
  }
  return null;
}

export async function* exportRecords(reader: HistoryReader, filter: ExportFilter): AsyncGenerator<ExportedRecord> {
  const trees = openTrees(reader.store, decodeCommit(await reader.store.readType(reader.tip, 'commit')).tree);
  const purgedBy = makeTombstones(reader);
  /** Jobs whose end was seen; older in the log comes their submission. */
  const ended = new Set<JobId>();
  const { feature, role, sinceMs = Number.NEGATIVE_INFINITY, untilMs = Number.POSITIVE_INFINITY, statuses } = filter;
  for await (const { commit, at, trailers } of reader.log({
    ...(feature === undefined ? {} : { feature }),
    ...(role === undefined ? {} : { role }),
  })) {
    const facts = parseRecord(trailers);
    if (facts === null) continue;
    const { identity, job, status, promptSha256, resultSha256, evidenceSha256 } = facts;
    if (status !== 'submitted') ended.add(job);
    else if (ended.delete(job)) continue;
    const atMs = Date.parse(at);
    if (atMs < sinceMs || atMs > untilMs || statuses?.includes(status) === false) continue;
    const evidence = evidenceSha256 === null ? null : await findEvidence(reader, trees, { identity, job, sha256: evidenceSha256 });
    const isGap = evidenceSha256 !== null && evidence === null;
    const gap = isGap ? ((await purgedBy(evidenceSha256)) === null ? 'missing' : 'purged') : null;
    yield { commit, at, job, identity, status, trailers, promptSha256, resultSha256, evidenceSha256, evidence, gap };
  }
}

export type ExportedReview = { readonly path: string; readonly commit: string; readonly review: Review };

/** What people said, in the order in which it was recorded. What is not as it was recorded is left out, and told. */
export async function exportReviews(
  reader: HistoryReader,
  filter: Pick<ExportFilter, 'feature' | 'role' | 'sinceMs' | 'untilMs'>,
  tell: (words: string) => void,
): Promise<readonly ExportedReview[]> {
  const { store, digest, tip, snapshot } = reader;
  const { feature, role, sinceMs = Number.NEGATIVE_INFINITY, untilMs = Number.POSITIVE_INFINITY } = filter;
  const reviews = makeReviews({ store, digest, log: { warn: tell } }, null, null);
  const all = await reviews.all(
    { commit: tip, snapshot },
    { ...(feature === undefined ? {} : { feature }), ...(role === undefined ? {} : { role }) },
  );
  return all.filter(({ review }) => Date.parse(review.at) >= sinceMs && Date.parse(review.at) <= untilMs);
}
