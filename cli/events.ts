/** The lifecycle programs of a workspace, for its daemon (daemon/events.ts). */

import type { Fs, Log } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { openEvents, type Events } from '#daemon/events.ts';
import { makeDigest } from '#platform/digest.ts';
import { eventPrograms, runEventProgram } from '#platform/event-program.ts';
import { CliError, EXIT } from './io.ts';
import { clock } from './parts.ts';

/** Empty: none is switched on. Throws CliError 3 for a name that is no event. @param closers what is done when the daemon ends */
export async function eventsOf(
  workspace: Workspace,
  env: Readonly<Record<string, string | undefined>>,
  ports: { readonly fs: Fs; readonly log: Log; readonly clean: (text: string, maxLength: number) => string },
  closers: (() => void | Promise<void>)[],
): Promise<{ readonly events?: Events }> {
  const events = await openEvents({
    ...ports,
    root: workspace.root,
    state: workspace.state,
    settings: workspace.settings,
    digest: makeDigest(),
    clock,
    find: eventPrograms,
    run: async (program, run) => runEventProgram(program, env, run),
  }).catch((error: unknown) => {
    throw error instanceof RangeError ? new CliError(error.message, EXIT.environment) : error;
  });
  if (events === null) return {};
  closers.push(events.close);
  return { events };
}
