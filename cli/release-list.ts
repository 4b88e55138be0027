/**
 * The checksums that a released docket carries for its scripts and hooks: `release/SHA256SUMS` (as sha256sum writes it), its SSH signature, and the public key.
 * Written by scripts/release-*.ts, looked at by `docket doctor`. docs/panes.md "Released scripts" says what it proves. Pure.
 */

import { err, ok, type Result } from '#core/result.ts';

/** What runs on a person's machine outside of docket's own program, in the order of the list. */
export const RELEASED = [
  'hooks/run.js',
  'hooks/shim.sh',
  'scripts/iterm_work_on_feature.py',
  'scripts/verify-standalone.mjs',
  'scripts/work_on_feature',
] as const;

export const LIST_FILE = 'release/SHA256SUMS';
export const SIGNATURE_FILE = 'release/SHA256SUMS.sig';
export const KEY_FILE = 'release/release_key.pub';
/** Keeps a signature of a release from any other use of the same key. */
export const RELEASE_NAMESPACE = 'docket-release';
/** Of a released file, and of each file of the list. */
export const RELEASED_BYTES_MAX = 4_000_000;

export const renderList = (sums: ReadonlyMap<string, string>): string =>
  RELEASED.map((file) => `${sums.get(file) ?? ''}  ${file}\n`).join('');

/** The files of the list with their SHA-256: exactly those of RELEASED, so that nothing can be left out of it. */
export function parseList(text: string): Result<ReadonlyMap<string, string>, string> {
  if (!text.endsWith('\n')) return err('it is cut short');
  const sums = new Map<string, string>();
  for (const [index, line] of text.slice(0, -1).split('\n').entries()) {
    const found = /^([0-9a-f]{64}) {2}([a-z0-9_./-]+)$/.exec(line);
    if (found === null) return err(`line ${String(index + 1)} is no checksum`);
    const [, sum = '', file = ''] = found;
    if (!(RELEASED as readonly string[]).includes(file) || sums.has(file))
      return err(`line ${String(index + 1)} names ${file}, which has no place there`);
    sums.set(file, sum);
  }
  const missing = RELEASED.filter((file) => !sums.has(file));
  return missing.length === 0 ? ok(sums) : err(`it says nothing of ${missing.join(', ')}`);
}
