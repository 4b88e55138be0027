/** Words about a job that several verbs share: its state, its age, its identity, its file's name, and the front matter of one that waits. */

import path from 'node:path';
import type { JobView } from '#core/job.ts';
import { suffixOf, type JobState, type Outcome } from '#core/job.ts';
import { printable, type JobId, type RoleFolder } from '#core/names.ts';
import type { JournalJob } from '#core/ports.ts';
import { peekPrompt, type Peek } from '#prompt-spec/peek.ts';
import type { Sources } from './job-words-sources.ts';

const BAD: ReadonlySet<string> = new Set(['rejected', 'held', 'failed', 'cancelled']);
const GOOD: ReadonlySet<string> = new Set(['answered', 'briefed', 'duplicate']);

export type BadEnd = 'rejected' | 'held' | 'failed' | 'cancelled';
export const isBadEnd = (state: string): state is BadEnd => BAD.has(state);
export const isEnd = (state: string): state is Outcome => BAD.has(state) || GOOD.has(state);
export const isWaitingFile = (view: Pick<JobView, 'state'>): boolean => view.state === 'waiting-in';
export const isInFlight = (view: Pick<JobView, 'state'>): boolean => !isWaitingFile(view) && !isEnd(view.state);

const IN_FLIGHT_WORDS: Readonly<Record<JobState, string>> = {
  claimed: 'claimed',
  read: 'claimed',
  submitted: 'waiting (lane)',
  running: 'running',
  waiting: 'waiting (lane)',
  ran: 'ending',
  recorded: 'ending',
  published: 'ending',
  done: 'ending',
};

/** The folders tell how far a job is; between attempts only the journal knows that it waits. */
export function stateOf(view: JobView, row: JournalJob | null): JobView['state'] {
  if (row === null || row.id !== view.id || !isInFlight(view)) return view.state;
  if (view.state === 'read' && row.state === 'submitted') return row.state;
  return row.state === 'waiting' && (view.state === 'ran' || view.state === 'running') ? row.state : view.state;
}

export function stateWord(state: JobView['state']): string {
  if (state === 'waiting-in') return 'waiting';
  return isEnd(state) ? state : IN_FLIGHT_WORDS[state];
}

/** `foo.md`, `foo.processed`; null while the file is in work/. */
export function fileNameOf(view: Pick<JobView, 'state' | 'stem'>): string | null {
  if (view.state === 'waiting-in') return `${view.stem}.md`;
  return isEnd(view.state) ? `${view.stem}.${suffixOf(view.state)}` : null;
}

/** A file below the workspace as people read it. */
export const shownPath = (root: string, file: string): string => {
  const relative = path.relative(root, file);
  return relative.startsWith('..') ? file : relative;
};

/** `12s`, `5m`, `3h`, `2d`; `-` when nobody knows. */
export function ageOf(since: string | null, atMs: number): string {
  const seconds = since === null ? Number.NaN : Math.max(0, Math.round((atMs - Date.parse(since)) / 1000));
  if (Number.isNaN(seconds)) return '-';
  if (seconds < 60) return `${String(seconds)}s`;
  if (seconds < 3_600) return `${String(Math.floor(seconds / 60))}m`;
  if (seconds < 48 * 3_600) return `${String(Math.floor(seconds / 3_600))}h`;
  return `${String(Math.floor(seconds / 86_400))}d`;
}

/** `FEAT-123/filter-panel r2`: the role stands elsewhere. */
export const featureWord = (feature: string | null, name: string | null, revision: number | null): string =>
  feature === null ? '-' : `${feature}${name === null ? '' : `/${name}`}${revision === null ? '' : ` r${String(revision)}`}`;

/** The first line, cut short. */
export const shortly = (text: string | null, length = 70): string => {
  const line = printable((text ?? '').split('\n')[0] ?? '', 10_000);
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
};

const HEAD_BYTES = 16_384;

/** The front matter of a waiting file; null when it is not readable or not valid. */
export async function peekOf(
  sources: Pick<Sources, 'fs' | 'layout'>,
  folder: RoleFolder,
  { stem, file }: Pick<JobView, 'stem' | 'file'>,
): Promise<Peek | null> {
  try {
    const { bytes } = await sources.fs.readHead(path.join(sources.layout.in(folder), file ?? `${stem}.md`), HEAD_BYTES);
    return peekPrompt(bytes);
  } catch {
    // Gone meanwhile, a link, or a name that is no text: the daemon will have words for it.
    return null;
  }
}

/** The same of a job in flight: its private copy. Null also before it was read. */
export async function peekInFlight(sources: Pick<Sources, 'fs' | 'layout'>, folder: RoleFolder, id: JobId): Promise<Peek | null> {
  try {
    return peekPrompt((await sources.fs.readHead(sources.layout.job(folder, id).claimed, HEAD_BYTES)).bytes);
  } catch {
    return null;
  }
}

/** Text of a file of ours; null when it is not there or no regular file. */
export async function textOf(sources: Pick<Sources, 'fs'>, file: string, maxBytes = 16_000_000): Promise<string | null> {
  try {
    return new TextDecoder().decode((await sources.fs.readBounded(file, maxBytes)).bytes);
  } catch {
    return null;
  }
}
