/** `docket up`: the daemon in the foreground, or detached. Says in five lines what it watches, which tool it will call, and what to do next. */

import { flushCompileCache } from 'node:module';
import type { Command } from 'commander';
import type { Runners } from '#agents/registry.ts';
import type { Role } from '#core/role.ts';
import type { RunnerFacts } from '#core/run.ts';
import type { Workspace } from '#core/settings.ts';
import { endProcess } from '#platform/end-process.ts';
import { codeOf } from '#platform/files.ts';
import { beginAgainIfCompiled } from './begin-again.ts';
import { mustHaveRunner, startInBackground } from './detached.ts';
import { makeLiveScreen, wantsLive, type LiveScreen } from './live.ts';
import { CliError, EXIT, paint, show, type Common, type ExitCode, type Io } from './io.ts';
import { commonOf, openWorkspace } from './open.ts';
import { clock } from './parts.ts';
import { packageRoot, packageVersion } from './package.ts';
import { outputFile } from './places.ts';
import { runDaemon } from './start.ts';

type Options = Common & { readonly detach?: boolean; readonly all?: boolean; readonly runner?: string };

export function addUp(program: Command, io: Io): void {
  program
    .command('up')
    .description('run the daemon: in the foreground, or in the background with --detach')
    .option('-d, --detach', 'start it in the background and return when it answers')
    .option('--all', 'start, in the background, the daemon of every workspace of this application, or of all that are remembered')
    .addHelpText(
      'after',
      '\nExamples:\n  docket up                 stop it with Ctrl-C: running jobs end first, a second Ctrl-C leaves them to the keeper\n  docket up --detach\n  docket up --all            in a repository: its worktrees with a docket.yaml; elsewhere: every workspace that ran here (docs/daemons.md)\n  docket status',
    )
    .action(async (_options: Options, command: Command) => {
      const common = commonOf(command);
      const options = command.opts<Options>();
      if (options.all === true) {
        await (await import('./up-all.ts')).upAll(io, common);
        return;
      }
      const workspace = await openWorkspace(io, common);
      mustHaveRunner(workspace);
      await (options.detach === true ? upDetached(io, common, workspace) : runHere(io, workspace));
    });
}

async function runHere(io: Io, workspace: Workspace): Promise<void> {
  await beginAgainIfCompiled();
  const live = liveScreen(io);
  const say = live?.print ?? ((text: string): void => io.err(text));
  const stop = new AbortController();
  const leave = new AbortController();
  const onSignal = (by: string): void => {
    if (stop.signal.aborted) leave.abort(by);
    else say(`\ndocket: stopping (${by}): running jobs end first; once more leaves them to the keeper and goes`);
    stop.abort(by);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  // A limit of the file size (ulimit -f) ends a program without a word, unless it listens: then the write fails with EFBIG, like any other.
  process.on('SIGXFSZ', () => undefined);
  await runDaemon({
    workspace,
    env: io.env,
    terminal: true,
    color: io.color,
    print: live?.print ?? null,
    ...(process.stderr.isTTY ? { ring: () => void process.stderr.write('\u0007') } : {}),
    stop: stop.signal,
    leave: leave.signal,
    onStopAsked: onSignal,
    onReady: ({ roles, runners, live: runs }) => {
      if (live !== null) runs.listen(null, live.hear);
      // Now, not at the end: the daemon may be killed, and the next start should be fast (bin/start.js).
      flushCompileCache();
      void sayWelcome(live === null ? io : { ...io, out: live.print }, workspace, roles, runners);
    },
  }).catch((error: unknown) => {
    // A job may be in the middle of a step: when the lock, the journal or the disk is lost, nothing more may be written.
    live?.close();
    const isExpected = error instanceof CliError;
    io.err(isExpected ? `docket: ${error.message}` : `docket: stopped at once: ${lastWords(error)}`);
    return goNow(isExpected ? error.exitCode : EXIT.environment);
  });
  live?.close();
  flushCompileCache();
  goNow(EXIT.done);
}

/** At once, whatever a thread waits for (decision 0057). */
function goNow(code: ExitCode): never {
  if (!isObserved()) endProcess(code);
  process.exit(code);
}

/** Profiles and coverage are written by Node at its own end only. */
const isObserved = (): boolean =>
  process.env['NODE_V8_COVERAGE'] !== undefined || /--(?:cpu|heap)-prof/.test([...process.execArgv, process.env['NODE_OPTIONS']].join(' '));

/** Lines for the jobs that run; null: there is no terminal to show them on, or nobody wants them there. */
function liveScreen(io: Io): LiveScreen | null {
  const { stderr } = process;
  if (!wantsLive(io.env, io.isTerminal && stderr.isTTY)) return null;
  const screen = { write: (text: string) => void stderr.write(text), columns: () => stderr.columns, rows: () => stderr.rows };
  return makeLiveScreen(screen, clock);
}

/** The system's refusals (EACCES, ENOSPC, SQLITE_FULL) are the machine's, and a person mends them; of anything else a developer needs the place. */
function lastWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isSystems = /^(?:E(?!RR_)[A-Z0-9]+|SQLITE_[A-Z_]+)$/.test(codeOf(error));
  return isSystems
    ? `${error.message}. Nothing is lost: mend that (\`docket doctor\` looks at the machine) and start again`
    : (error.stack ?? error.message);
}

/** The program's version and hash take a moment the first time; nothing waits for them. */
async function sayWelcome(io: Io, workspace: Workspace, roles: readonly Role[], runners: Runners): Promise<void> {
  const facts = (await runners.get(workspace.settings.runner)?.facts()) ?? null;
  io.out(welcome(io, workspace, roles, facts));
}

function toolLine(workspace: Workspace, facts: RunnerFacts | null): string {
  if (facts === null)
    return `${workspace.settings.runner}: no tool is installed and logged in yet; prompts wait (\`docket doctor\` says why)`;
  if (facts.kind === 'offline')
    return 'none: `runner: offline` calls no AI; the answer is the complete brief, ready to paste into any chat';
  return `${facts.name}${facts.version === null ? '' : ` ${facts.version}`}${facts.program === null ? ' (not found: prompts wait)' : ` (${facts.program})`}`;
}

/** Five lines. */
function welcome(io: Io, workspace: Workspace, roles: readonly Role[], facts: RunnerFacts | null): string {
  const first = roles.find((role) => role.name === 'architect') ?? roles[0];
  const inbox = `${workspace.queues}/${first?.folder ?? '<role>'}/in/`;
  const label = (text: string): string => paint(io, 'bold', text.padEnd(9));
  const command = workspace.root === packageRoot() ? 'npx docket' : 'docket';
  return [
    `${paint(io, 'bold', `docket ${packageVersion()}`)} is up for ${workspace.app}`,
    `${label('watches')}${workspace.queues}/{${roles.map((role) => role.folder).join(',')}}/in/`,
    `${label('calls')}${toolLine(workspace, facts)}`,
    `${label('records')}${workspace.history}`,
    `${label('next')}drop a prompt into ${inbox} or run \`${command} add ${first?.name ?? '<role>'}\` in another terminal; Ctrl-C stops`,
  ].join('\n');
}

async function upDetached(io: Io, common: Common, workspace: Workspace): Promise<void> {
  const { pid } = await startInBackground(io, workspace);
  show(
    io,
    common,
    { pid, root: workspace.root, output: outputFile(workspace.state) },
    `docket is up (pid ${String(pid)}): \`docket status\`, \`docket logs -f\`, \`docket down\``,
  );
}
