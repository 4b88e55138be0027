/** The rows of `worktrees` that cleanup, restore and `docket stale` obey: docs/worktree-cleanup.md. */

import { row } from './settings-row.ts';

export const CLEANUP_SETTINGS = {
  'worktrees.keep_removed': row<number>({
    default: 2_592_000_000,
    unit: 'ms',
    min: 3_600_000,
    max: 31_536_000_000,
    why: 'how long what was kept of a worktree that was cleaned up stays before `docket worktree cleanup --expired` may let it go; nothing lets it go by itself',
  }),
  'worktrees.stale': row<number>({
    default: 1_209_600_000,
    unit: 'ms',
    min: 3_600_000,
    max: 31_536_000_000,
    why: 'without a commit, a prompt and an edit for so long, a worktree is listed by `docket stale`',
  }),
  'worktrees.look_files': row<number>({
    default: 20_000,
    unit: 'count',
    min: 0,
    max: 10_000_000,
    why: 'so many entries of a worktree are looked at for its disk use; with more it is told as "more than"',
  }),
} as const;
