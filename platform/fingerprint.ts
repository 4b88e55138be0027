/**
 * The fingerprint of a secret: an HMAC-SHA-256 (RFC 2104) with the workspace's own key. It may stand in error files, logs and docket.yaml: without the key
 * nobody can try passwords against it, however short they are (docs/decisions/0033).
 */

import { createHmac } from 'node:crypto';

/** 128 bits: nobody finds a second text with the same. */
const HEX_LENGTH = 32;

export const makeFingerprint =
  (key: Uint8Array) =>
  (secret: string): string =>
    `hmac:${createHmac('sha256', key).update(secret, 'utf8').digest('hex').slice(0, HEX_LENGTH)}`;
