/**
 * Prompts that a person has let start although a budget is spent (`docket release`), in queues/.docket/released.json, so that the word outlives the daemon
 * and the journal: it holds until the job has ended.
 *
 *   a file in in/ is released -> it is claimed: its job is released -> the job has ended: forgotten
 *
 * Invariant: durable when `add` resolves. What is forgotten too late lets nothing start that nobody released: an entry names one job, or one file for a
 * week. A file that cannot be understood is told, and releases nothing.
 */

import path from 'node:path';
import { isJobId } from '#core/names.ts';
import type { JobId } from '#core/names.ts';
import type { Clock, Fs, Log } from '#core/ports.ts';

export type Released = { readonly job: JobId } | { readonly file: string };
export type Release = Released & { readonly by: string; /** ISO 8601, UTC */ readonly at: string };

export type Releases = {
  hasJob(job: JobId): boolean;
  hasFile(file: string): boolean;
  /** Durable when it resolves. */
  add(what: Released, by: string): Promise<void>;
  /** This file has become this job. Holds at once; the disk is told by and by. */
  take(file: string, job: JobId): void;
  /** The job has ended. */
  forget(job: JobId): void;
  /** Resolves when the disk knows all of it. */
  settled(): Promise<void>;
};

const SIZE_MAX = 1_000_000;
const TEXT_MAX = 1_000;
const BY_MAX = 100;
/** A name of which no prompt came for so long is forgotten. */
const FILE_MS_MAX = 7 * 86_400_000;

const isText = (value: unknown, max: number): value is string => typeof value === 'string' && value.length <= max;

function releaseOf(value: unknown): Release | null {
  if (typeof value !== 'object' || value === null) return null;
  const { job, file, by, at } = value as Readonly<Record<string, unknown>>;
  if (!isText(by, BY_MAX) || !isText(at, BY_MAX) || Number.isNaN(Date.parse(at))) return null;
  if (isText(job, BY_MAX) && isJobId(job)) return { job, by, at };
  return isText(file, TEXT_MAX) ? { file, by, at } : null;
}

/** Null: it is not such a file. */
function parse(text: string): readonly Release[] | null {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof data !== 'object' || data === null || !('v' in data) || data.v !== 1 || !('released' in data)) return null;
  if (!Array.isArray(data.released)) return null;
  const releases = data.released.map(releaseOf);
  return releases.every((one) => one !== null) ? releases : null;
}

const isSame = (one: Released, other: Released): boolean =>
  'job' in one ? 'job' in other && other.job === one.job : 'file' in other && other.file === one.file;

type ReleaseFs = Pick<Fs, 'facts' | 'readBounded' | 'replace' | 'syncFolder'>;

/** @param file absolute */
export async function openReleases(
  ports: { readonly fs: ReleaseFs; readonly clock: Clock; readonly log: Log },
  file: string,
): Promise<Releases> {
  const { fs, clock, log } = ports;
  const isThere = (await fs.facts(file)) !== null;
  const read = isThere ? parse(new TextDecoder().decode((await fs.readBounded(file, SIZE_MAX)).bytes)) : [];
  if (read === null) log.error(`${file} does not say what was released in a form that docket knows: nothing is released`);
  const isFresh = (one: Release): boolean => 'job' in one || clock.now().getTime() - Date.parse(one.at) <= FILE_MS_MAX;
  let releases = (read ?? []).filter(isFresh);
  let writing: Promise<void> = Promise.resolve();

  const write = async (): Promise<void> => {
    await fs.replace(file, `${JSON.stringify({ v: 1, released: releases }, null, 2)}\n`, 'safety');
    await fs.syncFolder(path.dirname(file), 'safety');
  };
  /** One write after the other, each of the newest state. */
  const save = async (): Promise<void> => {
    const turn = writing.then(write);
    writing = turn.catch((error: unknown) => {
      log.warn(`${file} could not be written: ${error instanceof Error ? error.message : String(error)}`);
    });
    return turn;
  };
  const drop = (what: Released): Release | null => {
    const known = releases.find((one) => isSame(one, what)) ?? null;
    if (known !== null) releases = releases.filter((one) => one !== known);
    return known;
  };

  return {
    hasJob: (job) => releases.some((one) => 'job' in one && one.job === job),
    hasFile: (name) => releases.some((one) => 'file' in one && one.file === name),
    async add(what, by) {
      drop(what);
      releases = [...releases, { ...what, by: by.slice(0, BY_MAX), at: clock.now().toISOString() }];
      await save();
    },
    take(name, job) {
      const known = drop({ file: name });
      if (known === null) return;
      releases = [...releases, { job, by: known.by, at: known.at }];
      void save().catch(() => undefined);
    },
    forget(job) {
      if (drop({ job }) !== null) void save().catch(() => undefined);
    },
    settled: async () => writing,
  };
}
