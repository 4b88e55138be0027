/**
 * What people see of the queue, from the folders alone: waiting, in flight, ended. It answers without a daemon and without a journal,
 * and is never asked to decide anything.
 */

import path from 'node:path';
import type { JobView, Outcome } from '#core/job.ts';
import { isJobId, type RoleName, type Sha256, type Stem } from '#core/names.ts';
import type { DirEntry } from '#core/ports.ts';
import { inFlightViews } from './in-flight.ts';
import { isPromptName, parseEndedName, PROMPT_ENDING, shownName, type EndedSuffix } from './layout.ts';
import { codeOf, inBatches, roleOf, type Parts, type SpoolRole } from './parts.ts';
import { COPY_BYTES_MAX } from './read.ts';
import { readJson } from './records.ts';
import { refusalOf } from './scan.ts';

const ENDED_MAX = 200;
const AT_ONCE = 64;
const NOTHING = { id: null, feature: null, revision: null, name: null, attempts: 0 } as const;

type Ended = { readonly role: SpoolRole; readonly stem: Stem; readonly suffix: EndedSuffix; readonly atMs: number };
type ListOptions = { readonly role?: RoleName; readonly ended?: boolean; readonly limit?: number };

/** Waiting first, then in flight (oldest first), then ended (newest first, at most `limit`, 200 when it is not given). */
export async function list(parts: Parts, options: ListOptions): Promise<readonly JobView[]> {
  const roles = options.role === undefined ? parts.roles : [roleOf(parts, options.role)];
  const waiting: JobView[] = [];
  const inFlight: JobView[] = [];
  const over: Ended[] = [];
  for (const role of roles) {
    const entries = await entriesOf(parts, parts.layout.in(role.folder));
    waiting.push(...(await waitingViews(parts, role, entries)));
    inFlight.push(...(await inFlightViews(parts, role)));
    if (options.ended !== false) over.push(...(await endedFiles(parts, role, entries)));
  }
  const newest = over.toSorted((a, b) => b.atMs - a.atMs).slice(0, options.limit ?? ENDED_MAX);
  return [
    ...waiting.toSorted((a, b) => compare(a.since ?? '', b.since ?? '')),
    ...inFlight.toSorted((a, b) => compare(a.since ?? '', b.since ?? '')),
    ...(await inBatches(newest, AT_ONCE, (one) => endedView(parts, one))),
  ];
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
/** Fractions kept: many files end within one millisecond. */
const msOf = (ns: bigint): number => Number(ns) / 1e6;
const iso = (ns: bigint): string => new Date(msOf(ns)).toISOString();

/** A folder that is not there has no entries: `ls` works before the first start. */
async function entriesOf(parts: Parts, folder: string): Promise<readonly DirEntry[]> {
  try {
    return await parts.fs.list(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function waitingViews(parts: Parts, role: SpoolRole, entries: readonly DirEntry[]): Promise<JobView[]> {
  const views = await inBatches(
    entries.filter((entry) => isPromptName(entry.raw)),
    AT_ONCE,
    async (entry): Promise<JobView | null> => {
      const facts = await parts.fs.facts(parts.layout.entry(role.folder, entry.raw));
      if (facts === null) return null;
      const stem = shownName(entry.raw).slice(0, -PROMPT_ENDING.length);
      const why = facts.kind === 'file' ? null : `refused: ${refusalOf(facts.kind)}, not a file`;
      return { ...NOTHING, role: role.name, stem, state: 'waiting-in', since: iso(facts.ctimeNs), why };
    },
  );
  return views.filter((view) => view !== null);
}

async function endedFiles(parts: Parts, role: SpoolRole, entries: readonly DirEntry[]): Promise<Ended[]> {
  const files = await inBatches(entries, AT_ONCE, async (entry): Promise<Ended | null> => {
    const parsed = entry.name === null ? null : parseEndedName(entry.name);
    if (parsed === null) return null;
    const facts = await parts.fs.facts(parts.layout.entry(role.folder, entry.raw));
    return facts === null ? null : { role, ...parsed, atMs: msOf(facts.ctimeNs) };
  });
  return files.filter((file) => file !== null);
}

type EvidenceFacts = Pick<JobView, 'id' | 'feature' | 'revision' | 'name' | 'attempts'> & { readonly status: string | null };

/** The few facts a list shows, taken from out/foo_evidence.json (core/evidence.ts); nulls when it is not there or not understood. */
async function evidenceOf(parts: Parts, role: SpoolRole, stem: Stem): Promise<EvidenceFacts> {
  const statement = await readJson(parts.fs, path.join(parts.layout.out(role.folder), `${stem}_evidence.json`));
  const predicate = objectAt(statement, 'predicate');
  const id = predicate['job'];
  const revision = predicate['revision'];
  const attempts = predicate['attempts'];
  return {
    id: typeof id === 'string' && isJobId(id) ? id : null,
    feature: textAt(objectAt(predicate, 'feature'), 'id'),
    revision: typeof revision === 'number' ? revision : null,
    name: textAt(predicate, 'name'),
    attempts: Array.isArray(attempts) ? attempts.length : 0,
    status: textAt(predicate, 'status'),
  };
}

const objectAt = (value: unknown, key: string): Readonly<Record<string, unknown>> => {
  const inner = typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : null;
  return typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {};
};
const textAt = (value: Readonly<Record<string, unknown>>, key: string): string | null => {
  const text = Object.hasOwn(value, key) ? value[key] : null;
  return typeof text === 'string' ? text : null;
};

async function endedView(parts: Parts, one: Ended): Promise<JobView> {
  const { status, ...evidence } = await evidenceOf(parts, one.role, one.stem);
  const error = path.join(parts.layout.out(one.role.folder), `${one.stem}_error.md`);
  return {
    ...evidence,
    role: one.role.name,
    stem: one.stem,
    state: await outcomeOf(parts, one, status),
    since: new Date(one.atMs).toISOString(),
    why: one.suffix !== 'processed' && (await parts.fs.facts(error)) !== null ? `see ${error}` : null,
  };
}

/** `.processed` stands for three outcomes; out/ tells which. */
async function outcomeOf(parts: Parts, one: Omit<Ended, 'atMs'>, status: string | null): Promise<Outcome> {
  if (one.suffix !== 'processed') return one.suffix;
  if (status === 'briefed') return 'briefed';
  const duplicate = path.join(parts.layout.out(one.role.folder), `${one.stem}_duplicate.json`);
  return status === null && (await parts.fs.facts(duplicate)) !== null ? 'duplicate' : 'answered';
}

export type EndedFile = { readonly stem: string; readonly outcome: Outcome; readonly path: string; readonly sha256: Sha256 };

/** Each ended file of a role, hashed anew, in the order of the folder. What is no regular file, or larger than any prompt may be, has no hash and is left out. */
export async function* ended(parts: Parts, name: RoleName): AsyncGenerator<EndedFile> {
  const role = roleOf(parts, name);
  for (const entry of await entriesOf(parts, parts.layout.in(role.folder))) {
    const parsed = entry.name === null ? null : parseEndedName(entry.name);
    if (parsed === null || entry.name === null) continue;
    const file = path.join(parts.layout.in(role.folder), entry.name);
    const bytes = await bytesOf(parts, file, parsed.suffix);
    if (bytes === null) continue;
    const status = parsed.suffix === 'processed' ? (await evidenceOf(parts, role, parsed.stem)).status : null;
    yield {
      stem: parsed.stem,
      outcome: await outcomeOf(parts, { role, ...parsed }, status),
      path: file,
      sha256: parts.digest.sha256(bytes),
    };
  }
}

/** A prompt of another user may have been rejected because it may not be read: nothing was recorded that it could differ from. */
const UNRECORDED: readonly EndedSuffix[] = ['rejected', 'held'];

async function bytesOf(parts: Parts, file: string, suffix: EndedSuffix): Promise<Uint8Array | null> {
  try {
    return (await parts.fs.readBounded(file, Math.max(COPY_BYTES_MAX, parts.settings.promptBytes))).bytes;
  } catch (error) {
    const code = codeOf(error);
    if (['ENOENT', 'EINVAL', 'EFBIG'].includes(code)) return null;
    if (['EACCES', 'EPERM'].includes(code) && UNRECORDED.includes(suffix)) return null;
    throw error;
  }
}
