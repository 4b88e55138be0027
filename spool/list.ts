/**
 * What people see of the queue, from the folders alone: waiting, in flight, ended. It answers without a daemon and without a journal,
 * and is never asked to decide anything.
 */

import { Buffer, isUtf8 } from 'node:buffer';
import path from 'node:path';
import type { Failure } from '#core/failure.ts';
import type { JobView, Outcome } from '#core/job.ts';
import { isJobId, type RoleName, type Sha256, type Stem } from '#core/names.ts';
import type { DirEntry } from '#core/ports.ts';
import { folderFailure, ROLE_FAULTS } from './folder-faults.ts';
import { heldPrompt } from './held-prompts.ts';
import { inFlightViews } from './in-flight.ts';
import { ENDED_SUFFIXES, isPromptText, MONTH, parseEndedName, PROMPT_ENDING, shownName, stemOfName, type EndedSuffix } from './layout.ts';
import { codeOf, inBatches, roleOf, type Parts, type SpoolRole } from './parts.ts';
import { isSameFile } from './place.ts';
import { COPY_BYTES_MAX } from './read.ts';
import { readJson } from './records.ts';
import { refusalOf } from './scan.ts';

const ENDED_MAX = 200;
const AT_ONCE = 64;
const NOTHING = { id: null, feature: null, revision: null, name: null, attempts: 0 } as const;

type Ended = {
  readonly role: SpoolRole;
  readonly stem: Stem;
  readonly suffix: EndedSuffix;
  readonly atMs: number;
  /** Where it stands when it is not in in/. */
  readonly archived: string | null;
};
type ListOptions = {
  readonly role?: RoleName;
  readonly ended?: boolean;
  /** False: what waits in in/ is left out, unread. */
  readonly waiting?: boolean;
  readonly limit?: number;
  readonly onFault?: (role: RoleName, failure: Failure) => void;
};

/**
 * Waiting first, then in flight (oldest first), then ended (newest first, at most `limit`, 200 when it is not given). What stands in a folder that cannot be
 * read is left out and told to `onFault`; without one it is thrown.
 */
export async function list(parts: Parts, options: ListOptions): Promise<readonly JobView[]> {
  const roles = options.role === undefined ? parts.roles : [roleOf(parts, options.role)];
  const waiting: JobView[] = [];
  const inFlight: JobView[] = [];
  const over: Ended[] = [];
  for (const role of roles) {
    const tried = async (act: () => Promise<void>): Promise<null | void> => orTold(parts, role, options, act);
    let names: Names = { prompts: [], ended: [] };
    await tried(async () => {
      if (options.waiting === false && options.ended === false) return;
      names = await namesIn(parts, parts.layout.in(role.folder));
      if (options.waiting !== false) for (const view of await waitingViews(parts, role, names.prompts)) waiting.push(view);
    });
    await tried(async () => void inFlight.push(...(await inFlightViews(parts, role))));
    if (options.ended === false) continue;
    await tried(async () => {
      for (const one of await endedFiles(parts, role, names.ended)) over.push(one);
    });
    await tried(async () => {
      for (const one of await archivedFiles(parts, role, new Set(names.ended))) over.push(one);
    });
  }
  const newest = over.toSorted((a, b) => b.atMs - a.atMs).slice(0, options.limit ?? ENDED_MAX);
  return [
    ...waiting.toSorted((a, b) => compare(a.since ?? '', b.since ?? '')),
    ...inFlight.toSorted((a, b) => compare(a.since ?? '', b.since ?? '')),
    ...(await endedViews(parts, newest, options)),
  ];
}

async function endedViews(parts: Parts, newest: readonly Ended[], options: ListOptions): Promise<JobView[]> {
  const views = await inBatches(newest, AT_ONCE, (one) => orTold(parts, one.role, options, async () => endedView(parts, one)));
  return views.filter((view) => view !== null);
}

/** Null: it could not be read, and was told. */
async function orTold<T>(parts: Parts, role: SpoolRole, { onFault }: ListOptions, act: () => Promise<T>): Promise<T | null> {
  try {
    return await act();
  } catch (error) {
    const code = codeOf(error);
    if (onFault === undefined || !ROLE_FAULTS.has(code)) throw error;
    onFault(role.name, folderFailure(parts.layout.role(role.folder), code, error));
    return null;
  }
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

/** Bytes of names that are one character per byte. */
const rawInOrder = (names: readonly string[]): Buffer[] => names.toSorted(compare).map((name) => Buffer.from(name, 'latin1'));

type Names = { readonly prompts: readonly Uint8Array[]; readonly ended: readonly string[] };

/** The names that mean something, in order; others are not kept, however many there are. */
async function namesIn(parts: Parts, folder: string): Promise<Names> {
  const prompts: string[] = [];
  const over: string[] = [];
  try {
    await parts.fs.walk(folder, (name) => {
      if (isPromptText(name)) prompts.push(name);
      else if (ENDED_SUFFIXES.some((suffix) => name.endsWith(`.${suffix}`))) over.push(name);
    });
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  return { prompts: rawInOrder(prompts), ended: rawInOrder(over).flatMap((name) => (isUtf8(name) ? [name.toString()] : [])) };
}

async function waitingViews(parts: Parts, role: SpoolRole, names: readonly Uint8Array[]): Promise<JobView[]> {
  const views = await inBatches(names, AT_ONCE, async (raw): Promise<JobView | null> => {
    const facts = await parts.fs.facts(parts.layout.entry(role.folder, raw));
    if (facts === null) return null;
    const stem = shownName(raw).slice(0, -PROMPT_ENDING.length);
    const why = facts.kind === 'file' ? null : `refused: ${refusalOf(facts.kind)}, not a file`;
    const name = isUtf8(raw) ? Buffer.from(raw).toString() : '';
    const stated = name !== '' && name !== `${stem}${PROMPT_ENDING}` && stemOfName(raw).stated !== null ? { file: name } : {};
    return { ...NOTHING, role: role.name, stem, state: 'waiting-in', since: iso(facts.ctimeNs), why, ...stated };
  });
  return views.filter((view) => view !== null);
}

async function endedFiles(parts: Parts, role: SpoolRole, names: readonly string[], month?: string): Promise<Ended[]> {
  const files = await inBatches(names, AT_ONCE, async (name): Promise<Ended | null> => {
    const parsed = parseEndedName(name);
    if (parsed === null) return null;
    const archived = month === undefined ? null : path.join(month, name);
    const facts = await parts.fs.facts(archived ?? path.join(parts.layout.in(role.folder), name));
    if (facts === null) return null;
    return { role, ...parsed, atMs: month === undefined ? msOf(facts.ctimeNs) : await endOf(parts, role, parsed.stem, month), archived };
  });
  return files.filter((file) => file !== null);
}

/** When an archived one ended: its own times changed when it was moved, those of its evidence did not. */
async function endOf(parts: Parts, role: SpoolRole, stem: Stem, month: string): Promise<number> {
  const evidence = await parts.fs.facts(path.join(parts.layout.out(role.folder), `${stem}_evidence.json`));
  return evidence === null ? Date.parse(`${path.basename(month)}-01T00:00:00Z`) : msOf(evidence.mtimeNs);
}

/** What retention moved away (retire.ts). One that still stands in in/ as well is told as that. */
async function archivedFiles(parts: Parts, role: SpoolRole, inNames: ReadonlySet<string>): Promise<Ended[]> {
  const found: Ended[] = [];
  for (const { name } of await entriesOf(parts, parts.layout.archive(role.folder))) {
    if (name === null || !MONTH.test(name)) continue;
    const month = parts.layout.month(role.folder, name);
    const { ended: names } = await namesIn(parts, month);
    for (const one of await endedFiles(parts, role, names, month)) {
      const base = path.basename(one.archived ?? '');
      const isThereToo =
        inNames.has(base) && (await isSameFile(parts.fs, path.join(month, base), path.join(parts.layout.in(role.folder), base)));
      if (!isThereToo) found.push(one);
    }
  }
  return found;
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
  const held = one.suffix === 'held' && one.archived === null ? await heldPrompt(parts, one.role.folder, one.stem) : null;
  return {
    ...evidence,
    ...(held === null ? {} : { held }),
    ...(one.archived === null ? {} : { archived: one.archived }),
    role: one.role.name,
    stem: one.stem,
    state: await outcomeOf(parts, one, status),
    since: new Date(one.atMs).toISOString(),
    why: one.suffix !== 'processed' && (await parts.fs.facts(error)) !== null ? `see ${error}` : null,
  };
}

/** `.processed` stands for three outcomes; out/ tells which. */
async function outcomeOf(parts: Parts, one: Omit<Ended, 'atMs' | 'archived'>, status: string | null): Promise<Outcome> {
  if (one.suffix !== 'processed') return one.suffix;
  if (status === 'briefed') return 'briefed';
  const duplicate = path.join(parts.layout.out(one.role.folder), `${one.stem}_duplicate.json`);
  return status === null && (await parts.fs.facts(duplicate)) !== null ? 'duplicate' : 'answered';
}

export type EndedFile = { readonly stem: string; readonly outcome: Outcome; readonly path: string; readonly sha256: Sha256 };

/** Each ended file of a role, hashed anew: those in archive/ first, then those in in/, by name. What is no regular file, or larger than any prompt may be, has no hash and is left out. */
export async function* ended(parts: Parts, name: RoleName): AsyncGenerator<EndedFile> {
  const role = roleOf(parts, name);
  const { ended: names } = await namesIn(parts, parts.layout.in(role.folder));
  for (const one of await archivedFiles(parts, role, new Set(names))) {
    const file = await endedFile(parts, role, one.archived ?? '');
    if (file !== null) yield file;
  }
  for (const one of names) {
    const file = await endedFile(parts, role, path.join(parts.layout.in(role.folder), one));
    if (file !== null) yield file;
  }
}

async function endedFile(parts: Parts, role: SpoolRole, file: string): Promise<EndedFile | null> {
  const parsed = parseEndedName(path.basename(file));
  const bytes = parsed === null ? null : await bytesOf(parts, file, parsed.suffix);
  if (parsed === null || bytes === null) return null;
  const status = parsed.suffix === 'processed' ? (await evidenceOf(parts, role, parsed.stem)).status : null;
  return {
    stem: parsed.stem,
    outcome: await outcomeOf(parts, { role, ...parsed }, status),
    path: file,
    sha256: parts.digest.sha256(bytes),
  };
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
