/** What history asks of git itself, beside its own reading and writing of the files. Body: platform/git-repository.ts. */
export type RepositoryGit = {
  /** The work tree a path lies in; null outside any repository. */
  root(start: string): Promise<string | null>;
  /** The repository's own configuration, of which these keys may be asked: all values of each. */
  config(gitDir: string, keys: readonly string[]): Promise<(key: string) => readonly string[]>;
  /** The regular files of a commit, as another implementation of git reads them: the second opinion of `verify`. */
  tipFiles(gitDir: string, commit: string): AsyncIterable<{ readonly path: string; readonly oid: string }>;
  /** Is a git program running in this folder or below, or one of this user anywhere that cannot be looked at? Null: the system cannot say. */
  isAtWork(folder: string, uid: number): Promise<boolean | null>;
  /** One pack of many, with deltas between them, made in an object folder of its own (fold.ts). @returns `pack-<sum>`; null: there is no git program */
  packTogether(
    gitDir: string,
    into: string,
    include: readonly string[],
    exclude: readonly string[],
    signal: AbortSignal,
  ): Promise<string | null>;
  /** What makes `git log` quick in a long history, written into an object folder of its own. False: there is no git program. */
  writeCommitGraph(gitDir: string, into: string, signal: AbortSignal): Promise<boolean>;
};
