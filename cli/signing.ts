/** Where a workspace's signing key and its list of allowed signers lie, and what signs its records. Settings: signing.*; docs/signing.md. */

import { Buffer } from 'node:buffer';
import path from 'node:path';
import type { Trust } from '#core/history.ts';
import type { Fs, Log } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { SIGNING_FAULT, type Signing } from '#core/signing.ts';
import { parseAllowedSigners } from '#history/allowed-signers.ts';
import { makeSigning, type SigningOptions } from '#history/signer.ts';
import { homeFolder, hostName, userId, userName } from '#platform/system.ts';
import { CliError, EXIT } from './io.ts';
import { findRepository } from './workspace.ts';

type Place = Pick<Workspace, 'root' | 'settings'>;

/** `~/x` is in the home folder; everything else is relative to docket.yaml. */
export const absolute = (root: string, wanted: string): string =>
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

const SIGNERS_BYTES_MAX = 1_000_000;

/** The text of an allowed_signers file. Throws with words. */
export async function readSigners(fs: Pick<Fs, 'readBounded' | 'realPath'>, file: string): Promise<string> {
  try {
    return Buffer.from((await fs.readBounded(await fs.realPath(file), SIGNERS_BYTES_MAX)).bytes).toString('utf8');
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new Error(`the list of allowed signers cannot be read: ${words}`, { cause: error });
  }
}

/**
 * Whom `docket verify` believes: the list that docket.yaml names, or another one that was handed in (`--signers`).
 * Throws CliError 3 when it cannot be read or understood: a look that trusts nobody would say nothing.
 */
export async function trustOf(workspace: Place, fs: Pick<Fs, 'readBounded' | 'realPath'>, given: string | null): Promise<Trust> {
  const file = given ?? signersFileOf(workspace);
  const isDemanded = isSigning(workspace);
  if (file === null) return { signers: null, isDemanded };
  try {
    const signers = await readSigners(fs, file);
    const parsed = parseAllowedSigners(signers);
    if (!parsed.ok) throw new Error(`${file}: ${parsed.error}`);
    return { signers, isDemanded };
  } catch (error) {
    throw new CliError(error instanceof Error ? error.message : String(error), EXIT.environment);
  }
}

/** At start a key that cannot be used is told before anything is taken. Throws CliError 3. */
export async function mustSign(signing: Signing | null, log: Log): Promise<void> {
  try {
    if (signing !== null) log.info(`records are signed by ${(await signing.signer()).fingerprint}`);
  } catch (error) {
    const isKey = error instanceof Error && 'code' in error && error.code === SIGNING_FAULT;
    if (!isKey) throw error;
    throw new CliError(`not started: ${error.message}`, EXIT.environment);
  }
}
