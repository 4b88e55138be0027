/**
 * Takes a worktree away, after everything of it that exists only there is kept. Who calls has asked decide.ts, and holds the repository's lock and the lock of
 * the worktree's daemon.
 *
 *   removal written (begun) -> ref, with a commit of the whole tree where a person accepted that -> files of .worktreeinclude copied -> queues moved
 *   -> removal says `tree` -> git worktree remove -> branch deleted where its merge was verified -> record gone, removal says `removed`
 * Invariant: a crash after any of these loses nothing, and `finishRemoval` (or the same command again) brings it to its end. Each step looks for its own effect first.
 */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { GitWork } from '#core/worktrees.ts';
import { moveFolder, type ArchiveFs } from './archive.ts';
import type { GitFacts } from './cleanup-facts.ts';
import { keepIncluded } from './included.ts';
import { recordFile } from './records.ts';
import { askLine, gitWords } from './repository.ts';
import { archiveFolder, removalFile, removalRef, writeRemoval, type Removal, type RemovalState } from './removals.ts';
import { beyond, keepTree, wholeTree } from './snapshot.ts';

export type RemovePoint = 'begun' | 'ref' | 'files' | 'queues' | 'tree' | 'folder' | 'branch' | 'record';
export type RemovePorts = {
  readonly git: GitWork;
  readonly fs: ArchiveFs & Pick<Fs, 'replace' | 'unlink' | 'removeFolder'>;
  /** Where git is asked once the worktree is gone: the primary checkout, or the bare repository. */
  readonly primary: string;
  readonly common: string;
  /** Most files and bytes of .worktreeinclude that are kept. */
  readonly included: { readonly files: number; readonly bytes: number };
  /** The points of a crash test. */
  readonly reached?: (point: RemovePoint) => void;
};
export type Removed = { readonly removal: Removal; readonly isBranchGone: boolean; readonly notes: readonly string[] };

const inTree = (facts: GitFacts): number => facts.changed.count + facts.untracked.count;

/** From the first step. @param facts of git, as they were decided on */
export async function removeWorktree(ports: RemovePorts, removal: Removal, facts: GitFacts): Promise<Result<Removed, string>> {
  const { git, fs, common } = ports;
  const folder = removal.record.folder;
  await writeRemoval(fs, common, removal);
  ports.reached?.('begun');
  const kept = await keepRef(ports, removal, inTree(facts) > 0);
  if (!kept.ok) return kept;
  ports.reached?.('ref');
  const notes = await keepIncluded(ports, folder, path.join(archiveFolder(common, removal), 'files'), removal.queues);
  ports.reached?.('files');
  if (removal.queues !== null) await moveFolder(fs, removal.queues, path.join(archiveFolder(common, removal), 'queues'));
  ports.reached?.('queues');
  // What was typed meanwhile is in neither: the worktree stays, and the next try decides again.
  const fresh = kept.value === null ? ok([]) : await beyond(git, fs, folder, kept.value, archiveFolder(common, removal));
  if (!fresh.ok) return fresh;
  if (fresh.value.length > 0)
    return err(
      `${String(fresh.value.length)} files changed while it was cleaned up (${fresh.value[0] ?? ''}): nothing of the worktree is gone, try again`,
    );
  const sure = await says(ports, removal, 'tree');
  ports.reached?.('tree');
  const isForced = facts.submodules.count > 0 || inTree(facts) > 0;
  const gone = await git(ports.primary, ['worktree', 'remove', ...(isForced ? ['--force'] : []), '--', folder]);
  if (gone.code !== 0) return err(`git worktree remove: ${gitWords(gone)}`);
  ports.reached?.('folder');
  const ended = await endRemoval(ports, sure);
  return ended.ok ? ok({ ...ended.value, notes }) : ended;
}

const says = async ({ fs, common }: RemovePorts, removal: Removal, state: RemovalState): Promise<Removal> =>
  writeRemoval(fs, common, { ...removal, state });

/** The commit that is kept; null: there was none. A ref of an earlier try moves on to what is there now. */
async function keepRef(ports: RemovePorts, removal: Removal, isTreeKept: boolean): Promise<Result<string | null, string>> {
  const { git, fs, common } = ports;
  const folder = removal.record.folder;
  if (removal.head === null) return ok(null);
  let commit = removal.head;
  if (isTreeKept) {
    const tree = await wholeTree(git, fs, folder, archiveFolder(common, removal));
    if (!tree.ok) return tree;
    const made = await keepTree(git, folder, {
      tree: tree.value,
      head: removal.head,
      words: `docket: the tree of ${removal.record.id} when its worktree was cleaned up`,
    });
    if (!made.ok) return made;
    commit = made.value;
  }
  const set = await git(folder, ['update-ref', removalRef(removal), commit]);
  return set.code === 0 ? ok(commit) : err(`git update-ref: ${gitWords(set)}`);
}

/** Goes on with a removal that was cut off after all was kept. @param isRegistered git still has an entry of it */
export async function finishRemoval(ports: RemovePorts, removal: Removal, isRegistered: boolean): Promise<Result<Removed, string>> {
  const { git, fs, primary, common } = ports;
  const folder = removal.record.folder;
  if (isRegistered) {
    const isThere = (await fs.facts(folder)) !== null;
    if (isThere) {
      const half = await halfGone(ports, removal);
      if (!half.ok) return half;
    }
    // What is missing of a half removed folder are deletions: git asks for --force, and all that is left was compared with what is kept.
    const gone = await git(primary, ['worktree', 'remove', ...(isThere ? ['--force'] : []), '--', folder]);
    if (gone.code !== 0) return err(`git worktree remove: ${gitWords(gone)}`);
  }
  if ((await fs.facts(folder)) !== null && !isRegistered)
    return err(`the folder is there, and git has no entry of it: look into ${folder}; what docket kept of it is ${removalRef(removal)}`);
  ports.reached?.('folder');
  return endRemoval({ ...ports, common }, removal);
}

async function halfGone(ports: RemovePorts, removal: Removal): Promise<Result<null, string>> {
  const { git, fs, primary, common } = ports;
  const folder = removal.record.folder;
  // Its `.git` file may have gone first.
  if ((await fs.facts(path.join(folder, '.git'))) === null) await git(primary, ['worktree', 'repair', '--', folder]);
  const kept = await askLine(git, primary, ['rev-parse', '--verify', '--quiet', removalRef(removal)]);
  if (kept === null) return err(`${removalRef(removal)} is not there, so nobody knows what was kept: look into ${folder}`);
  const rest = await beyond(git, fs, folder, kept, archiveFolder(common, removal));
  if (!rest.ok) return rest;
  return rest.value.length === 0
    ? ok(null)
    : err(
        `${String(rest.value.length)} files of it are other than what was kept (${rest.value[0] ?? ''}): commit or move them, then again`,
      );
}

async function endRemoval(ports: RemovePorts, removal: Removal): Promise<Result<Removed, string>> {
  const { fs, common } = ports;
  const isBranchGone = await deleteBranch(ports, removal);
  ports.reached?.('branch');
  const own = recordFile(common, removal.record.id);
  // Beside it what `docket work-on` had still to do.
  for (const file of [own, own.replace(/\.json$/, '.todo')]) if ((await fs.facts(file)) !== null) await fs.unlink(file);
  ports.reached?.('record');
  const done = await says(ports, removal, 'removed');
  return ok({ removal: done, isBranchGone, notes: [] });
}

/** `git branch -d` knows ancestors only; of one that came in squashed or rebased the ref is deleted, if it still names the commit that was looked at. */
async function deleteBranch({ git, primary }: RemovePorts, { branch, head, mergedAs, mergedInto }: Removal): Promise<boolean> {
  if (branch === null || head === null || mergedAs === null || mergedInto === null) return false;
  const ref = `refs/heads/${branch}`;
  const tip = await askLine(git, primary, ['rev-parse', '--verify', '--quiet', ref]);
  if (tip === null) return true;
  // Somebody went on with it, or has it out somewhere else: it is theirs.
  if (tip !== head) return false;
  const out = (await askLine(git, primary, ['worktree', 'list', '--porcelain', '-z'])) ?? '';
  if (out.split('\0').includes(`branch ${ref}`)) return false;
  if (mergedAs === 'ancestor' && (await git(primary, ['branch', '-d', '--', branch])).code === 0) return true;
  return (await git(primary, ['update-ref', '-d', ref, head])).code === 0;
}

/** Lets go of what was kept of a removal. The removal itself goes last. */
export async function letGo({ git, fs, primary, common }: Omit<RemovePorts, 'included'>, removal: Removal): Promise<Result<null, string>> {
  const ref = removalRef(removal);
  if ((await askLine(git, primary, ['rev-parse', '--verify', '--quiet', ref])) !== null) {
    const gone = await git(primary, ['update-ref', '-d', ref]);
    if (gone.code !== 0) return err(`git update-ref: ${gitWords(gone)}`);
  }
  await fs.removeTree(archiveFolder(common, removal));
  await fs.unlink(removalFile(common, removal.record.id, removal.time));
  return ok(null);
}
