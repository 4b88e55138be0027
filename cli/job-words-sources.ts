/**
 * What the verbs that read look into: the queue folders, the journal and the history. Each may be missing (before the first start, after a
 * clean-up), and each is only read: the folders are the truth, the other two add to it.
 */

import path from 'node:path';
import type { History } from '#core/history.ts';
import { describe } from '#core/failure.ts';
import type { JobView } from '#core/job.ts';
import type { RoleName } from '#core/names.ts';
import type { Fs, Journal, JournalJob } from '#core/ports.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import type { Spool } from '#core/spool.ts';
import type { Pause } from '#daemon/pauses.ts';
import type { LaneView } from '#daemon/schedule.ts';
import { makeFs } from '#platform/files.ts';
import { foreignMountOf } from '#platform/foreign-mounts.ts';
import { passOver } from '#platform/patience.ts';
import { makeLayout, type Layout } from '#spool/layout.ts';
import type { RoleFault } from './fault-words.ts';
import { CliError, EXIT, type Common, type Io } from './io.ts';
import { loadRoles } from './load.ts';
import { connectControl, describeFileFaults, log, openWorkspace } from './open.ts';
import { historyOf, readJournal, spoolOf } from './parts.ts';

export type Sources = {
  readonly workspace: Workspace;
  readonly roles: ReadonlyMap<RoleName, Role>;
  readonly fs: Fs;
  readonly spool: Spool;
  /** Paths below queues/: for words, and for files that are only read. */
  readonly layout: Layout;
  /** Null: there is none yet, or it cannot be read. */
  readonly journal: Journal | null;
  /** Jobs of the journal, newest first. */
  readonly rows: () => readonly JournalJob[];
  /** Null: nothing was ever recorded. */
  readonly history: () => Promise<History | null>;
};

/** More than any journal holds: the port asks for a number. */
export const ALL = 1_000_000_000;

export async function withSources<T>(io: Io, common: Common, act: (sources: Sources) => Promise<T>): Promise<T> {
  const workspace = await openWorkspace(io, common);
  const fs = makeFs();
  const loaded = await loadRoles(fs, workspace);
  if (!loaded.ok) throw new CliError(describeFileFaults(loaded.error), EXIT.environment);
  const roles = loaded.value;
  const journal = readJournal(workspace);
  let history: Promise<History | null> | null = null;
  let rows: readonly JournalJob[] | null = null;
  try {
    return await act({
      workspace,
      roles,
      fs,
      spool: spoolOf(workspace, [...roles.values()], log),
      layout: makeLayout(workspace.queues),
      journal,
      rows: () => (rows ??= journal?.recent(ALL) ?? []),
      history: async () => (history ??= openIfThere(fs, workspace)),
    });
  } finally {
    journal?.close();
    await (history as Promise<History | null> | null)?.then(
      async (opened) => opened?.close(),
      () => undefined,
    );
  }
}

/** Opening a history makes one where there is none: a verb that reads must not. */
async function openIfThere(fs: Fs, workspace: Workspace): Promise<History | null> {
  if ((await fs.facts(path.join(workspace.history, '.git')))?.kind !== 'folder') return null;
  const history = historyOf(workspace, log);
  try {
    await history.open();
  } catch (error) {
    throw unreadable(workspace.history, error);
  }
  return worded(workspace.history, history);
}

const unreadable = (dir: string, error: unknown): CliError =>
  Object.assign(
    new CliError(
      `the history ${dir} cannot be read: ${error instanceof Error ? error.message : String(error)} (\`docket verify\` names all that differs, \`docket doctor\` looks at the folder)`,
      EXIT.environment,
    ),
    { cause: error },
  );

/** The same history; what is thrown because of its state on disk comes with words instead of a stack. */
function worded(dir: string, history: History): History {
  async function* guarded<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* items;
    } catch (error) {
      throw unreadable(dir, error);
    }
  }
  return {
    ...history,
    async find(identity) {
      try {
        return await history.find(identity);
      } catch (error) {
        throw unreadable(dir, error);
      }
    },
    log: (filter) => guarded(history.log(filter)),
    records: (filter) => guarded(history.records(filter)),
    spending: () => guarded(history.spending()),
  };
}

/** One lane as the daemon tells it (daemon/schedule.ts). */
export type LaneWords = Pick<LaneView, 'lane' | 'slots' | 'running' | 'queued' | 'heldUntil' | 'reason'> &
  // A daemon that was started by an older docket does not say these.
  Partial<Pick<LaneView, 'shared' | 'state' | 'circuit' | 'window' | 'paused'>>;

/** Everything in the folders, and in words what could not be read there. */
export async function listAll(
  spool: Spool,
  options: { readonly role?: RoleName; readonly limit?: number } = {},
): Promise<{ readonly views: readonly JobView[]; readonly faults: readonly RoleFault[] }> {
  const faults = new Map<RoleName, string>();
  const views = await spool.list({
    ended: true,
    limit: ALL,
    ...options,
    onFault: (role, failure) => void faults.set(role, describe(failure)),
  });
  return { views, faults: [...faults].map(([role, words]) => ({ role, words })) };
}

export { faultWords, type RoleFault } from './fault-words.ts';

/** What a running daemon says of itself; null when none runs. */
export type DaemonWords = {
  readonly lanes: readonly LaneWords[];
  /** Ids of the jobs in its hands. */
  readonly inFlight: readonly string[];
  /** By job id: the lane that it waits or runs in. */
  readonly lanesOf: Readonly<Record<string, string>>;
  readonly backlog: number;
  /** By `role/name.md`: why a file is not claimed yet. */
  readonly waiting: Readonly<Record<string, string>>;
  readonly paused: readonly Pause[];
  /** By job id: which answers a job in its hands waits for. */
  readonly waitsForAnswers: Readonly<Record<string, string>>;
  /** By job id: why a job in its hands waits for money. */
  readonly waitsForMoney: Readonly<Record<string, string>>;
  /** By job id: which other docket, or which run that writes, a job in its hands waits for. */
  readonly waitsOutside: Readonly<Record<string, string>>;
  /** Roles that something keeps from their folders, with how to mend it. */
  readonly faults: readonly RoleFault[];
  /** By job id: what a job in its hands stumbled over. */
  readonly stumbles: Readonly<Record<string, string>>;
};

/**
 * A file system that the daemon waits for in vain is not asked by this process either: it could not end before that answers. What is read of the role is told as its
 * fault.
 */
export function passOverSilent(
  { workspace, roles, layout }: Pick<Sources, 'workspace' | 'roles' | 'layout'>,
  daemon: DaemonWords | null,
): void {
  for (const { folder, name } of roles.values()) {
    const at = foreignMountOf(path.join(workspace.queues, folder)) ?? foreignMountOf(layout.in(folder));
    const isSilent = daemon?.faults.some(({ role, words }) => role === name && words.includes('ETIMEDOUT')) === true;
    if (at !== null && isSilent) passOver(at);
  }
}

export async function askDaemon(workspace: Workspace): Promise<DaemonWords | null> {
  const control = await connectControl(workspace);
  if (control === null) return null;
  try {
    const reply = await control.ask('status');
    if (!reply.ok) return null;
    const jobs = (reply['in_flight'] ?? []) as readonly { readonly id: string; readonly lane?: string | null }[];
    return {
      lanes: (reply['lanes'] ?? []) as readonly LaneWords[],
      inFlight: jobs.map(({ id }) => id),
      lanesOf: Object.fromEntries(jobs.flatMap(({ id, lane }) => (typeof lane === 'string' ? [[id, lane]] : []))),
      backlog: Number(reply['backlog'] ?? 0),
      waiting: (reply['waiting'] ?? {}) as Readonly<Record<string, string>>,
      paused: (reply['paused'] ?? []) as readonly Pause[],
      waitsForMoney: (reply['waits_for_money'] ?? {}) as Readonly<Record<string, string>>,
      // A daemon that was started by an older docket does not say these.
      waitsOutside: (reply['waits_outside'] ?? {}) as Readonly<Record<string, string>>,
      waitsForAnswers: (reply['waits_for_answers'] ?? {}) as Readonly<Record<string, string>>,
      faults: (reply['faults'] ?? []) as DaemonWords['faults'],
      stumbles: (reply['stumbles'] ?? {}) as DaemonWords['stumbles'],
    };
  } finally {
    control.close();
  }
}
