/**
 * The short way from a folder to its daemon: for `docket status`, which should answer at once. It reads docket.yaml as text and gives up (null) wherever
 * the whole loader (workspace.ts) could find something else: then that one is asked.
 */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';

type Env = Readonly<Record<string, string | undefined>>;
type PlaceFs = Pick<Fs, 'readBounded' | 'realPath'>;

const SETTINGS_BYTES_MAX = 1_000_000;

async function textOf(fs: Pick<Fs, 'readBounded'>, file: string): Promise<string | null> {
  try {
    return new TextDecoder().decode((await fs.readBounded(file, SETTINGS_BYTES_MAX)).bytes);
  } catch {
    return null;
  }
}

/** Null: there is no such file, or none that can be read. */
export const settingsBytes = async (
  fs: Pick<Fs, 'readBounded'>,
  root: string,
): Promise<{ readonly shared: string | null; readonly local: string | null }> => ({
  shared: await textOf(fs, path.join(root, 'docket.yaml')),
  local: await textOf(fs, path.join(root, 'docket.local.yaml')),
});

const withoutComments = (text: string): string => text.replaceAll(/^\s*#.*$/gm, '');

/** Null: only the whole loader can say. */
export async function quickPlace(
  fs: PlaceFs,
  cwd: string,
  rootFlag: string | null,
  env: Env,
): Promise<{ readonly root: string; readonly queues: string; readonly shared: string; readonly local: string | null } | null> {
  // A variable may say where the queues are, and anything else.
  if (Object.keys(env).some((name) => name.startsWith('DOCKET_'))) return null;
  for (let at = path.resolve(cwd, rootFlag ?? '.'); ; at = path.dirname(at)) {
    const { shared, local } = await settingsBytes(fs, at);
    if (shared !== null) {
      if (/queues/.test(withoutComments(`${shared}\n${local ?? ''}`))) return null;
      try {
        return { root: await fs.realPath(at), queues: await fs.realPath(path.join(at, 'queues')), shared, local };
      } catch {
        return null;
      }
    }
    if (rootFlag !== null || at === path.dirname(at)) return null;
  }
}
