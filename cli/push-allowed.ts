/**
 * What a push of the history may hold although it looks like a secret: the rows of `policy.allow_secrets` in the committed docket.yaml of its workspace,
 * read anew for every push. Invariant: whoever cannot read them lets nothing pass.
 */

import path from 'node:path';
import type { AllowedSecret } from '#core/policy.ts';
import type { Fs } from '#core/ports.ts';
import { committed } from './committed.ts';
import { fingerprintsOf } from './secret-scan-of.ts';
import { loadWorkspace } from './workspace.ts';

/** `why`: the reason why nothing passes; null: the rows hold. */
export type AllowedInPush = {
  readonly fingerprint?: (secret: string) => string;
  readonly allowed: readonly AllowedSecret[];
  readonly why: string | null;
};

const nothing = (why: string): AllowedInPush => ({ allowed: [], why });

/** @param root the folder with docket.yaml, as the history's own settings name it; empty: they name none @param gitDir of the history, absolute */
export async function allowedInPush(fs: Fs, root: string, gitDir: string): Promise<AllowedInPush> {
  if (!path.isAbsolute(root)) return nothing('the history does not know its workspace yet (run any docket command there once)');
  const loaded = await loadWorkspace({ cwd: root, rootFlag: root, env: {}, flags: {}, fs, committed });
  if (!loaded.ok) return nothing(`the settings in ${root} cannot be used (\`docket config\` tells why)`);
  const { history, allowedSecrets } = loaded.value;
  if (history !== path.dirname(gitDir)) return nothing(`the workspace ${root} has another history (${history})`);
  const fingerprint = await fingerprintsOf(fs, loaded.value, false);
  if (fingerprint === null) return nothing(`the workspace ${root} has no key for fingerprints yet (the daemon makes it)`);
  return { fingerprint, allowed: allowedSecrets, why: null };
}
