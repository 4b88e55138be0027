/**
 * Retention in the background: once a while, answered inputs that are old enough move to archive/ (spool/retire.ts), a batch at a time with long
 * pauses. It never holds up a claim, and what it cannot do now it tries again later.
 *
 * States: resting -> at work (batch, pause, batch …) -> resting, until the daemon stops.
 */

import { classifyError } from '#core/disk.ts';
import type { Clock, Log } from '#core/ports.ts';
import type { Spool } from '#core/spool.ts';

export type RetentionParts = {
  readonly spool: Pick<Spool, 'retire'>;
  readonly clock: Clock;
  readonly log: Log;
  /** setting retention.processed, ms; 0: never */
  readonly ageMs: number;
  readonly stopping: AbortSignal;
};

/** The first round does not compete with the start. */
const FIRST_MS = 60_000;
const ROUND_MS = 6 * 3_600_000;
/** Of the time, while a round lasts. */
const SHARE = 0.05;

/** Ends when the daemon stops; rejects only when the disk is lost. */
export async function keepRetention({ spool, clock, log, ageMs, stopping }: RetentionParts): Promise<void> {
  if (ageMs === 0) return;
  const isOver = (): boolean => stopping.aborted;
  for (let restMs = FIRST_MS; ; restMs = ROUND_MS) {
    await clock.sleep(restMs, stopping);
    if (isOver()) return;
    let moved = 0;
    try {
      let startMs = clock.monotonicMs();
      for await (const count of spool.retire(new Date(clock.now().getTime() - ageMs))) {
        moved += count;
        const tookMs = clock.monotonicMs() - startMs;
        await clock.sleep(Math.max(1, tookMs / SHARE - tookMs), stopping);
        if (isOver()) break;
        startMs = clock.monotonicMs();
      }
    } catch (error) {
      if (classifyError(error) === 'lost-disk') throw error;
      log.warn(
        `old inputs could not be moved to archive/, the next try is in six hours: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    if (moved > 0) log.info(`${String(moved)} inputs that ended long ago moved to archive/ (retention.processed)`);
  }
}
