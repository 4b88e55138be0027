/** From an identity or a job to everything that the commits say of it: which job it is, its commits oldest first, and the hashes they state. */

import type { RecordStatus } from '#core/history.ts';
import type { FeatureId, JobId, PromptName, RoleName, Sha256 } from '#core/names.ts';
import { identityKey, type Identity } from '#core/prompt.ts';
import type { HistoryReader } from './export-reader.ts';
import { parseRecord } from './message.ts';

export type WantedRecord =
  | { readonly job: JobId }
  | { readonly feature: FeatureId; readonly role: RoleName; readonly name: PromptName | null; readonly revision: number | null };

/** One commit about the record. */
export type RecordStep = {
  readonly commit: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly status: RecordStatus;
  readonly trailers: Readonly<Record<string, string>>;
  readonly promptSha256: Sha256;
  readonly resultSha256: Sha256 | null;
  readonly evidenceSha256: Sha256 | null;
};

export type FoundRecord = {
  readonly identity: Identity;
  readonly job: JobId;
  /** Oldest first; at least one. */
  readonly steps: readonly RecordStep[];
  /** Other jobs that were recorded under the same identity: two clones of the history both had it. */
  readonly otherJobs: readonly JobId[];
};

/** Does the place of the identity hold the prompt and the evidence of this job? Two clones may both have recorded it. */
async function holdsPlace(reader: HistoryReader, identity: Identity, steps: readonly RecordStep[]): Promise<boolean> {
  const evidence = steps.findLast(({ status }) => status === 'answered' || status === 'briefed')?.evidenceSha256 ?? null;
  if (evidence === null) return false;
  for (const feature of reader.snapshot.featureFolders(identity.feature)) {
    const role = await reader.snapshot.roleFolder(feature, identity.role);
    const series = identity.name === null ? '' : `/${identity.name}`;
    const file = role === null ? null : await reader.file(`${feature}/${role}${series}/evidence_v${String(identity.revision)}.json`);
    if (file !== null && reader.digest.sha256(file.bytes) === evidence) return true;
  }
  return false;
}

/** Null: no commit speaks of it. Without a revision the newest one is meant. */
export async function findRecord(reader: HistoryReader, wanted: WantedRecord): Promise<FoundRecord | null> {
  const byKey = new Map<string, { identity: Identity; jobs: Map<JobId, RecordStep[]> }>();
  for await (const { commit, at, trailers } of reader.log(
    'job' in wanted ? { job: wanted.job } : { feature: wanted.feature, role: wanted.role },
  )) {
    const facts = parseRecord(trailers);
    if (facts === null) continue;
    const { identity, job, ...stated } = facts;
    if (!('job' in wanted) && (identity.name !== wanted.name || (wanted.revision !== null && wanted.revision !== identity.revision)))
      continue;
    const key = identityKey(identity);
    const known = byKey.get(key) ?? { identity, jobs: new Map<JobId, RecordStep[]>() };
    byKey.set(key, known);
    known.jobs.set(job, [{ commit, at, trailers, ...stated }, ...(known.jobs.get(job) ?? [])]);
  }
  const newest = [...byKey.values()].toSorted((a, b) => b.identity.revision - a.identity.revision)[0];
  if (newest === undefined) return null;
  const { identity, jobs } = newest;
  let chosen = [...jobs.keys()][0];
  if (jobs.size > 1) for (const [job, steps] of jobs) if (await holdsPlace(reader, identity, steps)) chosen = job;
  if (chosen === undefined) return null;
  return { identity, job: chosen, steps: jobs.get(chosen) ?? [], otherJobs: [...jobs.keys()].filter((job) => job !== chosen) };
}
