/**
 * The runners of a workspace by name: `offline`, each AI tool that has a profile, each key of `runners:` in docket.yaml, and `auto`,
 * which stands for the first profile that is installed and logged in. `auto` is looked up by `prepare()` (at start, and when a lane heals), never in the middle of a job: what a run was planned with must still be known when its output is understood.
 */

import type { Failure } from '#core/failure.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { CommandProfile, Workspace } from '#core/settings.ts';
import { acpProfile } from '#tools/acp-read.ts';
import { asItIs, badModel } from '#tools/plan-tool.ts';
import { isModelName, type ToolProfile } from '#tools/profiles.ts';
import type { Runner, RunnerPorts } from './runner.ts';
import { makeAcpRunner } from './runners/acp.ts';
import { makeCommandRunner } from './runners/command.ts';
import { makeHttpRunner } from './runners/http.ts';
import { makeOfflineRunner } from './runners/offline.ts';
import { makeProfileRunner } from './runners/profile.ts';

export const AUTO = 'auto';
/**
 * The order in which `auto` looks: first those that tell most of a run (status, usage, cost, denials) and keep to their folder, by the measurements of
 * docs/tools.md. Others are never taken without being named: their profiles were tested with transcripts only.
 */
export const AUTO_ORDER = ['claude', 'codex', 'gemini', 'copilot', 'opencode', 'qwen'] as const;

export type Runners = {
  get(name: string): Runner | undefined;
  /** All that may be written after `runner:`, `auto` included. */
  names(): readonly string[];
  /** Looks for the tool that `auto` stands for. @returns why each candidate was passed over when there is none */
  prepare(): Promise<Result<Runner, readonly Failure[]>>;
  /**
   * The runner of a job: the prompt's choice, else the role's, else the workspace's. Whether the role allows it is policy, decided before.
   * @param model checked only as a name that may stand on a command line
   */
  resolve(roleRunner: string | null, promptRunner: string | null, model: string | null): Result<Runner, Failure>;
};

type Profiles = ReadonlyMap<string, ToolProfile>;

/** A key of `runners:`: any program (`command`), or a tool of which it says another program, account or argument. */
function makeRunner(entry: CommandProfile, profiles: Profiles, state: string, ports: RunnerPorts): Runner {
  const profile = profiles.get(entry.kind);
  const options = ({ program }: ToolProfile): CommandProfile => ({ ...entry, program: entry.program === '' ? program : entry.program });
  if (profile !== undefined) return makeProfileRunner(profile, options(profile), state, ports);
  const acp = acpProfiles(profiles.values()).find(({ id }) => id === entry.kind);
  return acp === undefined ? makeCommandRunner(entry, ports) : makeAcpRunner(acp, options(acp), state, ports);
}

const acpProfiles = (profiles: Iterable<ToolProfile>): readonly ToolProfile[] =>
  [...profiles].flatMap((profile) => (profile.kind === 'ai' ? (acpProfile(profile) ?? []) : []));

/** @param profiles see `loadProfiles` (cli/load.ts); a kind of `runners:` without one was refused there */
export function makeRunners(
  workspace: Pick<Workspace, 'settings' | 'runners' | 'httpRunners' | 'state' | 'root'>,
  profiles: Profiles,
  ports: RunnerPorts,
): Runners {
  const first = AUTO_ORDER.map((id) => profiles.get(id)).filter((profile) => profile !== undefined);
  const tools = [...new Set([...first, ...[...profiles.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1))])].filter(
    ({ kind }) => kind === 'ai',
  );
  const builtIn = [makeOfflineRunner(), ...tools.map((profile) => makeProfileRunner(profile, asItIs(profile), workspace.state, ports))];
  const overAcp = acpProfiles(tools).map((profile) => makeAcpRunner(profile, asItIs(profile), workspace.state, ports));
  // A key of `runners:` may stand in for a built-in one: that is how a path or an argument of a tool is set.
  const own = workspace.runners.filter((one) => one.name !== AUTO).map((one) => makeRunner(one, profiles, workspace.state, ports));
  const standing = { maxTokens: workspace.settings['http.max_tokens'], model: workspace.settings.model };
  const http = workspace.httpRunners.map((profile) => makeHttpRunner(profile, standing, ports));
  const byName = new Map([...builtIn, ...overAcp, ...own, ...http].map((runner) => [runner.name, runner]));
  let chosen: Runner | null = null;

  const missing = (what: string, code: string, message: string): Result<Runner, Failure> =>
    err({ kind: 'environment', what, path: `${workspace.root}/docket.yaml`, code, message });

  return {
    get: (name) => (name === AUTO ? (chosen ?? undefined) : byName.get(name)),
    names: () => [...byName.keys(), AUTO],
    async prepare() {
      const passedOver: Failure[] = [];
      for (const name of AUTO_ORDER) {
        const runner = byName.get(name);
        const fit = await runner?.check();
        if (runner !== undefined && fit?.ok === true) {
          chosen = runner;
          return ok(runner);
        }
        if (fit?.ok === false) passedOver.push(fit.error);
      }
      return err(passedOver);
    },
    resolve(roleRunner, promptRunner, model) {
      if (model !== null && !isModelName(model)) return err(badModel(model));
      const name = promptRunner ?? roleRunner ?? workspace.settings.runner;
      const known = `known: ${[...byName.keys(), AUTO].join(', ')}`;
      if (name === '')
        return missing('runner', 'NO_RUNNER', `no runner is chosen, so that no tool is called by accident (set runner:; ${known})`);
      if (name === AUTO)
        return chosen === null
          ? missing('runner auto', 'NO_TOOL', `none of ${AUTO_ORDER.join(', ')} is installed and logged in (\`docket doctor\` says why)`)
          : ok(chosen);
      const runner = byName.get(name);
      return runner === undefined
        ? missing(`runner ${JSON.stringify(name)}`, 'UNKNOWN_RUNNER', `there is no such runner (${known})`)
        : ok(runner);
    },
  };
}
