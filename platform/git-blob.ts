/** A file as a commit of the code has it, by the git program: no filter, no attribute and no program that the repository names is run for it. */

import type { AskProgram } from '#core/ports.ts';
import { gitEnvironment, QUIET_GIT } from './git.ts';

const ASK_TIMEOUT_MS = 10_000;
const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/**
 * git-cat-file(1), "blob". Bytes that are no UTF-8 come as U+FFFD.
 * @param file relative to the folder
 * @returns null: the commit has no such file, or git cannot say (no repository, no such commit, a file of more than 1 MB)
 */
export async function gitBlob(ask: AskProgram, folder: string, commit: string, file: string): Promise<string | null> {
  if (!COMMIT.test(commit)) return null;
  const args = ['-C', folder, ...QUIET_GIT, 'cat-file', 'blob', `${commit}:./${file}`];
  const answer = await ask('git', args, { env: gitEnvironment(), timeoutMs: ASK_TIMEOUT_MS }).catch(() => null);
  return answer?.code === 0 ? answer.stdout : null;
}
