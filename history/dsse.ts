/**
 * DSSE envelopes, v1.0 (https://github.com/secure-systems-lab/dsse): the payload and a signature over it, one JSON object and a newline. Pure.
 * What is signed is the pre-authentication encoding (PAE), so that no parser stands between the bytes and their proof.
 * Invariant: the same payload and key give the same text, and a text that differs in any byte from what `wrap` writes is refused.
 */

import { Buffer } from 'node:buffer';
import { verify } from 'node:crypto';
import { err, ok, type Result } from '#core/result.ts';
import type { Signer } from '#core/signing.ts';
import type { PublicKey } from './ssh-key.ts';

/** The evidence is an in-toto Statement. */
export const IN_TOTO = 'application/vnd.in-toto+json';

/** `DSSEv1 <length of type> <type> <length of body> <body>`, lengths in bytes. */
export const preAuthEncoding = (payloadType: string, payload: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`DSSEv1 ${String(Buffer.byteLength(payloadType))} ${payloadType} ${String(payload.length)} `), payload]);

const render = (payloadType: string, payload: string, keyid: string, sig: string): string =>
  `${JSON.stringify({ payloadType, payload, signatures: [{ keyid, sig }] })}\n`;

/** @param payload bytes, or text that is taken as UTF-8 */
export function wrap(signer: Signer, payloadType: string, payload: Uint8Array | string): string {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const signature = Buffer.from(signer.sign(preAuthEncoding(payloadType, bytes)));
  return render(payloadType, bytes.toString('base64'), signer.fingerprint, signature.toString('base64'));
}

export type Envelope = { readonly payloadType: string; readonly payload: Buffer; readonly keyid: string; readonly sig: Buffer };

const text = (value: unknown, key: string): string => {
  const found = typeof value === 'object' && value !== null && key in value ? (value as Record<string, unknown>)[key] : null;
  return typeof found === 'string' ? found : '';
};

/** What an envelope says; nothing is proved yet. Null: it is none of docket's. */
export function read(envelope: string): Envelope | null {
  let document: unknown;
  try {
    document = JSON.parse(envelope);
  } catch {
    return null;
  }
  const signatures = typeof document === 'object' && document !== null ? (document as Record<string, unknown>)['signatures'] : null;
  const one: unknown = Array.isArray(signatures) ? signatures[0] : null;
  const [payloadType, payload, keyid, sig] = [
    text(document, 'payloadType'),
    text(document, 'payload'),
    text(one, 'keyid'),
    text(one, 'sig'),
  ];
  const [bytes, signature] = [Buffer.from(payload, 'base64'), Buffer.from(sig, 'base64')];
  const isExact = render(payloadType, bytes.toString('base64'), keyid, signature.toString('base64')) === envelope;
  return isExact ? { payloadType, payload: bytes, keyid, sig: signature } : null;
}

/** `unknown`: the key is not among those that were asked for, so nothing can be said. */
export type DsseFault = { readonly kind: 'malformed' | 'forged' | 'unknown'; readonly message: string };

/** @param keyOf the public key of a fingerprint (`SHA256:…`); null: no such key is known */
export function check(
  envelope: string,
  payloadType: string,
  keyOf: (keyid: string) => PublicKey | null,
): Result<{ readonly payload: Buffer; readonly by: PublicKey }, DsseFault> {
  const opened = read(envelope);
  if (opened === null) return err({ kind: 'malformed', message: 'it is no DSSE envelope as docket writes them' });
  const { payload, keyid, sig } = opened;
  if (opened.payloadType !== payloadType)
    return err({ kind: 'malformed', message: `it holds ${JSON.stringify(opened.payloadType.slice(0, 80))} and not ${payloadType}` });
  const by = keyOf(keyid);
  if (by === null) return err({ kind: 'unknown', message: `the key ${JSON.stringify(keyid.slice(0, 80))} is not known` });
  const isGood = verify(null, preAuthEncoding(payloadType, payload), by.key, sig);
  return isGood ? ok({ payload, by }) : err({ kind: 'forged', message: 'its signature is not that of its payload' });
}
