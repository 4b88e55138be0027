/**
 * Who starts next, over all lanes: a pass goes through those that wait, best first, and lets go each whose lane, role and machine have a place.
 * A pass is made when something has changed: a run came, a run ended, a hold is over, a pause began or ended, a start may be made again.
 *
 * Invariant: no more run than the lane's window, the role's slots and the global slots; no lane that is held or paused starts anything.
 */

import type { Clock } from '#core/ports.ts';
import { Leaving } from '../leaving.ts';
import type { Pauses } from '../pauses.ts';
import type { Change, Flight, Lane } from './lane.ts';
import { leftMsOf, type Now } from './hold.ts';
import { makeTurnQueue, type Waiting } from './queue.ts';
import { NOTHING, type Verdict } from './verdict.ts';

export type Ask = {
  /** The lane it wants; then those it may take instead while the ones before are held for a limit or their environment. */
  readonly lanes: readonly string[];
  readonly role: string;
  /** daemon/lanes/order.ts */
  readonly order: number;
};
/** Where a run goes. */
export type Turn = {
  /** Which of the lanes it asked for. */
  readonly choice: number;
  /** Why not the first one; null: it is the first one. */
  readonly instead: string | null;
  /** It goes alone, to see whether the lane works again. */
  readonly isProbe: boolean;
};

export type DispatchParts = {
  readonly clock: Clock;
  readonly laneOf: (name: string) => Lane;
  readonly lanes: () => Iterable<Lane>;
  readonly roleSlots: (role: string) => number | null;
  readonly runningMax: number;
  readonly pauses: Pick<Pauses, 'ofLane' | 'ofRole'>;
  /** The time of a hold has come. */
  readonly onDue: (lane: Lane) => void;
  /** A verdict has changed what is remembered of a lane. Awaited before the run's own end is told. */
  readonly onChange: (lane: Lane, change: Change) => Promise<void>;
};

export type Dispatch = {
  run<T>(ask: Ask, signal: AbortSignal, work: (turn: Turn) => Promise<T>, verdictOf: (value: T) => Verdict): Promise<T>;
  queued(lane: string): number;
  /** Something has changed from outside. */
  pass(): void;
  stop(): void;
  idle(): Promise<void>;
};

type Ticket = Waiting & { readonly ask: Ask; readonly go: (lane: Lane, turn: Turn) => void };

/** The wall clock is looked at again this often while a hold stands: it may have been set. */
const LOOK_MS = 30_000;

export const nowOf = (clock: Clock): Now => ({ wallMs: clock.now().getTime(), monotonicMs: clock.monotonicMs() });

/** Does it call a provider? What does not shares nothing but this machine's memory, and has no part in the global slots. */
const isCounted = (lane: Lane): boolean => Number.isFinite(lane.settings.intervalCap);

/** Only these let a job go to another runner: errors may be the job's own, and a pause is a person's word about the lane. */
const isOut = (lane: Lane): boolean => lane.state() !== 'open' && lane.hold()?.cause !== 'errors';

export function makeDispatch(parts: DispatchParts): Dispatch {
  const { clock, laneOf } = parts;
  const waiting = makeTurnQueue<Ticket>();
  const flights = new WeakMap<Ticket, Flight>();
  const stopping = new AbortController();
  const rolesRunning = new Map<string, number>();
  let counted = 0;
  let running = 0;
  let seq = 0;
  let timer: { readonly atMs: number; readonly wake: AbortController } | null = null;
  let idlers: (() => void)[] = [];

  /** A pass is made at this time (monotonic, infinite: never), or earlier. */
  const arm = (atMs: number): void => {
    if (stopping.signal.aborted || !Number.isFinite(atMs) || (timer !== null && timer.atMs <= atMs)) return;
    timer?.wake.abort();
    const armed = { atMs, wake: new AbortController() };
    timer = armed;
    void passAfter(armed, Math.max(1, atMs - clock.monotonicMs()));
  };
  const passAfter = async (armed: NonNullable<typeof timer>, ms: number): Promise<void> => {
    await clock.sleep(ms, armed.wake.signal);
    if (timer !== armed) return;
    timer = null;
    pass();
  };

  /** The place where it may start now; else when it is worth looking again (monotonic ms, infinite: when something changes). */
  const placeOf = (ask: Ask, nowMs: number): { readonly lane: Lane; readonly choice: number } | number => {
    if (parts.pauses.ofRole(ask.role) !== null) return Number.POSITIVE_INFINITY;
    const slots = parts.roleSlots(ask.role);
    if (slots !== null && (rolesRunning.get(ask.role) ?? 0) >= slots) return Number.POSITIVE_INFINITY;
    let againMs = Number.POSITIVE_INFINITY;
    for (const [choice, name] of ask.lanes.entries()) {
      const lane = laneOf(name);
      const isPaused = parts.pauses.ofLane(name) !== null;
      if (!isPaused && lane.hasRoom() && !(isCounted(lane) && counted >= parts.runningMax)) {
        const waitMs = lane.pace.waitMs(nowMs);
        if (waitMs <= 0) return { lane, choice };
        againMs = Math.min(againMs, nowMs + waitMs);
      }
      if (isPaused || !isOut(lane)) break;
    }
    return againMs;
  };

  const start = (ticket: Ticket, lane: Lane, choice: number, nowMs: number): void => {
    waiting.remove(ticket);
    const wanted = choice === 0 ? null : laneOf(ticket.ask.lanes[0] ?? '');
    const instead = wanted === null ? null : `lane ${wanted.name} is held: ${wanted.hold()?.words ?? 'no reason is known'}`;
    const flight = lane.begin(nowMs);
    running++;
    if (isCounted(lane)) counted++;
    rolesRunning.set(ticket.ask.role, (rolesRunning.get(ticket.ask.role) ?? 0) + 1);
    flights.set(ticket, flight);
    ticket.go(lane, { choice, instead, isProbe: flight.isProbe });
  };

  const ended = async (ticket: Ticket, lane: Lane, verdict: Verdict): Promise<void> => {
    const flight = flights.get(ticket);
    if (flight === undefined) throw new Error('a run ended that never began');
    let change: Change = null;
    try {
      change = await lane.end(flight, verdict, nowOf(clock));
    } finally {
      running--;
      if (isCounted(lane)) counted--;
      const ofRole = (rolesRunning.get(ticket.ask.role) ?? 1) - 1;
      if (ofRole > 0) rolesRunning.set(ticket.ask.role, ofRole);
      else rolesRunning.delete(ticket.ask.role);
      pass();
      if (running === 0) for (const tell of idlers.splice(0)) tell();
    }
    if (change !== null) await parts.onChange(lane, change);
  };

  const passOnce = (): number => {
    let againMs = Number.POSITIVE_INFINITY;
    for (const lane of parts.lanes()) {
      const hold = lane.hold();
      if (hold === null || lane.state() !== 'held') continue;
      const leftMs = leftMsOf(hold, nowOf(clock));
      if (leftMs <= 0) parts.onDue(lane);
      else againMs = Math.min(againMs, clock.monotonicMs() + Math.min(leftMs, LOOK_MS));
    }
    for (const ticket of waiting.all()) {
      const nowMs = clock.monotonicMs();
      const place = placeOf(ticket.ask, nowMs);
      if (typeof place === 'number') againMs = Math.min(againMs, place);
      else start(ticket, place.lane, place.choice, nowMs);
    }
    return againMs;
  };

  let isPassing = false;
  let isAsked = false;
  /** What starts in a pass, or falls due, may ask for a pass itself: another one follows at once. */
  const pass = (): void => {
    isAsked = true;
    if (isPassing) return;
    isPassing = true;
    try {
      let againMs = Number.POSITIVE_INFINITY;
      while (isAsked && !stopping.signal.aborted) {
        isAsked = false;
        againMs = passOnce();
      }
      arm(againMs);
    } finally {
      isPassing = false;
    }
  };

  return {
    pass,
    queued: (name) => waiting.all().filter((ticket) => ticket.ask.lanes[0] === name).length,
    async run(ask, signal, work, verdictOf) {
      // Not AbortSignal.any: while one of its sources lives, Node keeps it, and with it all that its listener knows of the job.
      const signals = [signal, stopping.signal];
      if (signals.some((one) => one.aborted)) throw new Leaving();
      const done = Promise.withResolvers<Awaited<ReturnType<typeof work>>>();
      const unlisten = (): void => {
        for (const one of signals) one.removeEventListener('abort', leave);
      };
      const perform = async (lane: Lane, turn: Turn): Promise<Awaited<ReturnType<typeof work>>> => {
        let verdict = NOTHING;
        try {
          const value = await work(turn);
          verdict = verdictOf(value);
          return value;
        } finally {
          await ended(ticket, lane, verdict);
        }
      };
      const ticket: Ticket = {
        ask,
        order: ask.order,
        seq: seq++,
        go: (lane, turn) => {
          unlisten();
          done.resolve(perform(lane, turn));
        },
      };
      const leave = (): void => {
        unlisten();
        waiting.remove(ticket);
        done.reject(new Leaving());
      };
      for (const one of signals) one.addEventListener('abort', leave);
      waiting.add(ticket);
      pass();
      return done.promise;
    },
    stop() {
      stopping.abort();
      timer?.wake.abort();
    },
    async idle() {
      if (running > 0) await new Promise<void>((resolve) => idlers.push(resolve));
    },
  };
}
