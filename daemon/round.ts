/** A round of the daemon's loop that failed: told, and tried again a little later; only a disk that loses what was written ends the daemon. */

import { classifyError } from '#core/disk.ts';
import type { Ports } from './ports.ts';

export const RETRY_BASE_MS = 1_000;

/** Throws the error itself when nothing that is written can be trusted any more. @returns what kind of error it was, after a pause */
export async function roundFailed(
  { log, clock }: Pick<Ports, 'log' | 'clock'>,
  error: unknown,
  signal: AbortSignal,
): Promise<'environment' | 'bug'> {
  const kind = classifyError(error);
  if (kind === 'lost-disk') throw error;
  const stack = error instanceof Error && kind === 'bug' ? error.stack : undefined;
  const words = stack ?? (error instanceof Error ? error.message : String(error));
  log.error(`a round failed, the next one is in ${String(RETRY_BASE_MS)} ms: ${words}`);
  await clock.sleep(RETRY_BASE_MS, signal);
  return kind;
}
