/**
 * Who starts next, over all lanes: a pass goes through those that wait, best first, and lets go each whose lane, role and machine have a place.
 * A pass is made when something has changed: a run came, a run ended, a hold is over, a pause began or ended, a start may be made again.
 * p-queue runs them: its pool is open during a pass only, and its queue (daemon/lanes/queue.ts) says which one is next.
 *
 * Invariant: no more run than the lane's window, the role's slots and the global slots; no lane that is held or paused starts anything.
 */

import PQueue from 'p-queue';
import type { Clock } from '#core/ports.ts';
import { Leaving } from '../leaving.ts';
import type { Pauses } from '../pauses.ts';
import { makeGather } from './gather.ts';
import type { Change, Flight, Lane } from './lane.ts';
import { leftMsOf, type Now } from './hold.ts';
import { NOTHING_OUTSIDE, type Outside, type OutsideAsk } from './outside.ts';
import { makeTurns, type TurnOptions, type Waiting } from './queue.ts';
import { NOTHING, type Verdict } from './verdict.ts';

export type Ask = {
  /** The lane it wants; then those it may take instead while the ones before are held for a limit or their environment. */
  readonly lanes: readonly string[];
  readonly role: string;
  /** daemon/lanes/order.ts */
  readonly order: number;
  /** What it needs outside this daemon; absent: nothing. */
  readonly outside?: OutsideAsk;
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
  /** Jobs of a lane that are claimed while its slots are busy. */
  readonly ahead: number;
  readonly pauses: Pick<Pauses, 'ofLane' | 'ofRole'>;
  /** Absent: nothing is shared with others. */
  readonly outside?: Outside;
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

/** `place`: where it may start, as of the last look; `begun`: it does. */
type Ticket = Waiting & {
  readonly ask: Ask;
  readonly unlisten: () => void;
  place: { readonly lane: Lane; readonly choice: number } | null;
  begun: { readonly flight: Flight; readonly turn: Turn } | null;
};

/** The wall clock is looked at again this often while a hold stands: it may have been set. */
const LOOK_MS = 30_000;
/** So often it is asked whether another docket has found that its hold is over. */
const OTHERS_LOOK_MS = 5_000;

export const nowOf = (clock: Clock): Now => ({ wallMs: clock.now().getTime(), monotonicMs: clock.monotonicMs() });

/** Does it call a provider? What does not shares nothing but this machine's memory, and has no part in the global slots. */
const isCounted = (lane: Lane): boolean => Number.isFinite(lane.settings.intervalCap);

/** Only these let a job go to another runner: errors may be the job's own, and a pause is a person's word about the lane. */
const isOut = (lane: Lane): boolean => lane.state() !== 'open' && lane.hold()?.cause !== 'errors';

export function makeDispatch(parts: DispatchParts): Dispatch {
  const { clock, laneOf, outside = NOTHING_OUTSIDE } = parts;
  const stopping = new AbortController();
  const gather = makeGather(clock, parts.ahead, stopping.signal);
  const rolesRunning = new Map<string, number>();
  let counted = 0;
  let timer: { readonly atMs: number; readonly wake: AbortController } | null = null;
  /** When it is worth looking again at those that must wait (monotonic ms). */
  let againMs = Number.POSITIVE_INFINITY;
  /** Has what it needs outside, and has not begun yet. */
  let granted: { readonly ticket: Ticket; readonly lane: Lane } | null = null;

  /** A pass is made at this time (monotonic, infinite: never), or earlier. */
  const arm = (atMs: number): void => {
    if (stopping.signal.aborted || !Number.isFinite(atMs) || (timer !== null && timer.atMs <= atMs)) return;
    timer?.wake.abort('another time');
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
    let lookMs = Number.POSITIVE_INFINITY;
    for (const [choice, name] of ask.lanes.entries()) {
      const lane = laneOf(name);
      const isPaused = parts.pauses.ofLane(name) !== null;
      if (!isPaused && lane.hasRoom() && !(isCounted(lane) && counted >= parts.runningMax)) {
        const waitMs = lane.pace.waitMs(nowMs);
        if (waitMs <= 0) return { lane, choice };
        lookMs = Math.min(lookMs, nowMs + waitMs);
      }
      if (isPaused || !isOut(lane)) break;
    }
    return lookMs;
  };

  const next = (waiting: readonly Ticket[]): Ticket | null => {
    for (const ticket of waiting) {
      const nowMs = clock.monotonicMs();
      const place = placeOf(ticket.ask, nowMs);
      const lookMs = typeof place === 'number' ? place : grant(ticket, place.lane, nowMs);
      if (typeof place !== 'number' && lookMs === null) {
        ticket.place = place;
        return ticket;
      }
      againMs = Math.min(againMs, lookMs ?? Number.POSITIVE_INFINITY);
    }
    ungrant();
    return null;
  };

  /** Null: it has all it needs outside; else when it is worth asking again. One at a time has it and has not begun. */
  const grant = (ticket: Ticket, lane: Lane, nowMs: number): number | null => {
    if (granted?.ticket === ticket && granted.lane === lane) return null;
    ungrant();
    const waitMs = outside.take(lane, ticket.ask.outside);
    if (waitMs !== null) return nowMs + waitMs;
    granted = { ticket, lane };
    return null;
  };
  const ungrant = (): void => {
    if (granted !== null) outside.give(granted.ticket.ask.outside);
    granted = null;
  };

  const begin = (ticket: Ticket): void => {
    const { place, ask, unlisten } = ticket;
    if (place === null) throw new Error('a run begins that has no place');
    unlisten();
    granted = null;
    const { lane, choice } = place;
    const wanted = choice === 0 ? null : laneOf(ask.lanes[0] ?? '');
    const instead = wanted === null ? null : `lane ${wanted.name} is held: ${wanted.hold()?.words ?? 'no reason is known'}`;
    const flight = lane.begin(clock.monotonicMs());
    if (isCounted(lane)) counted++;
    rolesRunning.set(ask.role, (rolesRunning.get(ask.role) ?? 0) + 1);
    ticket.begun = { flight, turn: { choice, instead, isProbe: flight.isProbe } };
  };

  const turns = makeTurns<Ticket>(next, begin);
  const pool = new PQueue<InstanceType<typeof turns.queueClass>, TurnOptions<Ticket>>({ queueClass: turns.queueClass, autoStart: false });

  const ended = async ({ ask }: Ticket, lane: Lane, flight: Flight, verdict: Verdict): Promise<void> => {
    let told: Promise<void> | null = null;
    try {
      const change = await lane.end(flight, verdict, nowOf(clock));
      // Before its slot is free: nobody else starts what the provider has just refused.
      if (change !== null) told = parts.onChange(lane, change);
    } finally {
      outside.give(ask.outside);
      if (isCounted(lane)) counted--;
      const ofRole = (rolesRunning.get(ask.role) ?? 1) - 1;
      if (ofRole > 0) rolesRunning.set(ask.role, ofRole);
      else rolesRunning.delete(ask.role);
      pass();
    }
    await told;
  };

  const passOnce = (): void => {
    againMs = Number.POSITIVE_INFINITY;
    outside.begins();
    for (const lane of parts.lanes()) {
      const hold = lane.hold();
      if (hold === null || lane.state() !== 'held') continue;
      const leftMs = outside.isLifted(lane) ? 0 : leftMsOf(hold, nowOf(clock));
      if (leftMs <= 0) parts.onDue(lane);
      else againMs = Math.min(againMs, clock.monotonicMs() + Math.min(leftMs, hold.isOthers === true ? OTHERS_LOOK_MS : LOOK_MS));
    }
    turns.changed();
    pool.start();
    pool.pause();
  };

  let isPassing = false;
  let isAsked = false;
  /** What starts in a pass, or falls due, may ask for a pass itself: another one follows at once. */
  const pass = (): void => {
    isAsked = true;
    if (isPassing) return;
    isPassing = true;
    try {
      while (isAsked && !stopping.signal.aborted) {
        isAsked = false;
        passOnce();
      }
      arm(againMs);
    } finally {
      isPassing = false;
    }
  };

  const queued = (name: string): number => turns.all().filter((ticket) => ticket.ask.lanes[0] === name).length;

  return {
    pass,
    queued,
    async run(ask, signal, work, verdictOf) {
      // Not AbortSignal.any: while one of its sources lives, Node keeps it, and with it all that its listener knows of the job.
      const signals = [signal, stopping.signal];
      if (signals.some((one) => one.aborted)) throw new Leaving();
      const leaving = new AbortController();
      const leave = (): void => {
        ticket.unlisten();
        if (granted?.ticket === ticket) ungrant();
        outside.leaves(ask.outside);
        leaving.abort(new Leaving());
      };
      const ticket: Ticket = {
        ask,
        order: ask.order,
        place: null,
        begun: null,
        unlisten: () => {
          for (const one of signals) one.removeEventListener('abort', leave);
        },
      };
      for (const one of signals) one.addEventListener('abort', leave);
      const perform = async (): Promise<Awaited<ReturnType<typeof work>>> => {
        const { place, begun } = ticket;
        if (place === null || begun === null) throw new Error('a run that never began');
        let verdict = NOTHING;
        try {
          const value = await work(begun.turn);
          verdict = verdictOf(value);
          return value;
        } finally {
          await ended(ticket, place.lane, begun.flight, verdict);
        }
      };
      const result = pool.add(perform, { ticket, signal: leaving.signal });
      pass();
      const value = await result;
      const lane = ticket.place?.lane;
      if (lane !== undefined && isCounted(lane)) await gather.wait(lane.name, lane.running() === 0 && queued(lane.name) === 0);
      return value;
    },
    stop() {
      stopping.abort();
      timer?.wake.abort();
    },
    idle: async () => pool.onPendingZero(),
  };
}
