/**
 * Waits until a run may be paid for, then until it has its turn in the lane. Money is asked for where the run starts, in its slot, so that who waits
 * for a slot reserves nothing; who waits for money has no slot, and no place that would keep other prompts out of the lane.
 */

import type { AttemptRecord } from '#core/run.ts';
import type { Wish } from './budget.ts';
import { Leaving } from './leaving.ts';
import type { Ports } from './ports.ts';
import type { Submitted } from './task.ts';

const OVER = Symbol('over budget');

export type Affordable = {
  readonly wish: Wish;
  /** The run is under way, or has ended and is only understood: it was paid for. */
  readonly isUnderWay: boolean;
};

/**
 * @param inLane gives the work its slot; `cancelled` when a person did not want to wait
 * @param work one attempt
 */
export async function afford<T extends { readonly record: AttemptRecord }>(
  ports: Ports,
  job: Submitted,
  { wish, isUnderWay }: Affordable,
  inLane: (work: () => Promise<T | typeof OVER>) => Promise<T | typeof OVER | 'cancelled'>,
  work: () => Promise<T>,
): Promise<T | 'cancelled'> {
  const { purse } = ports;
  const { cancel } = job.task;
  const paid = async (): Promise<T> => {
    const run = await work();
    purse.ended(wish, run.record);
    return run;
  };
  const isFree = !purse.isOn || !job.facts.callsProvider;
  if (!isFree && isUnderWay) purse.hold(wish);
  let told: string | null = null;
  for (;;) {
    const reason = isFree || isUnderWay ? null : purse.ask(wish);
    if (reason === null) {
      const run = await inLane(async () => {
        if (isFree) return work();
        return isUnderWay || purse.take(wish) === null ? paid() : OVER;
      });
      if (run !== OVER) return run;
      continue;
    }
    if (told === null) {
      ports.log.warn(`waits for money: ${reason}`, { job: wish.job, role: wish.role, feature: wish.feature });
      await ports.journal.note([{ do: 'event', at: ports.clock.now().toISOString(), job: wish.job, kind: 'budget', detail: reason }]);
      job.task.place.leaves();
    }
    told = reason;
    ports.waitsForMoney.set(wish.job, reason);
    try {
      await untilChanged(ports, cancel);
    } finally {
      ports.waitsForMoney.delete(wish.job);
    }
    if (cancel.aborted) return 'cancelled';
    if (ports.stopping.aborted) throw new Leaving();
  }
}

/** Not AbortSignal.any: while one of its sources lives, Node keeps it. */
async function untilChanged(ports: Ports, cancel: AbortSignal): Promise<void> {
  const over = new AbortController();
  const end = (): void => {
    over.abort();
  };
  const signals = [cancel, ports.stopping];
  for (const signal of signals) signal.addEventListener('abort', end);
  if (signals.some((signal) => signal.aborted)) end();
  try {
    await ports.purse.changed(over.signal);
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', end);
  }
}
