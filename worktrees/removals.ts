/**
 * What is written down about a worktree that was cleaned up: `<common git folder>/docket/worktrees/<id>.<time>.removed.json`, 0600, one for each removal,
 * beside the ref and the archive that bring it back. Written before anything is taken away, and again at each state that a crash must find.
 *
 *   removing/begun -> removing/tree -> removed -> restoring -> restored
 *   begun: nothing is gone yet, the ref or the archive may be missing    tree: all is kept, git takes the folder away
 */

import path from 'node:path';
import { parseFeature, type FeatureId } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { WorktreeRecord } from '#core/worktrees.ts';
import type { MergedAs } from './cleanup-facts.ts';
import { parseRecord, readForm, recordsFolder, writeForm, type WriteFs } from './records.ts';

export const REMOVAL_STATES = ['begun', 'tree', 'removed', 'restoring', 'restored'] as const;
export type RemovalState = (typeof REMOVAL_STATES)[number];

export type Removal = {
  readonly v: 1;
  /** `20261121T110203456Z`: tells the removals of one id apart. */
  readonly time: string;
  readonly state: RemovalState;
  /** ISO 8601. */
  readonly at: string;
  /** As git writes a person; null: git knows nobody. */
  readonly by: string | null;
  /** As it was; of a worktree that docket had not made: as it would have been. */
  readonly record: WorktreeRecord;
  readonly hadRecord: boolean;
  /** What HEAD was: short name of a branch, null when it was detached. */
  readonly branch: string | null;
  /** Full id; null: there was no commit. */
  readonly head: string | null;
  readonly mergedAs: MergedAs | null;
  readonly mergedInto: string | null;
  /** Codes of reasons that a person accepted. */
  readonly accepted: readonly string[];
  /** Absolute path of the queues inside the worktree; null: it had none. */
  readonly queues: string | null;
};

const ENDING = '.removed.json';
const TIME = /^[0-9]{8}T[0-9]{9}Z$/;
const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

export const timeWord = (at: Date): string => at.toISOString().replaceAll(/[-:.]/g, '');
const stem = (id: FeatureId, time: string): string => `${id.toLowerCase()}.${time}`;
export const removalFile = (common: string, id: FeatureId, time: string): string =>
  path.join(recordsFolder(common), `${stem(id, time)}${ENDING}`);
/** The commit that keeps it: the branch's tip, or a commit of the whole tree on top of it. */
export const removalRef = ({ record, time }: Pick<Removal, 'record' | 'time'>): string =>
  `refs/docket/removed/${record.id.toLowerCase()}/${time}`;
/** Queues and files of their own: kept until they are let go. */
export const archiveFolder = (common: string, { record, time }: Pick<Removal, 'record' | 'time'>): string =>
  path.join(common, 'docket', 'removed', `${record.id.toLowerCase()}-${time}`);

type ReadFs = Pick<Fs, 'list' | 'facts' | 'readBounded'>;
export type ReadRemoval = { readonly file: string; readonly removal: Result<Removal, string> };

/** Oldest first, by id and time. */
export async function readRemovals(fs: ReadFs, common: string): Promise<readonly ReadRemoval[]> {
  const folder = recordsFolder(common);
  if ((await fs.facts(folder))?.kind !== 'folder') return [];
  const names = (await fs.list(folder)).flatMap(({ name }) => (name?.endsWith(ENDING) === true ? [name] : []));
  return Promise.all(
    names.toSorted().map(async (name) => {
      const file = path.join(folder, name);
      return { file, removal: await readForm(fs, file, parseRemoval) };
    }),
  );
}

/** Durable when it resolves. */
export async function writeRemoval(fs: WriteFs, common: string, removal: Removal): Promise<Removal> {
  await writeForm(fs, removalFile(common, removal.record.id, removal.time), removal);
  return removal;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value);
const isBranch = (value: unknown): value is string | null => value === null || (isText(value) && !value.startsWith('-'));

export function parseRemoval(text: string): Result<Removal, string> {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return err('this is no JSON');
  }
  if (typeof data !== 'object' || data === null) return err('this is no JSON object');
  const { v, time, state, at, by, record, hadRecord, branch, head, mergedAs, mergedInto, accepted, queues } = data as Record<
    string,
    unknown
  >;
  if (v !== 1) return err('its version is not 1');
  if (!isText(time) || !TIME.test(time)) return err('time is none');
  if (!REMOVAL_STATES.includes(state as RemovalState)) return err('state is none that docket knows');
  if (!isText(at) || Number.isNaN(Date.parse(at))) return err('at is no time');
  if (!isTextOrNull(by)) return err('by is no text');
  const read = parseRecord(JSON.stringify(record));
  if (!read.ok) return err(`record: ${read.error}`);
  if (typeof hadRecord !== 'boolean') return err('hadRecord is neither true nor false');
  if (!isBranch(branch)) return err('branch is no name of a branch');
  if (head !== null && (!isText(head) || !COMMIT.test(head))) return err('head is no id of a commit');
  if (mergedAs !== null && mergedAs !== 'ancestor' && mergedAs !== 'rebased' && mergedAs !== 'squashed')
    return err('mergedAs is none that docket knows');
  if (!isBranch(mergedInto)) return err('mergedInto is no ref');
  if (!Array.isArray(accepted) || !accepted.every(isText)) return err('accepted is no list of codes');
  if (queues !== null && (!isText(queues) || !path.isAbsolute(queues))) return err('queues is no absolute path');
  return ok({
    v,
    time,
    state: state as RemovalState,
    at,
    by,
    record: read.value,
    hadRecord,
    branch,
    head,
    mergedAs,
    mergedInto,
    accepted,
    queues,
  });
}

/** The newest of an id in one of these states. */
export const newestRemoval = (all: readonly ReadRemoval[], id: FeatureId, states: readonly RemovalState[], time?: string): Removal | null =>
  all
    .flatMap(({ removal }) => (removal.ok ? [removal.value] : []))
    .filter(
      (one) => one.record.id.toLowerCase() === id.toLowerCase() && states.includes(one.state) && (time === undefined || one.time === time),
    )
    .toSorted((a, b) => (a.time < b.time ? 1 : -1))[0] ?? null;

/** A record for a worktree that docket has none of: what a restore writes down. */
export function madeUpRecord(text: string, from: Omit<WorktreeRecord, 'v' | 'id' | 'slug' | 'adopted' | 'source'>): WorktreeRecord | null {
  const feature = parseFeature(text);
  return feature.ok ? { v: 1, id: feature.value.id, slug: feature.value.slug, ...from, adopted: true, source: null } : null;
}
