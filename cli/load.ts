/** Roles, prompt specs and tool profiles from disk: the workspace's own folders overlay the package's, by whole role, version and tool. */

import path from 'node:path';
import { parseProfile } from '#agents/profile-file.ts';
import type { Fault } from '#core/fault.ts';
import { parseRoleFolder, type RoleName } from '#core/names.ts';
import { makeDigest } from '#platform/digest.ts';
import type { Fs } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { PromptSpec, Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import { parseRole } from '#prompt-spec/role.ts';
import { parseSpec } from '#prompt-spec/spec.ts';
import { fault, shown, WHOLE_FILE } from '#prompt-spec/faults.ts';
import { acpName } from '#tools/acp-read.ts';
import { withSchemas } from './output-schemas.ts';
import type { ToolProfile } from '#tools/profiles.ts';

const ROLE_BYTES_MAX = 65_536;
const SPEC_BYTES_MAX = 262_144;
const PROFILE_BYTES_MAX = 65_536;
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
      if (!role.ok) {
        bad.push({ file, faults: role.error });
        continue;
      }
      const { checks, faults } = await withSchemas(fs, file, role.value.checks);
      roles.set(role.value.name, { ...role.value, checks });
      if (faults.length > 0) bad.push({ file, faults });
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
        if (!spec.ok) {
          bad.push({ file, faults: spec.error });
          continue;
        }
        const { checks, faults } = await withSchemas(fs, file, spec.value.output);
        specs.set(`${spec.value.version}/${spec.value.role}`, { ...spec.value, output: checks });
        if (faults.length > 0) bad.push({ file, faults });
      }
    }
  }
  return bad.length > 0 ? err(bad) : ok([...specs.values()]);
}

/** The profiles of tools by id: agents/tools/<id>.yaml. A key of `runners:` of a kind that has none is a fault, too. */
export async function loadProfiles(
  fs: Fs,
  workspace: Pick<Workspace, 'roleFolders' | 'runners' | 'root'>,
): Promise<Loaded<ReadonlyMap<string, ToolProfile>>> {
  const digest = makeDigest();
  const profiles = new Map<string, ToolProfile>();
  const bad: FileFaults[] = [];
  for (const folder of workspace.roleFolders.map((one) => path.join(one, 'tools'))) {
    for (const name of (await names(fs, folder)).filter((candidate) => candidate.endsWith('.yaml'))) {
      const id = name.slice(0, -'.yaml'.length);
      const file = path.join(folder, name);
      if (profiles.has(id) || bad.some((one) => path.basename(one.file) === name) || (await fs.facts(file))?.kind !== 'file') continue;
      const profile = parseProfile(await text(fs, file, PROFILE_BYTES_MAX), file, id, digest);
      if (profile.ok) profiles.set(id, profile.value);
      else bad.push({ file, faults: profile.error });
    }
  }
  const agents = [...profiles.values()].filter((one) => one.kind === 'ai');
  const kinds = ['command', ...agents.map((one) => one.id), ...agents.filter((one) => one.acp !== null).map((one) => acpName(one.id))];
  for (const runner of workspace.runners.filter((one) => !kinds.includes(one.kind))) {
    const words = {
      message: 'there is no such tool',
      expected: kinds.join(', '),
      found: shown(runner.kind),
      mend: 'mend the value, or write a profile for the tool (docs/tools.md)',
    };
    bad.push({
      file: path.join(workspace.root, 'docket.yaml'),
      faults: [fault('runner-kind-unknown', `runners.${runner.name}.kind`, WHOLE_FILE, words)],
    });
  }
  return bad.length > 0 ? err(bad) : ok(profiles);
}
