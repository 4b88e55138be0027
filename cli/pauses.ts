/** Who has paused what: asked of the daemon that runs, else of its file; and changed in the same way. */

import { userName } from '#platform/system.ts';
import { makeFs } from '#platform/files.ts';
import type { Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { openPauses, type Pause, type PauseKind, type Pauses } from '#daemon/pauses.ts';
import { CliError, EXIT } from './io.ts';
import { connectControl } from './open.ts';
import { clock, withKernelLock } from './parts.ts';
import { pausesFile } from './places.ts';

/** Throws CliError 3 when the file is none of ours: what a person has paused must not start because nobody could read it. */
export async function pausesOf(workspace: Pick<Workspace, 'state'>, fs: Fs = makeFs()): Promise<Pauses> {
  try {
    return await openPauses(fs, pausesFile(workspace.state));
  } catch (error) {
    throw new CliError(error instanceof Error ? error.message : String(error), EXIT.environment);
  }
}

export const readPauses = async (workspace: Pick<Workspace, 'state'>): Promise<readonly Pause[]> => (await pausesOf(workspace)).all();

export type Changed = {
  /** False: it was so already. */
  readonly changed: boolean;
  /** A lane that was held by itself lets one run go to see. */
  readonly probed: boolean;
  readonly isUp: boolean;
};

/** Throws CliError when a daemon runs that does not answer: it would not hear of it. */
export async function changePause(workspace: Workspace, op: 'pause' | 'resume', kind: PauseKind, name: string): Promise<Changed> {
  const by = userName();
  const control = await connectControl(workspace);
  if (control !== null) {
    try {
      const reply = await control.ask(op, { kind, name, by });
      if (!reply.ok) throw new CliError(`the daemon did not take it: ${reply.error ?? 'no reason given'}`, EXIT.notWell);
      return { changed: reply['changed'] === true, probed: reply['probed'] === true, isUp: true };
    } finally {
      control.close();
    }
  }
  const done = await withKernelLock(workspace, async () => {
    const pauses = await pausesOf(workspace);
    return op === 'pause' ? pauses.add({ kind, name, by, at: clock.now().toISOString() }) : pauses.remove(kind, name);
  });
  if (done === null)
    throw new CliError('a daemon is just starting or stopping and does not answer yet: the same command again in a moment', EXIT.notWell);
  return { changed: done, probed: false, isUp: false };
}
