/** Keys for tests, made at run time, and the standard tools that judge what docket signs: ssh-keygen, git, openssl. */

import { Buffer } from 'node:buffer';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeSigner } from '#history/signer.ts';
import { generateKey, type PrivateKey, renderPrivateKey } from '#history/ssh-key.ts';
import type { Signer } from '#core/signing.ts';

export type TestKey = { readonly key: PrivateKey; readonly signer: Signer; readonly file: string };

/** A new key of docket's, in a file of its own below `folder`. */
export function makeKey(folder: string, name = 'key'): TestKey {
  const key = generateKey(`${name}@example.com`);
  const file = path.join(folder, name);
  writeFileSync(file, renderPrivateKey(key), { mode: 0o600 });
  return { key, signer: makeSigner(key), file };
}

/** An allowed_signers file: one line for each. @param options as OpenSSH takes them: `valid-before="20270101"` */
export function writeSigners(file: string, entries: readonly { readonly line: string; readonly options?: string }[]): string {
  writeFileSync(
    file,
    entries.map(({ line, options = '' }) => `docket@example.com ${options === '' ? '' : `${options} `}${line}\n`).join(''),
  );
  return file;
}

/** By ssh-keygen itself. */
export function sshKeygenKey(folder: string, name: string, ...args: readonly string[]): string {
  const file = path.join(folder, name);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, ...args, '-f', file], { stdio: 'pipe' });
  chmodSync(file, 0o600);
  return file;
}

/** `ssh-keygen -Y verify`: does it take this signature of these bytes? */
export function sshVerifies(folder: string, signers: string, namespace: string, armour: string, message: Uint8Array): boolean {
  const file = path.join(folder, 'signature');
  writeFileSync(file, armour);
  const args = ['-Y', 'verify', '-f', signers, '-I', 'docket@example.com', '-n', namespace, '-s', file];
  return spawnSync('ssh-keygen', args, { input: message }).status === 0;
}

/** An independent check of DSSE with openssl alone: the key from the public line, PAE by hand, `openssl pkeyutl -verify -rawin`. */
export function opensslVerifies(folder: string, publicLine: string, envelope: string): boolean {
  const { payloadType, payload, signatures } = JSON.parse(envelope) as {
    payloadType: string;
    payload: string;
    signatures: { keyid: string; sig: string }[];
  };
  const raw = Buffer.from(publicLine.split(' ')[1] ?? '', 'base64').subarray(-32);
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]);
  const body = Buffer.from(payload, 'base64');
  const [keyFile, dataFile, signatureFile] = ['openssl.der', 'openssl.pae', 'openssl.sig'].map((name) => path.join(folder, name));
  writeFileSync(keyFile ?? '', der);
  writeFileSync(dataFile ?? '', Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${body.length} `), body]));
  writeFileSync(signatureFile ?? '', Buffer.from(signatures[0]?.sig ?? '', 'base64'));
  const args = ['pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey', keyFile ?? '', '-rawin', '-in', dataFile ?? ''];
  return spawnSync('openssl', [...args, '-sigfile', signatureFile ?? ''], { stdio: 'pipe' }).status === 0;
}
