/**
 * From in/ to claimed: a scan lists what waits, a bounded look at each file's front matter tells order, lane, time and dependencies,
 * and as many are claimed as their lanes have room for. What is invalid, or no file at all, is claimed at once: it needs no lane.
 * The list of a scan is used until it is empty, so that a long backlog is not listed again for every job.
 */

import { describe, type Failure } from '#core/failure.ts';
import type { Dependency } from '#core/prompt.ts';
import type { RoleName } from '#core/names.ts';
import type { Waiting } from '#core/spool.ts';
import { peekPrompt } from '#prompt-spec/peek.ts';
import { describeDependency, missingDependencies } from './dependencies.ts';
import type { Ports } from './ports.ts';

type Peeked = {
  readonly priority: number;
  readonly notBefore: string | null;
  readonly dependsOn: readonly Dependency[];
  readonly runner: string | null;
};
export type Chosen = { readonly waiting: Waiting; readonly lane: string | null };
/** Why it is not claimed: worded only when somebody asks, because ten thousand may wait. */
type Reason = 'time' | 'slot' | { readonly words: string };
type Candidate = {
  readonly waiting: Waiting;
  readonly order: number;
  readonly seen: number;
  readonly peeked: Peeked | null;
  reason: Reason | null;
};

/** Beyond so many new files in one look a short pause comes after every few: the collector keeps up, and memory does not peak. */
const FEW = 256;
const PAUSE_EVERY = 8;

const NO_NEEDS: readonly Dependency[] = [];

export type Intake = {
  /** One look at the folders; answers when it is worth looking again (ms), null when nothing is settling. */
  look(): Promise<number | null>;
  /** The next entries to claim, in order, at most `room` of them, each with the lane it will run in (null: it will be refused). */
  next(room: number): Promise<readonly Chosen[]>;
  /** Candidates of the last look that are not claimed yet. */
  backlog(): number;
  /** Why a file is not claimed yet, by shown name: for `docket why`. */
  reasons(): ReadonlyMap<string, string>;
};

/** @param canPeek false: files are taken by name, unseen (crash-loop.ts) */
export function makeIntake(ports: Ports, canPeek: () => boolean): Intake {
  let candidates: Candidate[] = [];
  /** What the scan shows again stays as it was looked at. */
  let known = new Map<Waiting, Candidate>();
  let settling: Waiting[] = [];
  const told = new Map<RoleName, string>();
  let seen = 0;

  /** An environment fault of one folder is told once, not at every scan. */
  const tell = (role: RoleName, failure: Failure): void => {
    const text = describe(failure);
    if (told.get(role) !== text) ports.log.error(`the folder of role ${role} cannot be read: ${text}`, { role });
    told.set(role, text);
  };

  const peek = async (waiting: Waiting): Promise<Peeked | null> => {
    if (!canPeek()) return null;
    const head = await ports.spool.head(waiting);
    const seenInIt = head === null ? null : peekPrompt(head);
    if (seenInIt === null) return null;
    // Nothing more than is needed here: ten thousand may wait.
    const { priority, notBefore, dependsOn, runner } = seenInIt;
    return { priority, notBefore, dependsOn: dependsOn.length === 0 ? NO_NEEDS : dependsOn, runner };
  };

  const candidateOf = async (waiting: Waiting): Promise<Candidate> => {
    const peeked = waiting.kind === 'file' ? await peek(waiting) : null;
    return { waiting, order: peeked?.priority ?? -1, seen: seen++, peeked, reason: null };
  };

  const laneOf = (candidate: Candidate): string => ports.laneOf(candidate.waiting.role, candidate.peeked?.runner ?? null);

  const reasonByNeeds = async (dependsOn: readonly Dependency[]): Promise<Reason | null> => {
    const missing = await missingDependencies(ports, dependsOn);
    return missing.length === 0 ? null : { words: `waits for an answer to ${missing.map(describeDependency).join(', ')}` };
  };

  const reasonByLane = (candidate: Candidate, roomOf: (lane: string) => number): Reason | null => {
    const lane = laneOf(candidate);
    if (ports.lanes.isHeld(lane))
      return { words: `lane ${lane} is held: ${ports.lanes.view().find((view) => view.lane === lane)?.reason ?? ''}` };
    return roomOf(lane) <= 0 ? 'slot' : null;
  };

  const isEarly = ({ peeked }: Candidate, nowMs: number): boolean =>
    peeked !== null && peeked.notBefore !== null && Date.parse(peeked.notBefore) > nowMs;

  const worded = (candidate: Candidate, reason: Reason): string => {
    if (reason === 'time') return `waits for its time: not_before ${candidate.peeked?.notBefore ?? ''}`;
    return reason === 'slot' ? `lane ${laneOf(candidate)} has no free slot` : reason.words;
  };

  return {
    async look() {
      const { waiting, faults } = await ports.spool.scan();
      for (const { role, failure } of faults) tell(role, failure);
      for (const role of told.keys()) if (!faults.some((fault) => fault.role === role)) told.delete(role);
      const fresh = new Map<Waiting, Candidate>();
      let againMs: number | null = null;
      settling = [];
      let looked = 0;
      for (const entry of waiting) {
        if (entry.kind === 'settling') {
          againMs = Math.min(againMs ?? Number.POSITIVE_INFINITY, entry.againInMs ?? 0);
          settling.push(entry);
          continue;
        }
        const before = canPeek() ? known.get(entry) : undefined;
        fresh.set(entry, before ?? (await candidateOf(entry)));
        if (before === undefined && ++looked > FEW && looked % PAUSE_EVERY === 0) await ports.clock.sleep(1);
      }
      known = fresh;
      candidates = [...fresh.values()].toSorted((a, b) => a.order - b.order || a.seen - b.seen);
      return againMs;
    },
    async next(room) {
      const used = new Map<string, number>();
      const roomOf = (lane: string): number => ports.lanes.room(lane) - (used.get(lane) ?? 0);
      const nowMs = ports.clock.now().getTime();
      const chosen: Chosen[] = [];
      const left: Candidate[] = [];
      for (const candidate of candidates) {
        const { peeked, waiting } = candidate;
        if (chosen.length >= room) {
          left.push(candidate);
          continue;
        }
        candidate.reason = isEarly(candidate, nowMs) ? 'time' : null;
        // Only what names dependencies is waited for: a look at the others is one turn, however many wait.
        if (candidate.reason === null && peeked !== null && peeked.dependsOn.length > 0)
          candidate.reason = await reasonByNeeds(peeked.dependsOn);
        if (candidate.reason === null && peeked !== null) candidate.reason = reasonByLane(candidate, roomOf);
        if (candidate.reason !== null) {
          left.push(candidate);
          continue;
        }
        const lane = peeked === null ? null : laneOf(candidate);
        chosen.push({ waiting, lane });
        known.delete(waiting);
        if (lane !== null) used.set(lane, (used.get(lane) ?? 0) + 1);
      }
      candidates = left;
      return chosen;
    },
    backlog: () => candidates.length,
    reasons() {
      const reasons = new Map<string, string>();
      for (const waiting of settling) reasons.set(keyOf(waiting), 'was changed a moment ago: waits until it is settled');
      for (const candidate of candidates)
        if (candidate.reason !== null) reasons.set(keyOf(candidate.waiting), worded(candidate, candidate.reason));
      return reasons;
    },
  };
}

const keyOf = (waiting: Waiting): string => `${waiting.role}/${waiting.shownName}`;
