/** What of a workspace's own rules nobody committed, asked of git: docket.yaml, which may loosen nothing before it is (settings-strict.ts), and roles, profiles and specs, which are told. */

import type { Log } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { printable } from '#core/names.ts';
import { askProgram } from '#platform/ask.ts';
import { makeFs } from '#platform/files.ts';
import { gitCommitted, gitUncommitted } from '#platform/git-program.ts';
import { warnOfRoot } from './owners.ts';
import type { Committed } from './settings-strict.ts';
import { findRepository } from './workspace.ts';

export const committed = async (root: string, name: string): Promise<Committed> => gitCommitted(askProgram, root, name);

/** They say what a role may do, which program a tool is, and what a model is told: whoever can write there can widen it. */
const RULES = ['agents', 'prompt-spec'] as const;
const SHOWN_MAX = 5;

/** Notes on docket.yaml, and on rules of the workspace's own that differ from HEAD. Outside git, or where git cannot be asked, there is nothing to hold them against. */
export async function notesOf(workspace: Pick<Workspace, 'root' | 'notes'>): Promise<readonly string[]> {
  const notes = workspace.notes ?? [];
  const fs = makeFs();
  const there: string[] = [];
  for (const name of RULES) if ((await fs.facts(`${workspace.root}/${name}`))?.kind === 'folder') there.push(name);
  if (there.length === 0 || (await findRepository(fs, workspace.root)) === null) return notes;
  const changed = (await gitUncommitted(askProgram, workspace.root, there)) ?? [];
  if (changed.length === 0) return notes;
  const more = changed.length > SHOWN_MAX ? `, and ${String(changed.length - SHOWN_MAX)} more` : '';
  const shown = changed
    .slice(0, SHOWN_MAX)
    .map((file) => printable(file))
    .join(', ');
  return [...notes, `rules of roles or tools are not as they were committed: ${shown}${more} (they hold; review and commit them)`];
}

/** What a person should know who starts a daemon here. */
export async function tellAtStart(log: Pick<Log, 'warn'>, workspace: Pick<Workspace, 'root' | 'notes'>): Promise<void> {
  warnOfRoot(log);
  for (const note of await notesOf(workspace)) log.warn(note);
}
