/** Which account a tool will use: a few letters that are the same for the same one in this workspace, and tell nothing about it. */

import path from 'node:path';
import type { RunnerPorts } from './runner.ts';

/** How a tool is told who calls: the first of these variables that is set, else its configuration folder. */
export type Credential = {
  readonly tokenEnv: readonly string[];
  readonly configFolderEnv: string;
  /** below the home folder */ readonly configFolder: string;
};

/** `anthropic/1a2b3c4d`, or the provider alone where nobody can tell the account. */
export function laneOfAccount(
  provider: string,
  { tokenEnv, configFolderEnv, configFolder }: Credential,
  ports: Pick<RunnerPorts, 'env' | 'account'>,
): string {
  const { env, account } = ports;
  if (account === undefined) return provider;
  const token = tokenEnv.find((name) => (env[name] ?? '') !== '');
  const home = env['HOME'] ?? '';
  const folder = env[configFolderEnv] ?? (home === '' ? '' : path.join(home, configFolder));
  const known = token === undefined ? folder : `${token}=${env[token] ?? ''}`;
  return known === '' ? provider : `${provider}/${account(known)}`;
}
