/**
 * The one door to tmux (3.0 and newer). Arguments are an array, and nothing of them is a shell line or a format of tmux's.
 *
 *   no session -> made, marked with its owner -> panes are missing or dead -> mended -> killed
 *
 * Invariant: only a session that carries the owner's mark is ever changed or killed; all others are only counted. Windows and panes are named by their
 * ids, because a person may number and rename them.
 */

import type { PanePlan, PaneWindow } from '#core/panes.ts';
import type { AskProgram } from '#core/ports.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Told of one that is open. */
export type OpenPane = {
  readonly id: string;
  /** Empty: not docket's. */ readonly role: string;
  readonly isDead: boolean;
};
export type OpenSession = {
  readonly id: string;
  readonly name: string;
  /** Empty: not docket's. */
  readonly owner: string;
  readonly panes: readonly OpenPane[];
};

export type Tmux = {
  /** The session of this very name; null: there is none. */
  find(name: string): Promise<OpenSession | null>;
  /** Those with this owner's mark, whatever they are called. */
  owned(owner: string): Promise<readonly Omit<OpenSession, 'panes'>[]>;
  /** Panes of all sessions that docket made, in this server. */
  countPanes(): Promise<number>;
  /** The session with its first window. False: one of this name has come meanwhile. */
  make(plan: PanePlan, window: PaneWindow): Promise<boolean>;
  addWindow(plan: PanePlan, session: OpenSession, window: PaneWindow): Promise<void>;
  /** The panes of a window that are missing. @param open ids of all that are open, by role; at least one is of this window */
  addPanes(plan: PanePlan, window: PaneWindow, open: ReadonlyMap<string, string>): Promise<void>;
  /** Starts a dead pane's program again. */
  respawn(pane: OpenPane, args: readonly string[]): Promise<void>;
  kill(session: Pick<OpenSession, 'id'>): Promise<void>;
  /** Are we in a pane of this very server? */
  isInside(): Promise<boolean>;
  /** The command that shows a session: program and arguments. */
  showCommand(name: string, isInside: boolean): readonly string[];
};

/** tmux answered no. */
export class TmuxError extends Error {
  override name = 'TmuxError';
}

const TIMEOUT_MS = 15_000;
/** Until somebody attaches: enough for six panes. */
const SIZE = ['-x', '200', '-y', '60'];
const OWNER = '@docket_owner';
const ROLE = '@docket_role';

/** 3.3a -> [3, 3]; a version of OpenBSD or from its sources counts as new. Null: this is no tmux. */
export function tmuxVersion(text: string): readonly [number, number] | null {
  const found = /^tmux (?:next-)?([0-9]+)\.([0-9]+)/.exec(text);
  if (found !== null) return [Number(found[1]), Number(found[2])];
  return /^tmux (?:master|openbsd-)/.test(text) ? [99, 0] : null;
}

/** What makes a pane known: it stays when its program ends at once, and it says whose it is. Commands of one call of tmux. */
const marks = (target: string, role: string, title: string): readonly string[] => [
  ';', 'set-option', '-w', '-t', target, 'remain-on-exit', 'on',
  ';', 'set-option', '-p', '-t', target, ROLE, role,
  ';', 'select-pane', '-t', target, '-T', title,
]; // prettier-ignore

function firstOf(window: PaneWindow): PaneWindow['panes'][number] {
  const [pane] = window.panes;
  if (pane === undefined) throw new Error(`the window ${window.name} has no pane`);
  return pane;
}

/** An argument that ends in `;` would end tmux's command. */
const whole = (argument: string): string => argument.replace(/;$/, '\\;');

/** @param program absolute @param socket of `tmux -L`; empty: the default server @param env the person's own: a server that is started here gets it */
export function makeTmux(ask: AskProgram, program: string, socket: string, env: Env): Tmux {
  const base = [program, ...(socket === '' ? [] : ['-L', socket])];
  const passed = Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));

  async function answer(
    args: readonly string[],
    cwd?: string,
  ): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
    return ask(program, [...base.slice(1), ...args], { env: passed, timeoutMs: TIMEOUT_MS, ...(cwd === undefined ? {} : { cwd }) });
  }
  async function run(args: readonly string[], cwd?: string): Promise<string> {
    const { code, stdout, stderr } = await answer(args, cwd);
    if (code !== 0) throw new TmuxError(`${args[0] ?? ''}: ${stderr.trim() === '' ? `exit code ${String(code)}` : stderr.trim()}`);
    return stdout.trim();
  }
  /** No server, or nothing of that name. */
  async function lines(args: readonly string[]): Promise<readonly string[][]> {
    const { code, stdout } = await answer(args);
    return code === 0
      ? stdout
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => line.split('\t'))
      : [];
  }
  const sessions = async (): Promise<readonly Omit<OpenSession, 'panes'>[]> =>
    (await lines(['list-sessions', '-F', `#{session_id}\t#{${OWNER}}\t#{session_name}`])).map(([id = '', owner = '', name = '']) => ({
      id,
      owner,
      name,
    }));
  /** Evenly, so that each further split has room. */
  async function arrange(paneId: string, { rows }: PaneWindow): Promise<void> {
    await run(['select-layout', '-t', paneId, rows.length === 1 ? 'even-horizontal' : 'tiled']);
  }
  /** Each pane that is not open comes behind the one that it follows in the plan. @param open their ids by role; at least one is of this window */
  async function fill(plan: PanePlan, window: PaneWindow, open: ReadonlyMap<string, string>): Promise<void> {
    const ids = new Map(open);
    for (const [index, pane] of window.panes.entries()) {
      if (ids.has(pane.role)) continue;
      const before = index === 0 ? undefined : ids.get(window.panes[index - 1]?.role ?? '');
      const from = before ?? window.panes.flatMap(({ role }) => ids.get(role) ?? [])[0];
      if (from === undefined) throw new Error(`nothing of the window ${window.name} is open`);
      const place = before === undefined ? ['-b', '-t', from] : ['-t', from];
      const id = await run(['split-window', '-d', ...place, '-P', '-F', '#{pane_id}', '--', ...pane.args.map(whole)], plan.folder);
      await run(marks(id, pane.role, pane.title).slice(1));
      ids.set(pane.role, id);
      await arrange(id, window);
    }
  }
  return {
    async find(name) {
      const session = (await sessions()).find((one) => one.name === name);
      if (session === undefined) return null;
      const panes = await lines(['list-panes', '-s', '-t', session.id, '-F', `#{pane_id}\t#{pane_dead}\t#{${ROLE}}`]);
      return {
        ...session,
        panes: panes.map(([id = '', dead = '', role = '']) => ({ id, role, isDead: dead === '1' })),
      };
    },
    owned: async (owner) => (await sessions()).filter((one) => one.owner === owner),
    countPanes: async () => (await lines(['list-panes', '-a', '-F', `#{${ROLE}}`])).length,
    async make(plan, window) {
      const pane = firstOf(window);
      const made = ['new-session', '-d', '-s', plan.session, '-n', window.name, ...SIZE, '--', ...pane.args.map(whole)];
      const target = `=${plan.session}:`;
      const { code, stderr } = await answer(
        [...made, ';', 'set-option', '-t', target, OWNER, plan.owner, ...marks(target, pane.role, pane.title)],
        plan.folder,
      );
      if (code !== 0 && stderr.includes('duplicate session')) return false;
      if (code !== 0) throw new TmuxError(`new-session: ${stderr.trim()}`);
      await fill(plan, window, new Map([[pane.role, await run(['display-message', '-p', '-t', target, '#{pane_id}'])]]));
      return true;
    },
    async addWindow(plan, session, window) {
      const pane = firstOf(window);
      const args = ['new-window', '-d', '-t', `${session.id}:`, '-n', window.name, '-P', '-F', '#{pane_id}'];
      const id = await run([...args, '--', ...pane.args.map(whole)], plan.folder);
      await run(marks(id, pane.role, pane.title).slice(1));
      await fill(plan, window, new Map([[pane.role, id]]));
    },
    addPanes: fill,
    respawn: async (pane, args) => void (await run(['respawn-pane', '-t', pane.id, '--', ...args.map(whole)])),
    kill: async (session) => void (await run(['kill-session', '-t', session.id])),
    async isInside() {
      const [own = ''] = (env['TMUX'] ?? '').split(',');
      if (own === '') return false;
      const { code, stdout } = await answer(['display-message', '-p', '#{socket_path}']);
      return code === 0 && stdout.trim() === own;
    },
    showCommand: (name, isInside) => [...base, isInside ? 'switch-client' : 'attach-session', '-t', `=${name}`],
  };
}
