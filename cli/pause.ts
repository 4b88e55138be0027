/** `docket pause` and `docket resume`: a person stops a lane or a role from starting more, and lets it go on. Durable, with and without a daemon. */

import type { Command } from 'commander';
import { makeRunners } from '#agents/registry.ts';
import { isLaneName, meansLane, providerOf } from '#core/lane.ts';
import type { RoleName } from '#core/names.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import type { PauseKind } from '#daemon/pauses.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { askDaemon } from './job-words-sources.ts';
import { commonOf, openAll, profilesOf } from './open.ts';
import { runnerPorts } from './parts.ts';
import { changePause, type Changed } from './pauses.ts';

type Target = { readonly kind: PauseKind; readonly name: string };

const EXAMPLES = (verb: string): string =>
  `\nExamples:\n  docket ${verb} anthropic            every account of that provider\n  docket ${verb} anthropic/1a2b3c4d   one account (docket status names it)\n  docket ${verb} architect            a role\n  docket ${verb} lane:ui              a lane that is called like a role`;

export function addPause(program: Command, io: Io): void {
  program
    .command('pause')
    .description('start no more of a lane or a role, until it is resumed; what runs goes on')
    .argument('<lane|role>', 'a lane (docket status lists them) or a role')
    .addHelpText('after', `\nWorks while no daemon runs, too: the next one keeps to it.\n${EXAMPLES('pause')}`)
    .action(async (text: string, _options: Common, command: Command) => {
      await act(io, commonOf(command), 'pause', text);
    });
}

export function addResume(program: Command, io: Io): void {
  program
    .command('resume')
    .description('let a paused lane or role go on; a lane that waits for its provider tries one run at once')
    .argument('<lane|role>', 'a lane or a role')
    .addHelpText('after', `\nExit code 1 when it was neither paused nor held.\n${EXAMPLES('resume')}`)
    .action(async (text: string, _options: Common, command: Command) => {
      await act(io, commonOf(command), 'resume', text);
    });
}

async function act(io: Io, common: Common, op: 'pause' | 'resume', text: string): Promise<void> {
  const { workspace, roles } = await openAll(io, common);
  const target = await targetOf(io, workspace, roles, text);
  const done = await changePause(workspace, op, target.kind, target.name);
  show(io, common, { ...target, ...done, daemon: done.isUp }, words(workspace, op, target, done));
  if (op === 'resume' && !done.changed && !done.probed) io.setExitCode(EXIT.notWell);
}

/** Throws CliError 2 that names what there is. */
async function targetOf(io: Io, workspace: Workspace, roles: ReadonlyMap<RoleName, Role>, text: string): Promise<Target> {
  const [, prefix, bare = text] = /^(lane|role):(.+)$/.exec(text) ?? [];
  const role = [...roles.values()].find((known) => known.name === bare || known.folder === bare);
  if (role !== undefined && prefix !== 'lane') return { kind: 'role', name: role.name };
  const lanes = await lanesOf(io, workspace, roles);
  if (prefix !== 'role' && isLaneName(bare) && lanes.some((lane) => meansLane(bare, lane) || lane === providerOf(bare)))
    return { kind: 'lane', name: bare };
  throw new CliError(
    `there is no lane or role ${JSON.stringify(text)}; lanes: ${lanes.join(', ')}; roles: ${[...roles.keys()].join(', ')}`,
    EXIT.wrongUse,
  );
}

/** Those the daemon has seen, and those that roles, runners and settings speak of. */
async function lanesOf(io: Io, workspace: Workspace, roles: ReadonlyMap<RoleName, Role>): Promise<readonly string[]> {
  const runners = makeRunners(workspace, await profilesOf(workspace), runnerPorts(io.env));
  const ofRunners = runners.names().map((name) => runners.get(name)?.lane ?? name);
  const ofRoles = [...roles.values()].flatMap((role) => role.lane ?? []);
  const seen = (await askDaemon(workspace))?.lanes.map(({ lane }) => lane) ?? [];
  return [...new Set([...seen, ...ofRunners, ...ofRoles, ...workspace.lanes.map(({ name }) => name)])].toSorted();
}

function words({ root }: Workspace, op: 'pause' | 'resume', { kind, name }: Target, { changed, probed, isUp }: Changed): string {
  const what = `${kind} ${name}`;
  const down = isUp ? '' : `; no daemon runs for ${root}, the next one keeps to it`;
  if (op === 'pause')
    return changed
      ? `${what} is paused: nothing more starts, what runs goes on; \`docket resume ${name}\` lets it go on${down}`
      : `${what} is paused already${down}`;
  const goes = changed ? `${what} goes on${down}` : null;
  const tries = probed ? `${what} was held: one run goes now to see` : null;
  return [goes, tries].filter((line) => line !== null).join('\n') || `${what} was not paused${down}`;
}
