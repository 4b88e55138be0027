/** The secret scan of a workspace: its deadline, what its settings let pass, and the key of its fingerprints. */

import { getCompileCacheDir } from 'node:module';
import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import type { PersonalData } from '#core/policy.ts';
import type { Workspace } from '#core/settings.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFingerprint } from '#platform/fingerprint.ts';
import { makeSecretScan, type SecretFinder } from '#policy/secret-scan.ts';
import { fingerprintKeyFile } from './places.ts';

const KEY_BYTES = 32;
const KEY_BYTES_MAX = 1_000;

type KeyFs = Pick<Fs, 'facts' | 'readBounded' | 'replace'>;

/** @param makes false: a look that writes nothing; without a key nothing has a fingerprint, and nothing is let pass */
export async function fingerprintsOf(
  fs: KeyFs,
  workspace: Pick<Workspace, 'state'>,
  makes: boolean,
): Promise<((secret: string) => string) | null> {
  const file = fingerprintKeyFile(workspace.state);
  if ((await fs.facts(file)) === null) {
    if (!makes) return null;
    await fs.replace(file, makeDigest().randomBytes(KEY_BYTES), 'safety', 0o600);
  }
  const { bytes } = await fs.readBounded(file, KEY_BYTES_MAX);
  if (bytes.length < KEY_BYTES) throw new Error(`${file} is no key of ${String(KEY_BYTES)} bytes: remove it, then a new one is made`);
  return makeFingerprint(bytes);
}

/** Of Node's compile cache; what Node names is the folder of this version in it. */
function compileCacheFolder(): string | null {
  const folder = getCompileCacheDir();
  return folder === undefined ? null : path.dirname(folder);
}

/** @param isDaemon its worker is started again and again: with Node's compile cache, where there is one */
export async function openSecretScan(
  fs: KeyFs,
  workspace: Pick<Workspace, 'state' | 'settings' | 'allowedSecrets'>,
  { makesKey, isDaemon = false }: { readonly makesKey: boolean; readonly isDaemon?: boolean },
): Promise<SecretFinder> {
  const fingerprint = await fingerprintsOf(fs, workspace, makesKey);
  return makeSecretScan({
    deadlineMs: workspace.settings['limits.secret_scan'],
    compileCache: isDaemon ? compileCacheFolder() : null,
    ...(fingerprint === null ? {} : { fingerprint }),
    allowed: workspace.allowedSecrets,
    // The settings' table has checked the word.
    personalData: workspace.settings['policy.personal_data'] as PersonalData,
  });
}
