/**
 * The ledger of one role, queues/<role>/ledger.jsonl: a line for each step of the jobs in flight. Together with the names beside it in work/ it is
 * the truth about them. Jobs at the same step at the same time share one write and one sync of it.
 *
 * States: unread -> ours (read, and written anew by this process) -> (a write failed: unread)
 * Invariant: append() resolves when its lines are on disk, in the order in which they were asked for; a line that is torn or damaged counts as
 * not written. Only the process that holds the daemon's lock reads it here or appends; before it believes a line it writes the file anew from what can be read.
 */

import { Buffer } from 'node:buffer';
import type { FinalFile, JobFile } from '#core/job.ts';
import type { JobId, RoleFolder, Sha256 } from '#core/names.ts';
import type { Fs, Log, SyncWhy } from '#core/ports.ts';
import { unreachable } from '#core/result.ts';
import { codeOf } from './error-code.ts';
import { othersToo, type FolderSync } from './folder-sync.ts';
import type { Layout } from './layout.ts';
import { decodeLines, encodeLine, pack, unpack, type Line, type Span } from './ledger-lines.ts';
import type { Json } from './records.ts';
import { workNames } from './work-names.ts';

/** All that is known of one job. */
export type Entry = {
  readonly claim: { readonly nameHex: string; readonly at: string; readonly seen: string | null } | null;
  readonly job: JobFile | null;
  /** The line with the prompt's bytes. */
  readonly bytesAt: Span | null;
  readonly final: FinalFile | null;
  readonly note: Json | null;
  readonly blobs: readonly Sha256[];
  /** By role folder: the inode of in/ in which the children were staged; null: not yet. */
  readonly staged: Readonly<Record<string, string>> | null;
};
const NOTHING: Entry = { claim: null, job: null, bytesAt: null, final: null, note: null, blobs: [], staged: null };

export type Blob = { readonly sha256: Sha256; readonly bytes: Uint8Array | string };

export type Ledger = {
  entry(id: JobId): Promise<Entry | null>;
  /** @param blobs what the lines refer to by hash: written before them, each once */
  append(lines: readonly Line[], why: SyncWhy, blobs?: readonly Blob[]): Promise<void>;
  /** The prompt as it was read; null when the ledger does not have it. */
  promptOf(id: JobId): Promise<Uint8Array | null>;
  blob(sha256: Sha256): Promise<Uint8Array | null>;
  /** The job is over: its lines go when the file is written anew. */
  forget(id: JobId): void;
  /** Writes the file anew, so that nothing is left of what was forgotten: a prompt that was held for a secret. */
  scrub(): Promise<void>;
};

type Kept = { entry: Entry; spans: Span[] };
type State = { readonly jobs: Map<JobId, Kept>; readonly blobs: Map<Sha256, Span>; sizeBytes: number };

/** Longer ones would make every rewrite slow; only a damaged disk comes near it. */
const LEDGER_BYTES = 1_000_000_000;
/** Below this a ledger is not written anew however little of it is still needed. */
const SMALL_BYTES = 2_000_000;
const NEEDED_SHARE = 0.25;

function take(state: State, line: Line, span: Span): void {
  if (line.do === 'blob') {
    state.blobs.set(line.sha256, span);
    return;
  }
  const id = line.do === 'read' ? line.job.id : line.id;
  const kept = state.jobs.get(id) ?? { entry: NOTHING, spans: [] };
  kept.entry = { ...kept.entry, ...newsOf(kept.entry, line, span) };
  kept.spans.push(span);
  state.jobs.set(id, kept);
}

function newsOf(before: Entry, line: Exclude<Line, { readonly do: 'blob' }>, span: Span): Partial<Entry> {
  switch (line.do) {
    case 'claim':
      return { claim: { nameHex: line.name, at: line.at, seen: line.seen ?? null } };
    case 'read':
      return { job: line.job, bytesAt: line.bytes === null ? null : span };
    case 'count':
      return { job: before.job === null ? null : { ...before.job, reads: line.reads } };
    case 'final':
      return { final: line.final, note: line.note, blobs: line.blobs };
    case 'staged':
      return { staged: line.homes };
    default:
      return unreachable(line);
  }
}

export function readState(bytes: Uint8Array): { readonly state: State; readonly damaged: number } {
  const { lines, damaged } = decodeLines(bytes);
  const state: State = { jobs: new Map(), blobs: new Map(), sizeBytes: bytes.length };
  for (const { line, span } of lines) take(state, line, span);
  return { state, damaged };
}

const ledgerBytes = async (fs: Fs, file: string): Promise<Uint8Array> => {
  try {
    return (await fs.readBounded(file, LEDGER_BYTES)).bytes;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return new Uint8Array();
    throw error;
  }
};

/** What a ledger says, for who only reads. */
export async function readLedger(fs: Fs, file: string): Promise<ReadonlyMap<JobId, Entry>> {
  const { state } = readState(await ledgerBytes(fs, file));
  return new Map([...state.jobs].map(([id, { entry }]) => [id, entry]));
}

export type LedgerPorts = {
  readonly fs: Fs;
  readonly layout: Layout;
  readonly log: Log;
  readonly sync: FolderSync;
  /** Jobs whose claim is under way: nothing in work/ speaks of them yet. */
  readonly claiming: ReadonlySet<JobId>;
};

type Turn = {
  readonly lines: readonly Line[];
  readonly blobs: readonly Blob[];
  readonly why: SyncWhy;
  resolve(): void;
  reject(error: unknown): void;
};
/** Reading waits for its turn too: a file that is written anew moves its lines. */
type Reading = () => Promise<void>;

export function makeLedger({ fs, layout, log, sync, claiming }: LedgerPorts, folder: RoleFolder): Ledger {
  const file = layout.ledger(folder);
  let state: Promise<State> | null = null;
  let isOurs = false;
  let waiting: Turn[] = [];
  let readings: Reading[] = [];
  let isBusy = false;
  /** Since the file was last written anew: what is forgotten while it is, the new state has still. */
  const forgotten = new Set<JobId>();

  /** The same file with only the lines that are still needed. */
  const writeAnew = async (now: State): Promise<State> => {
    for (const id of forgotten) now.jobs.delete(id);
    forgotten.clear();
    const next = await copied(now);
    for (const id of forgotten) next.jobs.delete(id);
    return next;
  };

  const copied = async (now: State): Promise<State> => {
    const listed = await workNames(fs, layout.work(folder));
    const isKept = (id: JobId): boolean => isOurs || listed.has(id) || claiming.has(id);
    const before = await ledgerBytes(fs, file);
    const next: State = { jobs: new Map(), blobs: new Map(), sizeBytes: 0 };
    const pieces: Uint8Array[] = [];
    const copy = (span: Span): Span => {
      const moved = { offset: next.sizeBytes, length: span.length };
      pieces.push(before.subarray(span.offset, span.offset + span.length));
      next.sizeBytes += span.length;
      return moved;
    };
    for (const [id, { entry, spans }] of now.jobs) {
      if (!isKept(id)) continue;
      let { bytesAt } = entry;
      const moved = spans.map((span) => {
        const to = copy(span);
        if (span === entry.bytesAt) bytesAt = to;
        return to;
      });
      next.jobs.set(id, { entry: { ...entry, bytesAt }, spans: moved });
      for (const hash of entry.blobs) {
        const span = now.blobs.get(hash);
        if (span !== undefined && !next.blobs.has(hash)) next.blobs.set(hash, copy(span));
      }
    }
    await fs.replace(file, Buffer.concat(pieces), 'safety', 0o600);
    await sync(layout.role(folder), 'safety');
    return next;
  };

  const load = async (): Promise<State> => {
    const { state: found, damaged } = readState(await ledgerBytes(fs, file));
    if (damaged > 0) log.warn('lines of a ledger that a crash or the disk damaged are passed over', { path: file, count: damaged });
    if (found.sizeBytes === 0) return found;
    // Lines of a process that was killed, or whose sync failed, may be in the kernel's memory only: nothing is done on their word before they are on the disk.
    const anew = await writeAnew(found);
    isOurs = true;
    return anew;
  };
  const known = async (): Promise<State> => {
    if (state === null) {
      const loading = load();
      loading.catch(() => {
        if (state === loading) state = null;
      });
      state = loading;
    }
    return state;
  };

  const isBloated = (now: State): boolean => {
    if (now.sizeBytes < SMALL_BYTES) return false;
    let neededBytes = 0;
    for (const { spans } of now.jobs.values()) for (const span of spans) neededBytes += span.length;
    return neededBytes < now.sizeBytes * NEEDED_SHARE;
  };

  const linesOf = (now: State, turns: readonly Turn[]): readonly Line[] => {
    const lines: Line[] = [];
    const added = new Set<Sha256>();
    for (const turn of turns) {
      for (const { sha256, bytes } of turn.blobs) {
        if (now.blobs.has(sha256) || added.has(sha256)) continue;
        lines.push({ do: 'blob', sha256, bytes: typeof bytes === 'string' ? { text: bytes } : pack(bytes) });
        added.add(sha256);
      }
      lines.push(...turn.lines);
    }
    return lines;
  };

  const write = async (turns: readonly Turn[]): Promise<void> => {
    let now = await known();
    if (!isOurs || isBloated(now)) {
      now = await writeAnew(now);
      state = Promise.resolve(now);
      isOurs = true;
    }
    const lines = linesOf(now, turns);
    const encoded = lines.map(encodeLine);
    const bytes = Buffer.concat(encoded);
    await fs.append(file, bytes, 0o600);
    await fs.syncFile(file, turns.some((turn) => turn.why === 'safety') ? 'safety' : 'no-second-run');
    const { sizeBytes } = (await fs.facts(file)) ?? { sizeBytes: 0 };
    if (sizeBytes < now.sizeBytes + bytes.length) {
      // Unmounted since it was looked at: what was written is in the way of nobody, below the mount.
      const work = layout.work(folder);
      if ((await fs.facts(work)) === null)
        throw Object.assign(new Error(`ENOENT: no such folder, '${work}'`), { code: 'ENOENT', path: work });
      throw new Error(`somebody else removed or changed ${file}: what it said of the jobs in flight is looked for in work/`);
    }
    // Where our lines begin, whoever added some before them.
    now.sizeBytes = sizeBytes - bytes.length;
    for (const [index, line] of lines.entries()) {
      const length = encoded[index]?.length ?? 0;
      take(now, line, { offset: now.sizeBytes, length });
      now.sizeBytes += length;
    }
  };

  const work = async (): Promise<void> => {
    while (waiting.length > 0 || readings.length > 0) {
      await othersToo();
      const [turns, reads] = [waiting, readings];
      waiting = [];
      readings = [];
      for (const read of reads) await read();
      if (turns.length === 0) continue;
      try {
        await write(turns);
        for (const turn of turns) turn.resolve();
      } catch (error) {
        // What is on the disk now is told by the disk, and must be synced again under another name: an fsync that failed is never repeated.
        state = null;
        isOurs = false;
        for (const turn of turns) turn.reject(error);
      }
    }
    isBusy = false;
  };
  const start = (): void => {
    if (isBusy) return;
    isBusy = true;
    void work();
  };

  const inTurn = async <T>(act: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      readings.push(async () => {
        try {
          resolve(await act());
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
      start();
    });
  const lineAt = async (place: (now: State) => Span | null | undefined): Promise<Line | null> =>
    inTurn(async () => {
      const span = place(await known()) ?? null;
      return span === null ? null : readLine(fs, file, span);
    });

  return {
    entry: async (id) => (await known()).jobs.get(id)?.entry ?? null,
    append: (lines, why, blobs = []) =>
      new Promise((resolve, reject) => {
        waiting.push({ lines, blobs, why, resolve, reject });
        start();
      }),
    async promptOf(id) {
      const line = await lineAt((now) => now.jobs.get(id)?.entry.bytesAt);
      return line?.do === 'read' && line.job.id === id && line.bytes !== null ? unpack(line.bytes) : null;
    },
    async blob(sha256) {
      const line = await lineAt((now) => now.blobs.get(sha256));
      return line?.do === 'blob' && line.sha256 === sha256 ? unpack(line.bytes) : null;
    },
    forget(id) {
      forgotten.add(id);
      state?.then((now) => now.jobs.delete(id)).catch(() => undefined);
    },
    scrub: () =>
      inTurn(async () => {
        const anew = await writeAnew(await known());
        state = Promise.resolve(anew);
        isOurs = true;
      }),
  };
}

async function readLine(fs: Fs, file: string, span: Span): Promise<Line | null> {
  const open = await fs.openRead(file);
  try {
    return decodeLines(await open.readAt(span.offset, span.length)).lines[0]?.line ?? null;
  } finally {
    await open.close();
  }
}
