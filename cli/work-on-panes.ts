/** The last step of `work-on` and `fix`: a pane for each role in the new work tree, where a person sits at a terminal. A work tree without panes is worth having all the same. */

import type { WorktreeRecord } from '#core/worktrees.ts';
import { CliError, EXIT, type Common, type Io } from './io.ts';
import { openedWords, openPanes } from './panes.ts';

type Ready = {
  readonly record: Pick<WorktreeRecord, 'id'>;
  /** Of its workspace. */
  readonly root: string;
  /** Why it cannot be worked in; null: it can. */
  readonly failed: string | null;
  readonly wantsPanes: boolean;
};

/** Nothing where nobody wants them, or nobody could see them: scripts, and those that read `--json`. */
export async function showPanes(io: Io, common: Common, { record, root, failed, wantsPanes }: Ready): Promise<void> {
  if (!wantsPanes || failed !== null || common.json === true || !io.canAsk) return;
  try {
    const opened = await openPanes(io, { root, feature: record.id });
    io.out(openedWords(opened));
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    io.err(`docket: the work tree is ready, but no panes were opened: ${error.message} (--no-panes asks for none)`);
    io.setExitCode(EXIT.notWell);
  }
}
