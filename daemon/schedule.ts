/**
 * Lanes: the schedule of one provider account each. A lane has slots, a cap of starts per interval, priorities, and can be held
 * (a rate limit, a missing program). A hold is durable: it is in the journal and survives a restart. Wraps p-queue.
 *
 * States of a lane: open -> held (until a time, or a probe interval) -> open. Waiting work keeps its order while a lane is held.
 */

import PQueue from 'p-queue';
import type { Clock, Journal, Log } from '#core/ports.ts';
import type { LaneSettings } from '#core/settings.ts';
import { Leaving } from './leaving.ts';

export type LaneView = {
  readonly lane: string;
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  readonly heldUntil: string | null;
  readonly reason: string | null;
};

export type Lanes = {
  /** Runs the work when the lane is open and has a slot. Rejects with Leaving once the daemon stops. @param priority 0..99, lower goes first */
  run<T>(lane: string, priority: number, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
  /** No starts for a while. @param untilMs wall clock of the reset when the provider told it @param delayMs how long to wait from now */
  hold(lane: string, untilMs: number | null, delayMs: number, reason: string): Promise<void>;
  /** Stands in the lane from the claim until the answer, so that no more is claimed than will soon run. */
  reserve(lane: string, priority: number): Place;
  /**
   * How many of this priority may be claimed for the lane: as many as it has slots and `ahead` beside them; one more when it is more urgent than
   * one that waits in work/. May be negative after a restart.
   */
  room(lane: string, priority: number): number;
  isHeld(lane: string): boolean;
  view(): readonly LaneView[];
  /** No more starts; everything that waits rejects with Leaving. */
  stop(): void;
  /** Resolves when nothing runs. */
  idle(): Promise<void>;
};

/** A claimed job's place in its lane. */
export type Place = {
  /** Its first run begins: it stands in nobody's way any more. */
  readonly begins: () => void;
  /** Its answer is there, or it has left the daemon. */
  readonly leaves: () => void;
};

type Lane = {
  readonly settings: LaneSettings;
  readonly queue: PQueue;
  readonly places: Set<{ readonly priority: number; isWaiting: boolean }>;
  held: { untilMs: number | null; reason: string; wake: AbortController } | null;
};

export type LaneDefaults = (lane: string) => LaneSettings;

/** An infinite cap: the lane calls no provider, so its starts are not capped per interval. */
const makeQueue = (settings: LaneSettings): PQueue =>
  Number.isFinite(settings.intervalCap)
    ? new PQueue({ concurrency: settings.slots, interval: settings.intervalMs, intervalCap: settings.intervalCap, strict: true })
    : new PQueue({ concurrency: settings.slots });

/** @param ahead jobs of a lane that are claimed while its slots are busy, so that the next one starts at once */
export function makeLanes(ports: { clock: Clock; journal: Journal; log: Log }, settingsOf: LaneDefaults, ahead: number): Lanes {
  const lanes = new Map<string, Lane>();
  const stopping = new AbortController();

  const laneOf = (name: string): Lane => {
    const known = lanes.get(name);
    if (known !== undefined) return known;
    const settings = settingsOf(name);
    const lane: Lane = { settings, queue: makeQueue(settings), places: new Set(), held: null };
    lanes.set(name, lane);
    return lane;
  };

  const open = (name: string, lane: Lane): void => {
    lane.held = null;
    if (!stopping.signal.aborted) lane.queue.start();
    ports.log.info(`lane ${name} is open again`);
    ports.journal.commit([{ do: 'free-lane', lane: name, at: ports.clock.now().toISOString() }]).catch((error: unknown) => {
      ports.log.error(`the journal did not take that lane ${name} is open: ${String(error)}`);
    });
  };

  const reopenAfter = async (name: string, lane: Lane, held: Lane['held'], delayMs: number, wake: AbortSignal): Promise<void> => {
    await ports.clock.sleep(delayMs, wake);
    if (lane.held === held && !stopping.signal.aborted) open(name, lane);
  };

  const pause = (name: string, untilMs: number | null, delayMs: number, reason: string): void => {
    const lane = laneOf(name);
    lane.held?.wake.abort();
    lane.queue.pause();
    const held = { untilMs, reason, wake: new AbortController() };
    lane.held = held;
    const wake = AbortSignal.any([held.wake.signal, stopping.signal]);
    void reopenAfter(name, lane, held, delayMs, wake);
  };

  for (const hold of ports.journal.holds()) {
    const delayMs = hold.untilMs === null ? 0 : hold.untilMs - ports.clock.now().getTime();
    if (delayMs > 0) pause(hold.lane, hold.untilMs, delayMs, hold.reason);
  }

  return {
    async run(name, priority, signal, work) {
      const lane = laneOf(name);
      // Not AbortSignal.any: while one of its sources lives, Node keeps it, and with it all that its listener knows of the job.
      const signals = [signal, stopping.signal];
      const isGone = (): boolean => signals.some((one) => one.aborted);
      let started = false;
      const waitOut = Promise.withResolvers<never>();
      const leave = (): void => {
        if (!started) waitOut.reject(new Leaving());
      };
      for (const one of signals) one.addEventListener('abort', leave);
      if (isGone()) leave();
      const turn = lane.queue.add(
        async () => {
          if (isGone()) throw new Leaving();
          started = true;
          return work();
        },
        { priority: -priority },
      );
      turn.catch(() => undefined);
      try {
        return await Promise.race([turn, waitOut.promise]);
      } finally {
        for (const one of signals) one.removeEventListener('abort', leave);
      }
    },
    async hold(name, untilMs, delayMs, reason) {
      const at = ports.clock.now();
      const until = untilMs ?? at.getTime() + delayMs;
      ports.log.warn(`lane ${name} waits until ${new Date(until).toISOString()}: ${reason}`);
      pause(name, until, delayMs, reason);
      await ports.journal.commit([{ do: 'hold-lane', lane: name, untilMs: until, reason, at: at.toISOString() }]);
    },
    reserve(name, priority) {
      const { places } = laneOf(name);
      const place = { priority, isWaiting: true };
      places.add(place);
      return {
        begins() {
          place.isWaiting = false;
        },
        leaves() {
          places.delete(place);
        },
      };
    },
    room(name, priority) {
      const { places, settings } = laneOf(name);
      const free = settings.slots + ahead - places.size;
      if (free > 0) return free;
      return [...places].some((place) => place.isWaiting && place.priority > priority) ? 1 : free;
    },
    isHeld: (name) => laneOf(name).held !== null,
    view: () =>
      [...lanes].map(([name, lane]) => ({
        lane: name,
        slots: lane.settings.slots,
        running: lane.queue.pending,
        queued: lane.queue.size,
        heldUntil: lane.held === null || lane.held.untilMs === null ? null : new Date(lane.held.untilMs).toISOString(),
        reason: lane.held?.reason ?? null,
      })),
    stop() {
      stopping.abort();
      for (const lane of lanes.values()) lane.queue.pause();
    },
    async idle() {
      await Promise.all([...lanes.values()].map((lane) => lane.queue.onPendingZero()));
    },
  };
}
