/**
 * Waits until a run may be paid for, then until it has its turn in the lane. Money is asked for where the run starts, in its slot, so that who waits
 * for a slot reserves nothing; who waits for money has no slot, and no place that would keep other prompts out of the lane.
 */

import type { AttemptRecord } from '#core/run.ts';
import type { Wish } from './budget.ts';
import { NOTHING, type Verdict } from './lanes/verdict.ts';
import { Leaving } from './leaving.ts';
import type { Ports } from './ports.ts';
import type { Submitted } from './task.ts';

const OVER = Symbol('over budget');

export type Affordable = {
  readonly wishOf: (lane: string) => Wish;
  /** The one it wants; it may be given another (daemon/schedule.ts). */
  readonly lane: string;
  /** The run is under way, or has ended and is only understood: it was paid for. */
  readonly isUnderWay: boolean;
};

/**
 * @param inLane gives the work its turn; `cancelled` when a person did not want to wait
 * @param work one attempt
 * @param verdictOf what it says of its lane
 */
export async function afford<G extends { readonly lane: string }, T extends { readonly record: AttemptRecord }>(
  ports: Ports,
  job: Submitted,
  { wishOf, lane, isUnderWay }: Affordable,
  inLane: (
    work: (given: G) => Promise<T | typeof OVER>,
    verdict: (value: T | typeof OVER) => Verdict,
  ) => Promise<T | typeof OVER | 'cancelled'>,
  work: (given: G) => Promise<T>,
  verdictOf: (value: T) => Verdict,
): Promise<T | 'cancelled'> {
  const { purse } = ports;
  const { cancel } = job.task;
  const wish = wishOf(lane);
  const isFree = !purse.isTold || !job.facts.callsProvider;
  if (!isFree && isUnderWay) purse.hold(wish);
  let told: string | null = null;
  /** The lane that it was given has no money left, though the one it wants has. */
  let refused: string | null = null;
  const take = async (given: G): Promise<T | typeof OVER> => {
    if (isFree) return work(given);
    const mine = wishOf(given.lane);
    refused = isUnderWay ? null : purse.take(mine);
    if (refused !== null) return OVER;
    const run = await work(given);
    purse.ended(mine, run.record);
    return run;
  };
  for (;;) {
    const reason = isFree || isUnderWay ? null : (purse.ask(wish) ?? refused);
    refused = null;
    if (reason === null) {
      const run = await inLane(take, (value) => (typeof value === 'symbol' ? NOTHING : verdictOf(value)));
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
