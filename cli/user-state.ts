/**
 * The folder that all dockets of one user on one machine have in common: `$XDG_STATE_HOME/docket`, else `~/.local/state/docket`; 0700, on a local disk.
 *
 *   salt          makes the hashes of accounts this user's own: the same account has the same letters in all workspaces, and nobody can look them up
 *   limits-1.db   what is shared (core/shared.ts)
 */

import path from 'node:path';
import type { Digest, Fs } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { Io } from './io.ts';

const SALT = 'salt';
const SALT_BYTES = 16;
const SALT_BYTES_MAX = 1_000;

/** Null: the environment names none. A relative XDG_STATE_HOME counts as none (XDG Base Directory Specification). */
export function userStateFolder(env: Io['env']): string | null {
  const [state, home] = [env['XDG_STATE_HOME'] ?? '', env['HOME'] ?? ''];
  if (path.isAbsolute(state)) return path.join(state, 'docket');
  return path.isAbsolute(home) ? path.join(home, '.local', 'state', 'docket') : null;
}

export type UserState = { readonly folder: string; /** Hex. */ readonly salt: string };
type StateFs = Pick<Fs, 'makeFolders' | 'chmod' | 'facts' | 'fileSystem' | 'writeNew' | 'link' | 'unlink' | 'readBounded'>;

/** Makes what is not there. An error is words: what it is used for does without. */
export async function openUserState(env: Io['env'], fs: StateFs, digest: Digest): Promise<Result<UserState, string>> {
  const folder = userStateFolder(env);
  if (folder === null) return err('neither XDG_STATE_HOME nor HOME names a folder');
  try {
    await fs.makeFolders(folder, 0o700);
    if ((await fs.facts(folder))?.kind !== 'folder') return err(`${folder} is no folder`);
    await fs.chmod(folder, 0o700);
    const place = await fs.fileSystem(folder);
    if (place.network) return err(`${folder} is on a network file system (${place.type}), where locks cannot be trusted`);
    return ok({ folder, salt: await saltIn(fs, digest, folder) });
  } catch (error) {
    return err(`${folder} cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The first one stands, whoever makes one at the same time. */
async function saltIn(fs: StateFs, digest: Digest, folder: string): Promise<string> {
  const file = path.join(folder, SALT);
  if ((await fs.facts(file)) === null) {
    const fresh = path.join(folder, `.salt-${digest.uuid()}.tmp`);
    await fs.writeNew(fresh, digest.randomBytes(SALT_BYTES), 'safety', 0o600);
    try {
      await fs.link(fresh, file).catch((error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      });
    } finally {
      await fs.unlink(fresh);
    }
  }
  return Buffer.from((await fs.readBounded(file, SALT_BYTES_MAX)).bytes).toString('hex');
}
