/**
 * ed25519 keys in OpenSSH's forms: the public line, its fingerprint, the private key file. Pure: text in, keys out.
 * Sources: RFC 4251 section 5 (string, uint32), RFC 8709 (ssh-ed25519), OpenSSH PROTOCOL.key (openssh-key-v1).
 */

import { Buffer } from 'node:buffer';
import { createHash, createPrivateKey, createPublicKey, randomBytes, type KeyObject } from 'node:crypto';
import { err, ok, type Result } from '#core/result.ts';

export const KEY_TYPE = 'ssh-ed25519';
const MAGIC = Buffer.from('openssh-key-v1\0', 'latin1');
const BEGIN = '-----BEGIN OPENSSH PRIVATE KEY-----';
const END = '-----END OPENSSH PRIVATE KEY-----';
/** Those that a refusal may name: any other text might be a part of a damaged private key. */
const ALGORITHMS: ReadonlySet<string> = new Set([
  KEY_TYPE,
  'ssh-rsa',
  'ssh-dss',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
]);
const LINE_LENGTH = 70;
const KEY_BYTES = 32;
/** RFC 8410: the header of a PKCS #8 ed25519 private key, and of its SubjectPublicKeyInfo. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

export type PublicKey = {
  /** string "ssh-ed25519", string key: what fingerprint and line are made of. */
  readonly blob: Buffer;
  readonly fingerprint: string;
  /** `ssh-ed25519 AAAA…` */
  readonly line: string;
  readonly key: KeyObject;
};
export type PrivateKey = { readonly publicKey: PublicKey; readonly comment: string; readonly key: KeyObject };

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
export const string = (bytes: Uint8Array | string): Buffer => {
  const content = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  return Buffer.concat([uint32(content.length), content]);
};

/** Reads strings and numbers one after the other. Throws RangeError where the bytes end too early. */
export class Wire {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw new RangeError('the bytes end too early');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  string(): Buffer {
    return this.take(this.uint32());
  }

  text(): string {
    return this.string().toString('latin1');
  }

  rest(): Buffer {
    return this.take(this.#bytes.length - this.#at);
  }
}

/** Strict base64: what encodes to other text than it was is refused, so that no byte of it is free. */
export function fromBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

const known = new Map<string, PublicKey>();
const KNOWN_MAX = 256;

/** The public key of a blob; null when it is no ed25519 key. */
export function publicKeyOf(blob: Buffer): PublicKey | null {
  const text = blob.toString('base64');
  const before = known.get(text);
  if (before !== undefined) return before;
  try {
    const wire = new Wire(blob);
    if (wire.text() !== KEY_TYPE) return null;
    const raw = wire.string();
    if (raw.length !== KEY_BYTES || wire.rest().length > 0) return null;
    const made = publicKey(createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' }), Buffer.from(raw));
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(text, made);
    return made;
  } catch {
    return null;
  }
}

function publicKey(key: KeyObject, raw: Buffer): PublicKey {
  const blob = Buffer.concat([string(KEY_TYPE), string(raw)]);
  const hash = createHash('sha256').update(blob).digest('base64').replace(/=+$/, '');
  return { blob, key, fingerprint: `SHA256:${hash}`, line: `${KEY_TYPE} ${blob.toString('base64')}` };
}

/** `ssh-ed25519 AAAA… comment`; null for everything else. */
export function parsePublicLine(line: string): PublicKey | null {
  const [type, base64] = line.trim().split(/\s+/);
  const blob = type === KEY_TYPE && base64 !== undefined ? fromBase64(base64) : null;
  return blob === null ? null : publicKeyOf(blob);
}

function fromSeed(seed: Buffer, comment: string): PrivateKey {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const pub = createPublicKey(key);
  const raw = pub.export({ format: 'der', type: 'spki' }).subarray(SPKI.length);
  return { key, comment, publicKey: publicKey(pub, Buffer.from(raw)) };
}

/** @returns words why this text is no key that docket can sign with; they never hold a part of the text */
export function parsePrivateKey(text: string): Result<PrivateKey, string> {
  const lines = text.trim().split(/\r?\n/);
  if (lines[0] !== BEGIN || lines.at(-1) !== END) return err('it is no OpenSSH private key file (-----BEGIN OPENSSH PRIVATE KEY-----)');
  const bytes = Buffer.from(lines.slice(1, -1).join(''), 'base64');
  try {
    return readKey(bytes);
  } catch {
    return err('it is cut short or damaged');
  }
}

function readKey(bytes: Buffer): Result<PrivateKey, string> {
  const wire = new Wire(bytes);
  if (!wire.take(MAGIC.length).equals(MAGIC)) return err('it is no openssh-key-v1 file');
  const [cipher, kdf] = [wire.text(), wire.text()];
  wire.string();
  if (wire.uint32() !== 1) return err('it holds more than one key');
  const blob = wire.string();
  const type = new Wire(blob).text();
  if (!ALGORITHMS.has(type)) return err('it is damaged, or a key of an algorithm that docket does not know');
  if (type !== KEY_TYPE) return err(`it is a key of another algorithm (${type}): docket signs with ${KEY_TYPE}`);
  if (cipher !== 'none' || kdf !== 'none')
    return err('it is encrypted with a passphrase, and nobody is there to type it: docket needs a key of its own');
  const secret = new Wire(wire.string());
  if (secret.uint32() !== secret.uint32() || secret.text() !== KEY_TYPE) return err('its private part is damaged');
  const raw = secret.string();
  const pair = secret.string();
  const comment = secret.string().toString('utf8');
  const key = fromSeed(pair.subarray(0, KEY_BYTES), comment);
  const isSame = key.publicKey.blob.equals(blob) && pair.subarray(KEY_BYTES).equals(raw) && raw.equals(blob.subarray(-KEY_BYTES));
  return isSame ? ok(key) : err('its private part does not belong to its public part');
}

/** A new key. */
export const generateKey = (comment: string): PrivateKey => fromSeed(randomBytes(KEY_BYTES), comment);

/** The private key file as `ssh-keygen -t ed25519 -N ''` writes it. Secret. */
export function renderPrivateKey({ key, publicKey: { blob }, comment }: PrivateKey): string {
  const raw = blob.subarray(-KEY_BYTES);
  const seed = key.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8.length);
  const check = randomBytes(4);
  const secret = Buffer.concat([check, check, string(KEY_TYPE), string(raw), string(Buffer.concat([seed, raw])), string(comment)]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const none = string('none');
  const bytes = Buffer.concat([MAGIC, none, none, string(''), uint32(1), string(blob), string(Buffer.concat([secret, padding]))]);
  return `${BEGIN}\n${wrapBase64(bytes)}${END}\n`;
}

/** Lines of 70 characters, each ended, as ssh-keygen writes them. */
export function wrapBase64(bytes: Buffer): string {
  const text = bytes.toString('base64');
  let lines = '';
  for (let at = 0; at < text.length; at += LINE_LENGTH) lines += `${text.slice(at, at + LINE_LENGTH)}\n`;
  return lines;
}
