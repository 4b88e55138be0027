/**
 * One lane: its state (core/lane.ts), hold, window, pace and circuit, and what a run's verdict does to them. Starts nothing itself.
 * Invariant: every move is one of LANE_MOVES; while it is probing at most one run is its probe.
 */

import { canLaneMove, type LaneRecord, type LaneState } from '#core/lane.ts';
import { unreachable } from '#core/result.ts';
import type { LaneSettings } from '#core/settings.ts';
import { makeBreaker, type Breaker } from './breaker.ts';
import { isOutweighed, leftMsOf, makeHold, type Hold, type HoldRules, type NewHold, type Now } from './hold.ts';
import { makePace, type Pace } from './pace.ts';
import type { Verdict } from './verdict.ts';
import { fullWindow, grown, halved, restarted, windowFrom, type Window } from './window.ts';

/** A run that a lane has let go. */
export type Flight = { readonly n: number; readonly isProbe: boolean };
/** What must be remembered after a verdict. */
export type Change = 'held' | 'opened' | 'noted' | null;

export type Lane = {
  readonly name: string;
  readonly settings: LaneSettings;
  readonly pace: Pace;
  state(): LaneState;
  hold(): Hold | null;
  cap(): number;
  isCircuitOpen(): boolean;
  running(): number;
  /** May one more start now, but for the pace? */
  hasRoom(): boolean;
  begin(nowMs: number): Flight;
  /** The run is over. Resolves when the lane has drawn its conclusions: until then its place is taken. */
  end(flight: Flight, verdict: Verdict, now: Now): Promise<Change>;
  /** Outside of any run: the environment is at fault. False: it was held for longer already. */
  holdFor(asked: NewHold, now: Now): boolean;
  /** Another docket was told this limit: held until the very same moment. */
  holdUntil(hold: Hold): void;
  /** What it is held for was looked at, and is still there. False: it is not held. */
  holdAgain(words: string, now: Now): boolean;
  /** The hold is over, or a person says so. False: it is not held. */
  probe(): boolean;
  record(): LaneRecord;
};

export type LaneInput = {
  readonly name: string;
  readonly settings: LaneSettings;
  readonly rules: HoldRules;
  /** Provider errors in a row that open its circuit. */
  readonly errors: number;
  readonly random: () => number;
  /** From the journal. */
  readonly record: LaneRecord | null;
  readonly hold: Hold | null;
  readonly now: Now;
};

export function makeLane(input: LaneInput): Lane {
  const { name, settings, rules, random, record } = input;
  const { slots } = settings;
  const breaker: Breaker = makeBreaker(input.errors, record?.breaker ?? null);
  let window: Window = record === null ? fullWindow(slots) : windowFrom(record.cap, record.threshold, slots);
  let hold = input.hold;
  let state: LaneState = hold === null ? 'open' : leftMsOf(hold, input.now) > 0 ? 'held' : 'probing';
  if (state === 'probing') window = restarted(window);
  let probe: Flight | null = null;
  let running = 0;
  let begun = 0;
  /** Runs up to this one began before the window was halved last: what they meet is told already. */
  let halvedAt = 0;

  const go = (to: LaneState): void => {
    if (!canLaneMove(state, to)) throw new Error(`lane ${name} cannot go from ${state} to ${to}`);
    state = to;
  };

  const holdFor = (asked: NewHold, now: Now): boolean => {
    const tries = state === 'probing' ? (hold?.tries ?? 0) + 1 : (hold?.tries ?? 1);
    const fresh = makeHold(asked, tries, now, rules, random());
    if (state === 'held' && hold !== null && isOutweighed(fresh, hold)) return false;
    hold = fresh;
    // A probe that is still out when another run knows better has nothing to say any more.
    probe = null;
    go('held');
    return true;
  };

  const halveOnce = (flight: Flight): void => {
    if (state !== 'open' || flight.n <= halvedAt) return;
    window = halved(window);
    halvedAt = begun;
  };

  /** A run of before the hold has nothing to say about now, but for another hold. */
  const isCurrent = (flight: Flight): boolean => state === 'open' || flight === probe;

  const concluded = async (flight: Flight, verdict: Verdict, now: Now): Promise<Change> => {
    switch (verdict.is) {
      case 'nothing':
        if (flight === probe) go('probing');
        return null;
      case 'answered': {
        if (!isCurrent(flight)) return null;
        const before = breaker.toJSON();
        await breaker.tell(false);
        const { cap } = window;
        window = grown(window, slots);
        if (flight === probe) {
          hold = null;
          go('open');
          return 'opened';
        }
        return before !== null || cap !== window.cap ? 'noted' : null;
      }
      case 'limit':
        halveOnce(flight);
        return holdFor({ cause: 'limit', resetMs: verdict.resetMs, words: verdict.words, runner: null }, now) ? 'held' : null;
      case 'environment':
        return holdFor({ cause: 'environment', resetMs: null, words: verdict.words, runner: verdict.runner }, now) ? 'held' : null;
      case 'error': {
        if (!isCurrent(flight)) return null;
        await breaker.tell(true);
        if (!breaker.isOpen() && flight !== probe) return 'noted';
        return holdFor({ cause: 'errors', resetMs: null, words: verdict.words, runner: null }, now) ? 'held' : 'noted';
      }
      default:
        return unreachable(verdict);
    }
  };

  return {
    name,
    settings,
    pace: makePace(settings),
    state: () => state,
    hold: () => hold,
    cap: () => window.cap,
    isCircuitOpen: () => breaker.isOpen(),
    running: () => running,
    hasRoom: () => (state === 'open' ? running < window.cap : state === 'probing' && probe === null),
    begin(nowMs) {
      const flight = { n: ++begun, isProbe: state === 'probing' };
      if (flight.isProbe) probe = flight;
      running++;
      this.pace.started(nowMs);
      return flight;
    },
    async end(flight, verdict, now) {
      try {
        return await concluded(flight, verdict, now);
      } finally {
        running--;
        if (flight === probe) probe = null;
      }
    },
    holdFor,
    holdUntil(told) {
      go('held');
      hold = { ...told, tries: Math.max(told.tries, hold?.tries ?? 1) };
      probe = null;
    },
    holdAgain(words, now) {
      if (state !== 'held' || hold === null) return false;
      hold = makeHold({ cause: hold.cause, resetMs: null, words, runner: hold.runner }, hold.tries + 1, now, rules, random());
      go('held');
      return true;
    },
    probe() {
      if (state !== 'held') return false;
      go('probing');
      window = restarted(window);
      return true;
    },
    record: () => ({
      lane: name,
      cause: hold?.cause ?? null,
      runner: hold?.runner ?? null,
      tries: hold?.tries ?? 0,
      cap: window.cap,
      threshold: window.threshold,
      breaker: breaker.toJSON(),
    }),
  };
}
