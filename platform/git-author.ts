/** Who git says that works here: user.name and user.email, as `git commit` would take them. */

import type { AskProgram } from '#core/ports.ts';
import type { Person } from '#core/verdict.ts';
import { codeOf } from './files.ts';
import { gitEnvironment, QUIET_GIT } from './git.ts';

const ASK_TIMEOUT_MS = 10_000;

/** Null: git has no name or no address here, or cannot be asked. */
export async function gitAuthor(ask: AskProgram, folder: string): Promise<Person | null> {
  const read = async (key: string): Promise<string> => {
    const { code, stdout } = await ask('git', ['-C', folder, ...QUIET_GIT, 'config', '--get', key], {
      env: gitEnvironment(),
      timeoutMs: ASK_TIMEOUT_MS,
    });
    return code === 0 ? stdout.trim() : '';
  };
  try {
    const [name, email] = await Promise.all([read('user.name'), read('user.email')]);
    return name === '' || email === '' ? null : { name, email };
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ETIMEDOUT', 'ENOTDIR'].includes(codeOf(error))) return null;
    throw error;
  }
}
