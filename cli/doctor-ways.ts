/**
 * Agents that can be called in two ways, by their command line and over the Agent Client Protocol: which way is used, why, and what it hides.
 * The way is never guessed: it is the runner that a prompt, a role or docket.yaml names.
 */

import { AUTO, type Runners } from '#agents/registry.ts';
import type { Runner } from '#agents/runner.ts';
import { acpName } from '#tools/acp-read.ts';
import type { ToolProfile } from '#tools/profiles.ts';
import { well, type Check } from './doctor-checks.ts';

/** @param wanted names of the runners that somebody would call */
export async function lookAtWays(wanted: readonly string[], runners: Runners): Promise<readonly Check[]> {
  const used = new Set<string>();
  for (const name of wanted) {
    const auto = name === AUTO ? await runners.prepare() : null;
    const runner = auto === null ? runners.get(name) : auto.ok ? auto.value : undefined;
    if (runner?.profile !== undefined) used.add(runner.profile.id);
  }
  const both = runners.names().flatMap((name) => (name === AUTO ? [] : bothWays(runners.get(name))));
  const known = [...new Map(both.map((profile) => [profile.id, profile])).values()];
  return known.flatMap((profile) => wayOf(profile, used));
}

const bothWays = (runner: Runner | undefined): readonly ToolProfile[] =>
  runner?.profile === undefined || runner.profile.acp === null || runner.profile.id.endsWith('-acp') ? [] : [runner.profile];

function wayOf({ id, acp }: ToolProfile, used: ReadonlySet<string>): readonly Check[] {
  if (acp === null) return [];
  const hides =
    acp.hides.length === 0 ? 'no failure is known to look like an answer there' : `${acp.hides.join(', ')} look like an answer there`;
  const tested = acp.tested.how === 'none' ? '; not tested, its profile follows its documentation' : '';
  const checks: Check[] = [];
  if (used.has(id))
    checks.push(
      well(
        `way to ${id}`,
        `by its command line, because runner ${id} is named: ${acp.why}. Over the Agent Client Protocol it is ${acpName(id)}: ${hides}${tested}`,
      ),
    );
  if (used.has(acpName(id)))
    checks.push(
      well(
        `way to ${id}`,
        `over the Agent Client Protocol, because runner ${acpName(id)} is named: ${acp.why}. ${hides}${tested}. A run goes on when the daemon ends: a program of docket's own, under the keeper, speaks to the agent`,
      ),
    );
  return checks;
}
