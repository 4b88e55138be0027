/**
 * SSH signatures (OpenSSH PROTOCOL.sshsig), as `ssh-keygen -Y sign` makes them and `git verify-commit` takes them. Pure.
 * What is signed: "SSHSIG", namespace, reserved, name of the hash, hash of the message; the namespace keeps a signature of one use from another.
 */

import { Buffer } from 'node:buffer';
import { createHash, verify } from 'node:crypto';
import { err, ok, type Result } from '#core/result.ts';
import type { Signer } from '#core/signing.ts';
import { fromBase64, KEY_TYPE, publicKeyOf, string, uint32, Wire, wrapBase64, type PublicKey } from './ssh-key.ts';

const MAGIC = Buffer.from('SSHSIG', 'latin1');
const VERSION = 1;
const HASH = 'sha512';
/** Those that PROTOCOL.sshsig allows. */
const HASHES: ReadonlySet<string> = new Set(['sha512', 'sha256']);
const SIGNATURE_BYTES = 64;
export const BEGIN_SSH_SIGNATURE = '-----BEGIN SSH SIGNATURE-----';
const END = '-----END SSH SIGNATURE-----';
/** The namespace of git's own signatures. */
export const GIT_NAMESPACE = 'git';

/** The bytes that the signature itself is over. */
export const preamble = (namespace: string, hash: string, message: Uint8Array): Buffer =>
  Buffer.concat([MAGIC, string(namespace), string(''), string(hash), string(createHash(hash).update(message).digest())]);

/** @returns the armoured signature, its last line ended */
export function makeSshSignature(signer: Signer, namespace: string, message: Uint8Array): string {
  const blob = Buffer.from(signer.publicLine.split(' ')[1] ?? '', 'base64');
  const signature = Buffer.concat([string(KEY_TYPE), string(signer.sign(preamble(namespace, HASH, message)))]);
  const bytes = Buffer.concat([MAGIC, uint32(VERSION), string(blob), string(namespace), string(''), string(HASH), string(signature)]);
  return `${BEGIN_SSH_SIGNATURE}\n${wrapBase64(bytes)}${END}\n`;
}

export type SshSignature = { readonly publicKey: PublicKey; readonly namespace: string; readonly hash: string; readonly signature: Buffer };

/** What an armoured signature says of itself; nothing is proved yet. */
export function readSshSignature(armour: string): Result<SshSignature, string> {
  const lines = armour.trimEnd().split('\n');
  if (lines[0] !== BEGIN_SSH_SIGNATURE || lines.at(-1) !== END) return err('it is no SSH signature');
  const bytes = fromBase64(lines.slice(1, -1).join(''));
  if (bytes === null) return err('its base64 is damaged');
  try {
    const wire = new Wire(bytes);
    if (!wire.take(MAGIC.length).equals(MAGIC) || wire.uint32() !== VERSION) return err('it is no SSH signature of version 1');
    const publicKey = publicKeyOf(Buffer.from(wire.string()));
    const namespace = wire.text();
    const reserved = wire.string();
    const hash = wire.text();
    const inner = new Wire(wire.string());
    const type = inner.text();
    const signature = Buffer.from(inner.string());
    if (publicKey === null || type !== KEY_TYPE) return err(`it is not made with ${KEY_TYPE}`);
    const isWhole = reserved.length === 0 && wire.rest().length === 0 && inner.rest().length === 0 && signature.length === SIGNATURE_BYTES;
    return isWhole && HASHES.has(hash) ? ok({ publicKey, namespace, hash, signature }) : err('it has parts that no SSH signature has');
  } catch {
    return err('it is cut short');
  }
}

/** Is it the signature of this message, by the key that it names? Whether that key may sign is another question. */
export function checkSshSignature(armour: string, namespace: string, message: Uint8Array): Result<PublicKey, string> {
  const read = readSshSignature(armour);
  if (!read.ok) return read;
  const { publicKey, hash, signature } = read.value;
  if (read.value.namespace !== namespace)
    return err(`it was made for another use (namespace ${JSON.stringify(read.value.namespace.slice(0, 40))})`);
  return verify(null, preamble(namespace, hash, message), publicKey.key, signature)
    ? ok(publicKey)
    : err('it is not the signature of these bytes');
}
