/** Opens a repository's worktrees for the verbs, and gathers all that is known about one: git, queues, daemon, processes, disk. Only reads. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import type { GitWork } from '#core/worktrees.ts';
import { makeFs } from '#platform/files.ts';
import { isAlive } from '#platform/process-facts.ts';
import { processesIn } from '#platform/process-folders.ts';
import type { WorktreeFacts } from '#worktrees/cleanup-facts.ts';
import { diskUse } from '#worktrees/disk.ts';
import { readEntries, type Entry } from '#worktrees/entries.ts';
import { readGitFacts } from '#worktrees/git-facts.ts';
import { askLine, defaultBranch, readRepository, type RepositoryFacts } from '#worktrees/repository.ts';
import { readRecords, type ReadRecord } from '#worktrees/records.ts';
import { readRemovals, type ReadRemoval } from '#worktrees/removals.ts';
import { readHolder } from './holder.ts';
import { CliError, EXIT, type Common, type Io } from './io.ts';
import { openWorkspace } from './open.ts';
import { withKernelLock } from './parts.ts';
import { lockFile } from './places.ts';
import { makePorts, repositoryAt } from './worktree-ports.ts';
import { lookAtQueues } from './worktree-queues.ts';

export type Place = {
  readonly io: Io;
  readonly workspace: Workspace;
  readonly git: GitWork;
  readonly fs: Fs;
  readonly repository: RepositoryFacts;
  /** Where the workspace stands below the top of a work tree; empty: at the top. */
  readonly inner: string;
  /** The branch that work goes back to where a record names none; null: there is none. */
  readonly base: string | null;
  readonly records: readonly ReadRecord[];
  readonly removals: readonly ReadRemoval[];
  readonly entries: readonly Entry[];
};

export async function openPlace(io: Io, common: Common): Promise<Place> {
  const workspace = await openWorkspace(io, common);
  const { git } = makePorts(io, workspace);
  const fs = makeFs();
  const repository = await repositoryAt({ git, fs }, workspace.code);
  const inner = (await askLine(git, workspace.root, ['rev-parse', '--show-prefix'])) ?? '';
  return fill({ io, workspace, git, fs, inner }, repository);
}

/** The same once more: what another command may have changed meanwhile. */
export async function reopen(place: Place): Promise<Place> {
  const read = await readRepository(place.git, place.fs, place.repository.primary.folder);
  if (!read.ok) throw new CliError(`the repository cannot be read any more: ${read.error}`, EXIT.environment);
  return fill(place, read.value);
}

async function fill(
  fixed: Omit<Place, 'repository' | 'base' | 'records' | 'removals' | 'entries'>,
  repository: RepositoryFacts,
): Promise<Place> {
  const { workspace, git, fs } = fixed;
  const setting = workspace.settings['worktrees.folder'];
  const beside = new Set([
    path.dirname(repository.primary.folder),
    ...(setting === '' ? [] : [path.resolve(repository.primary.folder, setting)]),
  ]);
  const records = await readRecords(fs, repository.common);
  const wanted = workspace.settings['worktrees.base'];
  return {
    ...fixed,
    repository,
    base: wanted === '' ? ((await defaultBranch(git, repository))?.name ?? null) : wanted,
    records,
    removals: await readRemovals(fs, repository.common),
    entries: await readEntries(fs, repository, records, workspace.app, [...beside]),
  };
}

/** @param isLockHeld by ourselves: nobody else can be the daemon then @param base instead of the record's */
export async function lookAt(
  place: Place,
  entry: Entry,
  {
    isLockHeld = false,
    base = null,
    isDiskWanted = true,
  }: { readonly isLockHeld?: boolean; readonly base?: string | null; readonly isDiskWanted?: boolean } = {},
): Promise<{ readonly facts: WorktreeFacts; readonly workspace: Workspace | null }> {
  const { io, fs } = place;
  const { folder, registered, record } = entry;
  const isUsable = registered !== null && entry.hasFolder && entry.isLinkGood;
  const backTo = base ?? record?.base ?? place.base;
  const looked = isUsable
    ? await gitLook(place, entry, backTo)
    : { facts: null, unknown: entry.hasFolder && registered !== null ? ['its .git file leads nowhere: `docket worktree repair`'] : [] };
  const queues = entry.hasFolder
    ? await lookAtQueues(io, fs, folder, place.inner)
    : { queues: null, workspace: null, unknown: [], touchedMs: 0 };
  const daemon = isLockHeld || queues.workspace === null ? null : await daemonOf(fs, queues.workspace);
  const editedMs =
    isUsable && looked.facts !== null ? await newestMs(fs, folder, [...looked.facts.changed.first, ...looked.facts.untracked.first]) : 0;
  const times = [Date.parse(looked.facts?.committedAt ?? ''), queues.touchedMs, editedMs].filter((ms) => ms > 0);
  return {
    workspace: queues.workspace,
    facts: {
      id: entry.id,
      folder,
      stream: record?.stream ?? (registered?.branch?.startsWith('fix/') === true ? 'fix' : registered === null ? null : 'feature'),
      record,
      isPrimary: folder === place.repository.primary.folder,
      isRegistered: registered !== null,
      hasFolder: entry.hasFolder,
      locked: registered?.locked ?? null,
      git: looked.facts,
      queues: queues.queues,
      daemon,
      processes: entry.hasFolder ? (processesIn(await fs.realPath(folder))?.filter(({ pid }) => pid !== daemon?.pid) ?? null) : [],
      unknown: [...looked.unknown, ...queues.unknown],
      disk: isDiskWanted && entry.hasFolder ? await diskUse(fs, folder, place.workspace.settings['worktrees.look_files']) : null,
      activeAt: times.length === 0 ? null : new Date(Math.max(...times)).toISOString(),
    },
  };
}

async function gitLook({ git, fs }: Place, { registered }: Entry, base: string | null): ReturnType<typeof readGitFacts> {
  if (registered === null) return { facts: null, unknown: [] };
  try {
    return await readGitFacts(git, fs, registered, base);
  } catch (error) {
    return { facts: null, unknown: [`git gave no answer: ${error instanceof Error ? error.message : String(error)}`] };
  }
}

async function newestMs(fs: Fs, folder: string, names: readonly string[]): Promise<number> {
  let newest = 0;
  for (const name of names) {
    const facts = await fs.facts(path.join(folder, name)).catch(() => null);
    if (facts !== null) newest = Math.max(newest, Number(facts.mtimeNs / 1_000_000n));
  }
  return newest;
}

/** The kernel's lock says whether one runs; daemon.json only who it is. */
async function daemonOf(fs: Fs, workspace: Workspace): Promise<WorktreeFacts['daemon']> {
  if ((await fs.facts(lockFile(workspace.state))) === null) return null;
  if ((await withKernelLock(workspace, async () => Promise.resolve(true))) === true) return null;
  const holder = await readHolder(fs, workspace.state);
  return { pid: holder !== null && isAlive(holder.pid, holder.pid_start ?? '') ? holder.pid : null };
}
