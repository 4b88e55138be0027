/** Signing: is it on, can the key be used, does the list of signers know it? Reads only; the key itself is never shown. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { parseAllowedSigners, whyNot, type AllowedSigner } from '#history/allowed-signers.ts';
import { readKeyFile } from '#history/signer.ts';
import { bad, warn, well, wordsOf, type Check } from './doctor-checks.ts';
import { isSigning, readSigners, signersFileOf, signersLine, signingOptions } from './signing.ts';

export async function lookAtSigning(fs: Fs, workspace: Workspace): Promise<readonly Check[]> {
  const list = await listOf(fs, workspace);
  const checks = list.check === null ? [] : [list.check];
  if (!isSigning(workspace))
    return [well('signing', 'off: records are chained by their hashes, and not signed (docs/signing.md)'), ...checks];
  const read = await readKeyFile(signingOptions(workspace, fs));
  if (!read.ok) {
    const next = 'mend it: a daemon that runs goes on by itself, and nothing of what waits is lost';
    return [bad('signing', `nothing can be recorded: ${read.error}`, next), ...checks];
  }
  const { key, file } = read.value;
  const { fingerprint, line } = key.publicKey;
  checks.unshift(well('signing', `required; ${fingerprint} in ${file}`));
  const why = list.signers === null ? null : whyNot(list.signers, key.publicKey, null, Math.floor(Date.now() / 1000));
  if (why !== null)
    checks.push(bad('signers', `what is signed now will not be believed: ${why}`, `add to ${list.file}: ${signersLine(line)}`));
  return checks;
}

type List = { readonly file: string; readonly signers: readonly AllowedSigner[] | null; readonly check: Check | null };

async function listOf(fs: Fs, workspace: Workspace): Promise<List> {
  const file = signersFileOf(workspace);
  if (file === null) {
    const next = 'write `docket key show` into an allowed_signers file and name it: signing: { signers: … } in docket.yaml';
    const check = isSigning(workspace)
      ? warn('signers', 'no list of allowed signers: verify cannot say whose the signatures are', next)
      : null;
    return { file: '', signers: null, check };
  }
  try {
    const parsed = parseAllowedSigners(await readSigners(fs, file));
    if (!parsed.ok)
      return { file, signers: null, check: bad('signers', `${file}: ${parsed.error}`, 'mend the line: `man ssh-keygen`, ALLOWED SIGNERS') };
    const keys = new Set(parsed.value.map(({ key }) => key.fingerprint)).size;
    return {
      file,
      signers: parsed.value,
      check: well('signers', `${path.basename(file)}: ${String(keys)} ed25519 ${keys === 1 ? 'key' : 'keys'}`),
    };
  } catch (error) {
    return { file, signers: null, check: bad('signers', wordsOf(error), 'put the file there, or take signing.signers out') };
  }
}
