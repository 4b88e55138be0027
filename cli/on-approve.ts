/** With `worktrees.on_approve: create` the approval of a meta answer makes the workspace of its feature. A failure undoes no verdict: it is told. */

import type { Workspace } from '#core/settings.ts';
import { isAccepted } from '#core/verdict.ts';
import { CliError, type Io } from './io.ts';
import type { Given, ReviewItem } from './reviews.ts';

const PLANNER = 'meta';

/** What came of it, a line; null: nothing was to be made. */
export async function workspaceAfter(io: Io, workspace: Workspace, item: ReviewItem, { verdict, standing }: Given): Promise<string | null> {
  if (workspace.settings['worktrees.on_approve'] !== 'create' || (workspace.work ?? null) !== null) return null;
  if (item.identity.role !== PLANNER || verdict.verdict !== 'approved' || !isAccepted(standing)) return null;
  const { workOn } = await import('./work-on.ts');
  const next = `try \`docket work-on ${item.featureName}\``;
  try {
    const { record, isNew, failed } = await workOn(
      io,
      { root: workspace.root },
      { name: item.featureName, stream: 'feature', from: null, source: null, daemon: false, panes: false, fetch: true },
    );
    if (failed !== null) return `${failed}\nthe verdict stands`;
    return `its workspace is ${isNew ? '' : 'there already: '}${record.folder} (branch ${record.branch})`;
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return `its workspace could not be made: ${error.message}\nthe verdict stands; ${next}`;
  }
}
