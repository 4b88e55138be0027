/**
 * Retention in the background: once a while, answered inputs that are old enough move to archive/ (spool/retire.ts), a batch at a time with long
 * pauses. It never holds up a claim, and what it cannot do now it tries again later.
 *
 * States: resting -> at work (batch, pause, batch …) -> resting, until the daemon stops.
 * Invariant: a clock that was set forward by mistake makes nothing old before it has stayed so for a day (docs/decisions/0024).
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
  /** When this daemon or one before it did something last, by the wall clock of then; null: nobody knows. */
  readonly lastSeen: Date | null;
  readonly stopping: AbortSignal;
};

/** The first round does not compete with the start. */
const FIRST_MS = 60_000;
const ROUND_MS = 6 * 3_600_000;
/** Of the time, while a round lasts and moves files; most of that is the disk's. */
const SHARE = 0.05;
/** The same while it only looks: a daemon at rest stays far below one hundredth of a processor. */
const LOOKING_SHARE = 0.005;

const DAY_MS = 86_400_000;
/** A clock may go on by this much between two looks at once: a machine that slept, a daemon that was not started for a while. */
const JUMP_MS = 30 * DAY_MS;

/**
 * The wall clock for ages: `now`, or how many ms it went forward at once and is not believed yet. It is believed when it has stayed so for a day of
 * the monotonic clock; a step back is believed at once, because it only makes things younger.
 */
export function makeAgeClock(clock: Clock, lastSeen: Date | null): () => { readonly now: Date } | { readonly jumpMs: number } {
  let believedMs = (lastSeen?.getTime() ?? clock.now().getTime()) - clock.monotonicMs();
  let sinceMs: number | null = null;
  return () => {
    const now = clock.now();
    const monotonicMs = clock.monotonicMs();
    const jumpMs = now.getTime() - monotonicMs - believedMs;
    if (jumpMs > JUMP_MS) {
      sinceMs ??= monotonicMs;
      if (monotonicMs - sinceMs < DAY_MS) return { jumpMs };
    }
    sinceMs = null;
    believedMs += jumpMs;
    return { now };
  };
}

/** Ends when the daemon stops; rejects only when the disk is lost. */
export async function keepRetention({ spool, clock, log, ageMs, lastSeen, stopping }: RetentionParts): Promise<void> {
  if (ageMs === 0) return;
  const isOver = (): boolean => stopping.aborted;
  const ageClock = makeAgeClock(clock, lastSeen);
  let isTold = false;
  for (let restMs = FIRST_MS; ; restMs = ROUND_MS) {
    await clock.sleep(restMs, stopping);
    if (isOver()) return;
    const time = ageClock();
    if ('jumpMs' in time) {
      const days = String(Math.floor(time.jumpMs / DAY_MS));
      if (!isTold)
        log.warn(
          `the clock is ${days} days ahead of what was last seen: until it has stayed so for a day, no input is taken for old (retention.processed)`,
        );
      isTold = true;
      continue;
    }
    isTold = false;
    let moved = 0;
    try {
      let startMs = clock.monotonicMs();
      for await (const count of spool.retire(new Date(time.now.getTime() - ageMs))) {
        moved += count;
        const tookMs = clock.monotonicMs() - startMs;
        await clock.sleep(Math.max(1, tookMs / (count === 0 ? LOOKING_SHARE : SHARE) - tookMs), stopping);
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
