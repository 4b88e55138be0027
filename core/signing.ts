/** What signs the records, as the rooms see it: bodies in history/signer.ts. The algorithm is ed25519 throughout: the same bytes give the same signature. */

export type Signer = {
  /** As OpenSSH prints it: `SHA256:` and 43 characters of base64. */
  readonly fingerprint: string;
  /** `ssh-ed25519 AAAA…`, without a comment. */
  readonly publicLine: string;
  /** The 64 bytes of the signature over these bytes. */
  sign(bytes: Uint8Array): Uint8Array;
};

/** With signing on: asked before each group of commits and each envelope, so that a key that is gone is noticed before something is left unsigned. */
export type Signing = {
  /** Throws a fault with words and `code: 'ESIGN'` while the key cannot be used; looks again at the next call. */
  signer(): Promise<Signer>;
};

/** Nothing may be recorded unsigned, so this stops recording until it is healed (core/disk.ts). */
export const SIGNING_FAULT = 'ESIGN';
