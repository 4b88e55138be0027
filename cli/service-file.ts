/**
 * The file of a service: where it lies, and whether docket wrote it. Its first lines say so, with the SHA-256 of the rest.
 * Invariant: a file without that mark, or changed since, is neither written over nor removed.
 */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import { makeDigest } from '#platform/digest.ts';
import { CliError, EXIT } from './io.ts';
import { packageVersion } from './package.ts';
import { launchdAgent, systemdUnit, type ServicePlan } from './service-text.ts';

export type ServiceManager = 'systemd' | 'launchd';
export type ServiceFile = {
  readonly manager: ServiceManager;
  /** As the manager calls it. */
  readonly name: string;
  readonly file: string;
  /** The link that makes systemd start it with the session; null: launchd has none. */
  readonly enabledBy: string | null;
};
/** As docket writes it now; as some docket wrote it; changed since; not docket's. */
export type ServiceFileState = 'none' | 'ours' | 'older' | 'changed' | 'foreign';

type Env = Readonly<Record<string, string | undefined>>;
const FILE_BYTES_MAX = 262_144;
const digest = makeDigest();
const sha256 = (text: string): string => digest.sha256(text);

export function serviceFile(manager: ServiceManager, env: Env, workspace: { readonly app: string; readonly root: string }): ServiceFile {
  const home = env['HOME'] ?? '';
  if (!path.isAbsolute(home))
    throw new CliError('HOME is not set to an absolute path: there is no place for a service of yours', EXIT.environment);
  const hash = sha256(workspace.root).slice(0, 8);
  if (manager === 'launchd') {
    const name = `docket.${workspace.app}.${hash}`;
    return { manager, name, file: path.join(home, 'Library', 'LaunchAgents', `${name}.plist`), enabledBy: null };
  }
  const config = env['XDG_CONFIG_HOME'] ?? '';
  const folder = path.join(path.isAbsolute(config) ? config : path.join(home, '.config'), 'systemd', 'user');
  const name = `docket-${workspace.app}-${hash}.service`;
  return { manager, name, file: path.join(folder, name), enabledBy: path.join(folder, 'default.target.wants', name) };
}

const MARK = /written by docket (\S{1,40}), sha256 ([0-9a-f]{64})/;

/** Its text, mark and all. */
export function serviceText({ manager, name }: ServiceFile, plan: ServicePlan): string {
  const body = manager === 'systemd' ? systemdUnit(plan) : launchdAgent(plan, name);
  const mark = `written by docket ${packageVersion()}, sha256 ${sha256(body)}: 'docket service uninstall' removes it while it is unchanged`;
  return manager === 'systemd' ? `# ${mark}\n${body}` : `<?xml version="1.0" encoding="UTF-8"?>\n<!-- ${mark} -->\n${body}`;
}

/** What comes after the mark's line. */
function isAsWritten(text: string): boolean | null {
  const lines = text.split('\n');
  const at = lines.slice(0, 2).findIndex((line) => MARK.test(line));
  if (at === -1) return null;
  return MARK.exec(lines[at] ?? '')?.[2] === sha256(lines.slice(at + 1).join('\n'));
}

/** @param wanted null: whatever docket wrote is fine */
export async function stateOfFile(fs: Pick<Fs, 'facts' | 'readBounded'>, file: string, wanted: string | null): Promise<ServiceFileState> {
  const facts = await fs.facts(file);
  if (facts === null) return 'none';
  if (facts.kind !== 'file') return 'foreign';
  const text = await fs.readBounded(file, FILE_BYTES_MAX).then(
    ({ bytes }) => new TextDecoder().decode(bytes),
    () => null,
  );
  const isOurs = text === null ? null : isAsWritten(text);
  if (isOurs === null) return 'foreign';
  if (!isOurs) return 'changed';
  return wanted === null || wanted === text ? 'ours' : 'older';
}
