/** Are docket's own scripts and hooks what was released? List, signature and key come with them: docs/panes.md says what that proves, and what it does not. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import { checkSshSignature } from '#history/ssh-signature.ts';
import { parsePublicLine } from '#history/ssh-key.ts';
import { makeDigest } from '#platform/digest.ts';
import { bad, codeOf, well, wordsOf, type Check } from './doctor-checks.ts';
import { KEY_FILE, LIST_FILE, parseList, RELEASE_NAMESPACE, RELEASED_BYTES_MAX, SIGNATURE_FILE } from './release-list.ts';

type ReleaseFs = Pick<Fs, 'readBounded' | 'facts'>;

const NAME = 'release';
const AGAIN = 'install docket again from where you trust it, and look at who could change the file';

/** @param root docket's own package. @param wanted fingerprint of the release key, from elsewhere; null: nobody named one */
export async function lookAtRelease(fs: ReleaseFs, root: string, wanted: string | null): Promise<readonly Check[]> {
  // In a checkout an unsigned list is what the last `npm pack` left; git says what changed there.
  const isCheckout = (await fs.facts(path.join(root, '.git'))) !== null && (await fs.facts(path.join(root, SIGNATURE_FILE))) === null;
  if (isCheckout) return [unsigned(wanted, `not a release: ${root} is a checkout`)];
  const list = await bytesOf(fs, path.join(root, LIST_FILE));
  if (list === null) return [unsigned(wanted, `not a release: ${root} has no ${LIST_FILE}`)];
  const parsed = parseList(new TextDecoder().decode(list));
  if (!parsed.ok) return [bad(NAME, `${LIST_FILE} was changed: ${parsed.error}`, AGAIN)];
  const files = await Promise.all([...parsed.value].map(async ([file, sum]) => lookAtFile(fs, root, file, sum)));
  const changed = files.filter((check) => check !== null);
  return [await lookAtSignature(fs, root, list, parsed.value.size, wanted), ...changed];
}

/** Null: it is what the list says. */
async function lookAtFile(fs: ReleaseFs, root: string, file: string, sum: string): Promise<Check | null> {
  try {
    const bytes = await bytesOf(fs, path.join(root, file));
    if (bytes === null) return bad(NAME, `${file} is not there`, AGAIN);
    const found = makeDigest().sha256(bytes);
    return found === sum ? null : bad(NAME, `${file} was changed: SHA-256 ${found}, released with ${sum}`, AGAIN);
  } catch (error) {
    return bad(NAME, `${file} cannot be read: ${wordsOf(error)}`, AGAIN);
  }
}

async function lookAtSignature(fs: ReleaseFs, root: string, list: Uint8Array, count: number, wanted: string | null): Promise<Check> {
  const signature = await bytesOf(fs, path.join(root, SIGNATURE_FILE));
  const line = await bytesOf(fs, path.join(root, KEY_FILE));
  if (signature === null && line === null) return unsigned(wanted, `not a release: the list of ${String(count)} files is not signed`);
  if (signature === null || line === null)
    return bad(NAME, `${signature === null ? SIGNATURE_FILE : KEY_FILE} is not there, and the other one is`, AGAIN);
  const key = parsePublicLine(new TextDecoder().decode(line).trim());
  if (key === null) return bad(NAME, `${KEY_FILE} is no ed25519 key`, AGAIN);
  const signed = checkSshSignature(new TextDecoder().decode(signature), RELEASE_NAMESPACE, list);
  if (!signed.ok) return bad(NAME, `the signature of ${LIST_FILE} does not hold: ${signed.error}`, AGAIN);
  const { fingerprint } = signed.value;
  if (fingerprint !== key.fingerprint)
    return bad(NAME, `${LIST_FILE} is signed by ${fingerprint}, and ${KEY_FILE} is ${key.fingerprint}`, AGAIN);
  if (wanted !== null && fingerprint !== wanted)
    return bad(
      NAME,
      `${LIST_FILE} is signed by ${fingerprint}, and not by ${wanted}`,
      'this docket is not of who you take it to be of: do not use it',
    );
  const trust = wanted === null ? 'whose key that is, the package cannot prove: --release-key' : 'the key that you named';
  return well(NAME, `${String(count)} scripts and hooks as they were released, signed by ${fingerprint} (${trust})`);
}

const unsigned = (wanted: string | null, words: string): Check =>
  wanted === null ? well(NAME, words) : bad(NAME, `${words}, and you named a key`, 'use a docket that was released with this key');

/** Null: it is not there. */
async function bytesOf(fs: ReleaseFs, file: string): Promise<Uint8Array | null> {
  try {
    return (await fs.readBounded(file, RELEASED_BYTES_MAX)).bytes;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
