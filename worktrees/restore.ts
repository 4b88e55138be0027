/**
 * Brings a worktree back that was cleaned up: branch, work tree, what was not committed, files of .worktreeinclude, queues, record. Refuses over anything that
 * stands in its place. Who calls holds the repository's lock.
 *
 *   removal says `restoring` -> branch (made only where there is none) -> git worktree add -> kept tree laid over it -> files, queues -> record -> `restored`
 * Invariant: what is kept goes only with the last step's `restored` and a later `cleanup --expired`; a crash after any step is ended by the same command.
 */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { GitWork } from '#core/worktrees.ts';
import { moveFolder, type ArchiveFs } from './archive.ts';
import { bringIncluded } from './included.ts';
import { readRecord, writeRecord } from './records.ts';
import { askLine, gitWords, type RepositoryFacts } from './repository.ts';
import { archiveFolder, removalRef, writeRemoval, type Removal } from './removals.ts';

export type RestorePoint = 'begun' | 'branch' | 'folder' | 'tree' | 'files' | 'queues' | 'record';
export type RestorePorts = {
  readonly git: GitWork;
  readonly fs: ArchiveFs & Pick<Fs, 'replace' | 'unlink'>;
  readonly reached?: (point: RestorePoint) => void;
};
export type Restored = {
  readonly removal: Removal;
  /** Uncommitted files that are back. */
  readonly isTreeBack: boolean;
  readonly files: readonly string[];
  readonly queues: string | null;
};

export async function restoreWorktree(
  ports: RestorePorts,
  repository: RepositoryFacts,
  removal: Removal,
): Promise<Result<Restored, string>> {
  const { git, fs } = ports;
  const { common, primary } = repository;
  const { record, branch, head } = removal;
  const kept = await askLine(git, common, ['rev-parse', '--verify', '--quiet', `${removalRef(removal)}^{commit}`]);
  if (kept === null || head === null) return err(`${removalRef(removal)} is not there: what was kept of ${record.id} is gone`);
  const inTheWay = await whatStands(ports, repository, removal);
  if (inTheWay !== null) return err(inTheWay);
  await writeRemoval(fs, common, { ...removal, state: 'restoring' });
  ports.reached?.('begun');
  if (branch !== null && (await askLine(git, common, ['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`])) === null) {
    const made = await git(common, ['update-ref', `refs/heads/${branch}`, head, '0'.repeat(head.length)]);
    if (made.code !== 0) return err(`git update-ref: ${gitWords(made)}`);
  }
  ports.reached?.('branch');
  const isThere = repository.worktrees.some((one) => one.folder === record.folder);
  if (!isThere) {
    const added = await git(primary.folder, [
      'worktree',
      'add',
      ...(branch === null ? ['--detach'] : []),
      '--',
      record.folder,
      branch ?? head,
    ]);
    if (added.code !== 0) return err(`git worktree add: ${gitWords(added)}`);
  }
  ports.reached?.('folder');
  if (kept !== head) {
    // The tree that was kept, then the index as HEAD has it: so its files are changed and new, as they were.
    for (const args of [
      ['read-tree', '--reset', '-u', kept],
      ['read-tree', '-m', head],
    ]) {
      const read = await git(record.folder, args);
      if (read.code !== 0) return err(`git read-tree: ${gitWords(read)}`);
    }
  }
  ports.reached?.('tree');
  const archive = archiveFolder(common, removal);
  const files = await bringIncluded({ fs }, record.folder, path.join(archive, 'files'));
  ports.reached?.('files');
  const queues = removal.queues === null ? null : await bringQueues(fs, path.join(archive, 'queues'), removal.queues);
  ports.reached?.('queues');
  await writeRecord(fs, common, record);
  ports.reached?.('record');
  const done = await writeRemoval(fs, common, { ...removal, state: 'restored' });
  return ok({ removal: done, isTreeBack: kept !== head, files, queues });
}

/** Null: there were none, or they are back already. Others that came up while a cleanup went on (`queues-2`) come beside them. */
async function bringQueues(fs: RestorePorts['fs'], from: string, to: string): Promise<string | null> {
  for (let n = 2; (await fs.facts(`${from}-${String(n)}`)) !== null; n++)
    await moveFolder(fs, `${from}-${String(n)}`, `${to}-${String(n)}`);
  if ((await fs.facts(from)) === null) return null;
  return moveFolder(fs, from, to);
}

/** Words; null: its place is free, or holds what an earlier try of the same restore has made. */
async function whatStands({ git, fs }: RestorePorts, { common, worktrees }: RepositoryFacts, removal: Removal): Promise<string | null> {
  const { record, branch, head } = removal;
  const isGoingOn = removal.state === 'restoring';
  const registered = worktrees.find((one) => one.folder === record.folder);
  const isOwn = registered !== undefined && isGoingOn && registered.head === head && registered.branch === branch;
  if ((await fs.facts(record.folder)) !== null && !isOwn) return `${record.folder} is there: move it away first`;
  if (registered !== undefined && !isOwn) return `git has an entry of ${record.folder}: docket worktree repair`;
  const other = await readRecord(fs, common, record.id);
  if (other !== null && !(isGoingOn && other.ok && other.value.folder === record.folder))
    return `${record.id} has a worktree now${other.ok ? `, ${other.value.folder}` : ' (its record is damaged)'}: clean that up first`;
  if (branch === null) return null;
  const holder = worktrees.find((one) => one.branch === branch && one.folder !== record.folder);
  if (holder !== undefined) return `the branch ${branch} is out in ${holder.folder}`;
  const tip = await askLine(git, common, ['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`]);
  return tip === null || tip === head
    ? null
    : `the branch ${branch} is at ${tip.slice(0, 10)} now, and was at ${head?.slice(0, 10) ?? ''}: rename it, or merge it, first`;
}
