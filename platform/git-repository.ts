/** What the history room needs of git beyond its own reading and writing: where a repository is, its configuration, and who works in it. */

import * as fs from 'node:fs';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import path from 'node:path';
import { codeOf } from './files.ts';
import { readConfiguration } from './git-configuration.ts';
import { packTogether, writeCommitGraph } from './git-packs.ts';
import { gitTipFiles, type TipFile } from './git-tree.ts';
import { repositoryRoot } from './git.ts';

function attempt<T>(act: () => T): T | null {
  try {
    return act();
  } catch {
    return null;
  }
}

/**
 * Is a git program running with its current folder at or below this one? Null where the system cannot say (no /proc).
 * A git whose folder this user may not see counts when it runs as `uid`, the owner of what it may have left.
 */
function gitIsAtWork(folder: string, uid: number): boolean | null {
  if (process.platform !== 'linux') return null;
  const processes = attempt(() => readdirSync('/proc'))?.filter((name) => /^[0-9]+$/.test(name));
  if (processes === undefined || processes.length === 0) return null;
  return processes.some((id) => {
    const name = attempt(() => readFileSync(`/proc/${id}/comm`, 'latin1'));
    if (name === null || !name.startsWith('git')) return false;
    let at: string;
    try {
      at = readlinkSync(`/proc/${id}/cwd`);
    } catch (error) {
      // It has ended, and at most its parent has not asked for its exit code yet: nothing works any more.
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return false;
      return attempt(() => statSync(`/proc/${id}`).uid) === uid;
    }
    return at === folder || at.startsWith(folder + path.sep);
  });
}

/** By the git program; where there is none, or it cannot read the repository, by isomorphic-git: neither is our code. */
async function* tipFiles(gitDir: string, commit: string): AsyncGenerator<TipFile> {
  const listed = await gitTipFiles(gitDir, commit).catch(() => null);
  if (listed === null) yield* isomorphicTipFiles(gitDir, commit);
  else yield* listed;
}

/** isomorphic-git's own way from a commit to the files of its tree: commits, trees and packs are read by its code, not by ours. */
async function* isomorphicTipFiles(gitDir: string, commit: string): AsyncGenerator<TipFile> {
  const git = await import('isomorphic-git');
  const cache = {};
  const waiting = [{ path: '', oid: commit }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { tree } = await git.readTree({ fs, gitdir: gitDir, oid: next.oid, cache });
    for (const entry of tree) {
      const file = next.path === '' ? entry.path : `${next.path}/${entry.path}`;
      if (entry.type === 'tree') waiting.push({ path: file, oid: entry.oid });
      else if (entry.type === 'blob' && entry.mode !== '120000') yield { path: file, oid: entry.oid };
    }
  }
}

/** The body of history/git-door.ts. */
export const makeHistoryGit = (): {
  root(start: string): Promise<string | null>;
  config: typeof readConfiguration;
  isAtWork(folder: string, uid: number): Promise<boolean | null>;
  tipFiles(gitDir: string, commit: string): AsyncIterable<TipFile>;
  packTogether: typeof packTogether;
  writeCommitGraph: typeof writeCommitGraph;
} => ({
  root: repositoryRoot,
  config: readConfiguration,
  isAtWork: (folder, uid) => Promise.resolve(gitIsAtWork(folder, uid)),
  tipFiles,
  packTogether,
  writeCommitGraph,
});
