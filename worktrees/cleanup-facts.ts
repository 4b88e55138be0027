/** What is known about one worktree before anything of it is taken away: plain data, gathered by git-facts.ts and the command line, judged by decide.ts. */

import type { Stream } from '#core/prompt.ts';
import type { WorktreeRecord } from '#core/worktrees.ts';

/** How many there are, and the first of them by name. */
export type Names = { readonly count: number; readonly first: readonly string[] };
export const NO_NAMES: Names = { count: 0, first: [] };
const SHOWN = 20;
export const namesOf = (all: readonly string[]): Names => ({ count: all.length, first: all.slice(0, SHOWN) });

/** How the commits of a branch came into its base. Squash and rebase are known by the id of their patch, never by their message. */
export type MergedAs = 'ancestor' | 'rebased' | 'squashed';

export type QueueFacts = {
  /** Absolute. */
  readonly folder: string;
  /** Prompts that wait in in/: `.md`. */
  readonly waiting: Names;
  /** `.held` prompts. */
  readonly held: Names;
  /** Jobs in work/. */
  readonly inFlight: Names;
  /** What out/, in/ and archive/ hold that the history has no record of, or another one. */
  readonly unrecorded: Names;
  /** Recorded ends that were bad ones: told, no reason to keep a worktree. */
  readonly failed: number;
  /** Prompts that never were a job: their author mends them. */
  readonly rejected: number;
};

export type SubmoduleFacts = {
  /** Those that are checked out here. */
  readonly count: number;
  /** With changes or new files. */
  readonly dirty: Names;
  /** With commits that no remote of theirs has. */
  readonly unpushed: Names;
};

export type GitFacts = {
  /** Short name; null: detached. */
  readonly branch: string | null;
  /** Full id; null: no commit yet. */
  readonly head: string | null;
  readonly isDetached: boolean;
  /** Tracked files that differ from HEAD. */
  readonly changed: Names;
  /** New files that no rule ignores. */
  readonly untracked: Names;
  /** What rules ignore, whole folders as one name. */
  readonly ignored: Names;
  /** Edits that git was told not to see (assume-unchanged, skip-worktree). */
  readonly hidden: Names;
  /** Repositories inside this one that are no submodules: git would take them away with their commits. */
  readonly nested: Names;
  /** `a rebase`, `a merge` … */
  readonly inProgress: readonly string[];
  /** Short name of the branch that it goes back to; null: none was found. */
  readonly base: string | null;
  readonly aheadOfBase: number;
  readonly behindBase: number;
  readonly upstream: { readonly name: string; readonly ahead: number; readonly behind: number } | null;
  /** Commits that base does not have in any way. */
  readonly unmerged: number;
  /** How, where all of them are in base. */
  readonly mergedAs: MergedAs | null;
  /** The full ref that has them, `refs/heads/main` or `refs/remotes/origin/main`. */
  readonly mergedInto: string | null;
  /** Commits that no remote has; null: there is no remote. */
  readonly unpushed: number | null;
  /** Commits of a detached HEAD that are on no branch and no tag. */
  readonly loose: number;
  readonly stashes: Names;
  readonly submodules: SubmoduleFacts;
  /** ISO 8601; null: no commit. */
  readonly committedAt: string | null;
};

export type LiveProcess = { readonly pid: number; readonly name: string };

export type WorktreeFacts = {
  /** The feature's id; null: it has no record, and its folder is not called `<app>-<id>`. */
  readonly id: string | null;
  readonly folder: string;
  readonly stream: Stream | null;
  readonly record: WorktreeRecord | null;
  readonly isPrimary: boolean;
  readonly isRegistered: boolean;
  readonly hasFolder: boolean;
  /** The reason, maybe empty; null: it is not. */
  readonly locked: string | null;
  /** Null: there is nothing to ask git about. */
  readonly git: GitFacts | null;
  /** Null: it has none. */
  readonly queues: QueueFacts | null;
  /** Who holds the daemon's lock; null: nobody. `pid` null: the system does not tell. */
  readonly daemon: { readonly pid: number | null } | null;
  /** Whose current folder lies inside. Null: this system does not tell. */
  readonly processes: readonly LiveProcess[] | null;
  /** What could not be found out, in words. */
  readonly unknown: readonly string[];
  readonly disk: { readonly bytes: number; readonly files: number; readonly isWhole: boolean } | null;
  /** The newest of its commits, prompts and edits, ISO 8601. */
  readonly activeAt: string | null;
};
