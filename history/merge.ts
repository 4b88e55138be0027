/**
 * Two clones of one history, written on two machines: each goes on with a chain of its own, and a merge takes the other chain in. Docket's
 * files cannot conflict, except where both recorded one identity (or made one feature): then both sides decide the same, whoever merges.
 *
 *   ours has all of theirs -> nothing; theirs has all of ours -> our tip becomes theirs; else one commit with both parents
 * Invariant: no recorded file is lost. Of an identity recorded twice, the job submitted first keeps the place, the other job's files lie in
 * `attempts/<job>/twice_*`, and the merge says so (`Docket-Beside: <job>`), which `verify` tells as a finding for ever.
 */

import type { RecordStatus } from '#core/history.ts';
import type { JobId } from '#core/names.ts';
import { identityKey, type Identity } from '#core/prompt.ts';
import { diffTrees } from './diff.ts';
import * as layout from './layout.ts';
import { decodeCommit, type Oid } from './objects.ts';
import type { ObjectStore } from './read-objects.ts';
import type { Change, Merged, Tip } from './record.ts';
import { MERGE_SUBJECT } from './chain.ts';
import { besideOf, recordOf, type FiledRecord, type LoggedCommit } from './record-index.ts';
import { openSnapshot, type Snapshot } from './snapshot.ts';
import { FILE_MODE, type TreeEntry } from './tree.ts';

const OURS = 1;
const THEIRS = 2;

/** How far a job has come. */
const RANK: Readonly<Record<RecordStatus, number>> = { submitted: 0, failed: 1, cancelled: 1, briefed: 2, answered: 3 };

type Side = { readonly records: Map<string, FiledRecord>; readonly submittedAtS: Map<JobId, number> };
type Fork = { readonly base: Oid | null; readonly ours: Side; readonly theirs: Side };

const emptySide = (): Side => ({ records: new Map(), submittedAtS: new Map() });

/** Walks both chains back to the newest commit they share. Newest first: the first word about an identity is the newest. */
export async function findFork(store: ObjectStore, ours: Oid, theirs: Oid): Promise<Fork> {
  const sides = new Map<Oid, number>();
  const waiting = new Map<Oid, LoggedCommit>();
  const fork = { ours: emptySide(), theirs: emptySide() };
  /** What an earlier merge laid beside is decided. */
  const beside = new Set<JobId>();
  const add = async (oid: Oid, side: number): Promise<void> => {
    sides.set(oid, (sides.get(oid) ?? 0) | side);
    if (!waiting.has(oid)) waiting.set(oid, { oid, commit: decodeCommit(await store.readType(oid, 'commit')) });
  };
  await add(ours, OURS);
  await add(theirs, THEIRS);
  for (;;) {
    let next: LoggedCommit | null = null;
    for (const one of waiting.values()) if (next === null || one.commit.committedAtS > next.commit.committedAtS) next = one;
    if (next === null) return { base: null, ...fork };
    waiting.delete(next.oid);
    const side = sides.get(next.oid) ?? 0;
    if (side === (OURS | THEIRS)) return { base: next.oid, ...fork };
    for (const job of besideOf(next.commit.message)) beside.add(job);
    const record = recordOf(next);
    if (record !== null && !beside.has(record.job)) note(side === OURS ? fork.ours : fork.theirs, record, next.commit.authoredAtS);
    for (const parent of next.commit.parents) await add(parent, side);
  }
}

function note(side: Side, record: FiledRecord, authoredAtS: number): void {
  const key = identityKey(record.identity);
  if (!side.records.has(key)) side.records.set(key, record);
  if (record.status === 'submitted') side.submittedAtS.set(record.job, authoredAtS);
}

const treeOf = async (store: ObjectStore, commit: Oid): Promise<Oid> => decodeCommit(await store.readType(commit, 'commit')).tree;

/** What has to happen to the tip `ours`, so that it has all of `theirs`. Null: it has already. */
export async function planMerge(tip: Tip, ours: Oid, theirs: Oid): Promise<Merged | null> {
  const { store } = tip;
  const fork = await findFork(store, ours, theirs);
  if (fork.base === theirs) return null;
  const root = await treeOf(store, theirs);
  const changes: Change[] = [];
  const base = fork.base === null ? null : await treeOf(store, fork.base);
  const twice = new Map<string, Identity>();
  /** Both said something under the same name: placed when all other names are known. */
  const said: { readonly path: string; readonly to: Oid }[] = [];
  const other = await openSnapshot(store, root);
  for await (const { path, from, to } of diffTrees(store, base, root, '', refuseForeign)) {
    const there = await tip.snapshot.file(path);
    if (there === to) continue;
    const series = layout.parseSeriesFile(path);
    const isElsewhere = series?.kind === 'prompt' && from === null && (await filesOf(tip.snapshot, series.identity)).files.size > 0;
    if (there !== null && to !== null && layout.parseReviewPath(path) !== null) said.push({ path, to });
    else if (there === from && !isElsewhere) changes.push(changeOf(path, to, from));
    else if (series !== null) twice.set(identityKey(series.identity), series.identity);
    else changes.push(...(await both(tip, path, there, to)));
  }
  if (fork.base === ours) return { forward: theirs, root, changes };
  for (const one of said) await placeBoth(tip.snapshot, one, changes);
  const beside: JobId[] = [];
  for (const identity of twice.values()) beside.push(...(await decide(tip, other, fork, identity, changes)));
  const short = theirs.slice(0, 10);
  const trailers = beside.map((job) => `Docket-Beside: ${job}\n`).join('');
  return { parent: theirs, message: `${MERGE_SUBJECT}${short} of another clone\n\nDocket-Merge: ${theirs}\n${trailers}`, changes, beside };
}

const changeOf = (path: string, to: Oid | null, from: Oid | null): Change =>
  to === null ? { kind: 'remove', path, oid: from ?? '' } : { kind: 'put', path, oid: to, bytes: null };

/** A feature that both made, or a file of people: the smaller id keeps the place on both sides; of people's files the other one gets a number. */
async function both(tip: Tip, path: string, there: Oid | null, to: Oid | null): Promise<Change[]> {
  if (to === null) return [];
  if (there === null) return [changeOf(path, to, null)];
  const [first, second] = there < to ? [there, to] : [to, there];
  const kept = changeOf(path, first, null);
  if (path.endsWith(`/${layout.FEATURE_FILE}`)) return [kept];
  const slash = path.lastIndexOf('/') + 1;
  for (let n = 2; ; n++) {
    const place = path.slice(0, slash) + layout.numbered(path.slice(slash), n);
    const at = await tip.snapshot.file(place);
    if (at === second) return [kept];
    if (at === null) return [kept, changeOf(place, second, null)];
  }
}

/** What people said on both sides stays, ours under its name; theirs gets the next number that nobody has. */
async function placeBoth(ours: Snapshot, { path, to }: { readonly path: string; readonly to: Oid }, changes: Change[]): Promise<void> {
  const slash = path.lastIndexOf('/') + 1;
  const name = path.slice(slash).replace(/(_v[0-9]+|closing|reopening|promotion)_[0-9]+\.json$/, '$1.json');
  for (let n = 1; ; n++) {
    const place = path.slice(0, slash) + layout.numbered(name, n);
    const at = await ours.file(place);
    const planned = changes.find((change) => change.path === place);
    if (at === to || (planned?.kind === 'put' && planned.oid === to)) return;
    if (at === null && planned === undefined) {
      changes.push(changeOf(place, to, null));
      return;
    }
  }
}

/** Submitted first comes first; the same on both sides. */
const orderOf = (side: Side, record: FiledRecord): string =>
  `${String(side.submittedAtS.get(record.job) ?? 0).padStart(12, '0')} ${record.job}`;

/** The job whose prompt was submitted first keeps the place; the files of the other go beside. @returns the other job */
async function decide(tip: Tip, other: Snapshot, fork: Fork, identity: Identity, changes: Change[]): Promise<JobId[]> {
  const key = identityKey(identity);
  const [mine, yours] = [fork.ours.records.get(key), fork.theirs.records.get(key)];
  if (mine === undefined || yours === undefined || mine.job === yours.job) {
    // Only one side knows more: what was decided before stays decided (chains that merged each other have more than one shared past).
    const isTheirs = yours !== undefined && (mine === undefined || RANK[yours.status] > RANK[mine.status]);
    await settle(tip.snapshot, isTheirs ? other : tip.snapshot, identity, changes);
    return [];
  }
  const isMine = orderOf(fork.ours, mine) < orderOf(fork.theirs, yours);
  const [winner, loser, loserJob] = isMine ? [tip.snapshot, other, yours.job] : [other, tip.snapshot, mine.job];
  const kept = await filesOf(winner, identity);
  const moved = await filesOf(loser, identity);
  const folder = (kept.folder ?? moved.folder ?? '').split('/').slice(0, 2).join('/');
  for (const [name, oid] of moved.files) {
    const plain = name.replace(/_v[0-9]+/, '');
    changes.push(changeOf(`${folder}/${layout.ATTEMPTS}/${loserJob}/twice_${plain}`, oid, null));
    if (!kept.files.has(name) || kept.folder !== moved.folder) drop(changes, `${moved.folder ?? ''}/${name}`, isMine ? null : oid);
  }
  for (const [name, oid] of kept.files) {
    drop(changes, `${kept.folder ?? ''}/${name}`, null);
    changes.push(changeOf(`${kept.folder ?? ''}/${name}`, oid, null));
  }
  return [loserJob];
}

/** The identity's files become those of one side, whatever was to be done to them. */
async function settle(ours: Snapshot, from: Snapshot, identity: Identity, changes: Change[]): Promise<void> {
  const kept = await filesOf(from, identity);
  const there = await filesOf(ours, identity);
  for (const [name, oid] of there.files) drop(changes, `${there.folder ?? ''}/${name}`, from === ours ? null : oid);
  for (const [name, oid] of kept.files) {
    drop(changes, `${kept.folder ?? ''}/${name}`, null);
    if (from !== ours) changes.push(changeOf(`${kept.folder ?? ''}/${name}`, oid, null));
  }
}

/** Takes back what was to be put there; removes what lies there. */
function drop(changes: Change[], path: string, there: Oid | null): void {
  const at = changes.findIndex((change) => change.path === path);
  if (at >= 0) changes.splice(at, 1);
  if (there !== null) changes.push(changeOf(path, null, there));
}

/** In the folder that has the prompt: a feature that two clones made may have two. */
async function filesOf(snapshot: Snapshot, identity: Identity): Promise<{ folder: string | null; files: Map<string, Oid> }> {
  const names = [layout.promptFile, layout.resultFile, layout.evidenceFile].map((nameOf) => nameOf(identity.revision));
  names.push(layout.envelopeOf(layout.evidenceFile(identity.revision)));
  for (const feature of snapshot.featureFolders(identity.feature)) {
    const role = await snapshot.roleFolder(feature, identity.role);
    if (role === null) continue;
    const folder = layout.seriesFolder(feature, role, identity.name);
    const files = new Map<string, Oid>();
    for (const name of names) {
      const oid = await snapshot.file(`${folder}/${name}`);
      if (oid !== null) files.set(name, oid);
    }
    if (files.size > 0) return { folder, files };
  }
  return { folder: null, files: new Map() };
}

/** What comes from elsewhere is written into a work tree: nothing that leads out of it, or that is no plain file. */
function refuseForeign(path: string, { name, mode, kind }: TreeEntry): void {
  const isSafe = name !== '' && name !== '.' && name !== '..' && !/[/\\\0]/.test(name) && !/^\.git$/i.test(name);
  if (isSafe && (kind === 'folder' || mode === FILE_MODE)) return;
  const words = `the other chain has ${JSON.stringify(path)} (mode ${mode}), which is no plain file of a history; look at it, and merge it with git`;
  throw Object.assign(new Error(words), { code: 'EHISTORY' });
}
