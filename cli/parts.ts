/** Builds the rooms' objects for a workspace: the daemon (start.ts) and the verbs that read the same folders use the same ones. */

import path from 'node:path';
import type { RunnerPorts } from '#agents/runner.ts';
import type { Fs, Journal, LockHolder, Log } from '#core/ports.ts';
import type { JobId } from '#core/names.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import type { Shared } from '#core/shared.ts';
import type { Spool } from '#core/spool.ts';
import { makeHistory } from '#history/history.ts';
import { askProgram } from '#platform/ask.ts';
import { makeClock } from '#platform/clock.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeHistoryGit } from '#platform/git-repository.ts';
import { hashFile } from '#platform/hash-file.ts';
import { linkTo } from '#platform/soft-link.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { moveFile } from '#platform/move-file.ts';
import { findProgram } from '#platform/process.ts';
import { bootId, isAlive, startTimeOf } from '#platform/process-facts.ts';
import { openDatabase } from '#platform/sqlite.ts';
import { processorCount } from '#platform/system.ts';
import { scanText } from '#policy/scan-text.ts';
import type { Owners } from '#spool/owner.ts';
import { makeSpool } from '#spool/spool.ts';
import { openJournal, openJournalReadOnly } from '#store/journal.ts';
import { NewerJournal } from '#store/schema.ts';
import { openShared } from '#store/shared.ts';
import type { LockPorts } from '#worktrees/repository.ts';
import { moduleFile, packageRoot } from './package.ts';
import { CliError, EXIT } from './io.ts';
import { journalFile, lockFile } from './places.ts';
import { principal, readSigners, reviewSignersFileOf, signingOf } from './signing.ts';

export const clock = makeClock();

/** Shorter names hold no token. */
const SECRET_NAME_LENGTH = 20;

/** @param suspect for the daemon: the job that the one before it died on */
export const spoolOf = (
  workspace: Workspace,
  roles: readonly Pick<Role, 'folder' | 'name'>[],
  log: Log,
  fs = makeFs(),
  suspect: JobId | null = null,
  owners: Owners = null,
): Spool =>
  makeSpool({
    suspect,
    isSecretName: (name) => name.length >= SECRET_NAME_LENGTH && scanText(name).length > 0,
    queues: workspace.queues,
    roles,
    fs,
    clock,
    digest: makeDigest(),
    log,
    settings: {
      promptBytes: workspace.settings['limits.prompt_bytes'],
      keptBytes: Math.max(workspace.settings['limits.answer_bytes'], workspace.settings['limits.output_bytes']),
      settleMs: workspace.settings['intake.settle'],
      settleNetworkMs: workspace.settings['intake.settle_network'],
      owners,
      waitingMax: workspace.settings['limits.waiting'],
    },
    processId: String(process.pid),
  });

export function journalOf(workspace: Workspace, log: Log, check: () => void = () => undefined): Journal {
  try {
    return openJournal({ path: journalFile(workspace.state), openDatabase, clock, log, moveFile, check });
  } catch (error) {
    if (error instanceof NewerJournal) throw new CliError(error.message, EXIT.environment);
    throw error;
  }
}

/** What dockets share (store/shared.ts). Throws with a code when it cannot be opened. */
export const openSharedFile = (file: string, instance: string, isRunAlive: (folder: string) => boolean): Shared =>
  openShared({
    path: file,
    openDatabase,
    clock,
    owner: { pid: process.pid, pidStart: startTimeOf(process.pid) ?? '', bootId: bootId(), instance },
    isAlive,
    isRunAlive,
  });

/** How long a lock that only a moment needs is waited for. */
const LOCK_WAIT_MS = 300;

/** For verbs that write where only the daemon does: no daemon runs meanwhile. Null: one does. Makes the state folder when there is none. */
export async function withKernelLock<T>(workspace: Pick<Workspace, 'state'>, act: () => Promise<T>): Promise<T | null> {
  await makeFs().makeFolders(workspace.state, 0o700);
  let lock;
  try {
    lock = await makeKernelLocks().acquire(lockFile(workspace.state), LOCK_WAIT_MS);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ELOCKED') return null;
    throw error;
  }
  try {
    return await act();
  } finally {
    lock.release();
  }
}

/** For what changes the work trees of a repository (worktrees/repository.ts). */
export const repositoryLock = (waitMs: number): LockPorts => ({ fs: makeFs(), locks: makeKernelLocks(), waitMs });

/** Null: another process holds this lock file. */
export async function whileLocked<T>(file: string, act: () => Promise<T>): Promise<T | null> {
  const lock = makeKernelLocks().tryAcquire(file);
  if (lock === null) return null;
  try {
    return await act();
  } finally {
    lock.release();
  }
}

/** Is a git program at work at or below this folder? Null: the system does not tell. */
export const gitIsAtWork = async (folder: string, uid: number): Promise<boolean | null> => makeHistoryGit().isAtWork(folder, uid);

/** For verbs that only read. Null: there is none yet, or none that this version understands; the folders answer then. */
export const readJournal = (workspace: Pick<Workspace, 'state'>): Journal | null =>
  openJournalReadOnly({ path: journalFile(workspace.state), openDatabase });

/** Rewrites the journal without what was deleted in it, while no daemon runs. Throws when it cannot be read. */
export function compactJournal(workspace: Pick<Workspace, 'state'>): void {
  const database = openDatabase(journalFile(workspace.state));
  try {
    database.exec('PRAGMA secure_delete = ON; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    database.close();
  }
}

/** With signing.mode required and a list of signers a verdict counts when one of them signed it. A list that cannot be read trusts nobody. */
function signersReader(workspace: Workspace, fs: Pick<Fs, 'readBounded' | 'realPath'>): (() => Promise<string>) | null {
  const file = reviewSignersFileOf(workspace);
  return file === null ? null : async () => readSigners(fs, file).catch(() => '');
}

/** Beside the main thread, which has a processor to itself. More than this have to wait for it, because it reads the packs for them. */
const VERIFY_THREADS_MAX = 8;

/** Name and address of docket's commits: docket writes them, for the user of this machine. */
export const historyOf = (
  workspace: Workspace,
  log: Log,
  fs = makeFs(),
  signing = signingOf(workspace, fs),
): ReturnType<typeof makeHistory> =>
  makeHistory({
    reviewSigners: signersReader(workspace, fs),
    dir: workspace.history,
    codeRoot: workspace.code,
    fs,
    git: makeHistoryGit(),
    digest: makeDigest(),
    clock,
    log,
    locks: makeKernelLocks(),
    author: { name: 'docket', email: principal() },
    signing,
    pushRemotes: workspace.settings['policy.push_remotes'],
    pushScan: {
      node: process.execPath,
      file: moduleFile('cli/push-scan'),
      deadlineMs: workspace.settings['limits.secret_scan'],
      workspace: workspace.root,
    },
    tend: { packsMax: workspace.settings['tend.packs'], idleMs: workspace.settings['tend.idle'] },
    verifyThreads: Math.min(processorCount() - 1, VERIFY_THREADS_MAX),
  });

export const runnerPorts = (env: Readonly<Record<string, string | undefined>>): RunnerPorts => ({
  fs: makeFs(),
  ask: askProgram,
  find: findProgram,
  hashFile,
  linkTo,
  env,
  httpCall: { program: process.execPath, args: [moduleFile('cli/http-call')] },
  acpCall: { program: process.execPath, args: [moduleFile('cli/acp-call')] },
  ownBinFolders: [path.join(packageRoot(), 'node_modules', '.bin')],
});

/** Who holds a workspace, for words; null: nobody, or the system does not tell. */
export const lockHolder = (state: string): LockHolder | null => makeKernelLocks().holderOf(lockFile(state));
