/**
 * What a submission or an answer means for the tip: the files of one commit and its message, or that there is nothing to write.
 * Reads only. The rules of identity are ARCHITECTURE "Identity"; places are layout.ts.
 *
 *   no file            submit -> submitted
 *   submitted          record -> answered | briefed | failed | cancelled
 *   failed, cancelled  same bytes again: the first job goes on; record -> any end; its next evidence gets the next number
 *   briefed            the same; a later end with a result moves the brief to attempts/<job>/brief_*
 *   answered           for ever
 */

import { Buffer } from 'node:buffer';
import type { Answer, Filed, MaterialBytes, MaybeClosed, Submission, Taken } from '#core/history.ts';
import { isSha256, type FeatureId, type JobId } from '#core/names.ts';
import type { Digest } from '#core/ports.ts';
import type { Signer } from '#core/signing.ts';
import { describeIdentity, identityKey, type Identity } from '#core/prompt.ts';
import { err, ok, type Result } from '#core/result.ts';
import { IN_TOTO, wrap } from './dsse.ts';
import * as layout from './layout.ts';
import { commitMessage, type Before, type MessageFacts, type RecordFacts } from './message.ts';
import { oidOf, type Oid } from './objects.ts';
import type { ObjectStore } from './read-objects.ts';
import type { FiledRecord } from './record-index.ts';
import type { Snapshot } from './snapshot.ts';
import { readStatement } from './statement.ts';

export type Change =
  /** Bytes null: the object is there already. */
  | { readonly kind: 'put'; readonly path: string; readonly oid: Oid; readonly bytes: Buffer | null }
  | { readonly kind: 'remove'; readonly path: string; readonly oid: Oid };
export type Planned<T> = {
  readonly changes: readonly Change[];
  readonly feature: FeatureId;
  readonly message: (before: Before) => string;
  /** Null: it says something of a record, and changes no record. */
  readonly record: RecordFacts | null;
  readonly at: Date;
  /** What the caller is told, once it is on disk. */
  readonly done: (commit: Oid) => T;
};
/** `settled`: nothing to write. */
export type Plan<T> = { readonly settled: T } | { readonly write: Planned<T> };
type Outcome = Result<Filed, Taken>;

/** Another clone's chain: its tip becomes ours as it is, or one commit joins both. */
export type Merged =
  | { readonly forward: Oid; readonly root: Oid; readonly changes: readonly Change[] }
  | { readonly parent: Oid; readonly message: string; readonly changes: readonly Change[]; readonly beside: readonly JobId[] };

/** What the rules are judged on: the tip as it is while the kernel lock is held, and what this group adds to it. */
export type Tip = {
  readonly snapshot: Snapshot;
  readonly store: ObjectStore;
  readonly records: { find(identity: Identity): Promise<FiledRecord | null> };
  readonly digest: Digest;
  /** Null or left out: nothing is signed. */
  readonly signer?: Signer | null;
  /** By identityKey: records of this group, not yet committed. */
  readonly pending: ReadonlyMap<string, FiledRecord>;
  /** Blobs of this group, not yet on disk. */
  readonly blobs: ReadonlyMap<Oid, Buffer>;
};

/** A prompt that lies in the tip although no commit of docket speaks of it. */
const UNKNOWN_JOB = 'unknown' as JobId;

export const put = (path: string, bytes: Uint8Array | string): Change & { readonly kind: 'put' } => {
  const buffer = typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { kind: 'put', path, oid: oidOf('blob', buffer), bytes: buffer };
};

export const toFiled = (record: FiledRecord): Filed => ({
  job: record.job,
  status: record.status,
  promptSha256: record.promptSha256,
  resultSha256: record.resultSha256,
  evidenceSha256: record.evidenceSha256,
  commit: record.commit,
});

const taken = (filed: Filed): Result<Filed, Taken> => err({ kind: 'identity-taken', byJob: filed.job, filed });

const bytesOf = async (tip: Tip, oid: Oid): Promise<Buffer> => tip.blobs.get(oid) ?? tip.store.readType(oid, 'blob');

export function moment(text: string): Date {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) throw new TypeError(`not an ISO 8601 time: ${text}`);
  return at;
}

/** Folder of the identity's series as it is or would be. */
async function placeOf(tip: Tip, identity: Identity, featureName: string, roleFolder: string): Promise<{ feature: string; role: string }> {
  const feature = tip.snapshot.featureFolder(identity.feature) ?? featureName;
  return { feature, role: (await tip.snapshot.roleFolder(feature, identity.role)) ?? roleFolder };
}

async function promptOf(tip: Tip, identity: Identity): Promise<{ folder: string; blob: Oid } | null> {
  for (const feature of tip.snapshot.featureFolders(identity.feature)) {
    const role = await tip.snapshot.roleFolder(feature, identity.role);
    const folder = role === null ? null : layout.seriesFolder(feature, role, identity.name);
    const blob = folder === null ? null : await tip.snapshot.file(`${folder}/${layout.promptFile(identity.revision)}`);
    if (folder !== null && blob !== null) return { folder, blob };
  }
  return null;
}

/** How an identity stands in the tip; null when its prompt is not there. */
export async function findFiled(tip: Tip, identity: Identity): Promise<{ filed: Filed; folder: string } | null> {
  const place = await promptOf(tip, identity);
  if (place === null) return null;
  const { folder, blob } = place;
  const record = tip.pending.get(identityKey(identity)) ?? (await tip.records.find(identity));
  if (record !== null) return { filed: toFiled(record), folder };
  const promptSha256 = tip.digest.sha256(await bytesOf(tip, blob));
  return {
    filed: { job: UNKNOWN_JOB, status: 'submitted', promptSha256, resultSha256: null, evidenceSha256: null, commit: '' },
    folder,
  };
}

const recordWritten = (changes: readonly Change[], at: string, facts: MessageFacts): Plan<Outcome> => ({
  write: {
    changes,
    at: moment(at),
    feature: facts.identity.feature,
    message: (before) => commitMessage(facts, before),
    record: facts,
    done: (commit) => ok(toFiled({ ...facts, commit })),
  },
});

export async function planSubmission(tip: Tip, submission: Submission): Promise<Plan<Result<Filed, Taken | MaybeClosed>>> {
  const { identity, job } = submission;
  if (tip.digest.sha256(submission.prompt) !== submission.promptSha256)
    throw new Error(`the hash handed in with ${describeIdentity(identity)} is not the hash of its bytes`);
  const found = await findFiled(tip, identity);
  if (found !== null) {
    const { filed } = found;
    const isSame = filed.promptSha256 === submission.promptSha256;
    const goesOn = filed.job === job || filed.status !== 'submitted';
    return { settled: isSame && goesOn ? ok(filed) : taken(filed) };
  }
  const place = await placeOf(tip, identity, submission.featureName, submission.roleFolder);
  const hasClosing = (await tip.snapshot.file(`${place.feature}/${layout.closingFile('closing')}`)) !== null;
  if (hasClosing && submission.isReopened !== true) return { settled: err({ kind: 'feature-closed' }) };
  const folder = layout.seriesFolder(place.feature, place.role, identity.name);
  const changes = [put(`${folder}/${layout.promptFile(identity.revision)}`, submission.prompt)];
  const featureFile = `${place.feature}/${layout.FEATURE_FILE}`;
  if ((await tip.snapshot.file(featureFile)) === null) changes.push(put(featureFile, featureText(submission)));
  return recordWritten(changes, submission.at, {
    job,
    identity,
    status: 'submitted',
    promptSha256: submission.promptSha256,
    resultSha256: null,
    evidenceSha256: null,
    specVersion: submission.specVersion,
    codeCommit: submission.codeCommit,
    runner: submission.runner,
    model: submission.model,
  });
}

const featureText = (submission: Submission): string => {
  const { identity, featureName, title, stream, branch = null, at } = submission;
  const branches = branch === null ? [] : [branch];
  return `${JSON.stringify({ v: 1, id: identity.feature, name: featureName, title, stream, branches, created: at }, null, 2)}\n`;
};

/** Spec, role and settings are handed in as the same objects with each answer: their bytes are hashed once. */
const VERIFIED = new WeakSet<MaterialBytes>();

export async function planAnswer(tip: Tip, answer: Answer): Promise<Plan<Outcome>> {
  const { identity, job } = answer;
  const found = await findFiled(tip, identity);
  if (found === null)
    throw new Error(`${describeIdentity(identity)} has no submission in the history, so no answer can be recorded for it`);
  const { filed, folder } = found;
  if (filed.job !== job) return { settled: taken(filed) };
  if (filed.promptSha256 !== answer.promptSha256)
    throw new Error(`the answer of job ${job} names another prompt than the one recorded as ${describeIdentity(identity)}`);
  const hasResult = answer.status === 'answered' || answer.status === 'briefed';
  if (hasResult !== (answer.result !== null))
    throw new Error(`an answer with status ${answer.status} must come ${hasResult ? 'with' : 'without'} a result`);
  const attempts = `${folder.split('/').slice(0, 2).join('/')}/${layout.ATTEMPTS}/${job}`;
  const files = new Files(tip);
  if (filed.status === 'answered') return { settled: ok(filed) };
  if (filed.status === answer.status && (await isSameEnd(tip, answer, folder, attempts))) return { settled: ok(filed) };

  for (const material of answer.materials) {
    const bytes = typeof material.bytes === 'string' ? Buffer.from(material.bytes) : material.bytes;
    if (!VERIFIED.has(material) && (!isSha256(material.sha256) || tip.digest.sha256(bytes) !== material.sha256))
      throw new Error(`the hash handed in with the material ${material.name} is not the hash of its bytes`);
    const path = layout.materialPath(material.sha256);
    if ((await tip.snapshot.file(path)) === null) files.add(path, bytes);
    VERIFIED.add(material);
  }
  for (const { name, bytes } of answer.attempts) {
    if (!layout.isAttemptFile(name)) throw new Error(`not a name for a file of an attempt: ${JSON.stringify(name)}`);
    await files.addNumbered(attempts, name, bytes);
  }
  const envelope = envelopeOf(tip, answer);
  if (answer.result === null) {
    const n = await files.addNumbered(attempts, 'evidence.json', answer.evidence);
    if (envelope !== null) files.add(`${attempts}/${layout.numbered('evidence.dsse.json', n)}`, envelope);
  } else {
    const result = `${folder}/${layout.resultFile(identity.revision)}`;
    const evidence = `${folder}/${layout.evidenceFile(identity.revision)}`;
    await files.moveNumbered(result, attempts, 'brief_result.md');
    const n = await files.moveNumbered(evidence, attempts, 'brief_evidence.json');
    await files.move(layout.envelopeOf(evidence), `${attempts}/${layout.numbered('brief_evidence.dsse.json', n)}`);
    files.add(result, answer.result);
    files.add(evidence, answer.evidence);
    if (envelope !== null) files.add(layout.envelopeOf(evidence), envelope);
  }
  return recordWritten(files.changes(), answer.at, {
    job,
    identity,
    status: answer.status,
    promptSha256: answer.promptSha256,
    resultSha256: answer.result === null ? null : tip.digest.sha256(answer.result),
    evidenceSha256: tip.digest.sha256(answer.evidence),
    specVersion: answer.specVersion,
    codeCommit: answer.codeCommit,
    runner: answer.runner,
    model: answer.model,
  });
}

/** As it was decided; what was decided before signing was turned on is signed when it is recorded. Null: signing is off. */
function envelopeOf({ signer = null }: Tip, answer: Answer): string | null {
  const made = answer.envelope ?? null;
  return made !== null || signer === null ? made : wrap(signer, IN_TOTO, answer.evidence);
}

/**
 * Is this the end that is already recorded, told again after a crash (its evidence may be written anew, with other times), and not a later one?
 * It is, unless it tells of a run that the recorded evidence does not know.
 */
async function isSameEnd(tip: Tip, answer: Answer, folder: string, attempts: string): Promise<boolean> {
  const text = await newestEvidence(tip, answer.identity.revision, answer.status, folder, attempts);
  if (text === null) return false;
  if (text === answer.evidence) return true;
  const recorded = readStatement(text);
  const told = readStatement(answer.evidence);
  if (recorded === null || told === null) return false;
  const known = new Set(recorded.runIds);
  return told.runIds.every((id) => known.has(id));
}

async function newestEvidence(
  tip: Tip,
  revision: number,
  status: Filed['status'],
  folder: string,
  attempts: string,
): Promise<string | null> {
  let path = `${folder}/${layout.evidenceFile(revision)}`;
  if (status === 'failed' || status === 'cancelled') {
    path = '';
    for (let n = 1; ; n++) {
      const next = `${attempts}/${layout.numbered('evidence.json', n)}`;
      if ((await tip.snapshot.file(next)) === null) break;
      path = next;
    }
  }
  const blob = path === '' ? null : await tip.snapshot.file(path);
  return blob === null ? null : (await bytesOf(tip, blob)).toString('utf8');
}

/** Text of the newest evidence about a record, for `show`. */
export async function evidenceOf(tip: Tip, identity: Identity, filed: Filed, folder: string): Promise<string | null> {
  if (filed.status === 'submitted') return null;
  const attempts = `${folder.split('/').slice(0, 2).join('/')}/${layout.ATTEMPTS}/${filed.job}`;
  return newestEvidence(tip, identity.revision, filed.status, folder, attempts);
}

/** Collects the files of one commit: a path once, the last word counts; a name that is taken by other bytes gets a number. */
class Files {
  readonly #tip: Tip;
  readonly #byPath = new Map<string, Change>();

  constructor(tip: Tip) {
    this.#tip = tip;
  }

  add(path: string, bytes: Uint8Array | string): void {
    this.#byPath.set(path, put(path, bytes));
  }

  /** @returns the number */
  async addNumbered(folder: string, name: string, bytes: Uint8Array | string): Promise<number> {
    const made = put(name, bytes);
    const { oid } = made;
    for (let n = 1; ; n++) {
      const path = `${folder}/${layout.numbered(name, n)}`;
      const there = this.#byPath.get(path)?.oid ?? (await this.#tip.snapshot.file(path));
      if (there === oid) return n;
      if (there !== null) continue;
      this.#byPath.set(path, { ...made, path });
      return n;
    }
  }

  /** Nothing happens when there is no such file. @returns the number that it got */
  async moveNumbered(from: string, folder: string, name: string): Promise<number> {
    const oid = await this.#tip.snapshot.file(from);
    if (oid === null) return 1;
    const n = await this.addNumbered(folder, name, await bytesOf(this.#tip, oid));
    this.#byPath.set(from, { kind: 'remove', path: from, oid });
    return n;
  }

  async move(from: string, to: string): Promise<void> {
    const oid = await this.#tip.snapshot.file(from);
    if (oid === null) return;
    this.add(to, await bytesOf(this.#tip, oid));
    this.#byPath.set(from, { kind: 'remove', path: from, oid });
  }

  changes(): readonly Change[] {
    return [...this.#byPath.values()];
  }
}
