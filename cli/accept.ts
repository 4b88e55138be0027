/** `docket accept`: a person says that the changed program of a runner may be called (policy.program_change). Durable, with and without a daemon. */

import type { Command } from 'commander';
import { makeRunners } from '#agents/registry.ts';
import type { RunnerFacts } from '#core/run.ts';
import type { Workspace } from '#core/settings.ts';
import { userName } from '#platform/system.ts';
import { changeWords, isSame, type SeenProgram } from '#policy/program.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { commonOf, connectControl, openWorkspace, profilesOf } from './open.ts';
import { clock, runnerPorts, withKernelLock } from './parts.ts';
import { programGate, programsOf } from './programs.ts';

export function addAccept(program: Command, io: Io): void {
  program
    .command('accept')
    .description('accept the changed program of a runner, so that it is called again (policy.program_change: hold)')
    .argument('<runner>', 'claude, codex, …, or a key of runners: in docket.yaml')
    .addHelpText(
      'after',
      '\nShows what was accepted before and what is there now. Exit code 1 when nothing had changed.\n\nExample:\n  docket accept claude',
    )
    .action(async (name: string, _options: Common, command: Command) => {
      await act(io, commonOf(command), name);
    });
}

async function act(io: Io, common: Common, name: string): Promise<void> {
  const workspace = await openWorkspace(io, common);
  const seen = seenOf(name, await factsOf(io, workspace, name));
  const before = await programsOf(workspace).of(name);
  if (before !== null && isSame(before, seen)) {
    show(io, common, { runner: name, changed: false, program: seen }, `${name}: ${seen.program} is the program that was accepted`);
    io.setExitCode(EXIT.notWell);
    return;
  }
  await accept(workspace, name, seen);
  const words = before === null ? `${seen.program} is accepted, as the first one` : `accepted. Before: ${changeWords(before, seen)}`;
  const isIdle = workspace.settings['policy.program_change'] !== 'hold';
  const idle = isIdle ? '\nnobody asks for it: policy.program_change is ignore' : '';
  show(io, common, { runner: name, changed: true, program: seen, before }, `${name}: ${words}${idle}`);
}

/** Without asking it anything: it is not accepted yet. */
async function factsOf(io: Io, workspace: Workspace, name: string): Promise<RunnerFacts> {
  const programs = programsOf(workspace);
  const gate = programGate({ settings: { ...workspace.settings, 'policy.program_change': 'hold' } }, programs, false);
  const runners = makeRunners(workspace, await profilesOf(workspace), { ...runnerPorts(io.env), ...gate });
  const runner = runners.get(name);
  if (runner === undefined)
    throw new CliError(`there is no runner ${JSON.stringify(name)} (known: ${runners.names().join(', ')})`, EXIT.wrongUse);
  return runner.facts();
}

function seenOf(name: string, { program, programSha256, version }: RunnerFacts): SeenProgram {
  if (program === null || programSha256 === null)
    throw new CliError(`${name} has no program that could be read: \`docket doctor\` says more`, EXIT.environment);
  return { program, sha256: programSha256, version };
}

/** Through the daemon while one runs: it alone writes, and its lanes go on at once. */
async function accept(workspace: Workspace, runner: string, seen: SeenProgram): Promise<void> {
  const by = userName();
  const control = await connectControl(workspace);
  if (control !== null) {
    try {
      const reply = await control.ask('accept', { runner, ...seen, by });
      if (!reply.ok) throw new CliError(`the daemon did not take it: ${reply.error ?? 'no reason given'}`, EXIT.notWell);
      return;
    } finally {
      control.close();
    }
  }
  const done = await withKernelLock(workspace, async () => {
    await programsOf(workspace).accept({ runner, ...seen, by, at: clock.now().toISOString() });
    return true;
  });
  if (done === null)
    throw new CliError('a daemon is just starting or stopping and does not answer yet: the same command again in a moment', EXIT.notWell);
}
