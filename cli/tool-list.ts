/** `docket tool list` and `docket tool show`: what the profiles of this workspace say. Starts nothing but `--version`. */

import path from 'node:path';
import { printable } from '#core/names.ts';
import { makeFs } from '#platform/files.ts';
import type { Workspace } from '#core/settings.ts';
import { findProgram, rememberFacts, showCommand } from '#tools/program.ts';
import type { More, ToolProfile } from '#tools/profiles.ts';
import { CliError, EXIT, show, table, type Common, type Io } from './io.ts';
import { openWorkspace, profilesOf } from './open.ts';
import { packageFile } from './package.ts';
import { runnerPorts } from './parts.ts';
import { programGate, programsOf } from './programs.ts';

const LABEL_WIDTH = 15;
const LINE_LENGTH_MAX = 8_000;

/** Where a profile comes from; the workspace's own goes first. */
async function fileOf(workspace: Workspace, id: string): Promise<string> {
  for (const folder of workspace.roleFolders) {
    const file = path.join(folder, 'tools', `${id}.yaml`);
    if ((await makeFs().facts(file))?.kind === 'file') return file;
  }
  return '';
}

const isShipped = (file: string): boolean => file.startsWith(packageFile('agents/tools/'));
const testedWords = ({ tested: { how, from, to } }: ToolProfile): string =>
  to === '0.0.0' ? how : `${how} ${from === to ? from : `${from} to ${to}`}`;

export async function listTools(io: Io, common: Common): Promise<void> {
  const workspace = await openWorkspace(io, common);
  const profiles = [...(await profilesOf(workspace)).values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const ports = { ...runnerPorts(io.env), ...programGate(workspace, programsOf(workspace), false) };
  const tools = await Promise.all(
    profiles.map(async (profile) => {
      const { id, kind, tested, lane } = profile;
      const found = await findProgram(profile.program, ports);
      const { program, version } = found.ok
        ? await rememberFacts(profile.id, profile.program, profile.versionArgs, ports)()
        : { program: null, version: null };
      const file = await fileOf(workspace, id);
      return { id, kind, tested, lane, program, version, file, own: !isShipped(file), words: testedWords(profile) };
    }),
  );
  const rows = tools.map(({ id, kind, words, program, version, file, own }) => [
    id,
    kind,
    words,
    program === null ? '-' : (version ?? 'yes'),
    own ? path.relative(workspace.root, file) : 'shipped',
  ]);
  show(io, common, tools.map(({ words: _words, ...data }) => data), table([['id', 'kind', 'tested', 'installed', 'file'], ...rows])); // prettier-ignore
}

const called = (profile: ToolProfile, more: More): string => {
  const variables = Object.entries(more.env).map(([name, value]) => `${name}=${value}`);
  const input = profile.prompt === 'stdin' ? ' < prompt' : '';
  return `${[...variables, showCommand(profile.program, [...profile.args, ...more.args])].join(' ')}${input}`;
};

export async function showTool(io: Io, common: Common, id: string): Promise<void> {
  const workspace = await openWorkspace(io, common);
  const profiles = await profilesOf(workspace);
  const profile = profiles.get(id);
  if (profile === undefined)
    throw new CliError(`there is no profile ${printable(id)}; there are: ${[...profiles.keys()].toSorted().join(', ')}`, EXIT.wrongUse);
  const file = await fileOf(workspace, id);
  const told = Object.entries(profile.read.usage).flatMap(([name, picks]) => (picks.length > 0 ? [name] : []));
  const rows = [
    ['title', profile.title],
    ['kind', profile.kind],
    ['program', profile.program],
    ['tested', testedWords(profile)],
    ['file', file],
    ['sha256', profile.sha256],
    ['lane', profile.lane],
    ['read-only', called(profile, profile.access['read-only'])],
    ['worktree', called(profile, profile.access.worktree)],
    ['with a model', profile.withModel.args.join(' ')],
    ['prompt', `${profile.prompt}, at most ${String(profile.limits.promptBytes)} bytes, mentions ${profile.mentions}`],
    ['guard', profile.guard.join(' ')],
    ['variables', [...profile.passEnv, ...profile.login.tokenEnv].join(' ')],
    ['logged in by', [...profile.login.tokenEnv, ...profile.login.files, ...(profile.login.ask?.args ?? [])].join(' ')],
    ['config folder', profile.config === null ? '' : `${profile.config.scope}: ${Object.keys(profile.config.env).join(' ')}`],
    [
      'output',
      `${profile.read.format}; tells ${told.length === 0 ? 'no usage' : told.join(', ')}; ${String(profile.read.failures.length)} rules of failures`,
    ],
    ['notes', profile.notes],
  ].filter(([, value]) => value !== '');
  // Not as a table: commands and notes are longer than its cells may be.
  const text = rows.map(([label = '', value = '']) => `${label.padEnd(LABEL_WIDTH)}${printable(value, LINE_LENGTH_MAX)}`).join('\n');
  show(io, common, { file, own: !isShipped(file), profile }, text);
}
