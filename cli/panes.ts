/** `docket panes`: a terminal with a pane for each role of a workspace, in tmux or iTerm2 (docs/panes.md). `openPanes` is what `docket work-on` calls. */

import type { Command } from 'commander';
import { printable, type FeatureId, type Sha256 } from '#core/names.ts';
import type { PanePlan } from '#core/panes.ts';
import type { Workspace } from '#core/settings.ts';
import { makeDigest } from '#platform/digest.ts';
import { planPanes } from '#worktrees/pane-plan.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { commonOf, openAll, roleNamed, type Opened } from './open.ts';
import { packageFile } from './package.ts';
import { runInIterm } from './panes-iterm.ts';
import { findTmux, killInTmux, needTmux, openInTmux, showInTmux, type PanesState } from './panes-tmux.ts';
import { featureOf } from './worktree-feature.ts';

export type PaneProgram = 'auto' | 'tmux' | 'iterm';
export type OpenPanesWish = {
  /** The workspace; absolute. Of a feature: its worktree's. */
  readonly root: string;
  /** Null: looked up in the record of the worktree; a workspace without one has none. */
  readonly feature: FeatureId | null;
  /** Default: the setting panes.program. */
  readonly with?: PaneProgram;
  /** Only made, not shown. */
  readonly isDetached?: boolean;
  /** Roles that get a pane; default: panes.roles, else all. */
  readonly roles?: readonly string[];
  /** Roles whose pane is a session of the person's own; default: panes.interactive. */
  readonly interactive?: readonly string[];
};
export type PanesOpened = {
  readonly with: 'tmux' | 'iterm';
  readonly session: string;
  readonly state: PanesState;
  readonly panes: number;
  /** A command that shows them; of iTerm2, which shows them at once, none. */
  readonly command: readonly string[];
  /** Were they shown, and left again? */
  readonly isShown: boolean;
};

type Options = Common & {
  readonly tmux?: boolean;
  readonly iterm?: boolean;
  readonly print?: boolean;
  readonly detach?: boolean;
  readonly kill?: boolean;
  readonly feature?: string;
  readonly role?: readonly string[];
  readonly interactive?: readonly string[];
};

const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value];

export function addPanes(program: Command, io: Io): void {
  program
    .command('panes')
    .description('a terminal with a pane for each role: opened, shown, mended')
    .option('--tmux', 'in tmux, whatever panes.program says')
    .option('--iterm', 'in iTerm2')
    .option('--print', 'only say what would be opened; with --json for programs')
    .option('--detach', 'open, and do not show')
    .option('--kill', 'end the tmux session of this workspace, and nothing else')
    .option('--role <role>', 'a pane for this role; may be repeated (default: panes.roles, else all)', collect)
    .option('--interactive <role>', "this role's pane is a session of your own with its AI tool, not recorded; may be repeated", collect)
    .addHelpText(
      'after',
      '\nEach pane follows a role (`docket attach 01-architect`) and goes on when the daemon stops. Run again, it shows the session and mends what has gone.\nLeave tmux with Ctrl-b d. Exit code 3 when there is no tmux.\n\nExamples:\n  docket panes\n  docket panes --detach\n  docket panes --interactive architect\n  docket panes --print --json\n  docket panes --kill',
    )
    .action(async (_options: Options, command: Command) => {
      const common = commonOf(command);
      await act(io, common, command.opts<Options>());
    });
}

async function act(io: Io, common: Common, options: Options): Promise<void> {
  if ([options.tmux, options.iterm, options.print, options.kill].filter((one) => one === true).length > 1)
    throw new CliError('one of --tmux, --iterm, --print and --kill', EXIT.wrongUse);
  const opened = await openAll(io, common);
  const wish: OpenPanesWish = {
    root: opened.workspace.root,
    feature: null,
    ...(options.tmux === true ? { with: 'tmux' as const } : options.iterm === true ? { with: 'iterm' as const } : {}),
    isDetached: options.detach === true,
    ...(options.role === undefined ? {} : { roles: options.role }),
    ...(options.interactive === undefined ? {} : { interactive: options.interactive }),
  };
  if (options.print === true) {
    const plan = await planOf(opened, wish);
    show(io, common, plan, planWords(plan));
    return;
  }
  if (options.kill === true) {
    const killed = await killInTmux(await needTmux(io, socketOf(opened.workspace)), ownerOf(opened.workspace.root));
    show(io, common, { killed }, killed.length === 0 ? 'this workspace has no tmux session' : `ended: ${killed.join(', ')}`);
    return;
  }
  const done = await openPlan(io, opened, wish);
  const { isShown, ...data } = done;
  if (common.json === true || !isShown) show(io, common, { ...data, shown: isShown }, openedWords(done));
}

/** @param io whose terminal shows them; without one they are opened only. Throws CliError: 3 no tmux or iTerm2, 1 too many panes, 2 no such role. */
export async function openPanes(io: Io, wish: OpenPanesWish): Promise<PanesOpened> {
  return openPlan(io, await openAll(io, { root: wish.root }), wish);
}

/** Ends the tmux session of a workspace, and none other; without tmux there is none. @returns the names of what was ended */
export async function killPanes(io: Io, workspace: Workspace): Promise<readonly string[]> {
  const tmux = await findTmux(io, socketOf(workspace));
  return tmux === null ? [] : killInTmux(tmux, ownerOf(workspace.root));
}

const ownerOf = (root: string): Sha256 => makeDigest().sha256(new TextEncoder().encode(root));

/** What a person reads of it. */
export const openedWords = ({ session, state, panes, command, with: program }: PanesOpened): string => {
  const what = { made: 'opened', mended: 'mended', there: 'open already' }[state];
  const how = command.length === 0 ? '' : `\n  ${['tmux', ...command.slice(1)].map(shown).join(' ')}`;
  return `${String(panes)} panes in ${program === 'tmux' ? 'tmux' : 'iTerm2'}, ${what}: ${session}${how}`;
};
const shown = (word: string): string => (/^[A-Za-z0-9_.,:/@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

async function openPlan(io: Io, opened: Opened, wish: OpenPanesWish): Promise<PanesOpened> {
  const { settings } = opened.workspace;
  const plan = await planOf(opened, wish);
  const panes = plan.windows.reduce((sum, window) => sum + window.panes.length, 0);
  const socket = socketOf(opened.workspace);
  const program = wish.with ?? (settings['panes.program'] as PaneProgram);
  const found = program === 'auto' && isInIterm(io) ? await findTmux(io, socket) : null;
  if (program === 'iterm' || (program === 'auto' && isInIterm(io) && found === null)) {
    await runInIterm(io, plan);
    return { with: 'iterm', session: plan.session, state: 'made', panes, command: [], isShown: true };
  }
  const tmux = found ?? (await needTmux(io, socket));
  const state = await openInTmux(tmux, plan, settings['panes.max_machine']);
  const command = tmux.showCommand(plan.session, await tmux.isInside());
  const isShown = wish.isDetached !== true && [io.isTerminal, io.canAsk].every(Boolean);
  if (isShown) await showInTmux(tmux, plan);
  return { with: 'tmux', session: plan.session, state, panes, command, isShown };
}

const isInIterm = ({ env }: Io): boolean => env['TERM_PROGRAM'] === 'iTerm.app';

function socketOf({ settings }: Workspace): string {
  const socket = settings['panes.socket'];
  if (/^[A-Za-z0-9_-]{0,64}$/.test(socket)) return socket;
  throw new CliError(
    `panes.socket: ${printable(socket, 80)} is no name of a tmux server: letters, digits, hyphens and underscores, at most 64`,
    EXIT.wrongUse,
  );
}

/** Throws CliError 1 when there are too many panes, 2 for a role that there is not. */
export async function planOf({ workspace, roles }: Opened, wish: OpenPanesWish): Promise<PanePlan> {
  const { settings } = workspace;
  const named = wish.roles ?? settings['panes.roles'];
  const interactive = (wish.interactive ?? settings['panes.interactive']).map((name) => roleNamed(roles, name));
  const wanted = new Set([...named.map((name) => roleNamed(roles, name)), ...(wish.roles === undefined ? [] : interactive)]);
  const chosen = [...roles.values()].filter((role) => named.length === 0 || wanted.has(role));
  const plan = planPanes({
    app: workspace.app,
    root: workspace.root,
    owner: ownerOf(workspace.root),
    feature: wish.feature ?? (await featureOf(workspace.root)),
    roles: chosen,
    interactive: new Set(interactive.map(({ name }) => name)),
    docket: [process.execPath, packageFile('bin/docket.js')],
    panesMax: settings['panes.max'],
  });
  if (!plan.ok) throw new CliError(plan.error, EXIT.notWell);
  return plan.value;
}

function planWords({ session, folder, windows }: PanePlan): string {
  const lines = windows.flatMap(({ name, panes, rows }) => [
    `window ${name}, rows of ${rows.join(', ')}`,
    ...panes.map(({ title, mode, args }) => `  ${title} (${mode})\n    ${args.map(shown).join(' ')}`),
  ]);
  return [`session ${session}`, `folder ${printable(folder, 1_000)}`, ...lines].join('\n');
}
