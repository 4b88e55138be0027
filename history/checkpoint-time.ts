/**
 * External time for a checkpoint: a query for a time-stamp authority, and a first look at its reply. Source: RFC 3161, DER.
 * Invariant: nothing is proved here; who signed the time is for `openssl ts -verify` with the authority's certificates.
 */

import { Buffer } from 'node:buffer';
import { createHash, randomBytes } from 'node:crypto';

export const QUERY_TYPE = 'application/timestamp-query';
export const REPLY_TYPE = 'application/timestamp-reply';

const NONCE_BYTES = 8;
/** AlgorithmIdentifier of SHA-256: OID 2.16.840.1.101.3.4.2.1, no parameters but NULL. */
const SHA256 = Buffer.from('300d06096086480165030402010500', 'hex');
const VERSION_1 = Buffer.from('020101', 'hex');
const TRUE = Buffer.from('0101ff', 'hex');

/** Short and long form of a length; everything here is below 64 KiB. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

export type TimeQuery = { readonly bytes: Buffer; readonly imprint: Buffer; readonly nonce: Buffer };

/** TimeStampReq for these bytes, which asks for the authority's certificate in the reply. */
export function timeQuery(of: Uint8Array): TimeQuery {
  const imprint = createHash('sha256').update(of).digest();
  const nonce = randomBytes(NONCE_BYTES);
  // A positive number without a leading zero.
  nonce[0] = ((nonce[0] ?? 0) & 0x7f) | 0x40;
  return { bytes: der(0x30, VERSION_1, der(0x30, SHA256, der(0x04, imprint)), der(0x02, nonce), TRUE), imprint, nonce };
}

/** Where the content of an element begins and ends; null: it does not fit. */
function element(bytes: Buffer, at: number, tag: number): { readonly from: number; readonly to: number } | null {
  if (bytes[at] !== tag) return null;
  const first = bytes[at + 1] ?? 0xff;
  const count = first < 0x80 ? 0 : first & 0x7f;
  if (count > 4 || at + 2 + count > bytes.length) return null;
  const length = count === 0 ? first : bytes.readUIntBE(at + 2, count);
  const from = at + 2 + count;
  return from + length <= bytes.length ? { from, to: from + length } : null;
}

/** Why a reply cannot be kept; null: it is a time stamp, by its own words, of these bytes. */
export function replyFault(reply: Buffer, { imprint, nonce }: Pick<TimeQuery, 'imprint' | 'nonce'>): string | null {
  const whole = element(reply, 0, 0x30);
  const status = whole === null ? null : element(reply, whole.from, 0x30);
  const code = status === null ? null : element(reply, status.from, 0x02);
  if (whole === null || status === null || code === null || whole.to !== reply.length) return 'it is no reply of a time-stamp authority';
  const granted = code.to - code.from === 1 ? (reply[code.from] ?? 0xff) : 0xff;
  if (granted > 1) return `the authority refused (status ${String(granted)})`;
  if (!reply.includes(der(0x04, imprint))) return 'it is of other bytes';
  return reply.includes(der(0x02, nonce)) ? null : 'it is the answer to another query';
}
