/**
 * What a workspace still holds of content that is purged: ended prompts, answers, archived and private copies, the ledgers, the journal, the
 * logs. Every file below queues/ is read; what holds the content is sorted by what can be done about it.
 *
 *   ended   in/ (ended), out/, archive/: the file becomes a placeholder
 *   own     ledger, journal, logs: cleaned, when no daemon of this workspace runs
 *   flight  of a job that is not at its end: nothing is done, the purge is refused
 *   yours   a prompt that waits, a file of somebody's: only told
 * Invariant: nothing is replaced but what held the content; a ledger keeps every line of the jobs in flight.
 */

import { Buffer } from 'node:buffer';
import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import type { RoleFolder } from '#core/names.ts';
import { holds } from '#history/purge-spellings.ts';
import { isPlaceholder } from '#history/tombstone.ts';
import { ENDED_SUFFIXES, parseWorkName, type Layout } from '#spool/layout.ts';
import { compactJournal } from './parts.ts';

const FILE_BYTES_MAX = 1024 * 1024 * 1024;
/** Kernel locks: never opened as files. */
const LOCKS = new Set(['lock.db', 'lock.db-journal', 'tend.db']);
const JOURNAL = /^journal\.db(?:-wal|-shm|-journal|\.damaged-.*)?$/;

export type Kind = 'ended' | 'own' | 'flight' | 'yours';
export type Held = {
  readonly path: string;
  readonly kind: Kind;
  readonly sizeBytes: number;
  /** SHA-256 of the whole file. */
  readonly sha256: string;
};

export type Search = {
  readonly spellings: readonly Buffer[];
  /** Files that are the content, byte for byte. */
  readonly hashes: ReadonlySet<string>;
};

type Ports = { readonly fs: Fs; readonly layout: Layout; readonly state: string; readonly sha256: (bytes: Uint8Array) => string };

async function* filesBelow(fs: Fs, folder: string): AsyncGenerator<string> {
  let entries;
  try {
    entries = await fs.list(folder);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return;
    throw error;
  }
  for (const { name, kind } of entries) {
    if (name === null) continue;
    if (kind === 'folder') yield* filesBelow(fs, path.join(folder, name));
    else if (kind === 'file') yield path.join(folder, name);
  }
}

async function bytesOf(fs: Fs, file: string): Promise<Buffer | null> {
  try {
    return Buffer.from((await fs.readBounded(file, FILE_BYTES_MAX)).bytes);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return null;
    throw error;
  }
}

function kindOf({ layout, state }: Pick<Ports, 'layout' | 'state'>, file: string): Kind {
  const parts = path.relative(layout.root, file).split(path.sep);
  if (file.startsWith(state + path.sep)) return 'own';
  const [, folder = '', name = ''] = parts;
  if (parts.length === 2 && folder === 'ledger.jsonl') return 'own';
  if (folder === 'work') return 'flight';
  if (folder === 'out' || folder === 'archive') return 'ended';
  return folder === 'in' && parts.length === 3 && ENDED_SUFFIXES.some((suffix) => name.endsWith(`.${suffix}`)) ? 'ended' : 'yours';
}

/** Every file below queues/ that holds the content. The journal must not be open in this process. */
export async function findHeld(ports: Ports, { spellings, hashes }: Search): Promise<Held[]> {
  const { fs, layout, sha256 } = ports;
  const found: Held[] = [];
  for await (const file of filesBelow(fs, layout.root)) {
    if (LOCKS.has(path.basename(file))) continue;
    const bytes = await bytesOf(fs, file);
    if (bytes === null || isPlaceholder(bytes)) continue;
    const hash = sha256(bytes);
    if (hashes.has(hash) || holds(bytes, spellings))
      found.push({ path: file, kind: kindOf(ports, file), sizeBytes: bytes.length, sha256: hash });
  }
  return found;
}

/** @param textFor what stands in its place from now on */
export async function replaceEnded(fs: Fs, held: readonly Held[], textFor: (held: Held) => string): Promise<void> {
  for (const one of held) {
    const facts = await fs.facts(one.path);
    if (facts === null) continue;
    await fs.replace(one.path, textFor(one), 'safety', facts.mode & 0o777);
    await fs.syncFolder(path.dirname(one.path), 'safety');
  }
}

/**
 * Ledgers, journal and logs, while no daemon runs. @returns what was done, in words
 * Throws an Error with words when a job in flight needs what would go.
 */
export async function cleanOwn(ports: Ports, held: readonly Held[], { spellings }: Search): Promise<string[]> {
  const done: string[] = [];
  for (const { path: file } of held) {
    const name = path.basename(file);
    if (name === 'ledger.jsonl') done.push(await cleanLedger(ports, file, spellings));
    else if (!JOURNAL.test(name)) done.push(await maskFile(ports.fs, file, spellings));
  }
  if (held.some(({ path: file }) => JOURNAL.test(path.basename(file)))) done.push(await cleanJournal(ports, spellings));
  return done;
}

/** The content becomes as many `x`: a log stays a log. */
async function maskFile(fs: Fs, file: string, spellings: readonly Buffer[]): Promise<string> {
  const bytes = await bytesOf(fs, file);
  const facts = await fs.facts(file);
  if (bytes === null || facts === null) return `${file} is gone`;
  for (const spelling of spellings)
    for (let at = bytes.indexOf(spelling); at >= 0; at = bytes.indexOf(spelling, at + spelling.length))
      bytes.fill(0x78, at, at + spelling.length);
  await fs.replace(file, bytes, 'safety', facts.mode & 0o777);
  return `${file}: the content is masked`;
}

type LedgerLine = { readonly do?: string; readonly id?: string; readonly job?: { readonly id?: string }; readonly sha256?: string };

async function cleanLedger({ fs, layout }: Ports, file: string, spellings: readonly Buffer[]): Promise<string> {
  const bytes = (await bytesOf(fs, file)) ?? Buffer.alloc(0);
  const folder = path.basename(path.dirname(file)) as RoleFolder;
  const inFlight = new Set<string>();
  for (const { name } of await fs.list(layout.work(folder))) {
    const parsed = parseWorkName(name ?? '');
    if (parsed !== null) inFlight.add(parsed.id);
  }
  const kept: string[] = [];
  const hit: string[] = [];
  for (const line of bytes.toString('utf8').split('\n')) if (line !== '') (holds(Buffer.from(line), spellings) ? hit : kept).push(line);
  for (const line of hit) {
    const said = JSON.parse(line.slice(9)) as LedgerLine;
    const id = said.id ?? said.job?.id ?? '';
    const isNeeded = said.do === 'blob' ? inFlight.size > 0 && kept.some((other) => other.includes(said.sha256 ?? '-')) : inFlight.has(id);
    if (isNeeded)
      throw new Error(`${file} holds the content for a job in flight${id === '' ? '' : ` (${id})`}: let it end, or cancel it, first`);
  }
  await fs.replace(file, kept.map((line) => `${line}\n`).join(''), 'safety', 0o600);
  return `${file}: ${String(hit.length)} lines of ended jobs are gone`;
}

/** Rewritten without its free pages; a journal that still holds the content is removed: it is made again from the files. */
async function cleanJournal({ fs, state }: Ports, spellings: readonly Buffer[]): Promise<string> {
  const file = path.join(state, 'journal.db');
  const holding = async (): Promise<string[]> => {
    const found: string[] = [];
    for (const { name } of await fs.list(state)) {
      const bytes = name !== null && JOURNAL.test(name) ? await bytesOf(fs, path.join(state, name)) : null;
      if (bytes !== null && holds(bytes, spellings)) found.push(path.join(state, name ?? ''));
    }
    return found;
  };
  if ((await fs.facts(file)) !== null) {
    try {
      compactJournal({ state });
    } catch {
      // A damaged one is removed below when it holds the content.
    }
  }
  const left = await holding();
  if (left.length === 0) return `${file}: rewritten without what was deleted in it`;
  for (const one of left.some((name) => /journal\.db(?:-wal|-shm|-journal)?$/.test(name))
    ? [...left, file, `${file}-wal`, `${file}-shm`]
    : left)
    await fs.unlink(one).catch((error: unknown) => {
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
    });
  await fs.syncFolder(state, 'safety');
  return `${file}: removed; the next start makes it again from the files (counts of attempts and holds of lanes begin anew)`;
}
