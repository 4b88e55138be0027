/**
 * Proves the history by computing everything again: objects against their ids, recorded files against the hashes in the trailers of
 * the commits and in the evidence, materials against their names, the work tree against the tip.
 * A submitted prompt without an end is no finding: it may be running. Each thing that differs is one finding; damage never stops it.
 */

import { Buffer } from 'node:buffer';
import type { Finding } from '#core/history.ts';
import { isSha256 } from '#core/names.ts';
import { identityKey } from '#core/prompt.ts';
import { entriesBelow } from './files-in-tip.ts';
import { ATTEMPTS, materialPath, MATERIALS, parseSeriesFile } from './layout.ts';
import { decodeCommit, oidOf, type Oid } from './objects.ts';
import { acceptPurged, isPlaceholder } from './purge-verify.ts';
import { besideOf, recordOf, walkCommits, type FiledRecord } from './record-index.ts';
import { isOnMain, readTip } from './ref.ts';
import type { Repository } from './repository.ts';
import { openSnapshot } from './snapshot.ts';
import { readStatement } from './statement.ts';

const FILE_BYTES_MAX = 1024 * 1024 * 1024;

const finding = (
  what: Finding['what'],
  path: string,
  message: string,
  expected: string | null = null,
  found: string | null = null,
): Finding => ({
  what,
  path,
  expected,
  found,
  message,
});
const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));

type TipFile = { readonly path: string; readonly oid: Oid; readonly sha256: string | null };
type Count = { done: number; total: number; readonly step: () => void };

export async function* verifyHistory(repository: Repository, progress: (done: number, total: number) => void): AsyncGenerator<Finding> {
  const { fs, gitDir } = repository;
  const count: Count = {
    done: 0,
    total: 0,
    step: () => {
      count.done++;
      progress(count.done, count.total);
    },
  };
  const files = new Map<string, TipFile>();
  const hashes = new Map<Oid, string>();
  const tip = yield* listTip(repository, files);
  for (const { oid } of files.values()) hashes.set(oid, '');
  count.total += files.size;
  const marked = new Set<Oid>();
  yield* verifyObjects(repository, count, hashes, marked);
  if (tip === null) return;
  yield* takeHashes(files, hashes);
  const purged = yield* acceptPurged(repository, tip, files, marked);
  yield* askSecondReader(repository, tip, files, count);
  yield* verifyCommits(repository, tip, files);
  yield* verifyEvidence(repository, files, purged);
  yield* verifyMaterials(files);
  if (await isOnMain(fs, gitDir)) yield* verifyWorkTree(repository, files, count);
}

/** Fills in the recorded files of the tip. @returns the tip; null when it cannot be read, which is a finding */
async function* listTip({ fs, gitDir, store, dir }: Repository, files: Map<string, TipFile>): AsyncGenerator<Finding, Oid | null> {
  let tip: Oid | null = null;
  try {
    tip = await readTip(fs, gitDir);
    if (tip === null) yield finding('missing', dir, 'the branch main is gone');
    else {
      const snapshot = await openSnapshot(store, decodeCommit(await store.readType(tip, 'commit')).tree);
      for await (const { path, oid, mode } of entriesBelow(snapshot, ''))
        if (mode.startsWith('100')) files.set(path, { path, oid, sha256: null });
    }
    return tip;
  } catch (error) {
    yield finding('object-damaged', tip ?? `${gitDir}/refs/heads/main`, `the files of the tip cannot be listed: ${words(error)}`);
    return null;
  }
}

/** @param hashes filled with the SHA-256 of those blobs whose ids it has. @param marked filled with those of them that look purged */
async function* verifyObjects(
  { store, gitDir, digest }: Repository,
  count: Count,
  hashes: Map<Oid, string>,
  marked: Set<Oid>,
): AsyncGenerator<Finding> {
  try {
    const { total, packs, objects } = await store.all();
    count.total += total;
    for (const pack of packs)
      for (const path of await pack.damagedFiles()) yield finding('object-damaged', path, `${path} has other bytes than its checksum says`);
    for await (const object of objects) {
      const { oid, where } = object;
      try {
        const { type, bytes } = await object.read();
        const actual = oidOf(type, bytes);
        if (actual !== oid) yield finding('object-damaged', where, `the object ${oid} has other bytes than its id says`, oid, actual);
        else if (hashes.get(oid) === '') {
          hashes.set(oid, digest.sha256(bytes));
          if (isPlaceholder(bytes)) marked.add(oid);
        }
      } catch (error) {
        yield finding('object-damaged', where, `the object ${oid} cannot be read: ${words(error)}`, oid);
      }
      count.step();
    }
  } catch (error) {
    yield finding('object-damaged', `${gitDir}/objects`, words(error));
  }
}

function* takeHashes(files: Map<string, TipFile>, hashes: ReadonlyMap<Oid, string>): Generator<Finding> {
  for (const [path, file] of files) {
    const sha256 = hashes.get(file.oid) ?? '';
    if (sha256 === '') yield finding('object-damaged', path, `its bytes (object ${file.oid}) cannot be read from the history`);
    else files.set(path, { ...file, sha256 });
  }
}

/** Another implementation of git must find the same files in the tip: what only our own reader understands is not a git repository. */
async function* askSecondReader(
  { git, gitDir }: Repository,
  tip: Oid,
  files: ReadonlyMap<string, TipFile>,
  count: Count,
): AsyncGenerator<Finding> {
  count.total += files.size;
  let found = 0;
  try {
    for await (const { path, oid } of git.tipFiles(gitDir, tip)) {
      const ours = files.get(path)?.oid ?? null;
      if (ours !== oid) yield finding('object-damaged', path, `${path} is another object for a second reader of the repository`, ours, oid);
      found++;
      count.step();
    }
  } catch (error) {
    yield finding('object-damaged', gitDir, `a second reader cannot read the repository: ${words(error)}`);
    return;
  }
  if (found !== files.size)
    yield finding('object-damaged', gitDir, 'a second reader finds another number of files in the tip', String(files.size), String(found));
}

/** Every hash that a commit of docket states must be the hash of a file that is still there. */
async function* verifyCommits({ store }: Repository, tip: Oid, files: ReadonlyMap<string, TipFile>): AsyncGenerator<Finding> {
  const series = new Map<string, string>();
  const spokenOf = new Set<string>();
  for (const path of files.keys()) {
    const file = parseSeriesFile(path);
    if (file?.kind === 'prompt') series.set(identityKey(file.identity), file.folder);
  }
  const jobs = new Map<string, Set<string>>();
  const beside = new Set<string>();
  const attempts = new Map<string, Set<string>>();
  for (const { path, sha256 } of files.values()) {
    const parts = path.split('/');
    if (parts[2] !== ATTEMPTS || parts[3] === undefined || sha256 === null) continue;
    const hashes = attempts.get(parts[3]) ?? new Set<string>();
    attempts.set(parts[3], hashes.add(sha256));
  }
  try {
    for await (const logged of walkCommits(store, [tip])) {
      for (const job of besideOf(logged.commit.message)) beside.add(job);
      const record = recordOf(logged);
      if (record === null) continue;
      yield* findTwice(record, jobs, beside);
      const folder = series.get(identityKey(record.identity));
      if (folder === undefined) {
        yield finding('missing', identityKey(record.identity), `commit ${record.commit} recorded a prompt that is not in the tip any more`);
        continue;
      }
      spokenOf.add(identityKey(record.identity));
      yield* verifyRecord(record, folder, files, attempts.get(record.job) ?? new Set(), beside.has(record.job));
    }
  } catch (error) {
    yield finding('object-damaged', tip, `the log cannot be read to its end: ${words(error)}`);
    return;
  }
  for (const path of files.keys()) {
    const file = parseSeriesFile(path);
    if (file !== null && !spokenOf.has(identityKey(file.identity)))
      yield finding('unexpected', path, 'no commit of docket speaks of this file');
  }
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
  yield finding('recorded-twice', key, `${key} was recorded by two clones of this history, by job ${record.job}, too: ${where}`);
}

function* verifyRecord(
  record: FiledRecord,
  folder: string,
  files: ReadonlyMap<string, TipFile>,
  attempts: ReadonlySet<string>,
  isBeside: boolean,
): Generator<Finding> {
  const { revision } = record.identity;
  const stated = [
    { name: `prompt_v${String(revision)}.md`, label: 'Prompt-SHA256', hash: record.promptSha256, mayMove: isBeside },
    { name: `result_v${String(revision)}.md`, label: 'Result-SHA256', hash: record.resultSha256, mayMove: true },
    { name: `evidence_v${String(revision)}.json`, label: 'Evidence-SHA256', hash: record.evidenceSha256, mayMove: true },
  ];
  for (const { name, label, hash, mayMove } of stated) {
    if (hash === null || (mayMove && attempts.has(hash))) continue;
    const path = `${folder}/${name}`;
    const file = files.get(path);
    if (file === undefined) yield finding('missing', path, `${label} of commit ${record.commit} has no file any more`, hash);
    else if (file.sha256 !== null && file.sha256 !== hash)
      yield finding('hash-differs', path, `${path} is not what commit ${record.commit} recorded (${label})`, hash, file.sha256);
  }
}

const EVIDENCE = /^(?:evidence_v[0-9]+|evidence(?:_[0-9]+)?|(?:brief|twice)_evidence(?:_[0-9]+)?)\.json$/;

/** Subjects of evidence are files of the same record; its materials are kept. */
async function* verifyEvidence(
  { store }: Repository,
  files: ReadonlyMap<string, TipFile>,
  purged: ReadonlySet<string>,
): AsyncGenerator<Finding> {
  const bySeries = new Map<string, Set<string>>();
  for (const { path, sha256 } of files.values()) {
    const series = path.split('/').slice(0, 2).join('/');
    if (sha256 !== null) bySeries.set(series, (bySeries.get(series) ?? new Set()).add(sha256));
  }
  for (const { path, oid, sha256 } of files.values()) {
    const parts = path.split('/');
    if (purged.has(path)) continue;
    if (sha256 === null || parts[0] === MATERIALS || parts.length < 3 || !EVIDENCE.test(parts.at(-1) ?? '')) continue;
    const statement = readStatement((await store.readType(oid, 'blob')).toString('utf8'));
    if (statement === null) {
      yield finding('unreadable', path, `${path} is not an evidence statement`);
      continue;
    }
    const known = bySeries.get(parts.slice(0, 2).join('/'));
    for (const subject of statement.subjects)
      if (known?.has(subject.sha256) !== true)
        yield finding('hash-differs', path, `${path} speaks of ${subject.name} with a hash that no file beside it has`, subject.sha256);
    for (const hash of statement.materials)
      if (!isSha256(hash) || !files.has(materialPath(hash)))
        yield finding('missing', path, `${path} names a material that is not kept in ${MATERIALS}/`, hash);
  }
}

function* verifyMaterials(files: ReadonlyMap<string, TipFile>): Generator<Finding> {
  for (const { path, sha256 } of files.values()) {
    if (!path.startsWith(`${MATERIALS}/`)) continue;
    const name = path.split('/').at(-1) ?? '';
    if (!isSha256(name) || path !== materialPath(name)) yield finding('unexpected', path, `${path} is no place of a material`);
    else if (sha256 !== null && sha256 !== name)
      yield finding('hash-differs', path, `${path} has other bytes than its name says`, name, sha256);
  }
}

async function* verifyWorkTree(
  { fs, dir, digest }: Repository,
  files: ReadonlyMap<string, TipFile>,
  count: Count,
): AsyncGenerator<Finding> {
  for (const { path, oid, sha256 } of files.values()) {
    const place = `${dir}/${path}`;
    try {
      const bytes = Buffer.from((await fs.readBounded(place, FILE_BYTES_MAX)).bytes);
      if (oidOf('blob', bytes) !== oid)
        yield finding(
          'hash-differs',
          place,
          `the file in the work tree is not what is recorded (git checkout -- brings it back)`,
          sha256,
          digest.sha256(bytes),
        );
    } catch (error) {
      const isMissing = (error as { code?: unknown }).code === 'ENOENT';
      const message = isMissing ? 'the file is missing in the work tree (git checkout -- brings it back)' : words(error);
      yield finding(isMissing ? 'missing' : 'unreadable', place, message, sha256);
    }
    count.step();
  }
}
