/** Where a workspace's signing key and its list of allowed signers lie, and what signs its records. Settings: signing.*; docs/signing.md. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { SIGNING_FAULT, type Signing } from '#core/signing.ts';
import { makeSigning, type SigningOptions } from '#history/signer.ts';
import { homeFolder, hostName, userId, userName } from '#platform/system.ts';
import { CliError, EXIT } from './io.ts';
import { findRepository } from './workspace.ts';

type Place = Pick<Workspace, 'root' | 'settings'>;

/** `~/x` is in the home folder; everything else is relative to docket.yaml. */
const absolute = (root: string, wanted: string): string =>
  wanted === '~' || wanted.startsWith('~/') ? path.join(homeFolder(), wanted.slice(2)) : path.resolve(root, wanted);

export const defaultKeyFile = (): string => path.join(homeFolder(), '.config', 'docket', 'signing_key');

export const keyFileOf = ({ root, settings }: Place): string =>
  settings['signing.key'] === '' ? defaultKeyFile() : absolute(root, settings['signing.key']);

/** Null: no file is named. */
export const signersFileOf = ({ root, settings }: Place): string | null =>
  settings['signing.signers'] === '' ? null : absolute(root, settings['signing.signers']);

export const isSigning = ({ settings }: Pick<Workspace, 'settings'>): boolean => settings['signing.mode'] === 'required';

/** How docket calls itself in a list of signers: the address of its commits. */
export const principal = (): string => `${userName()}@${hostName()}`;

/** What an allowed_signers file takes. @param line `ssh-ed25519 AAAA…` */
export const signersLine = (line: string): string => `${principal()} namespaces="git" ${line}`;

export const signingOptions = (workspace: Workspace, fs: Pick<Fs, 'facts' | 'readBounded' | 'realPath'>): SigningOptions => ({
  fs,
  keyFile: keyFileOf(workspace),
  userId: userId(),
  forbidden: async () => {
    const repository = await findRepository(fs, workspace.code);
    const code = [workspace.code, ...(repository === null ? [] : [repository.top, repository.main])];
    return [
      ...code.map((folder) => ({ folder, what: 'the code repository' })),
      { folder: workspace.root, what: 'the workspace' },
      { folder: workspace.queues, what: 'the queues' },
      { folder: workspace.history, what: 'the history' },
    ];
  },
});

/** Null: signing is off. */
export const signingOf = (workspace: Workspace, fs: Pick<Fs, 'facts' | 'readBounded' | 'realPath'>): Signing | null =>
  isSigning(workspace) ? makeSigning(signingOptions(workspace, fs)) : null;

/** At start a key that cannot be used is told before anything is taken. Throws CliError 3. */
export async function mustSign(signing: Signing | null): Promise<void> {
  try {
    await signing?.signer();
  } catch (error) {
    const isKey = error instanceof Error && 'code' in error && error.code === SIGNING_FAULT;
    if (!isKey) throw error;
    throw new CliError(`not started: ${error.message}`, EXIT.environment);
  }
}
