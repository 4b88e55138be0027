/** Roles, prompt specs and the runners they name: which program would be called, is it there, is it logged in? Sends no prompt. */

import { AUTO, type Runners } from '#agents/registry.ts';
import type { Runner } from '#agents/runner.ts';
import type { ToolProfile } from '#tools/profiles.ts';
import { describe } from '#core/failure.ts';
import { describeFault } from '#core/fault.ts';
import type { Fs } from '#core/ports.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import { bad, warn, well, type Check } from './doctor-checks.ts';
import { loadRoles, loadSpecs, type FileFaults } from './load.ts';

const asChecks = (check: string, files: readonly FileFaults[]): readonly Check[] =>
  files.flatMap(({ file, faults }) =>
    faults.map((fault) => bad(check, `${file}: ${describeFault(fault).split('\n').join(', ').replaceAll(/ {2,}/g, ' ')}`, fault.mend)),
  );

export type Installed = { readonly roles: readonly Role[]; readonly checks: readonly Check[] };

/** The roles that can be used, and a line for each fault of a file. */
export async function lookAtRoles(fs: Fs, workspace: Workspace): Promise<Installed> {
  const loaded = await loadRoles(fs, workspace);
  const specs = await loadSpecs(fs, workspace);
  const roles = loaded.ok ? [...loaded.value.values()] : [];
  const checks: Check[] = [];
  if (!loaded.ok) checks.push(...asChecks('roles', loaded.error));
  else if (roles.length === 0)
    checks.push(bad('roles', `there is none in ${workspace.roleFolders.join(', ')}`, 'install docket again (npm ci)'));
  else checks.push(well('roles', roles.map((role) => role.folder).join(', ')));
  if (!specs.ok) return { roles, checks: [...checks, ...asChecks('prompt specs', specs.error)] };
  const without = roles.filter((role) => !specs.value.some((spec) => spec.role === role.name)).map((role) => role.name);
  const versions = [...new Set(specs.value.map((spec) => spec.version))];
  checks.push(
    without.length === 0
      ? well('prompt specs', versions.join(', '))
      : bad('prompt specs', `there is none for ${without.join(', ')}`, 'every prompt for them is rejected: `docket spec new` makes one'),
  );
  return { roles, checks };
}

/** A runner, and who would call it. */
type Wanted = { readonly name: string; readonly by: readonly string[] };

function wantedRunners(workspace: Workspace, roles: readonly Role[]): readonly Wanted[] {
  const by = new Map<string, string[]>();
  const add = (name: string, who: string): void => {
    by.set(name, [...(by.get(name) ?? []), who]);
  };
  const standing = roles.filter((role) => role.runner === null).map((role) => role.name);
  if (workspace.settings.runner !== '')
    add(workspace.settings.runner, standing.length === roles.length ? 'all roles' : standing.join(', '));
  for (const role of roles) {
    if (role.runner !== null) add(role.runner, role.name);
    for (const name of role.fallbacks) add(name, `${role.name} when the one before cannot`);
  }
  for (const { name } of [...workspace.runners, ...workspace.httpRunners]) if (!by.has(name)) by.set(name, []);
  return [...by].map(([name, who]) => ({ name, by: who.filter((one) => one !== '') }));
}

export async function lookAtRunners(workspace: Workspace, roles: readonly Role[], runners: Runners): Promise<readonly Check[]> {
  const checks: Check[] = [];
  const needsStanding = roles.some((role) => role.runner === null);
  if (workspace.settings.runner === '' && needsStanding)
    checks.push(
      bad(
        'runner',
        'none is chosen, so that no tool is called by accident',
        `write \`runner: offline\`, \`runner: claude\` or \`runner: auto\` into ${workspace.root}/docket.yaml`,
      ),
    );
  for (const wanted of wantedRunners(workspace, roles)) checks.push(await lookAtRunner(wanted, runners));
  return checks;
}

async function lookAtRunner({ name, by }: Wanted, runners: Runners): Promise<Check> {
  const check = `runner ${name}`;
  const users = by.length === 0 ? 'no role uses it' : `for ${by.join(', ')}`;
  // A tool that nobody would call stops nothing.
  const fault = by.length === 0 ? warn : bad;
  if (name === AUTO) {
    const chosen = await runners.prepare();
    if (chosen.ok) return well(check, `stands for ${await factsOf(chosen.value)} (${users})`);
    return fault(
      check,
      `no tool is ready: ${chosen.error.map(describe).join('; ')}`,
      'install one and log in with it, or write `runner: offline`; until then prompts wait',
    );
  }
  const runner = runners.get(name);
  if (runner === undefined)
    return fault(
      check,
      `there is no such runner (${users})`,
      `known: ${runners.names().join(', ')}; a program of your own is a key of runners: in docket.yaml`,
    );
  const fit = await runner.check();
  if (fit.ok) return well(check, `${await factsOf(runner)} (${users})`);
  return fault(check, `${describe(fit.error)} (${users})`, nextFor(fit.error.kind, name));
}

const nextFor = (kind: string, name: string): string =>
  kind === 'not-logged-in'
    ? 'log in with the tool itself, or set its token for the daemon; until then prompts wait'
    : kind === 'missing-program'
      ? `install it, or set its path (runners: { ${name}: { program: … } } in docket.yaml); until then prompts wait`
      : 'mend what the message names; until then prompts wait';

async function factsOf(runner: Runner): Promise<string> {
  const { kind, version, program, endpoint } = await runner.facts();
  if (endpoint !== undefined) return `${runner.name}, would call ${endpoint}`;
  if (kind === 'offline') return 'calls no AI, the answer is the brief';
  const { profile } = runner;
  const login = profile === undefined ? '' : `, logged in${testedWords(profile, version)}`;
  return `${runner.name}${version === null ? '' : ` ${version}`}, would call ${program ?? 'nothing'}${login}`;
}

/** Empty when docket was tested with this version of the program. */
function testedWords({ tested: { how, from, to } }: ToolProfile, version: string | null): string {
  if (how === 'transcript') return '; its profile was tested with a transcript only';
  const isKnown = to !== '0.0.0';
  if (how === 'probe' && (!isKnown || version === null || isOlder(to, version)))
    return `; its profile was made by \`docket tool probe\`${isKnown ? ` of ${to}` : ''}`;
  if (version === null || (!isOlder(version, from) && !isOlder(to, version))) return '';
  return `; docket was tested with ${from === to ? from : `${from} to ${to}`}`;
}

const numbersOf = (text: string): readonly number[] => text.split('.', 3).map((part) => Number.parseInt(part, 10));

/** Three numbers, compared one by one; what follows them does not matter. */
function isOlder(a: string, b: string): boolean {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  const at = left.findIndex((number, index) => number !== right[index]);
  return at !== -1 && (left[at] ?? 0) < (right[at] ?? 0);
}

/** Which tools could be named, and how well docket knows each. */
export function lookAtProfiles(runners: Runners): Check {
  const profiles = runners.names().flatMap((name) => (name === AUTO ? [] : (runners.get(name)?.profile ?? [])));
  const by = (how: string): string => [...new Set(profiles.filter(({ tested }) => tested.how === how).map(({ id }) => id))].join(', ');
  return well(
    'tools',
    `tested with the program itself: ${by('real')}; with a transcript only: ${by('transcript')}${by('probe') === '' ? '' : `; made by a probe: ${by('probe')}`}`,
  );
}
