/**
 * A workspace of a feature or a fix: a git worktree of its own with a branch of its own, and what is written down about it. docs/worktrees.md.
 * Not to be mixed up with `Workspace` (core/settings.ts), which is any folder with a docket.yaml: each worktree with one is such a folder, too.
 */

import type { FeatureId } from './names.ts';
import type { Stream } from './prompt.ts';

/** What a worktree was made for, beside its name: a product requirements document, or an issue of the log. */
export type WorktreeSource =
  | { readonly kind: 'prd'; /** relative to the top of the repository */ readonly folder: string; readonly feature: string | null }
  | { readonly kind: 'issue'; readonly log: string; readonly number: string; readonly title: string };

/** One file, `<common git folder>/docket/worktrees/<id>.json`, outside every work tree: no agent's edit reaches it. */
export type WorktreeRecord = {
  readonly v: 1;
  readonly id: FeatureId;
  /** `user-filters` of FEAT-123-user-filters. */
  readonly slug: string | null;
  readonly stream: Stream;
  /** Short name: `feature/FEAT-123-user-filters`. */
  readonly branch: string;
  /** Absolute path of the work tree. */
  readonly folder: string;
  /** Short name of the branch that it was begun from, and goes back to. Null: begun from a commit. */
  readonly base: string | null;
  /** Full id of the commit that it was begun at. */
  readonly baseCommit: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** As git writes a person; null: git knows nobody. */
  readonly createdBy: string | null;
  /** It was there before docket knew it. */
  readonly adopted: boolean;
  readonly source: WorktreeSource | null;
};

/** A command of git in a person's repository: it may take locks, run the repository's hooks and change things. */
export type GitAnswer = { readonly code: number; readonly stdout: string; readonly stderr: string };
export type GitCall = {
  /** Milliseconds; the whole group is ended then, and the promise rejects with ETIMEDOUT. */
  readonly timeoutMs?: number;
  readonly input?: string;
  /** Absolute path of an index to use instead of the work tree's own, which stays as it is. */
  readonly indexFile?: string;
};
/**
 * An exit code other than 0 is an answer. Rejects with ENOENT (no git), ETIMEDOUT, EFBIG (more output than 64 MB).
 * @param folder absolute; what git's -C takes
 */
export type GitWork = (folder: string, args: readonly string[], call?: GitCall) => Promise<GitAnswer>;
