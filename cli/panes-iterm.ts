/** A plan of panes in iTerm2, by scripts/iterm_work_on_feature.py: it asks `docket panes --print --json` for the very plan that tmux gets. */

import type { PanePlan } from '#core/panes.ts';
import { runAttached } from '#platform/attached.ts';
import { findProgram } from '#platform/process.ts';
import { CliError, EXIT, type Io } from './io.ts';
import { packageFile } from './package.ts';

/** Throws CliError 3 when there is no python3, or the script says no. */
export async function runInIterm(io: Io, plan: PanePlan): Promise<void> {
  const python = await findProgram('python3', io.env['PATH'] ?? '');
  if (python === null)
    throw new CliError(
      'there is no python3 in PATH, which the iTerm2 script needs (brew install python, then pip3 install iterm2)',
      EXIT.environment,
    );
  const interactive = plan.windows.flatMap(({ panes }) => panes.filter(({ mode }) => mode === 'interactive'));
  const roles = plan.windows.flatMap(({ panes }) => panes);
  const code = await runAttached(python, [
    packageFile('scripts/iterm_work_on_feature.py'),
    '--panes-of',
    plan.folder,
    ...roles.flatMap(({ role }) => ['--role', role]),
    ...interactive.flatMap(({ role }) => ['--interactive', role]),
  ]);
  if (code !== 0) throw new CliError(`iTerm2 opened no panes (exit code ${String(code)}): its words are above`, EXIT.environment);
}
