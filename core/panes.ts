/** Panes: what a terminal shows of a workspace, a pane for each role. Data for tmux, iTerm2 and any other program (`docket panes --print --json`). docs/panes.md. */

import type { RoleFolder } from './names.ts';

export type Pane = {
  readonly role: RoleFolder;
  /** `01-architect: Architect`: letters, digits, spaces and `.,:_-` only, because terminals give other signs a meaning. */
  readonly title: string;
  /** follow: shows the role, and goes on when the daemon stops; interactive: a person's own session with the role's tool. */
  readonly mode: 'follow' | 'interactive';
  /** The program, absolute, and its arguments. Never a shell line. */
  readonly args: readonly string[];
};

/** The pane with this index is made by splitting that one; both count from 0 in their window. */
export type PaneSplit = { readonly pane: number; readonly from: number; readonly side: 'right' | 'below' };

export type PaneWindow = {
  readonly name: string;
  /** At most 6. */
  readonly panes: readonly Pane[];
  /** How many panes stand side by side in each row, from above. */
  readonly rows: readonly number[];
  /** In the order in which they are made; the first pane is the window itself. */
  readonly splits: readonly PaneSplit[];
};

export type PanePlan = {
  readonly v: 1;
  /** Letters, digits, hyphens and underscores: what tmux takes as it is. The same for the same workspace and feature. */
  readonly session: string;
  /** SHA-256 of the workspace's path: whose session it is. */
  readonly owner: string;
  /** The workspace; absolute. */
  readonly folder: string;
  readonly feature: string | null;
  readonly windows: readonly PaneWindow[];
};
