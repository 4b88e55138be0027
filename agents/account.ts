/** Which account a tool will use: a few letters that are the same for the same one in this workspace, and tell nothing about it. */

import { expandPath } from '#tools/config-folder.ts';
import type { ToolProfile } from '#tools/profiles.ts';
import type { RunnerPorts } from './runner.ts';

/**
 * `anthropic/1a2b3c4d`: of the key or token in the environment, else of the configuration folder that the environment names, else of where the tool keeps
 * its login. The provider alone where nobody can tell. Never the credential itself: what is hashed with it is the workspace's own salt.
 */
export function laneOfAccount(
  { lane, login, config }: Pick<ToolProfile, 'lane' | 'login' | 'config'>,
  { env, account }: Pick<RunnerPorts, 'env' | 'account'>,
): string {
  if (account === undefined) return lane;
  const named = [...login.tokenEnv, ...Object.keys(config?.env ?? {})].find((name) => (env[name] ?? '') !== '');
  if (named !== undefined) return `${lane}/${account(`${named}=${env[named] ?? ''}`)}`;
  const files = login.files.map((file) => expandPath(file, env)).filter((file) => file !== null);
  return files.length === 0 ? lane : `${lane}/${account(files.join(' '))}`;
}
