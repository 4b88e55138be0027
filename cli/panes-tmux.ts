/** A plan of panes in tmux: the session is made, or what is missing of it; then it is shown. */

import type { PanePlan } from '#core/panes.ts';
import { askProgram } from '#platform/ask.ts';
import { runAttached } from '#platform/attached.ts';
import { findProgram } from '#platform/process.ts';
import { makeTmux, tmuxVersion, TmuxError, type OpenSession, type Tmux } from '#platform/tmux.ts';
import { CliError, EXIT, type Io } from './io.ts';

export type PanesState = 'made' | 'mended' | 'there';

const NEEDED = [3, 0] as const;
const VERSION_MS = 10_000;
const HOW_TO_GET = 'install it (Debian, Ubuntu: apt-get install tmux; Fedora: dnf install tmux; macOS: brew install tmux)';

/** Null: there is no tmux in PATH. Throws CliError 3 when it is too old, or no tmux. */
export async function findTmux(io: Io, socket: string): Promise<Tmux | null> {
  const program = await findProgram('tmux', io.env['PATH'] ?? '');
  if (program === null) return null;
  const { stdout } = await askProgram(program, ['-V'], { timeoutMs: VERSION_MS });
  const version = tmuxVersion(stdout);
  if (version === null || version[0] < NEEDED[0])
    throw new CliError(
      `tmux ${NEEDED.join('.')} or newer is needed, ${program} says ${JSON.stringify(stdout.trim())}: ${HOW_TO_GET}`,
      EXIT.environment,
    );
  return makeTmux(askProgram, program, socket, io.env);
}

/** Throws CliError 3 when there is none. */
export async function needTmux(io: Io, socket: string): Promise<Tmux> {
  const tmux = await findTmux(io, socket);
  if (tmux !== null) return tmux;
  throw new CliError(
    `there is no tmux in PATH: ${HOW_TO_GET}; without it, \`docket attach <role>\` in a terminal of its own shows one role`,
    EXIT.environment,
  );
}

const isOurs = (session: OpenSession, plan: PanePlan): boolean => session.owner === plan.owner;
const foreign = ({ session, folder }: PanePlan): CliError =>
  new CliError(
    `tmux has a session called ${session} that docket did not make for ${folder}, and it is left alone: rename it (tmux rename-session -t =${session} <name>)`,
    EXIT.notWell,
  );

/** Everything of the plan is there when it resolves. @param maxMachine the setting panes.max_machine */
export async function openInTmux(tmux: Tmux, plan: PanePlan, maxMachine: number): Promise<PanesState> {
  return inWords(async () => {
    const before = await tmux.find(plan.session);
    if (before !== null) return mend(tmux, plan, before, maxMachine);
    await checkCount(
      tmux,
      plan,
      plan.windows.reduce((sum, { panes }) => sum + panes.length, 0),
      maxMachine,
    );
    const [first, ...others] = plan.windows;
    const isMade = first !== undefined && (await tmux.make(plan, first));
    const session = await tmux.find(plan.session);
    if (session === null) throw new TmuxError(`the session ${plan.session} was made and has gone: a hook of your tmux may have ended it`);
    // Somebody else has made it meanwhile.
    if (!isMade) return mend(tmux, plan, session, maxMachine);
    for (const window of others) await tmux.addWindow(plan, session, window);
    return 'made';
  });
}

async function mend(tmux: Tmux, plan: PanePlan, session: OpenSession, maxMachine: number): Promise<PanesState> {
  if (!isOurs(session, plan)) throw foreign(plan);
  const open = new Map(session.panes.map((pane) => [pane.role, pane]));
  const missing = plan.windows.map(({ panes }) => panes.filter(({ role }) => !open.has(role)));
  const dead = plan.windows.flatMap(({ panes }) => panes.filter(({ role }) => open.get(role)?.isDead === true));
  const count = missing.flat().length;
  if (count === 0 && dead.length === 0) return 'there';
  if (count > 0) await checkCount(tmux, plan, count, maxMachine);
  const ids = new Map([...open].map(([role, { id }]) => [role, id]));
  for (const [index, window] of plan.windows.entries()) {
    if (missing[index]?.length === window.panes.length) await tmux.addWindow(plan, session, window);
    else await tmux.addPanes(plan, window, ids);
  }
  for (const pane of dead) {
    const one = open.get(pane.role);
    if (one !== undefined) await tmux.respawn(one, pane.args);
  }
  return 'mended';
}

async function checkCount(tmux: Tmux, plan: PanePlan, more: number, max: number): Promise<void> {
  const open = await tmux.countPanes();
  if (open + more > max)
    throw new CliError(
      `docket has ${String(open)} panes open in this tmux server, and ${String(more)} more for ${plan.session} pass panes.max_machine: ${String(max)}; close some (docket panes --kill in their workspaces), or raise it`,
      EXIT.notWell,
    );
}

/** Ends the sessions with this owner's mark, and none other, whatever they are called now. @returns their names */
export async function killInTmux(tmux: Tmux, owner: string): Promise<readonly string[]> {
  return inWords(async () => {
    const sessions = await tmux.owned(owner);
    for (const session of sessions) await tmux.kill(session);
    return sessions.map(({ name }) => name);
  });
}

/** Shows the session on our terminal; resolves when the person leaves it (inside tmux: at once). Throws CliError 3 when that does not work. */
export async function showInTmux(tmux: Tmux, plan: PanePlan): Promise<void> {
  const [program = '', ...args] = tmux.showCommand(plan.session, await tmux.isInside());
  const code = await runAttached(program, args);
  if (code !== 0)
    throw new CliError(
      `tmux could not show ${plan.session} (exit code ${String(code)}): try it by hand, ${[program, ...args].join(' ')}`,
      EXIT.environment,
    );
}

async function inWords<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof TmuxError) throw new CliError(`tmux: ${error.message}`, EXIT.environment);
    throw error;
  }
}
