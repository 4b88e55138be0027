/** The profiles that docket ships, parsed by the code that parses them in use. */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseProfile } from '#agents/profile-file.ts';
import type { Runner, RunnerPorts } from '#agents/runner.ts';
import { makeAcpRunner } from '#agents/runners/acp.ts';
import { makeProfileRunner } from '#agents/runners/profile.ts';
import { makeDigest } from '#platform/digest.ts';
import { acpProfile } from '#tools/acp-read.ts';
import { asItIs, type ToolOptions } from '#tools/plan-tool.ts';
import type { ToolProfile } from '#tools/profiles.ts';

const FOLDER = fileURLToPath(new URL('../../agents/tools', import.meta.url));

export function profileOf(id: string, text = readFileSync(`${FOLDER}/${id}.yaml`, 'utf8')): ToolProfile {
  const parsed = parseProfile(text, `${id}.yaml`, id, makeDigest());
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error, null, 2));
  return parsed.value;
}

export const shippedIds = (): readonly string[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -5))
    .toSorted();

export const shippedProfiles = (): ReadonlyMap<string, ToolProfile> => new Map(shippedIds().map((id) => [id, profileOf(id)]));

/** A runner of a shipped profile. @param more what a key of `runners:` would change */
export function runnerOf(id: string, state: string, ports: RunnerPorts, more: Partial<ToolOptions> = {}): Runner {
  const profile = profileOf(id);
  return makeProfileRunner(profile, { ...asItIs(profile), ...more }, state, ports);
}

/** The same over the Agent Client Protocol. @param id of the profile, without -acp */
export function acpRunnerOf(profile: ToolProfile, state: string, ports: RunnerPorts, more: Partial<ToolOptions> = {}): Runner {
  const acp = acpProfile(profile);
  if (acp === null) throw new Error(`${profile.id} has no acp:`);
  return makeAcpRunner(acp, { ...asItIs(acp), ...more }, state, ports);
}
