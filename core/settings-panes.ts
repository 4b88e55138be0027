/** The rows of `panes`: a terminal with a pane for each role (docs/panes.md). */

import { row } from './settings-row.ts';

export const PANE_SETTINGS = {
  'panes.program': row<string>({
    default: 'auto',
    unit: 'choice',
    choices: ['auto', 'tmux', 'iterm'],
    why: 'what docket panes opens panes with; auto: tmux where it is installed, else iTerm2 in a window of iTerm2',
  }),
  'panes.max': row<number>({
    default: 12,
    unit: 'count',
    min: 1,
    max: 200,
    why: 'most panes of one workspace: more roles than this are refused, so that a mistake starts no hundred programs',
  }),
  'panes.max_machine': row<number>({
    default: 120,
    unit: 'count',
    min: 1,
    max: 2_000,
    why: 'most panes that docket has open in one tmux server, over all workspaces; one more workspace than that is refused',
  }),
  'panes.roles': row<readonly string[]>({ default: [], unit: 'list', why: 'the roles that get a pane, such as architect; empty: all' }),
  'panes.interactive': row<readonly string[]>({
    default: [],
    unit: 'list',
    why: "roles whose pane is a session of your own with the role's AI tool, which docket does not record, instead of following the role",
  }),
  'panes.socket': row<string>({
    default: '',
    unit: 'text',
    why: "a tmux server of its own (tmux -L): letters, digits, hyphens and underscores; empty: tmux's default one",
  }),
} as const;
