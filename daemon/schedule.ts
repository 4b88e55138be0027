/**
 * Lanes: the schedule of one provider account each. A lane has slots, starts per interval, a stagger, a window that adapts, a circuit, and can be held
 * (a rate limit, errors in a row, a missing program). A hold is durable: it is in the journal and survives a restart (core/lane.ts has the states).
 * Whatever is decided about one lane stands in daemon/lanes/lane.ts, and who goes next over all of them in daemon/lanes/dispatch.ts.
 */

import type { Failure } from '#core/failure.ts';
import { describe } from '#core/failure.ts';
import type { LaneState } from '#core/lane.ts';
import type { Clock, Journal, Log } from '#core/ports.ts';
import type { Result } from '#core/result.ts';
import type { LaneSettings } from '#core/settings.ts';
import { makeDispatch, nowOf, type Dispatch } from './lanes/dispatch.ts';
import { togetherOf } from './lanes/gather.ts';
import { restoredHold, type Hold, type HoldRules } from './lanes/hold.ts';
import { makeLane, type Change, type Lane } from './lanes/lane.ts';
import { makeOutside, NOTHING_OUTSIDE, type OutsideInput, type SharedUse } from './lanes/outside.ts';
import { orderOf } from './lanes/order.ts';
import { Leaving } from './leaving.ts';
import { pausedWords, type Pause, type Pauses } from './pauses.ts';

export type LaneView = {
  readonly lane: string;
  readonly state: LaneState;
  readonly circuit: 'closed' | 'open' | 'half-open';
  readonly slots: number;
  /** How many may run at the same time now. */
  readonly window: number;
  readonly running: number;
  readonly queued: number;
  /** ISO 8601, UTC; null: it is not held. */
  readonly heldUntil: string | null;
  readonly reason: string | null;
  readonly paused: Pause | null;
  /** Over all dockets of this machine; null: the lane takes no part, or nothing can be shared now. */
  readonly shared: SharedUse | null;
};

export type Lanes = Pick<Dispatch, 'run' | 'idle'> & {
  /** The environment is at fault, and no run was begun. It is looked at again by itself. Durable when it resolves. @param runner null: nobody's in particular */
  holdForEnvironment(lane: string, runner: string | null, words: string): Promise<void>;
  /** Resolves when the lane is held no more. Rejects with Leaving once the daemon stops, or the signal aborts. */
  whenNotHeld(lane: string, signal: AbortSignal): Promise<void>;
  /** A person does not want to wait: one probe goes now. False: it is not held. @param lane or its provider, for all its lanes */
  probe(lane: string): boolean;
  /** Stands in the lane from the claim until the answer, so that no more is claimed than will soon run. @param order daemon/lanes/order.ts */
  reserve(lane: string, order: number): Place;
  /**
   * How many of this order may be claimed for the lane: as many as it has slots and `ahead` beside them; one more when it is more urgent than
   * one that waits in work/. May be negative after a restart.
   */
  room(lane: string, order: number): number;
  /** Lower goes first. @param priority 0..99 @param sinceMs monotonic, when it began to wait */
  orderOf(priority: number, sinceMs: number): number;
  /** Nothing new starts in it: it is held, or a person has paused it. */
  isShut(lane: string): boolean;
  /** Why a job of this role must wait whatever its lane is like. */
  roleShut(role: string): string | null;
  /** A pause has begun or ended. */
  look(): void;
  view(): readonly LaneView[];
  /** Why the limits are not shared with the other dockets of this machine, though they should be; null: all is well. */
  sharingTrouble(): string | null;
  /** No more starts; everything that waits rejects with Leaving. */
  stop(): void;
};

/** A claimed job's place in its lane. */
export type Place = {
  /** Its first run begins: it stands in nobody's way any more. */
  readonly begins: () => void;
  /** Its answer is there, or it has left the daemon. */
  readonly leaves: () => void;
};

export type LanesInput = {
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'commit' | 'note' | 'holds' | 'lanes'>;
  readonly log: Log;
  /** 0 <= r < 1, for jitter. */
  readonly random: () => number;
  readonly pauses: Pick<Pauses, 'ofLane' | 'ofRole'>;
  readonly settingsOf: (lane: string) => LaneSettings;
  /** Null: as many as its lane has. */
  readonly roleSlots: (role: string) => number | null;
  /** What is shared with other dockets; absent: nothing. */
  readonly outside?: Omit<OutsideInput, 'clock' | 'onHeld'>;
  /** Could this lane work again? @param runner the one that found the environment at fault */
  readonly check: (lane: string, runner: string | null) => Promise<Result<null, Failure>>;
  readonly rules: HoldRules & {
    /** Jobs of a lane that are claimed while its slots are busy, so that the next one starts at once. */
    readonly ahead: number;
    /** Runs of all lanes that call a provider. */
    readonly runningMax: number;
    readonly agingMs: number;
    /** Provider errors in a row that open a lane's circuit. */
    readonly errors: number;
  };
};

export function makeLanes(input: LanesInput): Lanes {
  const { clock, journal, log, rules, pauses } = input;
  const lanes = new Map<string, Lane>();
  const places = new Map<string, Set<{ readonly order: number; isWaiting: boolean }>>();
  const stopping = new AbortController();
  let waiters: { readonly lane: string; readonly tell: () => void }[] = [];

  const make = (name: string, hold: Hold | null): Lane => {
    const record = journal.lanes().find((one) => one.lane === name) ?? null;
    const settings = input.settingsOf(name);
    const lane = makeLane({ name, settings, rules, errors: rules.errors, random: input.random, record, hold, now: nowOf(clock) });
    lanes.set(name, lane);
    return lane;
  };
  const laneOf = (name: string): Lane => lanes.get(name) ?? make(name, null);
  const placesOf = (name: string): Set<{ readonly order: number; isWaiting: boolean }> => {
    const known = places.get(name) ?? new Set();
    places.set(name, known);
    return known;
  };

  const outside =
    input.outside === undefined
      ? NOTHING_OUTSIDE
      : makeOutside({
          ...input.outside,
          clock,
          onHeld(lane, row) {
            const hold = restoredHold(row, { cause: 'limit', runner: null, tries: 1 }, nowOf(clock), rules);
            lane.holdUntil({ ...hold, isOthers: true });
            log.warn(`lane ${lane.name} waits until ${new Date(hold.untilMs).toISOString()}, as another docket was told: ${hold.words}`);
          },
        });

  const remember = async (lane: Lane, change: Exclude<Change, null>): Promise<void> => {
    const at = clock.now().toISOString();
    const record = { do: 'lane', record: lane.record(), at } as const;
    const hold = lane.hold();
    if (change === 'opened') outside.held(lane, null);
    else if (change === 'held' && hold?.cause === 'limit') outside.held(lane, { untilMs: hold.untilMs, reason: hold.words, at });
    if (change === 'noted') await journal.note([record]);
    else if (change === 'opened' || hold === null) {
      log.info(`lane ${lane.name} is open again`);
      await journal.commit([record, { do: 'free-lane', lane: lane.name, at }]);
    } else {
      const until = new Date(hold.untilMs).toISOString();
      log.warn(`lane ${lane.name} waits until ${until}: ${hold.words}`);
      await journal.commit([record, { do: 'hold-lane', lane: lane.name, untilMs: hold.untilMs, reason: hold.words, at }]);
    }
  };

  const tellWaiters = (): void => {
    const told = waiters.filter((one) => laneOf(one.lane).state() !== 'held');
    waiters = waiters.filter((one) => !told.includes(one));
    for (const { tell } of told) tell();
  };

  const onProbing = (lane: Lane): void => {
    if (!lane.probe()) return;
    log.info(`lane ${lane.name}: its wait is over, one run goes to see`);
    tellWaiters();
    dispatch.pass();
  };

  const looking = new Set<Lane>();
  /** The environment is looked at by docket itself, not by a job. */
  const lookAt = async (lane: Lane): Promise<void> => {
    looking.add(lane);
    try {
      const before = lane.hold();
      const fit = await input.check(lane.name, before?.runner ?? null);
      if (stopping.signal.aborted || lane.hold() !== before || before === null) return;
      if (fit.ok) return;
      const words = describe(fit.error);
      if (lane.holdAgain(words, nowOf(clock)) && words !== before.words) await remember(lane, 'held');
    } finally {
      looking.delete(lane);
    }
  };

  const onDue = (lane: Lane): void => {
    const hold = lane.hold();
    if (hold?.cause !== 'environment') {
      onProbing(lane);
      return;
    }
    if (!looking.has(lane)) void goOnAfterLook(lane, hold);
  };

  const goOnAfterLook = async (lane: Lane, hold: Hold): Promise<void> => {
    try {
      await lookAt(lane);
    } catch (error) {
      log.warn(`lane ${lane.name} could not be looked at: ${String(error)}`);
    }
    if (lane.hold() === hold) onProbing(lane);
    else dispatch.pass();
  };

  const dispatch = makeDispatch({
    clock,
    laneOf,
    lanes: () => lanes.values(),
    roleSlots: input.roleSlots,
    runningMax: rules.runningMax,
    ahead: rules.ahead,
    pauses,
    outside,
    onDue,
    onChange: async (lane, change) => {
      if (change === 'opened') tellWaiters();
      if (change !== null) await remember(lane, change);
    },
  });

  for (const row of journal.holds()) {
    const record = journal.lanes().find((one) => one.lane === row.lane);
    const about = { cause: record?.cause ?? 'limit', runner: record?.runner ?? null, tries: record?.tries ?? 1 } as const;
    make(row.lane, restoredHold(row, about, nowOf(clock), rules));
  }
  dispatch.pass();

  const viewOf = (lane: Lane): LaneView => {
    const hold = lane.hold();
    const state = lane.state();
    return {
      lane: lane.name,
      state,
      circuit: lane.isCircuitOpen() ? (state === 'probing' ? 'half-open' : 'open') : 'closed',
      slots: lane.settings.slots,
      window: lane.cap(),
      running: lane.running(),
      queued: dispatch.queued(lane.name),
      heldUntil: state !== 'held' || hold === null ? null : new Date(hold.untilMs).toISOString(),
      reason: hold?.words ?? null,
      paused: pauses.ofLane(lane.name),
      shared: outside.useOf(lane.name),
    };
  };

  return {
    run: async (ask, signal, work, verdictOf) => dispatch.run(ask, signal, work, verdictOf),
    idle: async () => dispatch.idle(),
    look: () => {
      dispatch.pass();
    },
    async holdForEnvironment(name, runner, words) {
      const lane = laneOf(name);
      if (!lane.holdFor({ cause: 'environment', resetMs: null, words, runner }, nowOf(clock))) return;
      dispatch.pass();
      await remember(lane, 'held');
    },
    async whenNotHeld(name, signal) {
      if (laneOf(name).state() !== 'held') return;
      const open = Promise.withResolvers<void>();
      const one = { lane: name, tell: open.resolve };
      const leave = (): void => {
        open.reject(new Leaving());
      };
      const signals = [signal, stopping.signal];
      for (const source of signals) source.addEventListener('abort', leave);
      if (signals.some((source) => source.aborted)) leave();
      waiters.push(one);
      try {
        await open.promise;
      } finally {
        waiters = waiters.filter((other) => other !== one);
        for (const source of signals) source.removeEventListener('abort', leave);
      }
    },
    probe(name) {
      const held = [...lanes.values()].filter(
        (lane) => (lane.name === name || lane.name.startsWith(`${name}/`)) && lane.state() === 'held',
      );
      for (const lane of held) outside.held(lane, null);
      for (const lane of held) onProbing(lane);
      return held.length > 0;
    },
    reserve(name, order) {
      const standing = placesOf(name);
      const place = { order, isWaiting: true };
      standing.add(place);
      return {
        begins() {
          place.isWaiting = false;
        },
        leaves() {
          standing.delete(place);
        },
      };
    },
    room(name, order) {
      const standing = placesOf(name);
      const { slots } = laneOf(name).settings;
      const free = slots + rules.ahead - standing.size;
      const waiting = [...standing].filter((place) => place.isWaiting);
      // A few at a time, once there is room for a few: what is claimed together shares its commit and its syncs. Only while enough wait for a slot: those
      // that are between two attempts have their places, too, and would keep the slots empty.
      const few = waiting.length < slots ? 1 : Math.max(1, togetherOf(rules.ahead));
      if (free >= few) return free;
      return waiting.some((place) => place.order > order) ? 1 : Math.min(free, 0);
    },
    orderOf: (priority, sinceMs) => orderOf(priority, sinceMs, rules.agingMs),
    isShut: (name) => laneOf(name).state() === 'held' || pauses.ofLane(name) !== null,
    roleShut(role) {
      const pause = pauses.ofRole(role);
      return pause === null ? null : pausedWords(pause);
    },
    view: () => [...lanes.values()].map(viewOf),
    sharingTrouble: () => outside.trouble(),
    stop() {
      stopping.abort();
      dispatch.stop();
    },
  };
}
