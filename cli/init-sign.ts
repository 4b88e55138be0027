/**
 * Signed records from the first commit on, when a person asks for it (`docket init --sign`, or the question): a key as `docket key new` makes one, and
 * `allowed_signers` beside docket.yaml. Invariant: no key and no list that is there is ever changed, and what stands in the way is told before anything
 * is made.
 */

import path from 'node:path';
import { confirm, isCancel } from '@clack/prompts';
import type { Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { parseAllowedSigners } from '#history/allowed-signers.ts';
import { readKeyFile } from '#history/signer.ts';
import type { PublicKey } from '#history/ssh-key.ts';
import { CliError, EXIT } from './io.ts';
import { makeKeyFile } from './key-file.ts';
import { keyFileOf, readSigners, signersLine, signingOptions } from './signing.ts';

/** As docket.yaml names it, beside itself. */
export const SIGNERS_FILE = 'allowed_signers';

export type Signed = {
  readonly keyFile: string;
  readonly fingerprint: string;
  readonly isNewKey: boolean;
  readonly signersFile: string;
  readonly isNewList: boolean;
};

const words = `Sign the records? A key is made that only you may read; whoever changes a record afterwards is found by it (docs/signing.md)`;

/** Null: the person does not want to answer. */
export type YesOrNo = (question: string) => Promise<boolean | null>;

const onTerminal: YesOrNo = async (message) => {
  const answer = await confirm({ message, initialValue: false });
  return isCancel(answer) ? null : answer;
};

/** Throws CliError 130 when the person leaves. */
export async function askSigning(ask: YesOrNo = onTerminal): Promise<boolean> {
  const answer = await ask(words);
  if (answer === null) throw new CliError('left without an answer; nothing was made', EXIT.stopped);
  return answer;
}

const refused = (what: string): CliError => new CliError(`${what}\nnothing was made`, EXIT.environment);

/** What is there already, looked at before anything is made. @param workspace with the settings that sign */
export async function planSigning(fs: Fs, workspace: Workspace): Promise<{ readonly key: PublicKey | null; readonly hasList: boolean }> {
  const options = signingOptions(workspace, fs);
  const hasKey = (await fs.facts(options.keyFile)) !== null;
  const read = hasKey ? await readKeyFile(options) : null;
  if (read?.ok === false) throw refused(`docket cannot sign with the key that is there: ${read.error}`);
  const key = read?.ok === true ? read.value.key.publicKey : null;
  const list = path.join(workspace.root, SIGNERS_FILE);
  if ((await fs.facts(list)) === null) return { key, hasList: false };
  const parsed = parseAllowedSigners(await readSigners(fs, list));
  if (!parsed.ok) throw refused(`${list} is there, and is no list of allowed signers: ${parsed.error}`);
  if (key === null || !parsed.value.some((signer) => signer.key.fingerprint === key.fingerprint))
    throw refused(
      `${list} is there, and is never changed: it does not name ${key === null ? 'the key that would be made' : key.fingerprint}. ` +
        (key === null
          ? 'Make the key first (`docket key new`), and add the line that it prints'
          : `Add this line:\n  ${signersLine(key.line)}`),
    );
  return { key, hasList: true };
}

/** The key and the list, before the history's first commit. */
export async function makeSigned(fs: Fs, workspace: Workspace): Promise<Signed> {
  const { key: known, hasList } = await planSigning(fs, workspace);
  const key = known ?? (await makeKeyFile(fs, signingOptions(workspace, fs)));
  const signersFile = path.join(workspace.root, SIGNERS_FILE);
  if (!hasList) {
    await fs.writeNew(
      signersFile,
      `# Whose signatures count (docs/signing.md). Commit this file.\n${signersLine(key.line)}\n`,
      'safety',
      0o644,
    );
    await fs.syncFolder(workspace.root, 'safety');
  }
  return { keyFile: keyFileOf(workspace), fingerprint: key.fingerprint, isNewKey: known === null, signersFile, isNewList: !hasList };
}
