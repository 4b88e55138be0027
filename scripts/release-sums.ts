/**
 * Writes release/SHA256SUMS over the scripts and hooks that are published (`prepack` does it). A signature that is there must be one of this very list: else
 * something was changed after it was signed, and nothing is packed.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LIST_FILE, RELEASE_NAMESPACE, RELEASED, renderList, SIGNATURE_FILE } from '#cli/release-list.ts';
import { checkSshSignature } from '#history/ssh-signature.ts';
import { makeDigest } from '#platform/digest.ts';

/** @returns the bytes that are signed */
export function writeSums(root: string): Uint8Array {
  const sums = new Map(RELEASED.map((file) => [file, makeDigest().sha256(readFileSync(path.join(root, file)))]));
  const bytes = new TextEncoder().encode(renderList(sums));
  mkdirSync(path.join(root, path.dirname(LIST_FILE)), { recursive: true });
  writeFileSync(path.join(root, LIST_FILE), bytes);
  return bytes;
}

if (import.meta.main) {
  const root = process.argv[2] ?? path.resolve(import.meta.dirname, '..');
  const bytes = writeSums(root);
  const signature = path.join(root, SIGNATURE_FILE);
  const checked = existsSync(signature) ? checkSshSignature(readFileSync(signature, 'utf8'), RELEASE_NAMESPACE, bytes) : null;
  if (checked?.ok === false) {
    console.error(
      `${SIGNATURE_FILE} does not fit ${LIST_FILE}: ${checked.error}. Sign again (npm run release:sign -- --key <file>), or take release/ away.`,
    );
    process.exitCode = 1;
  }
}
