/** Roles and prompt specs from disk: the workspace's own folders overlay the package's, by whole role and whole version. */

import path from 'node:path';
import type { Fault } from '#core/fault.ts';
import { parseRoleFolder, type RoleName } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { PromptSpec, Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import { parseRole } from '#prompt-spec/role.ts';
import { parseSpec } from '#prompt-spec/spec.ts';

const ROLE_BYTES_MAX = 65_536;
const SPEC_BYTES_MAX = 262_144;
const VERSION_FOLDER = /^v[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?$/;

export type FileFaults = { readonly file: string; readonly faults: readonly Fault[] };
export type Loaded<T> = Result<T, readonly FileFaults[]>;

async function names(fs: Fs, folder: string): Promise<string[]> {
  if ((await fs.facts(folder))?.kind !== 'folder') return [];
  return (await fs.list(folder))
    .map((entry) => entry.name)
    .filter((name) => name !== null)
    .toSorted();
}

const text = async (fs: Fs, file: string, maxBytes: number): Promise<string> =>
  new TextDecoder().decode((await fs.readBounded(file, maxBytes)).bytes);

export async function loadRoles(fs: Fs, workspace: Pick<Workspace, 'roleFolders'>): Promise<Loaded<ReadonlyMap<RoleName, Role>>> {
  const roles = new Map<RoleName, Role>();
  const bad: FileFaults[] = [];
  for (const folder of workspace.roleFolders) {
    for (const name of await names(fs, folder)) {
      const parts = parseRoleFolder(name);
      const file = path.join(folder, name, 'role.yaml');
      if (!parts.ok || roles.has(parts.value.name) || (await fs.facts(file))?.kind !== 'file') continue;
      const role = parseRole(await text(fs, file, ROLE_BYTES_MAX), file, parts.value.folder);
      if (role.ok) roles.set(role.value.name, role.value);
      else bad.push({ file, faults: role.error });
    }
  }
  const sorted = [...roles.values()].toSorted((a, b) => a.number - b.number);
  return bad.length > 0 ? err(bad) : ok(new Map(sorted.map((role) => [role.name, role])));
}

/** All versions of all roles that are installed. */
export async function loadSpecs(fs: Fs, workspace: Pick<Workspace, 'specFolders'>): Promise<Loaded<readonly PromptSpec[]>> {
  const specs = new Map<string, PromptSpec>();
  const versions = new Set<string>();
  const bad: FileFaults[] = [];
  for (const folder of workspace.specFolders) {
    const mine = (await names(fs, folder)).filter((name) => VERSION_FOLDER.test(name) && !versions.has(name));
    for (const version of mine) {
      versions.add(version);
      for (const name of (await names(fs, path.join(folder, version))).filter((candidate) => candidate.endsWith('.md'))) {
        const file = path.join(folder, version, name);
        const spec = parseSpec(await text(fs, file, SPEC_BYTES_MAX), file);
        if (spec.ok) specs.set(`${spec.value.version}/${spec.value.role}`, spec.value);
        else bad.push({ file, faults: spec.error });
      }
    }
  }
  return bad.length > 0 ? err(bad) : ok([...specs.values()]);
}
