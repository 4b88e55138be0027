/**
 * What a purge has decided, on disk before anything is changed: `<state>/purge/plan.json`, and `<state>/purge/map` once every successor is
 * written. Nothing in them says more of the content than its hashes.
 *
 *   none -> plan (nothing is changed) -> plan and map (successors are on disk) -> names moved, old objects dropped -> none
 * Invariant: whoever finds a plan can bring the purge to its end, however often it is begun anew; without a plan the rest counts for nothing.
 */

import { Buffer } from 'node:buffer';
import type { Oid } from './objects.ts';
import { isOid } from './objects.ts';
import type { PurgeTarget } from './purge-find.ts';
import type { Repository } from './repository.ts';

const BYTES_MAX = 1024 * 1024 * 1024;

/** `placeholder`: the one that an earlier purge made, when this one only takes the same content out again. */
export type PlannedTarget = PurgeTarget & { readonly placeholder?: Oid };

export type PurgePlan = {
  readonly v: 1;
  readonly record: { readonly job: string; readonly identity: string } | null;
  readonly reason: string;
  readonly person: string;
  readonly at: string;
  readonly targets: readonly PlannedTarget[];
  /** False: what a tombstone of before speaks of has come back; no new one is written. */
  readonly hasTombstone: boolean;
};

/** `of`: null where an object only goes. */
export type PurgeMap = { readonly from: Oid; readonly to: Oid; readonly commits: number; readonly of: ReadonlyMap<Oid, Oid | null> };

type Place = Pick<Repository, 'fs' | 'stateDir'>;
const folderOf = ({ stateDir }: Place): string => `${stateDir}/purge`;

async function textOf({ fs, stateDir }: Place, name: string): Promise<string | null> {
  try {
    return Buffer.from((await fs.readBounded(`${folderOf({ fs, stateDir })}/${name}`, BYTES_MAX)).bytes).toString('utf8');
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return null;
    throw error;
  }
}

/** Null: no purge is under way. */
export async function readPlan(place: Place): Promise<PurgePlan | null> {
  const text = await textOf(place, 'plan.json');
  return text === null ? null : (JSON.parse(text) as PurgePlan);
}

export async function writePlan(place: Place, plan: PurgePlan): Promise<void> {
  const folder = folderOf(place);
  // What an ended purge may have left.
  await place.fs.removeTree(folder);
  await place.fs.makeFolders(folder, 0o700);
  await place.fs.replace(`${folder}/plan.json`, `${JSON.stringify(plan, null, 2)}\n`, 'safety', 0o600);
  await place.fs.syncFolder(folder, 'safety');
  await place.fs.syncFolder(place.stateDir, 'safety');
}

export async function readMap(place: Place): Promise<PurgeMap | null> {
  const lines = (await textOf(place, 'map'))?.split('\n') ?? [];
  const [from = '', to = '', commits = ''] = (lines[0] ?? '').split(' ');
  if (!isOid(from) || !isOid(to)) return null;
  const of = new Map<Oid, Oid | null>();
  for (const line of lines.slice(1, -1)) of.set(line.slice(0, 40), line.length > 41 ? line.slice(41) : null);
  return { from, to, commits: Number(commits), of };
}

export async function writeMap(place: Place, map: PurgeMap): Promise<void> {
  const folder = folderOf(place);
  const lines = [`${map.from} ${map.to} ${String(map.commits)}\n`];
  for (const [old, now] of map.of) lines.push(now === null ? `${old}\n` : `${old} ${now}\n`);
  await place.fs.replace(`${folder}/map`, lines.join(''), 'safety', 0o600);
  await place.fs.syncFolder(folder, 'safety');
}

/** The plan goes first: a map without one counts for nothing. Fine when there is neither. */
export async function endPlan(place: Place): Promise<void> {
  const folder = folderOf(place);
  await place.fs.unlink(`${folder}/plan.json`).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
  });
  await place.fs.removeTree(folder);
  await place.fs.syncFolder(place.stateDir, 'safety');
}
