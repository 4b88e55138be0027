/**
 * Tombstones as they are read back: which files of a tip are placeholders, of what, and which commits were rewritten.
 * Invariant: only a placeholder that a valid tombstone names by path, object and hash stands for the content it replaced; every other one is a
 * finding. What is purged is no finding.
 */

import type { Buffer } from 'node:buffer';
import type { Finding, Purged, Trust } from '#core/history.ts';
import { parseAllowedSigners, whyNot } from './allowed-signers.ts';
import * as dsse from './dsse.ts';
import { entriesBelow } from './files-in-tip.ts';
import { decodeCommit, type Oid } from './objects.ts';
import { readPlan } from './purge-plan.ts';
import type { Repository } from './repository.ts';
import { openSnapshot } from './snapshot.ts';
import type { TipFile } from './verify-seen.ts';
import { readCommits, readTombstone, TOMBSTONES, type PurgedFile, type Tombstone } from './tombstone.ts';

/** Only what docket records can be a placeholder; notes of people are theirs. */
const RECORDED =
  /(?:\/(?:prompt_v[0-9]+\.md|result_v[0-9]+\.md|evidence_v[0-9]+(?:\.dsse)?\.json|review_v[0-9]+(?:_[0-9]+)?\.json|(?:closing|reopening|promotion)(?:_[0-9]+)?\.json)$|\/attempts\/|^materials\/)/;

export type Tombstones = {
  readonly all: readonly { readonly path: string; readonly tombstone: Tombstone; readonly commits: ReadonlyMap<Oid, Oid> }[];
  readonly files: readonly PurgedFile[];
  /** Ids of all placeholders. */
  readonly placeholders: ReadonlySet<Oid>;
  /** What is no valid tombstone, and why. */
  readonly bad: readonly { readonly path: string; readonly message: string }[];
};

/** All tombstones of a commit's tree. */
export async function readTombstones(repository: Pick<Repository, 'store' | 'digest'>, commit: Oid): Promise<Tombstones> {
  const { store, digest } = repository;
  const snapshot = await openSnapshot(store, decodeCommit(await store.readType(commit, 'commit')).tree);
  const blobs = new Map<string, Oid>();
  for await (const { path, oid } of entriesBelow(snapshot, TOMBSTONES)) blobs.set(path, oid);
  const all: { path: string; tombstone: Tombstone; commits: ReadonlyMap<Oid, Oid> }[] = [];
  const bad: { path: string; message: string }[] = [];
  for (const [path, oid] of blobs) {
    if (!path.endsWith('.json') || path.endsWith('.dsse.json')) continue;
    const tombstone = readTombstone((await store.readType(oid, 'blob')).toString('utf8'));
    if (tombstone === null) {
      bad.push({ path, message: `${path} is no tombstone as docket writes them` });
      continue;
    }
    const list = blobs.get(tombstone.commits.path);
    const bytes = list === undefined ? null : await store.readType(list, 'blob');
    const commits = bytes !== null && digest.sha256(bytes) === tombstone.commits.sha256 ? readCommits(bytes.toString('utf8')) : null;
    if (commits === null)
      bad.push({ path, message: `${path} names the commits that were rewritten in ${tombstone.commits.path}, which is not what it was` });
    else all.push({ path, tombstone, commits });
  }
  const files = all.flatMap(({ tombstone }) => tombstone.files);
  return { all, files, placeholders: new Set(files.map(({ placeholder }) => placeholder)), bad };
}

/** Old commits and what they became, through all purges since: a checkpoint of before still names one of them. */
export function successorOf({ all }: Tombstones, commit: Oid): Oid {
  let now = commit;
  for (const { commits } of all.toSorted((a, b) => (a.tombstone.at < b.tombstone.at ? -1 : 1))) now = commits.get(now) ?? now;
  return now;
}

const toPurged = (path: string, { sha256, sizeBytes, placeholderSha256 }: PurgedFile, stone: Tombstone, tombstone: string): Purged => ({
  path,
  sha256,
  sizeBytes,
  placeholderSha256,
  reason: stone.reason,
  person: stone.person,
  at: stone.at,
  tombstone,
});

/** Every purged file of main. */
export function purgedOf({ all }: Tombstones): readonly Purged[] {
  return all.flatMap(({ tombstone, path: stone }) =>
    tombstone.files.flatMap((file) => file.paths.map((path) => toPurged(path, file, tombstone, stone))),
  );
}

/** Null: its envelope is right, or nobody asks for one. */
async function unsigned(
  { store }: Repository,
  path: string,
  files: ReadonlyMap<string, TipFile>,
  { signers: text, isDemanded }: Trust,
): Promise<string | null> {
  const bytesOf = async (file: string): Promise<Buffer | null> => {
    const oid = files.get(file)?.oid;
    return oid === undefined ? null : store.readType(oid, 'blob');
  };
  const envelope = await bytesOf(path.replace(/\.json$/, '.dsse.json'));
  if (envelope === null) return isDemanded ? `${path} is not signed, and signing.mode is required` : null;
  const opened = dsse.read(envelope.toString('utf8'));
  const said = await bytesOf(path);
  if (opened === null || said?.equals(opened.payload) !== true) return `the envelope of ${path} holds another statement`;
  const parsed = text === null ? null : parseAllowedSigners(text);
  if (parsed === null) return null;
  if (!parsed.ok) return `the allowed signers cannot be understood: ${parsed.error}`;
  const signers = parsed.value;
  const by = signers.find(({ key }) => key.fingerprint === opened.keyid)?.key ?? null;
  if (by === null) return `${path} is signed by a key that is not among the allowed signers (${opened.keyid.slice(0, 60)})`;
  const checked = dsse.check(envelope.toString('utf8'), dsse.IN_TOTO, () => by);
  if (!checked.ok) return `${path}: ${checked.error.message}`;
  const atS = Math.floor(Date.parse(readTombstone(said.toString('utf8'))?.at ?? '') / 1000);
  const unknown = whyNot(signers, by, null, Number.isNaN(atS) ? null : atS);
  return unknown === null ? null : `${path} is signed, but ${unknown}`;
}

const invalid = (path: string, message: string): Finding => ({ what: 'tombstone-invalid', path, expected: null, found: null, message });

/**
 * For `verify`, once the hashes of the tip's files are known: a placeholder with a valid tombstone gets the hash of what it replaced.
 * @param marked blobs of the tip that look like placeholders
 * @returns the paths of those that are
 */
export async function* acceptPurged(
  repository: Repository,
  tip: Oid,
  files: Map<string, TipFile>,
  marked: ReadonlySet<Oid>,
  trust: Trust,
): AsyncGenerator<Finding, ReadonlySet<string>> {
  const { dir } = repository;
  if ((await readPlan(repository)) !== null)
    yield { ...invalid(dir, 'a purge was begun here and is not at its end: `docket purge --resume`'), what: 'unexpected' };
  const tombstones = await readTombstones(repository, tip);
  for (const { path, message } of tombstones.bad) yield invalid(path, message);
  const accepted = new Set<string>();
  const byObject = new Map<Oid, PurgedFile>();
  for (const { path, tombstone } of tombstones.all) {
    const why = await unsigned(repository, path, files, trust);
    if (why !== null) yield invalid(path, why);
    else for (const file of tombstone.files) byObject.set(file.placeholder, file);
  }
  for (const [path, file] of files) {
    const known = byObject.get(file.oid);
    if (known !== undefined && known.placeholderSha256 === file.sha256) {
      accepted.add(path);
      files.set(path, { ...file, sha256: known.sha256 });
    } else if (known !== undefined || (marked.has(file.oid) && RECORDED.test(path))) {
      yield invalid(path, `${path} says that it was purged, but no valid tombstone says so`);
    }
  }
  return accepted;
}
