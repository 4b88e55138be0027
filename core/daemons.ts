/**
 * The registry of a user's daemons: an entry for each workspace in which a daemon was started on a machine (docs/daemons.md).
 * Invariant: it only says where to look. Whether a daemon runs is said by the kernel lock and the socket of its workspace, and nobody is
 * signalled because of an entry.
 *
 *   (none) -> alive -> stopped -> alive …        an orderly end keeps the entry, so that `docket up --all` knows the workspace
 *             alive -> ended                     a dead pid, another boot, a pid that was given to another process
 *             elsewhere                          of another machine that shares the home folder: shown, never asked
 */

import { err, ok, type Result } from './result.ts';

export type DaemonEntry = {
  readonly v: 1;
  /** Real path of the folder with docket.yaml. */
  readonly root: string;
  readonly app: string;
  /** Its queues/.docket. */
  readonly state: string;
  readonly host: string;
  /** Of the boot, and of the pid namespace where there are such. */
  readonly boot_id: string;
  readonly pid: number;
  /** As the system writes it: pids are given again. */
  readonly pid_start: string;
  readonly instance: string;
  readonly version: string;
  /** ISO 8601, UTC. */
  readonly started_at: string;
  /** When it ended in order; null: it did not. */
  readonly stopped_at: string | null;
};

export type Machine = {
  readonly host: string;
  readonly bootId: string;
  isAlive(pid: number, startTime: string): boolean;
};

export type Whereabouts = 'alive' | 'stopped' | 'ended' | 'elsewhere';

/** A machine that got another name is still the one that was booted then. */
const isHere = (entry: DaemonEntry, machine: Machine): boolean =>
  entry.host === machine.host || (entry.boot_id !== '' && entry.boot_id === machine.bootId);

export function whereaboutsOf(entry: DaemonEntry, machine: Machine): Whereabouts {
  if (!isHere(entry, machine)) return 'elsewhere';
  if (entry.stopped_at !== null) return 'stopped';
  return entry.boot_id === machine.bootId && machine.isAlive(entry.pid, entry.pid_start) ? 'alive' : 'ended';
}

/** Those that run on this machine, beside the workspace that asks. */
export const othersAlive = (entries: readonly DaemonEntry[], machine: Machine, root: string): number =>
  entries.filter((entry) => entry.root !== root && whereaboutsOf(entry, machine) === 'alive').length;

const ENTRY_NAME = /^[0-9a-f]{32}-[0-9a-f]{8}\.json$/;
export const isEntryName = (name: string): boolean => ENTRY_NAME.test(name);

/** A name for each workspace on each machine: two machines may share a home folder. @param sha256 in hex */
export const entryName = (root: string, host: string, sha256: (text: string) => string): string =>
  `${sha256(root).slice(0, 32)}-${sha256(host).slice(0, 8)}.json`;

export const entryText = (entry: DaemonEntry): string => `${JSON.stringify(entry, null, 2)}\n`;

const PATH_LENGTH_MAX = 4_096;
const TEXT_LENGTH_MAX = 300;

const isText = (value: unknown, lengthMax = TEXT_LENGTH_MAX): value is string =>
  typeof value === 'string' && value !== '' && value.length <= lengthMax;
const isFolder = (value: unknown): value is string => isText(value, PATH_LENGTH_MAX) && value.startsWith('/') && !value.includes('\0');
const isTime = (value: unknown): value is string => isText(value) && !Number.isNaN(Date.parse(value));

/** The form is checked as it is read. What a newer docket adds is passed over. The error says what is wrong. */
export function parseEntry(text: string): Result<DaemonEntry, string> {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return err('this is no JSON');
  }
  if (typeof data !== 'object' || data === null) return err('this is no JSON object');
  const { v, root, app, state, host, boot_id, pid, pid_start, instance, version, started_at, stopped_at } = data as Record<string, unknown>;
  if (v !== 1) return err('this docket knows version 1 of it only');
  if (!isFolder(root)) return err('root is no absolute path');
  if (!isText(app)) return err('app is no text');
  if (!isFolder(state)) return err('state is no absolute path');
  if (!isText(host)) return err('host is no text');
  if (typeof boot_id !== 'string' || boot_id.length > TEXT_LENGTH_MAX) return err('boot_id is no text');
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 1) return err('pid is no number of a process');
  if (typeof pid_start !== 'string' || pid_start.length > TEXT_LENGTH_MAX) return err('pid_start is no text');
  if (!isText(instance)) return err('instance is no text');
  if (!isText(version)) return err('version is no text');
  if (!isTime(started_at)) return err('started_at is no time');
  if (stopped_at !== null && !isTime(stopped_at)) return err('stopped_at is neither a time nor null');
  return ok({ v, root, app, state, host, boot_id, pid, pid_start, instance, version, started_at, stopped_at });
}
