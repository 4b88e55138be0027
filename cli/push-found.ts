/** Each part of a push under the secret scan. What is kept of a finding is its rule and place, never the text. */

import { describe } from '#core/failure.ts';
import { mergeNotes, type ScanNote } from '#core/policy.ts';
import type { SecretScan } from '#core/ports.ts';
import type { PushedPart } from '#history/push.ts';

/** `fingerprint`: null when the workspace has no key, or none is known. */
export type PushFinding = { readonly path: string; readonly rule: string; readonly line: number; readonly fingerprint: string | null };

export type PushScanned = {
  readonly parts: number;
  readonly found: readonly PushFinding[];
  /** What docket.yaml lets pass, each fingerprint once. */
  readonly allowed: ScanNote['allowed'];
  /** Content that a tombstone speaks of. */
  readonly purged: readonly string[];
  /** Why a part could not be scanned; the first one. */
  readonly failed: string | null;
};

export async function scanPush(parts: AsyncIterable<PushedPart>, scan: Pick<SecretScan, 'scan'>): Promise<PushScanned> {
  const found: PushFinding[] = [];
  let passed: ScanNote | null = null;
  const purged: string[] = [];
  let failed: string | null = null;
  let count = 0;
  for await (const { path, text, purged: isPurged } of parts) {
    count++;
    if (isPurged) purged.push(path);
    const scanned = await scan.scan('answer', text);
    if (scanned.ok) {
      passed = mergeNotes([passed, scanned.value]);
      continue;
    }
    const { error } = scanned;
    if (error.kind === 'secret-found')
      for (const { rule, line, fingerprint = null } of error.findings) found.push({ path, rule, line, fingerprint });
    else failed ??= describe(error);
  }
  return { parts: count, found, allowed: passed?.allowed ?? [], purged, failed };
}
