/** The rows of `worktrees`: docs/worktrees.md. */

import { row } from './settings-row.ts';

export const WORKTREE_SETTINGS = {
  'worktrees.folder': row<string>({
    default: '',
    unit: 'text',
    why: 'the folder that work trees of features and fixes are made in, relative to the primary checkout; empty: beside it; never inside a work tree or the history',
  }),
  'worktrees.base': row<string>({
    default: '',
    unit: 'text',
    why: "the branch that features and fixes are begun from when --from names none; empty: the repository's default branch",
  }),
  'worktrees.fetch_timeout': row<number>({
    default: 20_000,
    unit: 'ms',
    min: 100,
    max: 600_000,
    why: 'how long `docket work-on` waits for the remote; after it goes on with what is there',
  }),
  'worktrees.lock_wait': row<number>({
    default: 60_000,
    unit: 'ms',
    min: 0,
    max: 600_000,
    why: 'how long a command waits for another one that changes the work trees of the same repository',
  }),
  'worktrees.checkout_timeout': row<number>({
    default: 600_000,
    unit: 'ms',
    min: 1_000,
    max: 86_400_000,
    why: "longest making of a work tree by git, the repository's hooks and filters included",
  }),
  'worktrees.setup': row<readonly string[]>({
    default: [],
    unit: 'list',
    security: true,
    why: 'commands that prepare a new work tree, such as `pnpm install`: split into words at blanks and quotes, run without a shell, as the base branch has them committed',
  }),
  'worktrees.setup_timeout': row<number>({
    default: 900_000,
    unit: 'ms',
    min: 1_000,
    max: 86_400_000,
    why: 'longest run of one command of worktrees.setup; after it its whole process group is ended',
  }),
  'worktrees.include_files': row<number>({
    default: 200,
    unit: 'count',
    min: 0,
    max: 100_000,
    why: 'so many files of .worktreeinclude are copied into a new work tree; with more, none is, and it says so',
  }),
  'worktrees.include_bytes': row<number>({
    default: 10_000_000,
    unit: 'bytes',
    min: 0,
    max: 1_000_000_000,
    why: 'so much do the files of .worktreeinclude hold together at most; with more, none is copied, and it says so',
  }),
  'worktrees.clone': row<readonly string[]>({
    default: [],
    unit: 'list',
    security: true,
    why: 'folders that git ignores, such as node_modules, that a new work tree gets as a copy-on-write copy where the file system can; nowhere else, and it says so',
  }),
  'worktrees.clone_files': row<number>({
    default: 500_000,
    unit: 'count',
    min: 0,
    max: 10_000_000,
    why: 'so many files does one folder of worktrees.clone hold at most',
  }),
  'worktrees.on_approve': row<string>({
    default: 'off',
    unit: 'choice',
    choices: ['off', 'create'],
    why: 'create: approving an answer of the meta role makes the workspace of its feature, as `docket work-on` does, without a daemon and panes',
  }),
} as const;
