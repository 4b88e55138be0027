/**
 * What a run may change: one declaration, made from a prompt's `scope`, its role's access and the settings. It is told in the brief, turned into the
 * tool's own rules, watched during the run and held against what was changed. policy/scope.ts decides; the words here are those of evidence.
 */

import type { Sha256 } from './names.ts';

/** A rename is a delete and a create. `mode`: who may read, write or execute it. */
export type ChangeKind = 'create' | 'modify' | 'delete' | 'mode';

/** Patterns (picomatch, dot files included) over paths relative to the root of the working folder, parts divided by `/`. */
export type ScopeRules = {
  readonly access: 'read-only' | 'worktree';
  /** What is there and may be changed or deleted; null: nothing is said, so all that is not forbidden or protected. */
  readonly files: readonly string[] | null;
  /** Where new files may be made, and changed; null together with `files`. */
  readonly create: readonly string[] | null;
  /** Never, whatever `files` and `create` say. */
  readonly forbidden: readonly string[];
  /** Only when `files` or `create` names the very path, without a wildcard. */
  readonly protected: readonly string[];
  /** Not to be read either: the input of the other stream (policy/streams.ts). It stands in `forbidden`, too. Absent: nothing. */
  readonly unread?: readonly string[];
};

export type ScopeVerdict = {
  readonly verdict: 'allowed' | 'out-of-scope' | 'forbidden' | 'protected';
  /** Which rule decided, in words for people. */
  readonly words: string;
};

/** A file that is not as it was. */
export type FileChange = {
  /** Relative to the working folder; `.git: <what>` for the state of git; absolute outside of the working folder. */
  readonly path: string;
  readonly change: ChangeKind;
  /** Null: there was none, or its content was not looked at (a link, a folder of another worktree, a file that is too large). */
  readonly before: Sha256 | null;
  readonly sha256: Sha256 | null;
};

/** A change that the rules do not allow. */
export type ScopeFinding = { readonly path: string; readonly change: ChangeKind; readonly verdict: string; readonly words: string };

/** What evidence says of it. `check`: `changes` (looked at), or `none: <why>`. */
export type ScopeEvidence = Pick<ScopeRules, 'access' | 'files' | 'create'> & {
  /** Of the whole declaration as JSON: access, files, create, forbidden, protected, in this order. */
  readonly sha256: Sha256;
  readonly check: string;
};

/** How a folder was at one moment: a path -> what the system says of it, in one text that differs when it was written to. */
export type Tree = ReadonlyMap<string, string>;

/** Everything a run could change that is looked at, as it was before it. JSON, in a<n>/before.json. */
export type Before = {
  readonly v: 1;
  /** The working folder, its links resolved. */
  readonly root: string;
  readonly files: Readonly<Record<string, string>>;
  /** Path -> SHA-256, where contents were looked at. */
  readonly hashes: Readonly<Record<string, Sha256>>;
  /** Null: git cannot be written (a sandbox). Empty: there is no repository. */
  readonly git: Readonly<Record<string, string>> | null;
  /** The primary checkout and the other worktrees of the repository, by their root. */
  readonly others: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

/** In the state of git, in the place of a branch's commit: another work tree has it checked out. */
export const CHECKED_OUT_ELSEWHERE = 'checked out in another work tree';

/** The outside of the check; bodies: platform/tree-facts.ts and platform/git-state.ts. */
export type TreePort = {
  /** Links resolved. */
  root(folder: string): Promise<string>;
  /** Every file and link below a folder but for `.git` and what is left out; throws EFBIG when there are more than `max`. */
  read(root: string, leftOut: (relative: string) => boolean, max: number): Promise<Tree>;
  /** SHA-256 of a regular file, not followed; null: it is none, or larger than `maxBytes`. */
  hash(file: string, maxBytes: number): Promise<Sha256 | null>;
  /** Where a link leads at last, absolute; null: it is no link. What leads nowhere is told as it is written. */
  leads(file: string): Promise<string | null>;
  git(root: string): Promise<Readonly<Record<string, string>> | null>;
  /** Roots of the repository's other work trees: the primary checkout, the linked ones. */
  siblings(root: string): Promise<readonly string[]>;
  /** What git shows of these paths against HEAD; null: there is no answer. */
  readonly diff: (root: string, paths: readonly string[]) => Promise<string | null>;
};
