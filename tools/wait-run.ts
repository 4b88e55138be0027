/** Waiting for a kept run. */

import type { Keeper } from '#core/ports.ts';
import type { ExitFile } from '#core/run.ts';

/** Waits for a run's end; ends it when the signal aborts, and still waits. @returns null: the keeper ended, and the run with it */
export async function waitForRun(
  keeper: Pick<Keeper, 'wait' | 'stop'>,
  { dir, runId }: { readonly dir: string; readonly runId: string },
  signal: AbortSignal,
): Promise<ExitFile | null> {
  const stop = (): void => void keeper.stop(runId, 'cancelled').catch(() => undefined);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await keeper.wait(dir, runId);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
