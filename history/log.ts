/** Reading the log as `docket log` shows it. */

import { Buffer } from 'node:buffer';
import type { LogEntry } from '#core/history.ts';
import { parseFeature } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import { maybe, readLogIndex, rowFor, writeLogIndex, type LogIndex } from './log-index.ts';
import { parseMessage } from './message.ts';
import { decodeCommit, type Commit, type Oid } from './objects.ts';
import type { ObjectStore } from './read-objects.ts';
import { walkCommits, type LoggedCommit } from './record-index.ts';

export type LogFilter = { readonly feature?: string; readonly role?: string; readonly job?: string; readonly limit?: number };

/** Where the index of the log may lie (log-index.ts). */
export type LogPlace = {
  readonly fs: Fs;
  readonly stateDir: string;
  /** So many commits that are newer than the index make it worth to be written anew. */
  readonly newRows?: number;
};

/** `FEAT-1-with-slug`, `feat-1` and `FEAT-1` are one. */
export const featureKey = (text: string): string => {
  const feature = parseFeature(text);
  return (feature.ok ? feature.value.id : text).toLowerCase();
};

/** `01-architect` and `architect` are one. */
export const roleKey = (text: string): string => text.replace(/^[0-9]{2}-/, '');

/** A walk over fewer new commits than this costs less than writing the index anew. */
const NEW_ROWS = 2_000;

type Trailers = Readonly<Record<string, string>>;

const isMeant = (trailers: Trailers, filter: LogFilter): boolean =>
  (filter.feature === undefined || featureKey(trailers['Docket-Feature'] ?? '') === featureKey(filter.feature)) &&
  (filter.role === undefined || trailers['Docket-Role'] === roleKey(filter.role)) &&
  (filter.job === undefined || trailers['Docket-Job'] === filter.job);

const entryOf = (oid: Oid, commit: Commit): LogEntry => ({
  commit: oid,
  at: new Date(commit.authoredAtS * 1000).toISOString(),
  ...parseMessage(commit.message),
});

/**
 * Newest first. With a place, the log of one feature, role or job is read by the index, which is made when there is none: the same entries in the
 * same order.
 */
export async function* readLog(store: ObjectStore, tip: Oid, filter: LogFilter, place: LogPlace | null = null): AsyncGenerator<LogEntry> {
  let left = filter.limit ?? Number.POSITIVE_INFINITY;
  if (left <= 0) return;
  const isNarrow = filter.feature !== undefined || filter.role !== undefined || filter.job !== undefined;
  for await (const entry of place !== null && isNarrow ? byIndex(store, tip, filter, place) : byWalk(store, tip)) {
    if (!isMeant(entry.trailers, filter)) continue;
    yield entry;
    left--;
    if (left <= 0) return;
  }
}

async function* byWalk(store: ObjectStore, tip: Oid): AsyncGenerator<LogEntry> {
  for await (const { oid, commit } of walkCommits(store, [tip])) yield entryOf(oid, commit);
}

/** All that is newer than the index, then what it says may be meant. */
async function* byIndex(
  store: ObjectStore,
  tip: Oid,
  filter: LogFilter,
  { fs, stateDir, newRows = NEW_ROWS }: LogPlace,
): AsyncGenerator<LogEntry> {
  const index = await readLogIndex(fs, stateDir);
  const fresh: Buffer[] = [];
  let isReached = index?.tip === tip;
  if (!isReached)
    for await (const logged of walkTo(store, tip, index?.tip ?? null)) {
      if (logged === REACHED) {
        isReached = true;
        break;
      }
      const entry = entryOf(logged.oid, logged.commit);
      const { trailers } = entry;
      const feature = featureKey(trailers['Docket-Feature'] ?? '');
      fresh.push(rowFor(logged.oid, { feature, role: trailers['Docket-Role'] ?? '', job: trailers['Docket-Job'] ?? '' }));
      yield entry;
    }
  const known = isReached ? index : null;
  if (fresh.length >= newRows || (known === null && fresh.length > 0))
    await writeLogIndex(fs, stateDir, tip, [known?.rows ?? Buffer.alloc(0), Buffer.concat(fresh.toReversed())]);
  if (known !== null) yield* named(store, known, filter);
}

async function* named(store: ObjectStore, index: LogIndex, { feature, role, job }: LogFilter): AsyncGenerator<LogEntry> {
  const wanted = {
    feature: feature === undefined ? undefined : featureKey(feature),
    role: role === undefined ? undefined : roleKey(role),
    job,
  };
  for (const oid of maybe(index, wanted)) yield entryOf(oid, decodeCommit(await store.readType(oid, 'commit')));
}

const REACHED = 'reached';

/** As `walkCommits`, until only the commit `to` is left to walk from: what would come then is the whole walk from there. */
async function* walkTo(store: ObjectStore, from: Oid, to: Oid | null): AsyncGenerator<LoggedCommit | typeof REACHED> {
  let next: Oid = from;
  // Along a chain without merges there is only one commit to go on from.
  for (;;) {
    if (next === to) {
      yield REACHED;
      return;
    }
    const commit = decodeCommit(await store.readType(next, 'commit'));
    yield { oid: next, commit };
    const [parent, ...more] = commit.parents;
    if (parent === undefined) return;
    if (more.length > 0) {
      yield* walkCommits(store, commit.parents);
      return;
    }
    next = parent;
  }
}
