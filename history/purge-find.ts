/**
 * What a purge would take: the blobs that hold the content, where they lie in main, which other records use them, and how much is rewritten.
 * Reads only. A record's content is its prompt, its result, the raw output of its attempts, and the briefs and contexts made for it; evidence
 * holds hashes and stays unless it is asked for, and so do verdicts: one whose content is gone counts as nothing.
 */

import type { Buffer } from 'node:buffer';
import type { Filed } from '#core/history.ts';
import type { Sha256 } from '#core/names.ts';
import { describeIdentity, identityKey, type Identity } from '#core/prompt.ts';
import { entriesBelow } from './files-in-tip.ts';
import * as layout from './layout.ts';
import { decodeCommit, type Oid } from './objects.ts';
import { commitsAround, takeCensus, treesAround, type Census } from './purge-rewrite.ts';
import { readTip } from './ref.ts';
import type { Repository } from './repository.ts';
import { openSnapshot } from './snapshot.ts';

export const PARTS = ['prompt', 'result', 'attempts', 'materials', 'evidence', 'verdicts'] as const;
export type Part = (typeof PARTS)[number];
/** What is looked for: the parts of a record, or bytes in every object there is. */
export type Wanted =
  | {
      readonly record: { readonly identity: Identity; readonly filed: Filed; readonly folder: string };
      readonly only: readonly Part[] | null;
    }
  | { readonly spellings: readonly Buffer[] };

export type PurgeTarget = {
  readonly blob: Oid;
  readonly sha256: Sha256;
  readonly sizeBytes: number;
  /** In main; empty: only older commits, or what no branch leads to, have it. */
  readonly paths: readonly string[];
};
export type Survey = {
  readonly tip: Oid;
  readonly targets: readonly PurgeTarget[];
  /** Commits that get a successor. */
  readonly commits: number;
  /** Commits, tags and trees whose message or file names hold the bytes: these stay. */
  readonly outOfReach: readonly Oid[];
  /** Records that use one of the materials, too, by their evidence's path. */
  readonly sharedWith: readonly string[];
};

const DEFAULT_PARTS: readonly Part[] = ['prompt', 'result', 'attempts', 'materials'];
const EVIDENCE = /(?:^|_)evidence(?:_v[0-9]+|_[0-9]+)?(?:\.dsse)?(?:_[0-9]+)?\.json$/;
const isEvidence = (path: string): boolean => EVIDENCE.test(path.slice(path.lastIndexOf('/') + 1));
/** Materials that hold what a person wrote; specs, roles and settings are everybody's. */
const PRIVATE_ROLES = new Set(['brief', 'context']);

/** Its verdicts; a closing of the feature is found by its bytes (`--secret-file`). */
function isReviewOf(path: string, identity: Identity): boolean {
  const about = layout.parseReviewPath(path);
  return about?.kind === 'verdict' && identityKey(about.identity) === identityKey(identity);
}

type Materials = readonly { readonly role: string; readonly sha256: string }[];

export function materialsOf(evidence: string): Materials {
  try {
    const said = (JSON.parse(evidence) as { readonly predicate?: { readonly materials?: Materials | null } }).predicate?.materials;
    return said ?? [];
  } catch {
    return [];
  }
}

type Tip = { readonly oid: Oid; readonly files: ReadonlyMap<string, Oid> };

async function filesOfTip({ fs, gitDir, store, dir }: Repository): Promise<Tip> {
  const oid = await readTip(fs, gitDir);
  if (oid === null) throw new Error(`${dir} has no branch main any more`);
  const files = new Map<string, Oid>();
  const snapshot = await openSnapshot(store, decodeCommit(await store.readType(oid, 'commit')).tree);
  for await (const { path, oid: blob, mode } of entriesBelow(snapshot, '')) if (mode.startsWith('100')) files.set(path, blob);
  return { oid, files };
}

/** Paths of the record's parts, and the evidence of other records that names the same materials. */
async function recordPaths(
  { store }: Repository,
  { files }: Tip,
  { record, only }: Extract<Wanted, { readonly record: unknown }>,
): Promise<{ readonly paths: ReadonlySet<string>; readonly sharedWith: readonly string[] }> {
  const { folder, filed, identity } = record;
  const parts = new Set(only ?? DEFAULT_PARTS);
  const { revision } = identity;
  const attempts = `${folder.split('/').slice(0, 2).join('/')}/${layout.ATTEMPTS}/${filed.job}/`;
  const isOwn = (path: string): boolean => path === `${folder}/${layout.evidenceFile(revision)}` || path.startsWith(attempts);
  const paths = new Set<string>();
  const materials = new Map<string, string>();
  for (const path of files.keys()) {
    if (parts.has('prompt') && path === `${folder}/${layout.promptFile(revision)}`) paths.add(path);
    if (parts.has('result') && path === `${folder}/${layout.resultFile(revision)}`) paths.add(path);
    if (parts.has('attempts') && path.startsWith(attempts) && !isEvidence(path)) paths.add(path);
    if (parts.has('verdicts') && isReviewOf(path, identity)) paths.add(path);
    const isEnvelope = path === `${folder}/${layout.evidenceFile(revision).replace(/\.json$/, '.dsse.json')}`;
    if (parts.has('evidence') && (isEnvelope || (isEvidence(path) && isOwn(path)))) paths.add(path);
  }
  const evidence = async (path: string): Promise<Materials> =>
    materialsOf((await store.readType(files.get(path) ?? '', 'blob')).toString('utf8'));
  if (parts.has('materials'))
    for (const path of [...files.keys()].filter((name) => isEvidence(name) && isOwn(name)))
      for (const { role, sha256 } of await evidence(path))
        if (PRIVATE_ROLES.has(role)) materials.set(sha256, layout.materialPath(sha256 as Sha256));
  for (const path of materials.values()) if (files.has(path)) paths.add(path);
  const sharedWith: string[] = [];
  if (materials.size > 0)
    for (const path of files.keys())
      if (isEvidence(path) && !isOwn(path) && (await evidence(path)).some(({ sha256 }) => materials.has(sha256))) sharedWith.push(path);
  return { paths, sharedWith };
}

/** @returns with the census that the rewriting needs; `placeholders`: blobs that are placeholders already, and are left alone */
export async function findTargets(
  repository: Repository,
  wanted: Wanted,
  isPlaceholder: (blob: Oid) => boolean,
): Promise<{ readonly survey: Survey; readonly census: Census }> {
  const { store, digest } = repository;
  const tip = await filesOfTip(repository);
  const spellings = 'spellings' in wanted ? wanted.spellings : [];
  const census = await takeCensus(store, spellings);
  const own = 'record' in wanted ? await recordPaths(repository, tip, wanted) : null;
  const blobs = new Set<Oid>(census.found);
  for (const path of own?.paths ?? []) blobs.add(tip.files.get(path) ?? '');
  const pathsOf = new Map<Oid, string[]>();
  for (const [path, blob] of tip.files) if (blobs.has(blob)) pathsOf.set(blob, [...(pathsOf.get(blob) ?? []), path]);
  const targets: PurgeTarget[] = [];
  for (const blob of [...blobs].toSorted()) {
    if (isPlaceholder(blob)) continue;
    const bytes = await store.readType(blob, 'blob');
    targets.push({ blob, sha256: digest.sha256(bytes), sizeBytes: bytes.length, paths: pathsOf.get(blob) ?? [] });
  }
  const trees = await treesAround(
    store,
    census,
    targets.map(({ blob }) => blob),
  );
  const commits = commitsAround(census, trees).length;
  return { census, survey: { tip: tip.oid, targets, commits, outOfReach: [...census.outOfReach], sharedWith: own?.sharedWith ?? [] } };
}

export const identityWords = (identity: Identity): string => describeIdentity(identity);
