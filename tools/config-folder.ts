/**
 * The configuration folder that docket gives a tool: its settings files as the profile says, a link to the person's login, nothing else of theirs.
 * Invariant: a credential is linked, never copied; a file that the tool itself put where a link would stand is left alone.
 */

import path from 'node:path';
import type { ConfigFolder, Values } from './profiles.ts';
import { fillText } from './profiles.ts';
import type { ToolPorts } from './program.ts';

const FILE_BYTES_MAX = 65_536;

/** `~/x` and `$NAME/x` as an absolute path; null when the variable is not set. */
export function expandPath(text: string, env: ToolPorts['env']): string | null {
  const parts = /^(?:~|\$([A-Z_][A-Z0-9_]*))\/(.+)$/.exec(text);
  const base = parts === null ? undefined : env[parts[1] ?? 'HOME'];
  return base === undefined || !path.isAbsolute(base) || parts?.[2] === undefined ? null : path.join(base, parts[2]);
}

export async function firstThere(candidates: readonly string[], ports: Pick<ToolPorts, 'fs' | 'env'>): Promise<string | null> {
  for (const candidate of candidates) {
    const file = expandPath(candidate, ports.env);
    if (file !== null && (await ports.fs.facts(file)) !== null) return file;
  }
  return null;
}

async function holds(file: string, text: string, { fs }: Pick<ToolPorts, 'fs'>): Promise<boolean> {
  if ((await fs.facts(file)) === null) return false;
  return new TextDecoder().decode((await fs.readBounded(file, FILE_BYTES_MAX)).bytes) === text;
}

/** The person's own files that are linked into the folder. */
export async function linkedFiles(config: ConfigFolder, ports: Pick<ToolPorts, 'fs' | 'env'>): Promise<string[]> {
  const targets = await Promise.all(Object.values(config.links).map(async (candidates) => firstThere(candidates, ports)));
  return targets.filter((one) => one !== null);
}

/** Makes it, or brings it up to date. Safe at the same time from several runs: files are replaced whole. */
export async function prepareConfig(
  folder: string,
  config: ConfigFolder,
  hasToken: boolean,
  values: Values,
  ports: ToolPorts,
): Promise<void> {
  await ports.fs.makeFolders(folder, 0o700);
  for (const [name, content] of Object.entries({ ...config.files, ...(hasToken ? config.filesWithToken : {}) })) {
    const file = path.join(folder, name);
    const text = fillText(content, values);
    await ports.fs.makeFolders(path.dirname(file), 0o700);
    if (!(await holds(file, text, ports))) await ports.fs.replace(file, text, 'safety', 0o600);
  }
  for (const [name, candidates] of Object.entries(config.links)) {
    const target = await firstThere(candidates, ports);
    if (target === null) continue;
    const at = path.join(folder, name);
    await ports.fs.makeFolders(path.dirname(at), 0o700);
    await ports.linkTo(target, at);
  }
}
