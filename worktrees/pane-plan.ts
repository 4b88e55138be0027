/**
 * From roles to a plan of panes. Pure: tmux, iTerm2 and `docket panes --print` show the same plan.
 *
 *   roles   1      2       3-4       5-6         more: windows of 6
 *           ┌─┐   ┌─┬─┐   ┌─┬─┐     ┌─┬─┐
 *           └─┘   └─┴─┘   ├─┴─┤     ├─┼─┤
 *                         └───┘     ├─┴─┤
 *                                   └───┘
 */

import { printable, type FeatureId } from '#core/names.ts';
import type { Pane, PanePlan, PaneSplit, PaneWindow } from '#core/panes.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { Role } from '#core/role.ts';

export const WINDOW_PANES_MAX = 6;
const ROW_PANES_MAX = 2;
const APP_LENGTH_MAX = 40;
const OWNER_LENGTH_SHOWN = 6;

export type PaneWish = {
  readonly app: string;
  /** The workspace; absolute, links resolved. */
  readonly root: string;
  /** SHA-256 of root, in hex. */
  readonly owner: string;
  readonly feature: FeatureId | null;
  readonly roles: readonly Pick<Role, 'name' | 'folder' | 'title'>[];
  /** Names of the roles whose pane is a session of a person's own. */
  readonly interactive: ReadonlySet<string>;
  /** How docket is called: program and first arguments. */
  readonly docket: readonly string[];
  /** The setting panes.max. */
  readonly panesMax: number;
};

/** What tmux takes as a name: a dot or a colon in it would name a window or a pane. */
const safe = (text: string): string => text.replaceAll(/[^A-Za-z0-9_-]+/g, '-').replaceAll(/^-+|-+$/g, '');

/** `docket-shop-FEAT-123-1a2b3c`; the end tells two repositories with one app name apart. */
export const sessionName = ({ app, feature, owner }: Pick<PaneWish, 'app' | 'feature' | 'owner'>): string =>
  ['docket', safe(app).slice(0, APP_LENGTH_MAX), ...(feature === null ? [] : [safe(feature)]), owner.slice(0, OWNER_LENGTH_SHOWN)]
    .filter((part) => part !== '')
    .join('-');

const titleOf = ({ folder, title }: Pick<Role, 'folder' | 'title'>, isInteractive: boolean): string =>
  printable(`${folder}: ${title}${isInteractive ? ', your own session, not recorded' : ''}`, 90)
    .replaceAll(/[^\p{L}\p{N} .,:_-]+/gu, ' ')
    .trim();

/** The error says in words what there is too much of. */
export function planPanes(wish: PaneWish): Result<PanePlan, string> {
  const { roles, panesMax } = wish;
  if (roles.length === 0) return err('no role is left to open a pane for: name some, or none for all (panes.roles)');
  if (roles.length > panesMax)
    return err(
      `${String(roles.length)} panes would be opened, one for each role, and panes.max allows ${String(panesMax)}: name the roles that you want (--role), or raise panes.max in docket.yaml`,
    );
  const panes = roles.map((role): Pane => {
    const isInteractive = wish.interactive.has(role.name);
    const args = [...wish.docket, 'attach', role.folder, '--root', wish.root, ...(isInteractive ? ['--interactive'] : [])];
    return { role: role.folder, title: titleOf(role, isInteractive), mode: isInteractive ? 'interactive' : 'follow', args };
  });
  const count = Math.ceil(panes.length / WINDOW_PANES_MAX);
  const windows = Array.from({ length: count }, (_, index) =>
    windowOf(count === 1 ? 'roles' : `roles-${String(index + 1)}`, panes.slice(index * WINDOW_PANES_MAX, (index + 1) * WINDOW_PANES_MAX)),
  );
  const { root: folder, owner, feature } = wish;
  return ok({ v: 1, session: sessionName(wish), owner, folder, feature, windows });
}

function windowOf(name: string, panes: readonly Pane[]): PaneWindow {
  const rows: number[] = [];
  for (let left = panes.length; left > 0; left -= ROW_PANES_MAX) rows.push(Math.min(left, ROW_PANES_MAX));
  const firsts = rows.map((_, row) => row * ROW_PANES_MAX);
  // Rows first, then what stands beside the first pane of each.
  const below = firsts.slice(1).map((pane): PaneSplit => ({ pane, from: pane - ROW_PANES_MAX, side: 'below' }));
  const beside = firsts.flatMap((first, row) =>
    Array.from({ length: (rows[row] ?? 1) - 1 }, (_, index): PaneSplit => ({
      pane: first + index + 1,
      from: first + index,
      side: 'right',
    })),
  );
  return { name, panes, rows, splits: [...below, ...beside] };
}
