/** Facts of the code repository for evidence: asked of git at most once in a while, because a backlog asks a hundred times a second. */

import type { CodeFacts } from '#core/evidence.ts';
import { printable } from '#core/names.ts';
import type { AskProgram, Clock, Fs } from '#core/ports.ts';
import { askProgram } from '#platform/ask.ts';
import { makeFs } from '#platform/files.ts';
import { addNote } from '#platform/git-notes.ts';
import { codeCommit, codeFacts, gitCommonFolder, gitFolderOf, repositoryRoot } from '#platform/git.ts';
import { CliError, EXIT } from './io.ts';

/** Evidence may be this old about the code: an agent that only reads sees nothing newer. */
const FRESH_MS = 2_000;

export function makeCodeSnapshot(ask: AskProgram, clock: Clock, folder: string): () => Promise<CodeFacts> {
  let known: { readonly atMs: number; readonly facts: Promise<CodeFacts> } | null = null;
  return async () => {
    const nowMs = clock.monotonicMs();
    if (known === null || nowMs - known.atMs > FRESH_MS) known = { atMs: nowMs, facts: codeFacts(ask, folder) };
    return known.facts;
  };
}

/** The git folder of the very work tree; null: it lies in none. */
export const codeGitFolder = async (folder: string): Promise<string | null> => gitFolderOf(folder);

/** The top of the work tree, and the git folder that it shares with others; null: it lies in none. */
export async function codeTree(folder: string): Promise<{ readonly top: string; readonly common: string } | null> {
  const [top, common] = [await repositoryRoot(folder), await gitCommonFolder(folder)];
  return top === null || common === null ? null : { top, common };
}

/** No change that is not committed; also where nobody can say. */
export const isCodeClean = async (ask: AskProgram, folder: string): Promise<boolean> => (await codeFacts(ask, folder)).dirty !== true;

/** The commit the code stands at, which a verdict is about; null: none, or no repository. */
export const codeHead = async (folder: string): Promise<string | null> => (await codeFacts(askProgram, folder)).headCommit;

/** The full id of a commit of the code that a person named; null when there is none. */
export const commitNamed = async (folder: string, named: string): Promise<string | null> =>
  codeCommit(askProgram, folder, named).catch(() => null);

/** Where git keeps the objects of a repository: its common git folder, also for a linked worktree; the folder itself when it is bare. Throws CliError 2. */
export async function codeObjectsFolder(fs: Fs, folder: string): Promise<string> {
  const isBare = (await fs.facts(`${folder}/objects`).catch(() => null))?.kind === 'folder' && (await fs.facts(`${folder}/HEAD`)) !== null;
  const found = isBare ? folder : await gitCommonFolder(folder).catch(() => null);
  if (found === null)
    throw new CliError(`${printable(folder, 1_000)} lies in no git repository: name the code's own with --code`, EXIT.wrongUse);
  return found;
}

/** Writes notes on commits of the code (platform/git-notes.ts). @param lines by commit. Throws CliError 2 when the folder is no repository. */
export async function noteCommits(
  ask: AskProgram,
  folder: string,
  lines: ReadonlyMap<string, readonly string[]>,
): Promise<{ added: number; same: number; absent: number }> {
  const counts = { added: 0, same: 0, absent: 0 };
  await codeObjectsFolder(makeFs(), folder);
  for (const [commit, mine] of lines) counts[await addNote(ask, folder, commit, mine)]++;
  return counts;
}
