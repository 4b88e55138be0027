/**
 * The key that signs the records, read from its file and looked at again before each use.
 *
 *   (first use) -> loaded -> (file as it was: one lstat) loaded; (gone, unreadable, another key) fault, told with words, until it is put back
 * Invariant: a signature is only made while the file still holds the key that was loaded first, so nothing is signed by a key nobody chose; a
 * new key is taken up by the next start.
 */

import { Buffer } from 'node:buffer';
import { sign } from 'node:crypto';
import path from 'node:path';
import type { FileFacts, Fs } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import { SIGNING_FAULT, type Signer, type Signing } from '#core/signing.ts';
import { parsePrivateKey, type PrivateKey } from './ssh-key.ts';

/** An ed25519 key file has about 400. */
const KEY_FILE_BYTES_MAX = 16_384;

export const makeSigner = ({ key, publicKey }: PrivateKey): Signer => ({
  fingerprint: publicKey.fingerprint,
  publicLine: publicKey.line,
  sign: (bytes) => sign(null, bytes, key),
});

export type SigningOptions = {
  readonly fs: Pick<Fs, 'facts' | 'readBounded' | 'realPath'>;
  /** Absolute path of the private key. */
  readonly keyFile: string;
  /** Folders that a key must not lie in, because what lies there is committed, pushed or shown to tools. */
  readonly forbidden: () => Promise<readonly { readonly folder: string; readonly what: string }[]>;
  /** Null where users have no number. */
  readonly userId: number | null;
};

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/** Refuses, with words: what others may read or own, what lies where it would be published, encrypted keys, other algorithms. */
export async function readKeyFile(options: SigningOptions): Promise<Result<{ readonly key: PrivateKey; readonly file: string }, string>> {
  const { fs, keyFile, forbidden, userId } = options;
  let file: string;
  let text: string;
  let facts: FileFacts;
  try {
    file = await fs.realPath(keyFile);
    const read = await fs.readBounded(file, KEY_FILE_BYTES_MAX);
    ({ facts } = read);
    text = Buffer.from(read.bytes).toString('latin1');
  } catch (error) {
    const why = codeOf(error) === 'ENOENT' ? 'there is no such file' : wordsOf(error);
    return err(`${keyFile}: ${why} (\`signing.key\` in docket.yaml names it, \`docket key new\` makes one)`);
  }
  for (const { folder, what } of await forbidden()) {
    const inner = path.relative(await realPathOr(fs, folder), file);
    if (inner !== '..' && !inner.startsWith(`..${path.sep}`) && !path.isAbsolute(inner))
      return err(`${keyFile} lies in ${what} (${folder}), where it would be committed, or read by a tool: it has to lie elsewhere`);
  }
  if ((facts.mode & 0o077) !== 0)
    return err(`${keyFile} may be read by others (mode ${(facts.mode & 0o777).toString(8)}): chmod 600 ${keyFile}`);
  if (userId !== null && facts.uid !== userId && userId !== 0)
    return err(`${keyFile} belongs to another user (number ${String(facts.uid)})`);
  const parsed = parsePrivateKey(text);
  return parsed.ok ? ok({ key: parsed.value, file }) : err(`${keyFile}: ${parsed.error}`);
}

const signingFault = (words: string): Error =>
  Object.assign(new Error(`nothing can be recorded, because records are signed and the key cannot be used: ${words}`), {
    code: SIGNING_FAULT,
  });

const realPathOr = async (fs: Pick<Fs, 'realPath'>, folder: string): Promise<string> => fs.realPath(folder).catch(() => folder);

const stampOf = ({ dev, ino, sizeBytes, mtimeNs, ctimeNs }: FileFacts): string =>
  [dev, ino, sizeBytes, mtimeNs, ctimeNs].map(String).join(' ');

export function makeSigning(options: SigningOptions): Signing {
  const { fs, keyFile } = options;
  let loaded: { readonly signer: Signer; readonly file: string; stamp: string } | null = null;

  async function stampNow(file: string): Promise<string> {
    const facts = await fs.facts(file);
    return facts === null ? '' : stampOf(facts);
  }

  return {
    async signer() {
      if (loaded !== null && (await stampNow(loaded.file)) === loaded.stamp) return loaded.signer;
      // Taken before it is read: a change in between is seen at the next use.
      const stamp = await stampNow(await realPathOr(fs, keyFile));
      const read = await readKeyFile(options);
      if (!read.ok) throw signingFault(read.error);
      const { key, file } = read.value;
      const signer = makeSigner(key);
      if (loaded !== null && signer.fingerprint !== loaded.signer.fingerprint)
        throw signingFault(
          `${keyFile} holds another key now (${signer.fingerprint}; it was ${loaded.signer.fingerprint}): put the old one back, or start docket again to sign with the new one`,
        );
      loaded = { signer: loaded?.signer ?? signer, file, stamp };
      return loaded.signer;
    },
  };
}
