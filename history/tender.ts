/**
 * When the history is tended: some time after the last group, or sooner when packs pile up without a pause. One at a time, in the
 * background; `close` ends the git program that is at work, and what it had begun counts for nothing.
 *
 *   idle -> (a group was written) waiting -> (a pause) tending -> idle
 */

import type { Alone, Repository } from './repository.ts';
import { tendPacks, type TendSettings } from './tend.ts';

/** So many times the packs that are allowed: then it begins without a pause. */
const PRESSING = 4;
/** After a failure it rests for so many times the pause. */
const REST = 60;

export type Tender = {
  /** A group was written. */
  nudge(packCount: number): void;
  close(): Promise<void>;
};

/** @param alone in turn with the writer */
export function makeTender(repository: Repository, settings: TendSettings, alone: Alone): Tender {
  const { clock, log } = repository;
  const closing = new AbortController();
  let running: Promise<void> | null = null;
  let pressing = false;
  let nudges = 0;
  let pause: AbortController | null = null;
  const isPressing = (): boolean => pressing;
  const isClosing = (): boolean => closing.signal.aborted;

  /** The pause begins again as long as something is written in it. */
  async function quiet(): Promise<void> {
    for (let seen = -1; seen !== nudges && !isPressing() && !isClosing();) {
      seen = nudges;
      pause = new AbortController();
      await clock.sleep(settings.idleMs, AbortSignal.any([closing.signal, pause.signal]));
    }
  }

  async function run(): Promise<void> {
    for (let seen = -1; seen !== nudges;) {
      await quiet();
      if (isClosing()) return;
      pressing = false;
      seen = nudges;
      await tend();
    }
  }

  async function tend(): Promise<void> {
    try {
      await tendPacks(repository, settings.packsMax, closing.signal, alone);
    } catch (error) {
      if (isClosing()) return;
      log.warn(`the history could not be tended (it is complete, and only slower to read): ${String(error)}`);
      await clock.sleep(settings.idleMs * REST, closing.signal);
    }
  }

  return {
    nudge(packCount) {
      if (settings.packsMax <= 0 || isClosing()) return;
      nudges++;
      if (packCount > settings.packsMax * PRESSING) {
        pressing = true;
        pause?.abort();
      }
      running ??= run().finally(() => {
        running = null;
      });
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}
