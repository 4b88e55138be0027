/**
 * From in/ to claimed: a scan lists what waits, a bounded look at each file's front matter tells order, lane, time and dependencies,
 * and as many are claimed as their lanes have room for. What is invalid, or no file at all, is claimed at once: it needs no lane.
 *
 *   waiting -> looked at -> (early: until its time) -> (parked: until what it depends on is accepted) -> ready, in order -> chosen
 *
 * Invariant: of the files that were looked at, those of the best order go first. After a start with a hundred thousand waiting the look itself takes
 * seconds; it goes on in steps between the claims, so what starts first is the best of what was seen by then (docs/decisions/0018).
 */

import { OFFLINE } from '#agents/runners/offline.ts';
import type { Dependency, Identity } from '#core/prompt.ts';
import type { RoleName } from '#core/names.ts';
import type { Noticed } from '#core/ports.ts';
import type { Waiting } from '#core/spool.ts';
import { fullWords, makeAwaiting } from './intake-awaiting.ts';
import type { Cycle } from './intake-cycles.ts';
import type { RoleFaults } from './intake-faults.ts';
import { FIRST_LOOKS_MAX, FIRST_STEP_MS, HEADS_AT_ONCE, LOOKS_MAX, NOTICED_MAX, STEP_MS } from './intake-limits.ts';
import { IntakeKnown } from './intake-known.ts';
import { makeParked } from './intake-parked.ts';
import { makePeek, type Peeked } from './intake-peek.ts';
import { makeTries } from './intake-tries.ts';
import type { Ports } from './ports.ts';
import { pausedWords } from './pauses.ts';
import { makeRate } from './rate.ts';

/** Where in which lane. */
export type Stand = { readonly lane: string; readonly order: number };
/** `stand` null: it will be refused. */
export type Chosen = { readonly waiting: Waiting; readonly stand: Stand | null };
type Candidate = {
  readonly waiting: Waiting;
  readonly seen: number;
  /** Null: it is claimed unseen, because it is no prompt or may not be looked at. */
  readonly peeked: Peeked | null;
  /** False: its file is gone, or it was chosen. */
  isKnown: boolean;
  /** Whose turn it is, lower first; null: its time has not come yet. */
  order: number | null;
  /** What it depends on: not looked at yet, can never be because of a cycle, or all accepted as of these news. */
  needs: 'open' | 'never' | number;
};

export type Intake = {
  /** What the watch told: the next look is at these names first. Null: at everything. */
  notice(noticed: Noticed | null): void;
  /** Looks again at what waits for answers, when somebody may have accepted one since. */
  lookAtNews(): void;
  /** Resolves when no look at what waits for answers is under way. */
  looked(): Promise<void>;
  /** The prompts that wait for one another, this one among them; null: there are none. */
  cycleOf(identity: Identity, missing: readonly Dependency[]): Cycle | null;
  /** One look at the folders; answers when it is worth looking again (ms), null when that has no hurry. */
  look(): Promise<number | null>;
  /** All that waits was looked at once. */
  hasLooked(): boolean;
  /** The next entries to claim, in order, at most `room` of them, each with the lane it will run in. */
  next(room: number): Promise<readonly Chosen[]>;
  /** Candidates of the last look that are not claimed yet. */
  backlog(): number;
  /** Those of them that do not wait for answers. */
  takeable(): number;
  /** One of them is neither waiting for its time nor for answers: a claim may take it. */
  hasMore(): boolean;
  /** Why a file is not claimed yet, by shown name: for `docket why`. */
  reasons(): ReadonlyMap<string, string>;
};

/** What needs no lane goes first. */
const FIRST = -Number.MAX_VALUE;
const byOrder = (a: Candidate, b: Candidate): number => (a.order ?? FIRST) - (b.order ?? FIRST) || a.seen - b.seen;

/**
 * @param canPeek false: files are taken by name, unseen (crash-loop.ts)
 * @param wake called when what waited for answers may be taken
 */
export function makeIntake(ports: Ports, roleFaults: RoleFaults, canPeek: () => boolean, wake: () => void = () => undefined): Intake {
  /** Of `ready` or `early`, some are not known any more. */
  let hasLost = false;
  let ready: Candidate[] = [];
  let early: Candidate[] = [];
  let earliestMs = Number.POSITIVE_INFINITY;
  const tries = makeTries(ports.clock, roleFaults);
  /** What candidates waited for, besides time, answers and lane, when they were last asked, in words. */
  const needs = new WeakMap<Candidate, string>();
  const awaiting = makeAwaiting({ ...ports, max: ports.workspace.settings['review.awaiting_max'] });
  /** Free of what they waited for since the last round. */
  let freed: Candidate[] = [];
  const parked = makeParked<Candidate>(
    { ...ports, awaiting, roles: () => ports.roles.keys() },
    (candidate, cycle) => {
      candidate.needs = cycle === null ? parked.news() : 'never';
      freed.push(candidate);
    },
    wake,
  );
  /** How many of `ready` each group has. */
  const ofGroup = new Map<string, number>();
  let seen = 0;
  let looks = 0;
  let noticed: Noticed[] = [];
  /** Times that something may have happened in in/ of which no name was told; and those that a whole look has made good. */
  let misses = 1;
  let mended = 0;
  let lastWholeMs = Number.NEGATIVE_INFINITY;
  /** When the last look asked for the next one; who comes earlier, and names nothing, was told to look. */
  let expectedMs = 0;
  let lastAnswer: readonly Waiting[] | null = null;
  let isDone = false;
  const peek = makePeek(ports);
  const rate = makeRate<RoleName>(ports.clock, ports.workspace.settings['limits.role_rate']);
  const ownerRate = makeRate<number>(ports.clock, ports.workspace.settings['limits.owner_rate']);

  const candidateOf = async (waiting: Waiting, number: number): Promise<Candidate> => ({
    waiting,
    peeked: canPeek() ? await peek(waiting) : null,
    seen: number,
    isKnown: true,
    order: null,
    needs: 'open',
  });

  /** What the scan shows again stays as it was looked at. */
  const known = new IntakeKnown<Candidate>((candidate) => {
    candidate.isKnown = false;
    if (parked.has(candidate)) parked.remove(candidate);
    else hasLost = true;
  });

  /** New candidates, as many as there is time for, and whether any are left. */
  const takeIn = async (waiting: readonly Waiting[]): Promise<{ readonly fresh: Candidate[]; readonly isWhole: boolean }> => {
    const fresh: Candidate[] = [];
    const places: number[] = [];
    const untilMs = ports.clock.monotonicMs() + (looks === 1 ? FIRST_STEP_MS : STEP_MS);
    let some: Waiting[] = [];
    let isWhole = true;
    const readSome = async (): Promise<void> => {
      fresh.push(...(await Promise.all(some.map(async (entry) => candidateOf(entry, seen++)))));
      some = [];
    };
    // By number: an iterator makes an object for each of a hundred thousand, at each step.
    for (let at = 0; at < waiting.length; at++) {
      if (known.at(at) !== null) continue;
      const entry = waiting[at] as Waiting;
      if (entry.kind === 'settling') continue;
      if (ports.clock.monotonicMs() > untilMs) {
        isWhole = false;
        break;
      }
      places.push(at);
      if (some.push(entry) === HEADS_AT_ONCE) await readSome();
    }
    await readSome();
    // Not before all of them are: after an error they are looked at again, and none is known that stands in no list.
    for (const [index, one] of fresh.entries()) known.set(places[index] as number, one);
    return { fresh, isWhole };
  };

  const isEarly = ({ peeked }: Candidate, nowMs: number): boolean => peeked !== null && peeked.notBeforeMs > nowMs;

  /** Into those that wait for their time and the others, which keep their order. In place: lists of a hundred thousand are not made anew at each step. */
  const add = (some: readonly Candidate[]): void => {
    const nowMs = ports.clock.now().getTime();
    const sinceMs = ports.clock.monotonicMs();
    const before = ready.length;
    for (const candidate of some) {
      if (isEarly(candidate, nowMs)) {
        early.push(candidate);
        earliestMs = Math.min(earliestMs, candidate.peeked?.notBeforeMs ?? 0);
        continue;
      }
      candidate.order ??= candidate.peeked === null ? FIRST : ports.lanes.orderOf(candidate.peeked.priority, sinceMs);
      const { peeked } = candidate;
      if (peeked !== null && peeked.identity !== null && candidate.needs === 'open') {
        // It grows older there like all others.
        if (!parked.has(candidate)) parked.add(candidate, peeked.identity, peeked.dependsOn);
        continue;
      }
      if (candidate.needs === 'never') candidate.order = FIRST;
      ready.push(candidate);
      const group = candidate.needs === 'never' ? null : (peeked?.group ?? null);
      if (group !== null) ofGroup.set(group, (ofGroup.get(group) ?? 0) + 1);
    }
    if (ready.length > before) ready.sort(byOrder);
    if (parked.size() > 0) parked.look(false);
  };

  /** Those that wait for answers no more take their place among the others. */
  const takeFreed = (): void => {
    const some = freed.filter(({ isKnown }) => isKnown);
    freed = [];
    if (some.length > 0) add(some);
  };

  const ungroup = ({ group }: Peeked): void => {
    const others = (ofGroup.get(group) ?? 1) - 1;
    if (others > 0) ofGroup.set(group, others);
    else ofGroup.delete(group);
  };

  const arrange = (all: readonly Candidate[]): void => {
    ready = [];
    early = [];
    earliestMs = Number.POSITIVE_INFINITY;
    ofGroup.clear();
    add(all);
  };

  const update = async (waiting: readonly Waiting[]): Promise<boolean> => {
    looks++;
    tries.settle(waiting);
    known.passOn(waiting);
    if (!canPeek()) known.clear();
    const { fresh, isWhole } = await takeIn(waiting);
    if (hasLost) {
      const isThere = ({ isKnown }: Candidate): boolean => isKnown;
      hasLost = false;
      arrange([...ready.filter(isThere), ...early.filter(isThere), ...fresh]);
    } else add(fresh);
    return isWhole;
  };

  const reasonByMoney = (waiting: Waiting, { feature, lane, runner }: Peeked): string | null => {
    if (feature === null) return null;
    const name = runner ?? ports.roles.get(waiting.role)?.runner ?? ports.workspace.settings.runner;
    return name === OFFLINE ? null : ports.purse.shut(waiting.role, feature, lane, keyOf(waiting));
  };

  const reasonByLane = (lane: string): string => {
    const view = ports.lanes.isShut(lane) ? ports.lanes.view().find((one) => one.lane === lane) : undefined;
    if (view === undefined) return `lane ${lane} has no free slot`;
    return view.paused === null ? `lane ${lane} is held: ${view.reason ?? ''}` : pausedWords(view.paused);
  };

  /** Null: it is about to be taken. */
  const worded = (candidate: Candidate): string | null => {
    const { peeked, waiting } = candidate;
    const fault = roleFaults.words(waiting.role);
    if (fault !== null) return `its role waits: ${fault}`;
    if (tries.isPaused(waiting.role)) return 'its role waits for the next try, because files could not be taken (the log says why)';
    if (!rate.mayTake(waiting.role)) return 'its role has taken as many prompts within a minute as limits.role_rate allows';
    if (!ownerRate.mayTake(waiting.ownerId))
      return `user ${String(waiting.ownerId)}, whose file it is, has had as many prompts taken within a minute as limits.owner_rate allows: the others wait`;
    if (peeked === null) return null;
    const shut = ports.lanes.roleShut(waiting.role);
    if (shut !== null) return shut;
    if (isEarly(candidate, ports.clock.now().getTime())) return `waits for its time: not_before ${peeked.notBefore ?? ''}`;
    if (parked.has(candidate)) return parked.words(candidate);
    const full = awaiting.full(waiting.role);
    if (full !== null) return fullWords(waiting.role, full);
    return needs.get(candidate) ?? reasonByLane(peeked.lane);
  };

  return {
    notice(one) {
      if (one === null || noticed.length >= NOTICED_MAX) {
        misses++;
        noticed = [];
      } else noticed.push(one);
    },
    hasLooked: () => isDone,
    lookAtNews: () => {
      parked.lookAtNews();
    },
    looked: async () => parked.looked(),
    cycleOf: (identity, missing) => parked.cycleOf(identity, missing),
    async look() {
      // What was told up to here belongs to this look: a file that came whole is known by what was not told of it.
      await ports.clock.sleep(0);
      const startMs = ports.clock.monotonicMs();
      const names = noticed;
      const missesBefore = misses;
      const hasMissed = misses !== mended;
      // The first look is one already: while it goes on, whoever wants a slot filled asks all the time.
      const isAsked = isDone && names.length === 0 && startMs < expectedMs;
      const isWhole = hasMissed || isAsked || startMs - lastWholeMs >= ports.scanIntervalMs;
      noticed = [];
      // Until the scan has come to its end: what it throws may have kept it from any name.
      mended = -1;
      const looksMax = looks === 0 ? FIRST_LOOKS_MAX : LOOKS_MAX;
      const { waiting, faults, putOff, againInMs } = await ports.spool.scan({ isWhole, hasMissed, noticed: names, looksMax });
      mended = missesBefore;
      if (isWhole) lastWholeMs = startMs;
      roleFaults.scanned(faults);
      let hasAll = true;
      if (waiting !== lastAnswer) {
        lastAnswer = null;
        hasAll = await update(waiting);
        if (hasAll) lastAnswer = waiting;
      }
      if (isWhole) parked.look(true);
      if (hasAll && putOff === 0) isDone = true;
      const nowMs = ports.clock.monotonicMs();
      let againMs = Math.max(1, lastWholeMs + ports.scanIntervalMs - nowMs);
      if (againInMs !== null) againMs = Math.min(againMs, againInMs);
      // As long as it took: claims and everything else have half of the time.
      if (!hasAll || putOff > 0) againMs = Math.min(againMs, Math.max(1, nowMs - startMs));
      expectedMs = Math.floor(nowMs + againMs);
      return againMs;
    },
    async next(room) {
      takeFreed();
      if (ports.clock.now().getTime() >= earliestMs) arrange([...ready, ...early]);
      const used = new Map<string, number>();
      const isOpen = ({ lane, lanes }: Peeked, order: number): boolean =>
        lanes.some((one) => !ports.lanes.isShut(one)) && ports.lanes.room(lane, order) - (used.get(lane) ?? 0) > 0;
      const roles = new Map<RoleName, boolean>();
      const mayNot = (role: RoleName): boolean => {
        const isShut = roles.get(role) ?? (tries.isPaused(role) || roleFaults.isHeld(role) || ports.lanes.roleShut(role) !== null);
        roles.set(role, isShut);
        return isShut;
      };
      const shut = new Set<string>();
      const chosen: Chosen[] = [];
      const left: Candidate[] = [];
      let at = 0;
      for (; at < ready.length && chosen.length < room; at++) {
        const candidate = ready[at] as Candidate;
        const { peeked, waiting } = candidate;
        if (mayNot(waiting.role) || !rate.mayTake(waiting.role) || !ownerRate.mayTake(waiting.ownerId)) {
          left.push(candidate);
          continue;
        }
        const isOffered = peeked !== null && candidate.needs !== 'never';
        if (isOffered) {
          if (awaiting.isOn && awaiting.full(waiting.role) !== null) {
            left.push(candidate);
            continue;
          }
          if (shut.has(peeked.group)) {
            left.push(candidate);
            continue;
          }
          if (!isOpen(peeked, candidate.order ?? FIRST)) {
            shut.add(peeked.group);
            if ([...ofGroup.keys()].every((group) => shut.has(group))) break;
            left.push(candidate);
            continue;
          }
          // Only what names dependencies is waited for: a look at the others is one turn, however many wait.
          if (peeked.identity !== null && candidate.needs !== parked.news() && !(await parked.isMet(peeked.dependsOn))) {
            // Its verdict was taken back since.
            candidate.needs = 'open';
            parked.add(candidate, peeked.identity, peeked.dependsOn);
            parked.look(false);
            ungroup(peeked);
            continue;
          }
          const reason = reasonByMoney(waiting, peeked);
          if (reason !== null) {
            needs.set(candidate, reason);
            left.push(candidate);
            continue;
          }
          used.set(peeked.lane, (used.get(peeked.lane) ?? 0) + 1);
          ungroup(peeked);
        }
        chosen.push({ waiting, stand: !isOffered ? null : { lane: peeked.lane, order: candidate.order ?? FIRST } });
        candidate.isKnown = false;
        rate.taken(waiting.role);
        ownerRate.taken(waiting.ownerId);
        tries.offer(waiting);
      }
      if (chosen.length > 0) {
        ready = [...left, ...ready.slice(at)];
        // What cannot be claimed after all is found again, although the folders have not changed.
        lastAnswer = null;
      }
      return chosen;
    },
    backlog: () => ready.length + early.length + freed.length + parked.size(),
    takeable: () => ready.length + early.length + freed.length,
    hasMore: () => ready.length + freed.length > 0,
    reasons() {
      const reasons = new Map<string, string>();
      for (const waiting of known.waiting)
        if (waiting.kind === 'settling') reasons.set(keyOf(waiting), 'was changed a moment ago: waits until it is settled');
      for (const candidate of [...ready, ...early, ...parked.all()]) {
        const reason = worded(candidate);
        if (reason !== null) reasons.set(keyOf(candidate.waiting), reason);
      }
      return reasons;
    },
  };
}

const keyOf = (waiting: Waiting): string => `${waiting.role}/${waiting.shownName}`;
