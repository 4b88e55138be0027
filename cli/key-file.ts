/** A new signing key in a file of its own: written once, 0600, looked at as docket will read it, and taken away again when it could not be used there. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import { readKeyFile, type SigningOptions } from '#history/signer.ts';
import { generateKey, renderPrivateKey, type PublicKey } from '#history/ssh-key.ts';
import { CliError, EXIT } from './io.ts';
import { principal } from './signing.ts';

/** Throws CliError when something is there already (nothing is overwritten), or when docket could not sign with a key there. */
export async function makeKeyFile(fs: Fs, options: SigningOptions): Promise<PublicKey> {
  const { keyFile } = options;
  for (const taken of [keyFile, `${keyFile}.pub`])
    if ((await fs.facts(taken)) !== null)
      throw new CliError(
        `${taken} is there already, and nothing is overwritten: name another file (rotation: docs/signing.md)`,
        EXIT.notWell,
      );
  const folder = path.dirname(keyFile);
  await fs.makeFolders(folder, 0o700);
  const key = generateKey(principal());
  await fs.writeNew(keyFile, renderPrivateKey(key), 'safety', 0o600);
  const read = await readKeyFile(options);
  if (!read.ok) {
    await fs.unlink(keyFile);
    throw new CliError(`no key was made: ${read.error}`, EXIT.wrongUse);
  }
  await fs.writeNew(`${keyFile}.pub`, `${key.publicKey.line} ${principal()}\n`, 'safety', 0o644);
  await fs.syncFolder(folder, 'safety');
  return key.publicKey;
}
