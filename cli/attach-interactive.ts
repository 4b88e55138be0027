/**
 * `docket attach <role> --interactive`: the role's own AI tool on the person's terminal, with the role's brief given to it beforehand. It is the person's session:
 * docket starts the program, and neither reads nor records what is said in it. How the tool is called is in its profile (`interactive`).
 */

import { sessionBrief } from '#agents/brief.ts';
import { AUTO, AUTO_ORDER } from '#agents/registry.ts';
import type { Role } from '#core/role.ts';
import { runAttached } from '#platform/attached.ts';
import { makeFs } from '#platform/files.ts';
import { newestVersion } from '#prompt-spec/resolve.ts';
import { acpName } from '#tools/acp-read.ts';
import { inertMentions } from '#tools/mentions.ts';
import { fillArguments, type ToolProfile } from '#tools/profiles.ts';
import { searchPath } from '#tools/program.ts';
import { CliError, EXIT, paint, type Io } from './io.ts';
import { profilesOf, type Opened } from './open.ts';
import { runnerPorts } from './parts.ts';

type Found = { readonly title: string; readonly program: string; readonly args: readonly string[] };
type Profiles = ReadonlyMap<string, ToolProfile>;

/** Resolves when the person has left the tool. Throws CliError: 2 without a terminal, 3 when the role's tool cannot be started so. */
export async function runInteractive(io: Io, opened: Opened, role: Role): Promise<void> {
  if (opened.workspace.settings['tools.sandbox'] === 'required')
    throw new CliError('tools.sandbox is required here, and a session of your own runs in none: nothing was started', EXIT.environment);
  const { title, program, args } = await commandOf(io, opened, role);
  if (!io.canAsk) throw new CliError('a session of your own takes a terminal', EXIT.wrongUse);
  const says = `${title} as ${role.folder}: this session is yours. docket started the program and records nothing of it; what shall count is a prompt: docket add ${role.name}`;
  io.out(paint(io, 'bold', says));
  const code = await runAttached(program, args, opened.workspace.code);
  io.out(`the session has ended${code === 0 ? '' : ` (exit code ${String(code)})`}; \`docket panes\` starts it again in its pane`);
}

/** Program and arguments, the brief among them. */
async function commandOf(io: Io, opened: Opened, role: Role): Promise<Found> {
  const { workspace, specs } = opened;
  const ports = runnerPorts(io.env);
  const find = async (name: string): Promise<string | null> => ports.find(name, searchPath(ports));
  const profiles = await profilesOf(workspace);
  const { profile, program: wanted } = await toolOf(opened, role, profiles, find);
  if (profile.interactive === null)
    throw new CliError(
      `${role.folder}: docket does not know how ${profile.title} is started with a brief for a person; known: ${knownOf(profiles)} (interactive: in agents/tools/${profile.id}.yaml)`,
      EXIT.environment,
    );
  const program = await find(wanted);
  if (program === null)
    throw new CliError(`${role.folder}: ${wanted} is not in PATH: install ${profile.title}, or choose another runner`, EXIT.environment);
  const version = newestVersion(role.name, specs);
  const spec = specs.find((one) => one.role === role.name && one.version === version);
  if (spec === undefined) throw new CliError(`no prompt spec of role ${role.name} is installed`, EXIT.environment);
  const brief = sessionBrief(role, spec);
  const { mentions } = profile;
  const prompt = mentions === 'inert' ? brief : await inertMentions(brief, workspace.code, makeFs(), mentions);
  return { title: profile.title, program, args: fillArguments(profile.interactive, { prompt }) };
}

const knownOf = (profiles: Profiles): string =>
  [...profiles.values()].flatMap(({ id, interactive }) => (interactive === null ? [] : [id])).join(', ');

/** The role's runner as a tool. A runner that is no tool on the command line (offline, http, a program of one's own) is none. */
async function toolOf(
  { workspace }: Opened,
  role: Role,
  profiles: Profiles,
  find: (name: string) => Promise<string | null>,
): Promise<{ readonly profile: ToolProfile; readonly program: string }> {
  const name = role.runner ?? workspace.settings.runner;
  if (name === AUTO)
    for (const id of AUTO_ORDER) {
      const profile = profiles.get(id);
      if (profile !== undefined && profile.interactive !== null && (await find(profile.program)) !== null)
        return { profile, program: profile.program };
    }
  const own = workspace.runners.find((one) => one.name === name);
  const kind = own?.kind ?? name;
  const profile = [...profiles.values()].find(({ id }) => id === kind || acpName(id) === kind);
  if (profile === undefined)
    throw new CliError(
      `${role.folder}: its runner is ${name === '' ? 'not chosen' : name}, which no person can talk to; choose a tool (runner: in docket.yaml or role.yaml): ${knownOf(profiles)}`,
      EXIT.environment,
    );
  return { profile, program: own !== undefined && own.program !== '' && own.kind === profile.id ? own.program : profile.program };
}
